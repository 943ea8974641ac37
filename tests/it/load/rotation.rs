//! Keys, secrets and certificates are replaced while requests come in, and not one of these fails.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use flow_tests::{APP_SECRET, Client, Edge, Load, Logic, OTHER_APP_SECRET, PATIENCE, Tls, flowctl, key_file};
use flow_wire::keys::PublicKey;
use reqwest::{Certificate, Url};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use super::{any_logic, clients, init, machine};

/// A volume as Kubernetes mounts it: each file is a link through `..data`, and that is a link to a folder, swapped whole.
struct Volume {
    folder: TempDir,
    version: usize,
    files: Vec<(String, String)>,
}

impl Volume {
    fn new() -> Self {
        Self { folder: TempDir::new().unwrap(), version: 0, files: Vec::new() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Changes what a file will hold from the next swap on.
    fn set(&mut self, name: &str, text: impl Into<String>) {
        self.remove(name);
        self.files.push((name.to_owned(), text.into()));
    }

    fn text(&self, name: &str) -> String {
        self.files.iter().find(|(file, _)| file == name).unwrap().1.clone()
    }

    fn remove(&mut self, name: &str) {
        self.files.retain(|(file, _)| file != name);
    }

    /// In the order of the kubelet's own writer: new folder, link, links of files that are new, old folder.
    fn swap(&mut self) {
        let old = self.path(&format!("..{}", self.version));
        self.version += 1;
        let new = format!("..{}", self.version);
        fs::create_dir(self.path(&new)).unwrap();
        for (name, text) in &self.files {
            fs::write(self.path(&new).join(name), text).unwrap();
        }
        symlink(&new, self.path("..data_tmp")).unwrap();
        fs::rename(self.path("..data_tmp"), self.path("..data")).unwrap();
        for (name, _) in &self.files {
            if fs::symlink_metadata(self.path(name)).is_err() {
                symlink(PathBuf::from("..data").join(name), self.path(name)).unwrap();
            }
        }
        if old.exists() {
            fs::remove_dir_all(old).unwrap();
        }
    }
}

/// A running edge whose configuration and files are in such a volume: the private key `old.pem`, the secret `old-secret`.
struct Rotating {
    edge: Edge,
    volume: Volume,
    config: Value,
    _logic: Logic,
}

impl Rotating {
    async fn start(reload_interval: &str) -> Self {
        let logic = any_logic().await;
        let mut volume = Volume::new();
        volume.set("old.pem", key("previous.pem"));
        volume.set("old-secret", APP_SECRET);
        volume.swap();
        let edge = Edge::before(&logic)
            .with(json!({
                "private_keys": [{ "file": volume.path("old.pem") }],
                "app_secrets": [{ "file": volume.path("old-secret") }],
            }))
            .section("reload_interval", "50ms".into())
            .quiet()
            .start()
            .await;
        for name in ["tls.crt", "tls.key"] {
            volume.set(name, fs::read_to_string(edge.folder().join(name)).unwrap());
        }
        let file = edge.folder().join("flow-edge.yaml");
        let mut config: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        for (field, name) in [("certificate_file", "tls.crt"), ("private_key_file", "tls.key")] {
            config["listen"]["tls"][field] = json!(volume.path(name));
        }
        config["reload_interval"] = json!(reload_interval);
        let mut rotating = Self { edge, volume, config, _logic: logic };
        rotating.write();
        symlink(rotating.volume.path("flow-edge.yaml"), rotating.volume.path("config")).unwrap();
        fs::rename(rotating.volume.path("config"), file).unwrap();
        rotating.edge.reloads("applied", 1).await;
        rotating
    }

    /// Swaps the volume, with the configuration as it now is.
    fn write(&mut self) {
        self.volume.set("flow-edge.yaml", serde_json::to_string_pretty(&self.config).unwrap());
        self.volume.swap();
    }

    /// The same, and returns when it is in force.
    async fn apply(&mut self) {
        let applied = self.edge.reload_count("applied").await;
        self.write();
        self.edge.reloads("applied", applied + 1).await;
    }

    /// Names these files of the volume in a list of the endpoint.
    fn list(&mut self, field: &str, names: &[&str]) {
        let files: Vec<_> = names.iter().map(|name| json!({ "file": self.volume.path(name) })).collect();
        self.config["endpoints"][0][field] = files.into();
    }

    fn clients(&self) -> Vec<Client> {
        clients(&self.edge, 4).into_iter().map(|client| client.public_key("previous.pub")).collect()
    }

    async fn uses(&self, what: &str, names: [&str; 2]) -> [u64; 2] {
        [self.edge.uses(what, names[0]).await, self.edge.uses(what, names[1]).await]
    }

    /// Waits for the line that says what was wrong: in the configuration's line that holds this text.
    async fn wait_for_refusal(&mut self, line: &str, field: &str, reason: &str) {
        let config = self.volume.text("flow-edge.yaml");
        let line = config.lines().position(|text| text.contains(line)).unwrap() + 1;
        let file = self.edge.folder().join("flow-edge.yaml").display().to_string();
        let wanted = format!(r#""file":"{file}","line":{line},"field":"{field}","reason":"{reason}"#);
        self.edge.wait_for_log(&wanted).await;
    }
}

fn key(name: &str) -> String {
    fs::read_to_string(key_file(name)).unwrap()
}

/// As the metrics name a key.
fn key_name(public_key: &str) -> String {
    PublicKey::from_pem(&key(public_key)).unwrap().fingerprint()[..8].to_owned()
}

/// As the metrics name a secret.
fn secret_name(secret: &str) -> String {
    Sha256::digest(secret)[..4].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A stand-in for the platform's API: it keeps the public key of one phone number.
struct Platform {
    url: String,
    key: Arc<Mutex<String>>,
    _server: AbortOnDropHandle<()>,
}

impl Platform {
    const NUMBER: &str = "106540352242922";

    async fn start() -> Self {
        let key = Arc::<Mutex<String>>::default();
        let upload = async |State(key): State<Arc<Mutex<String>>>, form: String| {
            let form = Url::parse(&format!("form://x/?{form}")).unwrap();
            let (_, pem) = form.query_pairs().find(|(field, _)| field == "business_public_key").unwrap();
            *key.lock().unwrap() = pem.into_owned();
            json!({ "success": true }).to_string()
        };
        let read = async |State(key): State<Arc<Mutex<String>>>| {
            let key = key.lock().unwrap().clone();
            json!({ "business_public_key": key, "business_public_key_signature_status": "VALID" }).to_string()
        };
        let path = format!("/{}/whatsapp_business_encryption", Self::NUMBER);
        let router = Router::new().route(&path, get(read).post(upload)).with_state(Arc::clone(&key));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, key, _server: AbortOnDropHandle::new(server) }
    }

    fn key(&self) -> String {
        self.key.lock().unwrap().clone()
    }

    /// Uploads as the page on rotation says.
    async fn upload(&self, public_key: &str) {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("token"), "a-token\n").unwrap();
        let key = key_file(public_key);
        let mut arguments = vec!["keys", "upload", "--public-key", key.to_str().unwrap(), "--token-file", "token"];
        arguments.extend(["--phone-number-id", Self::NUMBER, "--graph-url", &self.url]);
        let output = flowctl(&arguments, folder.path()).await;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

#[tokio::test]
async fn a_private_key_is_replaced_and_no_request_fails() {
    let _machine = machine().await;
    let mut rotating = Rotating::start("50ms").await;
    let (old, new) = (key_name("previous.pub"), key_name("current.pub"));
    let load = Load::start(rotating.clients());
    load.rounds(10).await;

    rotating.volume.set("new.pem", key("current.pem"));
    rotating.list("private_keys", &["new.pem", "old.pem"]);
    rotating.apply().await;
    load.rounds(10).await;
    let before = rotating.uses("private_key", [&old, &new]).await;
    assert_eq!(before[1], 0);

    // What the platform has from now on it hands out.
    let platform = Platform::start().await;
    platform.upload("current.pub").await;
    assert_eq!(platform.key(), key("current.pub"));
    load.change(|client| client.public_key("current.pub"));
    load.rounds(1).await;
    let begun = rotating.uses("private_key", [&old, &new]).await;
    load.rounds(10).await;
    let after = rotating.uses("private_key", [&old, &new]).await;
    assert!(after[0] == begun[0] && after[1] > begun[1], "{begun:?} {after:?}");

    rotating.volume.remove("old.pem");
    rotating.list("private_keys", &["new.pem"]);
    rotating.apply().await;
    load.rounds(10).await;
    assert_eq!(rotating.clients()[0].send(init()).await.status, 421);
    load.stop().await.assert_flawless();
    assert_eq!(rotating.edge.reload_count("refused").await, 0);
}

#[tokio::test]
async fn an_app_secret_is_replaced_and_no_request_fails() {
    let _machine = machine().await;
    let mut rotating = Rotating::start("50ms").await;
    let (old, new) = (secret_name(APP_SECRET), secret_name(OTHER_APP_SECRET));
    let load = Load::start(rotating.clients());
    load.rounds(10).await;

    rotating.volume.set("new-secret", OTHER_APP_SECRET);
    rotating.list("app_secrets", &["new-secret", "old-secret"]);
    rotating.apply().await;
    load.rounds(10).await;
    assert_eq!(rotating.uses("app_secret", [&old, &new]).await[1], 0);

    load.change(|client| client.app_secret(OTHER_APP_SECRET));
    load.rounds(1).await;
    let begun = rotating.uses("app_secret", [&old, &new]).await;
    load.rounds(10).await;
    let after = rotating.uses("app_secret", [&old, &new]).await;
    assert!(after[0] == begun[0] && after[1] > begun[1], "{begun:?} {after:?}");

    rotating.volume.remove("old-secret");
    rotating.list("app_secrets", &["new-secret"]);
    rotating.apply().await;
    load.rounds(10).await;
    assert_eq!(rotating.clients()[0].send(init()).await.status, 432);
    load.stop().await.assert_flawless();
    assert_eq!(rotating.edge.reload_count("refused").await, 0);
}

/// Connections that trust these certificates.
fn trusting(certificates: &[&str]) -> reqwest::ClientBuilder {
    let certificates = certificates.iter().map(|pem| Certificate::from_pem(pem.as_bytes()).unwrap());
    reqwest::Client::builder().timeout(PATIENCE).no_proxy().tls_certs_only(certificates)
}

#[tokio::test]
async fn the_certificate_is_replaced_and_no_request_fails() {
    let _machine = machine().await;
    let mut rotating = Rotating::start("50ms").await;
    let (old, new) = (rotating.edge.certificate().to_owned(), Tls::new());
    let client = rotating.clients().remove(0);
    // Those that keep their connections, and some that make a new one for each request.
    let new_each_time = || trusting(&[&old, &new.certificate]).pool_max_idle_per_host(0).http1_only().build().unwrap();
    let mut clients = rotating.clients();
    clients.extend((0..2).map(|_| client.clone().over(new_each_time())));
    let load = Load::start(clients);
    load.rounds(10).await;

    let asked = |certificate: &str| {
        let client = client.clone().over(trusting(&[certificate]).build().unwrap());
        async move { client.seal(init().to_string()).try_send().await.map(|answer| answer.status) }
    };
    assert!(asked(&new.certificate).await.unwrap_err().is_connect());
    rotating.volume.set("tls.crt", &new.certificate);
    rotating.volume.set("tls.key", &new.private_key);
    rotating.apply().await;
    assert_eq!(asked(&new.certificate).await.unwrap(), 200);
    assert!(asked(&old).await.unwrap_err().is_connect());
    load.rounds(10).await;
    load.stop().await.assert_flawless();
    assert_eq!(rotating.edge.reload_count("refused").await, 0);
}

#[tokio::test]
async fn a_bad_state_is_refused_once_with_its_reason_and_no_request_fails() {
    let _machine = machine().await;
    let mut rotating = Rotating::start("50ms").await;
    let load = Load::start(rotating.clients());
    let half = |text: &str| text[..text.len() / 2].to_owned();
    let config = rotating.volume.text("flow-edge.yaml");
    let certificate = rotating.volume.path("tls.crt").display().to_string();
    let pem = rotating.volume.path("old.pem").display().to_string();
    let bad = [
        (
            "old.pem",
            half(&rotating.volume.text("old.pem")),
            "old.pem\"",
            "endpoints[0].private_keys[0].file",
            format!("{pem}: the PEM block is broken"),
        ),
        (
            "tls.crt",
            half(&rotating.volume.text("tls.crt")),
            "tls.crt\"",
            "listen.tls.certificate_file",
            format!("{certificate} holds no certificate"),
        ),
        (
            "flow-edge.yaml",
            config.replace("\"private_keys\"", "\"private_kyes\""),
            "private_kyes",
            "endpoints[0].private_kyes",
            "unknown key; did you mean `private_keys`?".to_owned(),
        ),
        (
            "flow-edge.yaml",
            config.replace("\"private_keys\":", "\"private_keys\"; "),
            "private_keys",
            "",
            "not YAML: ".to_owned(),
        ),
    ];
    for (refused, (name, text, line, field, reason)) in (1..).zip(bad) {
        let good = rotating.volume.text(name);
        rotating.volume.set(name, text);
        rotating.volume.swap();
        rotating.edge.reloads("refused", refused).await;
        rotating.wait_for_refusal(line, field, &reason).await;
        // It is looked at again and again, and said once.
        load.rounds(20).await;
        assert_eq!(rotating.edge.reload_count("refused").await, refused);
        rotating.volume.set(name, good);
        rotating.apply().await;
    }
    load.rounds(10).await;
    load.stop().await.assert_flawless();
}

#[tokio::test]
async fn a_hangup_applies_a_change_at_once() {
    let mut rotating = Rotating::start("1h").await;
    rotating.volume.set("new-secret", OTHER_APP_SECRET);
    rotating.list("app_secrets", &["new-secret", "old-secret"]);
    rotating.write();
    rotating.edge.signal("HUP").await;
    rotating.edge.reloads("applied", 2).await;
    assert_eq!(rotating.clients()[0].clone().app_secret(OTHER_APP_SECRET).send(init()).await.status, 200);
}

#[tokio::test]
async fn what_needs_a_restart_is_refused() {
    let mut rotating = Rotating::start("50ms").await;
    let before = rotating.config.clone();
    for (refused, (section, key, value)) in (1..).zip([
        ("listen", "address", json!("127.0.0.2:0")),
        ("admin", "address", json!("127.0.0.2:0")),
        ("limits", "max_connections", json!(17)),
    ]) {
        rotating.config = before.clone();
        rotating.config[section][key] = value.clone();
        rotating.write();
        rotating.edge.reloads("refused", refused).await;
        let line = format!("\"{key}\": {value}");
        rotating.wait_for_refusal(&line, &format!("{section}.{key}"), "cannot change while the edge runs").await;
        assert_eq!(rotating.clients()[0].send(init()).await.status, 200);
    }
    assert_eq!(rotating.edge.reload_count("applied").await, 1);
}
