//! From the fields of the file to the configuration, with every mistake on the way.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use flow_wire::keys::{self, PrivateKey};
use flow_wire::signature::AppSecret;
use flow_wire::text;
use rustls::InconsistentKeys;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use zeroize::Zeroizing;

use super::certificate;
use super::files::{Content, Files};
use super::flow;
use super::model::{
    Config, Endpoint, FlowTokenSignature, Limits, Listen, Logic, LogicTarget, LogicTls, Ping, PrivateKeyFile, Replay,
    Tls,
};
use super::reader::Section;
use super::values::{
    assumed_port, count, duration, duration_or_zero, endpoint_name, flag, header_size, logic_url, size, size_or_zero,
    socket_address, streams, url_path,
};

/// When the platform gives up.
const PLATFORM_PATIENCE: Duration = Duration::from_secs(10);

/// What a running server cannot change.
#[derive(Debug, Clone, Copy)]
pub(super) struct Running {
    listen: SocketAddr,
    admin: SocketAddr,
    max_connections: usize,
    is_tls: bool,
}

impl Running {
    pub(super) fn of(config: &Config) -> Self {
        Self {
            listen: config.listen.address,
            admin: config.admin,
            max_connections: config.limits.max_connections,
            is_tls: config.listen.tls.is_some(),
        }
    }
}

/// Reads the document; `None` where there are mistakes that leave no configuration.
pub(super) fn read(root: &Section<'_>, files: &Files<'_>, running: Option<Running>) -> Option<Config> {
    let listen = read_listen(&root.section("listen"), files, running);
    let admin_section = root.section("admin");
    let admin = admin_section.optional("address", socket_address).unwrap_or(SocketAddr::from(([127, 0, 0, 1], 9464)));
    refuse_change(&admin_section, "address", running.map(|running| running.admin), admin);
    admin_section.refuse_unknown_keys();

    let sections = root.sections("endpoints");
    let endpoints: Vec<_> = sections.iter().map(|section| read_endpoint(section, files)).collect();
    for (key, field) in [("name", (|e| &e.name) as fn(&Endpoint) -> &String), ("path", |e| &e.path)] {
        let mut first = HashMap::new();
        for (index, section) in sections.iter().enumerate() {
            let Some(value) = endpoints.get(index).and_then(Option::as_ref).map(field) else { continue };
            let first = *first.entry(value).or_insert(index);
            if first != index {
                section.mistake(key, format!("is that of endpoints[{first}] already; each needs its own"));
            }
        }
    }

    let limits = read_limits(&root.section("limits"), running);
    let shutdown = root.section("shutdown");
    let drain = shutdown.optional("drain", duration).unwrap_or(Duration::from_secs(20));
    shutdown.refuse_unknown_keys();
    let section = root.section("replay");
    let replay = Replay {
        max_bytes: section.optional("max_bytes", size_or_zero).unwrap_or(32 * 1024 * 1024),
        ttl: section.optional("ttl", duration_or_zero).unwrap_or(Duration::from_secs(600)),
    };
    section.refuse_unknown_keys();
    let reload_interval = root.optional("reload_interval", duration).unwrap_or(Duration::from_secs(10));
    root.refuse_unknown_keys();

    Some(Config {
        listen: listen?,
        admin,
        endpoints: endpoints.into_iter().collect::<Option<_>>()?,
        limits,
        drain,
        replay,
        reload_interval,
        warnings: Vec::new(),
    })
}

fn read_limits(section: &Section<'_>, running: Option<Running>) -> Limits {
    let limits = Limits {
        max_body: section.optional("max_body", size).unwrap_or(2 * 1024 * 1024),
        body_timeout: section.optional("body_timeout", duration).unwrap_or(Duration::from_secs(5)),
        max_body_memory: section.optional("max_body_memory", size).unwrap_or(256 * 1024 * 1024),
        max_in_flight: section.optional("max_in_flight", count).unwrap_or(1024),
        max_connections: section.optional("max_connections", count).unwrap_or(10_000),
        header_timeout: section.optional("header_timeout", duration).unwrap_or(Duration::from_secs(10)),
        max_header: section.optional("max_header", header_size).unwrap_or(16 * 1024),
        idle_timeout: section.optional("idle_timeout", duration).unwrap_or(Duration::from_secs(90)),
        max_streams: section.optional("max_streams", streams).unwrap_or(100),
    };
    let connections = running.map(|running| running.max_connections);
    refuse_change(section, "max_connections", connections, limits.max_connections);
    section.refuse_unknown_keys();
    limits
}

