//! The configuration: one YAML file, and the key, secret and certificate files that it names.
//!
//! [`Config::load`] gives a configuration that can be served, or every mistake in it at once. Nothing here opens a socket.

mod files;
mod reader;
mod values;

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use flow_wire::keys::{self, PrivateKey};
use flow_wire::signature::AppSecret;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use x509_cert::der::Decode as _;

use crate::listener;

pub use self::files::Source;
use self::files::{Files, Running};
pub use self::reader::{Errors, Mistake};
use self::reader::{Mistakes, Section};
use self::values::{
    count, duration, duration_or_zero, endpoint_name, flag, logic_url, size, size_or_zero, socket_address, url_path,
};

/// JSON Schema of the file, for editors and for whoever generates it.
pub const SCHEMA: &str = include_str!("config/schema.json");

/// What the edge serves.
#[derive(Debug)]
pub struct Config {
    /// The public listener.
    pub listen: Listen,
    /// Address of the admin listener: `/livez` and `/readyz`.
    pub admin: SocketAddr,
    /// At least one; names and paths are unique.
    pub endpoints: Vec<Endpoint>,
    /// What bounds the edge.
    pub limits: Limits,
    /// How long requests in flight may take to finish after SIGTERM.
    pub drain: Duration,
    /// How answers are remembered.
    pub replay: Replay,
    /// How often the configuration and its files are looked at for changes.
    pub reload_interval: Duration,
}

/// How answers are remembered for envelopes that come again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replay {
    /// Most memory for them in bytes; 0 switches it off.
    pub max_bytes: u64,
    /// How long each is remembered; zero switches it off.
    pub ttl: Duration,
}

/// The public listener.
#[derive(Debug)]
pub struct Listen {
    /// Address to bind.
    pub address: SocketAddr,
    /// Certificate and key; `None` serves plain HTTP behind a proxy that terminates TLS.
    pub tls: Option<Tls>,
    /// Whether `traceparent` and `tracestate` of requests are those of a proxy of ours.
    pub trust_trace_headers: bool,
}

/// TLS of the public listener.
#[derive(Debug, Clone)]
pub struct Tls {
    /// Certificate and key.
    pub config: Arc<ServerConfig>,
    /// When the server's own certificate expires.
    pub not_after: SystemTime,
}

/// A private key, and where it is from.
#[derive(Debug)]
pub struct PrivateKeyFile {
    /// What the file holds.
    pub key: PrivateKey,
    /// When the file was changed last.
    pub modified: SystemTime,
}

/// One WhatsApp Business account, phone number or flow: the requests name none, so the path does.
#[derive(Debug)]
pub struct Endpoint {
    /// Name towards logic and in telemetry.
    pub name: String,
    /// Path of the URL that the platform was given.
    pub path: String,
    /// Newest first; every one is tried.
    pub private_keys: Vec<PrivateKeyFile>,
    /// Newest first; any match is accepted.
    pub app_secrets: Vec<AppSecret>,
    /// What becomes of the signature of the flow token (data API 4.0).
    pub flow_token_signature: FlowTokenSignature,
    /// Most requests worked on at a time; `None` for all of `limits.max_in_flight`, or half where there are other endpoints.
    pub max_in_flight: Option<usize>,
    /// Who answers a ping.
    pub ping: Ping,
    /// The FlowService behind the endpoint.
    pub logic: Logic,
}

/// What becomes of the signature of the flow token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlowTokenSignature {
    /// It is not looked at.
    Ignore,
    /// Where there is one, it must be good.
    Verify,
    /// There must be a good one, but on pings and error notifications.
    Require,
}

/// Who answers a ping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ping {
    /// The logic, so that the platform's availability alert sees its outage.
    Logic,
    /// The edge.
    Edge,
}

/// Where a FlowService is.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct LogicTarget {
    /// `http://host:port`, `https://host:port` or `unix:///path`.
    pub url: String,
    /// With https only.
    pub tls: Option<LogicTls>,
}

/// How to know a FlowService, and be known by it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct LogicTls {
    /// PEM of the authorities to trust; `None` for those of the system.
    pub ca: Option<Vec<u8>>,
    /// PEM of a certificate and its private key, for a service that asks who calls.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
}

impl fmt::Debug for LogicTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

impl fmt::Debug for LogicTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogicTls").finish_non_exhaustive()
    }
}

/// The FlowService behind an endpoint.
#[derive(Debug, Clone)]
pub struct Logic {
    /// Where it is.
    pub target: LogicTarget,
    /// Time for the whole request, from its first byte; the platform gives up at 10 seconds.
    pub deadline: Duration,
    /// Where logic fails on a data exchange, show the same screen with this text instead of an error.
    pub fallback_message: Option<String>,
}

