//! The JSON Schema of the configuration says what the reader takes: the same keys, the same documents.

use std::collections::BTreeSet;
use std::fs;

use flow_tests::{APP_SECRET, Tls, key_file, run};
use saphyr::{LoadableYamlNode as _, ScalarOwned, YamlOwned};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

async fn schema() -> Value {
    let output = run(&["schema"], std::path::Path::new(".")).await;
    assert_eq!(output.status.code(), Some(0));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The whole file that the documentation prints.
fn documented() -> Value {
    let (_, rest) = include_str!("../../docs/configuration.md").split_once("```yaml\n").unwrap();
    to_json(&YamlOwned::load_from_str(rest.split_once("```").unwrap().0).unwrap()[0])
}

fn to_json(yaml: &YamlOwned) -> Value {
    match yaml {
        YamlOwned::Mapping(fields) => {
            let field = |(key, value): (&YamlOwned, &YamlOwned)| (key.as_str().unwrap().to_owned(), to_json(value));
            Value::Object(fields.iter().map(field).collect::<Map<_, _>>())
        }
        YamlOwned::Sequence(items) => items.iter().map(to_json).collect(),
        YamlOwned::Value(ScalarOwned::String(text)) => text.as_str().into(),
        YamlOwned::Value(ScalarOwned::Integer(number)) => (*number).into(),
        YamlOwned::Value(ScalarOwned::Boolean(flag)) => (*flag).into(),
        other => panic!("{other:?} in a configuration"),
    }
}

/// A folder with every file that the documented configuration names.
fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    let tls = Tls::new();
    for name in ["keys", "secrets", "logic", "flows"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    let key = |name| fs::read_to_string(key_file(name)).unwrap();
    for (name, text) in [
        ("logic/ca.crt", tls.certificate.clone()),
        ("logic/tls.crt", tls.certificate.clone()),
        ("logic/tls.key", tls.private_key.clone()),
        ("flows/appointment.json", include_str!("../../examples/flows/appointment.json").to_owned()),
        ("tls.crt", tls.certificate),
        ("tls.key", tls.private_key),
        ("secrets/app-secret", APP_SECRET.to_owned()),
        ("keys/passphrase", "of an encrypted key; these are not\n".to_owned()),
        ("keys/current.pem", key("current.pem")),
        ("keys/previous.pem", key("previous.pem")),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// What `flow-edge check` says; empty where all is good.
async fn check(folder: &TempDir, config: &Value) -> String {
    fs::write(folder.path().join("flow-edge.yaml"), config.to_string()).unwrap();
    let output = run(&["check", "--config", "flow-edge.yaml"], folder.path()).await;
    let said = String::from_utf8(output.stderr).unwrap();
    // What is only a warning is none of the schema's business.
    said.lines().filter(|line| !line.contains(": warning: ")).collect()
}

/// Every key of the schema as a path, without numbers: `endpoints[].logic.url`.
fn keys(schema: &Value, node: &Value, path: &str, found: &mut BTreeSet<String>) {
    if let Some(name) = node["$ref"].as_str().and_then(|name| name.strip_prefix("#/$defs/")) {
        keys(schema, &schema["$defs"][name], path, found);
    }
    if node["items"].is_object() {
        keys(schema, &node["items"], &format!("{path}[]"), found);
    }
    for (key, inner) in node["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        found.insert(path.clone());
        keys(schema, inner, &path, found);
    }
}

/// The keys of a document, as [`keys`] writes them.
fn used(node: &Value, path: &str, found: &mut BTreeSet<String>) {
    match node {
        Value::Object(fields) => {
            for (key, inner) in fields {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                found.insert(path.clone());
                used(inner, &path, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| used(item, &format!("{path}[]"), found)),
        _ => {}
    }
}

#[tokio::test]
async fn the_documented_configuration_uses_every_key_and_fits() {
    let schema = schema().await;
    let validator = jsonschema::validator_for(&schema).unwrap();
    let config = documented();
    let errors: Vec<_> = validator.iter_errors(&config).map(|error| error.to_string()).collect();
    assert_eq!(errors, Vec::<String>::new());
    assert_eq!(check(&folder(), &config).await, "");

    let (mut declared, mut documented) = (BTreeSet::new(), BTreeSet::new());
    keys(&schema, &schema, "", &mut declared);
    used(&config, "", &mut documented);
    assert_eq!(documented, declared);
}

/// An unknown key makes the reader name those that it knows: they are those of the schema, in every section.
#[tokio::test]
async fn the_reader_knows_the_keys_of_the_schema_and_no_others() {
    let schema = schema().await;
    let folder = folder();
    for section in [
        "",
        "/listen",
        "/listen/tls",
        "/admin",
        "/endpoints/0",
        "/endpoints/0/private_keys/0",
        "/endpoints/0/app_secrets/0",
        "/endpoints/0/flow",
        "/endpoints/0/logic",
        "/endpoints/0/logic/tls",
        "/limits",
        "/shutdown",
        "/replay",
    ] {
        let mut config = documented();
        config.pointer_mut(section).unwrap()["zzzz"] = 1.into();
        let said = check(&folder, &config).await;
        let (_, known) = said.trim_end().split_once("known here: ").unwrap_or_else(|| panic!("{section}: {said}"));
        let mut node = &schema;
        for step in section.split('/').skip(1) {
            node = if step == "0" { &node["items"] } else { &node["properties"][step] };
            if let Some(name) = node["$ref"].as_str() {
                node = &schema["$defs"][name.strip_prefix("#/$defs/").unwrap()];
            }
        }
        let declared: BTreeSet<_> = node["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(known.split(", ").collect::<BTreeSet<_>>(), declared, "{section}");
    }
}

#[tokio::test]
async fn reader_and_schema_agree_on_what_is_good_and_what_is_not() {
    let schema = schema().await;
    let validator = jsonschema::validator_for(&schema).unwrap();
    let folder = folder();
    for (pointer, value, is_good) in [
        ("/listen/address", json!("[::]:8443"), true),
        ("/listen/address", json!("8443"), false),
        ("/listen/address", json!("localhost:8443"), false),
        ("/listen/tls", json!({}), false),
        ("/listen/trust_trace_headers", json!(true), true),
        ("/listen/trust_trace_headers", json!("yes"), false),
        ("/endpoints", json!([]), false),
        ("/endpoints/0/name", json!("a b"), false),
        ("/endpoints/0/name", json!("a".repeat(65)), false),
        ("/endpoints/0/path", json!("flows"), false),
        ("/endpoints/0/path", json!("/flows?x=1"), false),
        ("/endpoints/0/private_keys", json!([]), false),
        ("/endpoints/0/app_secrets/0", json!({}), false),
        ("/endpoints/0/flow_token_signature", json!("require"), true),
        ("/endpoints/0/flow_token_signature", json!("always"), false),
        ("/endpoints/0/ping", json!("edge"), true),
        ("/endpoints/0/ping", json!("both"), false),
        ("/endpoints/0/flow", json!({}), false),
        ("/endpoints/0/flow/files", json!([]), false),
        ("/endpoints/0/flow/files", json!("flows/appointment.json"), false),
        ("/endpoints/0/flow/files", json!([{ "file": "flows/appointment.json" }]), false),
        ("/endpoints/0/flow/check", json!("refuse"), true),
        ("/endpoints/0/flow/check", json!("strict"), false),
        ("/endpoints/0/logic/tls", json!({}), true),
        ("/endpoints/0/logic/url", json!("logic:50051"), false),
        ("/endpoints/0/logic/deadline", json!("1m 30s"), true),
        ("/endpoints/0/logic/deadline", json!("8"), false),
        ("/endpoints/0/logic/deadline", json!(8), false),
        ("/limits/max_body", json!(1_000_000), true),
        ("/limits/max_body", json!("1.5 MB"), true),
        ("/limits/max_body", json!("much"), false),
        ("/limits/max_body", json!(0), false),
        ("/limits/max_in_flight", json!(1), true),
        ("/limits/max_in_flight", json!(0), false),
        ("/limits/max_in_flight", json!(-1), false),
        ("/limits/max_streams", json!(0), false),
        ("/limits/max_streams", json!(100_001), false),
        ("/shutdown/drain", json!("0.5"), false),
        ("/replay/ttl", json!(0), true),
        ("/replay/ttl", json!("10"), false),
        ("/replay/max_bytes", json!(0), true),
        ("/replay/max_bytes", json!("1GiB"), true),
        ("/reload_interval", json!("1s"), true),
        ("/reload_interval", json!(true), false),
    ] {
        let mut config = documented();
        *config.pointer_mut(pointer).unwrap() = value.clone();
        assert_eq!(validator.is_valid(&config), is_good, "the schema on {pointer}: {value}");
        let said = check(&folder, &config).await;
        assert_eq!(said.is_empty(), is_good, "the reader on {pointer}: {value}: {said}");
    }
}