/// What a running server cannot take over is not left for a later restart to find: what the file says is what runs.
fn refuse_change<T: PartialEq>(section: &Section<'_>, key: &'static str, running: Option<T>, value: T) {
    if running.is_some_and(|running| running != value) {
        section.mistake(key, "cannot change while the edge runs; restart it to take over the new value");
    }
}

fn read_listen(section: &Section<'_>, files: &Files<'_>, running: Option<Running>) -> Option<Listen> {
    let address = section.required("address", socket_address);
    if let Some(address) = address {
        refuse_change(section, "address", running.map(|running| running.listen), address);
    }
    let is_tls = section.has("tls");
    if running.is_some_and(|running| running.is_tls != is_tls) {
        section.mistake("tls", "cannot be added or removed while the edge runs; restart it to take over the new value");
    }
    let tls = match is_tls {
        false => Some(None),
        true => read_tls(&section.section("tls"), files).map(Some),
    };
    let trust_trace_headers = section.optional("trust_trace_headers", flag).unwrap_or(false);
    section.refuse_unknown_keys();
    Some(Listen { address: address?, tls: tls?, trust_trace_headers })
}

fn read_tls(section: &Section<'_>, files: &Files<'_>) -> Option<Tls> {
    let chain = section.required("certificate_file", |name| {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&files.read(name)?.bytes).collect();
        match chain {
            Ok(chain) if !chain.is_empty() => Ok(chain),
            _ => Err(format!("{name} holds no certificate; it should be a PEM chain, the server's own first")),
        }
    });
    let key = section.required("private_key_file", |name| {
        PrivateKeyDer::from_pem_slice(&read_secret(section, "private_key_file", files, name)?.bytes)
            .map(Zeroizing::new)
            .map_err(|_| format!("{name} holds no private key; it should be unencrypted PEM"))
    });
    section.refuse_unknown_keys();
    let (chain, key) = (chain?, key?);
    // There is at least one.
    let (not_after, doubts) = certificate::look(chain.first()?, SystemTime::now());
    for doubt in doubts {
        section.warning("certificate_file", format!("the certificate {doubt}"));
    }
    match certified_key(chain, &key) {
        Ok(certified_key) => Some(Tls { certified_key: Arc::new(certified_key), not_after }),
        Err(error) => {
            section.mistake("private_key_file", format!("cannot serve with this certificate and key: {error}"));
            None
        }
    }
}

/// As `CertifiedKey::from_der`, which would drop the key as it is.
fn certified_key(chain: Vec<CertificateDer<'static>>, key: &PrivateKeyDer<'_>) -> Result<CertifiedKey, rustls::Error> {
    let certified_key = CertifiedKey::new(chain, any_supported_type(key)?);
    match certified_key.keys_match() {
        Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(certified_key),
        Err(error) => Err(error),
    }
}

fn read_endpoint(section: &Section<'_>, files: &Files<'_>) -> Option<Endpoint> {
    let name = section.required("name", endpoint_name);
    let path = section.required("path", url_path);
    let private_keys = read_list(section, "private_keys", |item| {
        let passphrase = item.optional("passphrase_file", |name| {
            let content = read_secret(item, "passphrase_file", files, name)?;
            let passphrase = content.text().map_err(|error| format!("{name}: {error}"))?;
            Ok(Zeroizing::new(passphrase.trim_end_matches(['\r', '\n']).to_owned()))
        });
        item.required("file", |name| {
            let content = read_secret(item, "file", files, name)?;
            let pem = content.text().map_err(|error| format!("{name}: {error}"))?;
            let passphrase = passphrase.as_ref().map(|passphrase| passphrase.as_str());
            let key = PrivateKey::from_pem(pem, passphrase).map_err(|error| match error {
                keys::Error::PassphraseMissing => format!("{name}: {error}; passphrase_file should name its file"),
                keys::Error::PassphraseWrong => match passphrase.and_then(text::doubt_of_passphrase) {
                    Some(doubt) => format!("{name}: {error}; in that file {doubt}"),
                    None => format!("{name}: {error}"),
                },
                _ => format!("{name}: {error}"),
            })?;
            Ok(PrivateKeyFile { key, modified: content.modified() })
        })
    });
    let app_secrets = read_list(section, "app_secrets", |item| {
        // An editor or `echo` ends the line; no app secret holds white space.
        item.required("file", |name| {
            let content = read_secret(item, "file", files, name)?;
            let secret = text::without_mark(&content.bytes).map_err(|error| format!("{name}: {error}"))?;
            if let Some(doubt) = std::str::from_utf8(secret).ok().and_then(text::doubt_of_app_secret) {
                let message = format!("{name}: an app secret is 32 lower-case hex digits, and this is not: {doubt}");
                item.warning("file", message);
            }
            AppSecret::new(secret.trim_ascii()).map_err(|error| format!("{name}: {error}"))
        })
    });
    let flow_token_signature = section.optional("flow_token_signature", |text| match text {
        "ignore" => Ok(FlowTokenSignature::Ignore),
        "verify" => Ok(FlowTokenSignature::Verify),
        "require" => Ok(FlowTokenSignature::Require),
        _ => Err("should be `ignore`, `verify` or `require`".to_owned()),
    });
    let max_in_flight = section.optional("max_in_flight", count);
    let ping = section.optional("ping", |text| match text {
        "logic" => Ok(Ping::Logic),
        "edge" => Ok(Ping::Edge),
        _ => Err("should be `logic` or `edge`".to_owned()),
    });
    let flow = match section.has("flow") {
        false => Some(None),
        true => flow::read(&section.section("flow"), files).map(Some),
    };
    let logic = read_logic(section, files);
    section.refuse_unknown_keys();
    Some(Endpoint {
        name: name?,
        path: path?,
        private_keys: private_keys?,
        app_secrets: app_secrets?,
        flow_token_signature: flow_token_signature.unwrap_or(FlowTokenSignature::Verify),
        max_in_flight,
        ping: ping.unwrap_or(Ping::Logic),
        flow: flow?,
        logic: logic?,
    })
}