/// What bounds the edge. Nothing is bounded by source address: all traffic is the platform's, from few addresses.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Largest request body in bytes.
    pub max_body: usize,
    /// Time in which the body must have come.
    pub body_timeout: Duration,
    /// Most memory in bytes for bodies that are being received.
    pub max_body_memory: usize,
    /// Most requests worked on at a time.
    pub max_in_flight: usize,
    /// Most connections at a time; more wait in the kernel's backlog.
    pub max_connections: usize,
    /// Time for the TLS handshake, and again for the first request's head after it.
    pub header_timeout: Duration,
    /// Largest head of a request in bytes.
    pub max_header: usize,
    /// How long a connection may be without a request.
    pub idle_timeout: Duration,
    /// Most requests at a time on one HTTP/2 connection.
    pub max_streams: u32,
}

impl Config {
    /// Reads the file and all files that it names. Relative names count from the folder of `file`.
    ///
    /// # Errors
    ///
    /// Every mistake, each with line, field and what would be right.
    pub fn load(file: &Path) -> Result<Self, Errors> {
        Source::new(file).load()
    }

    /// Parses a file's text, and reads the files that it names.
    fn parse(text: &str, mistakes: &Mistakes, files: &Files<'_>, running: Option<Running>) -> Option<Self> {
        let node = reader::parse(text, mistakes)?;
        read(&Section::root(&node, mistakes), files, running)
    }
}

fn read(root: &Section<'_>, files: &Files<'_>, running: Option<Running>) -> Option<Config> {
    let listen = read_listen(&root.section("listen"), files, running);
    let admin_section = root.section("admin");
    let admin = admin_section.optional("address", socket_address).unwrap_or(SocketAddr::from(([0, 0, 0, 0], 9464)));
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
        max_header: section.optional("max_header", values::header_size).unwrap_or(16 * 1024),
        idle_timeout: section.optional("idle_timeout", duration).unwrap_or(Duration::from_secs(90)),
        max_streams: section.optional("max_streams", values::streams).unwrap_or(200),
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
    let tls = match section.has("tls") {
        false => Some(None),
        true => read_tls(&section.section("tls"), files).map(Some),
    };
    let trust_trace_headers = section.optional("trust_trace_headers", flag).unwrap_or(false);
    section.refuse_unknown_keys();
    Some(Listen { address: address?, tls: tls?, trust_trace_headers })
}

fn read_tls(section: &Section<'_>, files: &Files<'_>) -> Option<Tls> {
    let chain = section.required("certificate_file", |name| {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&files.read(name)?).collect();
        match chain {
            Ok(chain) if !chain.is_empty() => Ok(chain),
            _ => Err(format!("{name} holds no certificate; it should be a PEM chain, the server's own first")),
        }
    });
    let key = section.required("private_key_file", |name| {
        PrivateKeyDer::from_pem_slice(&files.read(name)?)
            .map_err(|_| format!("{name} holds no private key; it should be unencrypted PEM"))
    });
    section.refuse_unknown_keys();
    let (chain, key) = (chain?, key?);
    let not_after = chain.first().and_then(|certificate| x509_cert::Certificate::from_der(certificate).ok());
    let not_after =
        not_after.map(|certificate| certificate.tbs_certificate().validity().not_after.to_date_time().to_system_time());
    match listener::tls_config(chain, key) {
        // What rustls takes can be read.
        Ok(config) => Some(Tls { config: Arc::new(config), not_after: not_after.unwrap_or(SystemTime::UNIX_EPOCH) }),
        Err(error) => {
            section.mistake("private_key_file", format!("cannot serve with this certificate and key: {error}"));
            None
        }
    }
}

fn read_endpoint(section: &Section<'_>, files: &Files<'_>) -> Option<Endpoint> {
    let name = section.required("name", endpoint_name);
    let path = section.required("path", url_path);
    let private_keys = read_list(section, "private_keys", |item| {
        let passphrase = item.optional("passphrase_file", |name| {
            let passphrase = files.read_text(name)?;
            Ok(passphrase.trim_end_matches(['\r', '\n']).to_owned())
        });
        item.required("file", |name| {
            let pem = files.read_text(name)?;
            let key = PrivateKey::from_pem(&pem, passphrase.as_deref()).map_err(|error| match error {
                keys::Error::PassphraseMissing => format!("{name}: {error}; passphrase_file should name its file"),
                _ => format!("{name}: {error}"),
            })?;
            Ok(PrivateKeyFile { key, modified: files.modified(name) })
        })
    });
    let app_secrets = read_list(section, "app_secrets", |item| {
        // An editor or `echo` ends the line; no app secret holds white space.
        let secret =
            |name: &str| AppSecret::new(files.read(name)?.trim_ascii()).map_err(|error| format!("{name}: {error}"));
        item.required("file", secret)
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
    let read = |key| section.optional(key, |name| files.read(name));
    let (ca, certificate, private_key) = (read("ca_file"), read("certificate_file"), read("private_key_file"));
    for (key, other) in [("certificate_file", "private_key_file"), ("private_key_file", "certificate_file")] {
        if section.has(key) && !section.has(other) {
            section.mistake(other, format!("is required with {key}"));
        }
    }
    section.refuse_unknown_keys();
    Some(LogicTls { ca, identity: certificate.zip(private_key) })
}