/// A list of at least one item.
fn read_list<T>(section: &Section<'_>, key: &'static str, read: impl Fn(&Section<'_>) -> Option<T>) -> Option<Vec<T>> {
    let items = section.sections(key).into_iter().map(|item| {
        let value = read(&item);
        item.refuse_unknown_keys();
        value
    });
    // Every item is read before the first bad one counts, so that all mistakes are reported.
    let items: Vec<_> = items.collect();
    items.into_iter().collect::<Option<Vec<T>>>().filter(|items| !items.is_empty())
}

fn read_logic(section: &Section<'_>, files: &Files<'_>) -> Option<Logic> {
    if !section.has("logic") {
        section.mistake("logic", "is required");
        return None;
    }
    let section = section.section("logic");
    let url = section.required("url", logic_url);
    let deadline = section.optional("deadline", duration);
    let fallback_message = section.optional("fallback_message", |text| Ok(text.to_owned()));
    if let Some(port) = url.as_deref().and_then(assumed_port) {
        section.warning(
            "url",
            format!("names no port, so it is {port}; gRPC services rarely listen there, FLOW_LOGIC_LISTEN says where"),
        );
    }
    if deadline.is_some_and(|deadline| deadline >= PLATFORM_PATIENCE) {
        section.warning(
            "deadline",
            "the platform gives up at 10 s, and the user sees its error and no fallback; 8s leaves time",
        );
    }
    let is_https = url.as_ref().is_some_and(|url| url.starts_with("https:"));
    if section.has("tls") && url.is_some() && !is_https {
        section.mistake("tls", "is for https; url should begin with https://, or tls should go");
    }
    let tls = read_logic_tls(&section.section("tls"), files);
    section.refuse_unknown_keys();
    let target = LogicTarget { url: url?, tls: is_https.then_some(tls?) };
    Some(Logic { target, deadline: deadline.unwrap_or(Duration::from_secs(8)), fallback_message })
}

fn read_logic_tls(section: &Section<'_>, files: &Files<'_>) -> Option<LogicTls> {
    let read = |key| section.optional(key, |name| Ok(files.read(name)?.bytes.to_vec()));
    let (ca, certificate) = (read("ca_file"), read("certificate_file"));
    let private_key = section
        .optional("private_key_file", |name| Ok(read_secret(section, "private_key_file", files, name)?.bytes.clone()));
    for (key, other) in [("certificate_file", "private_key_file"), ("private_key_file", "certificate_file")] {
        if section.has(key) && !section.has(other) {
            section.mistake(other, format!("is required with {key}"));
        }
    }
    section.refuse_unknown_keys();
    Some(LogicTls { ca, identity: certificate.zip(private_key) })
}

/// Reads a file that holds a secret.
fn read_secret(section: &Section<'_>, key: &'static str, files: &Files<'_>, name: &str) -> Result<Rc<Content>, String> {
    let content = files.read(name)?;
    if let Some(mode) = content.mode_for_everybody() {
        let message = format!(
            "{name} can be read by everybody on the machine (mode {mode:04o}); `chmod o-r` it, or in Kubernetes give the volume \
             `defaultMode: 0440` and the pod an fsGroup"
        );
        section.warning(key, message);
    }
    Ok(content)
}
