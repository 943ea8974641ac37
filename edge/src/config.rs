//! The configuration: one YAML file, and the key, secret and certificate files that it names.
//!
//! [`Config::load`] gives a configuration that can be served, or every mistake in it at once. Nothing here opens a socket.

mod reader;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use bytesize::ByteSize;
use flow_wire::keys::{self, PrivateKey};
use flow_wire::signature::AppSecret;
use http::Uri;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::listener;

pub use self::reader::{Errors, Mistake};
use self::reader::{Mistakes, Section};

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
}

/// The public listener.
#[derive(Debug)]
pub struct Listen {
    /// Address to bind.
    pub address: SocketAddr,
    /// Certificate and key; `None` serves plain HTTP behind a proxy that terminates TLS.
    pub tls: Option<Arc<ServerConfig>>,
}

/// One WhatsApp Business account, phone number or flow: the requests name none, so the path does.
#[derive(Debug)]
pub struct Endpoint {
    /// Name towards logic and in telemetry.
    pub name: String,
    /// Path of the URL that the platform was given.
    pub path: String,
    /// Newest first; every one is tried.
    pub private_keys: Vec<PrivateKey>,
    /// Newest first; any match is accepted.
    pub app_secrets: Vec<AppSecret>,
    /// Who answers a ping.
    pub ping: Ping,
    /// The FlowService behind the endpoint.
    pub logic: Logic,
}

/// Who answers a ping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ping {
    /// The logic, so that the platform's availability alert sees its outage.
    Logic,
    /// The edge.
    Edge,
}

/// The FlowService behind an endpoint.
#[derive(Debug, Clone)]
pub struct Logic {
    /// `http://host:port` or `unix:///path`.
    pub url: String,
    /// Time for the whole request, from its first byte; the platform gives up at 10 seconds.
    pub deadline: Duration,
    /// Where logic fails on a data exchange, show the same screen with this text instead of an error.
    pub fallback_message: Option<String>,
}

/// What bounds the edge.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Largest request body in bytes.
    pub max_body: usize,
    /// Time in which the body must have come.
    pub body_timeout: Duration,
    /// Most requests worked on at a time.
    pub max_in_flight: usize,
    /// Most connections at a time; more wait in the kernel's backlog.
    pub max_connections: usize,
}

impl Config {
    /// Reads the file and all files that it names. Relative names count from the folder of `file`.
    ///
    /// # Errors
    ///
    /// Every mistake, each with line, field and what would be right.
    pub fn load(file: &Path) -> Result<Self, Errors> {
        let mistakes = Mistakes::default();
        let config = match fs::read_to_string(file) {
            Ok(text) => reader::parse(&text, &mistakes)
                .and_then(|node| read(&Section::root(&node, &mistakes), &Files::beside(file))),
            Err(error) => {
                mistakes.add(1, "", format!("cannot be read: {error}"));
                None
            }
        };
        mistakes.into_result(file, config)
    }
}

fn read(root: &Section<'_>, files: &Files) -> Option<Config> {
    let listen = read_listen(&root.section("listen"), files);
    let admin = root.section("admin");
    let admin_address = admin.optional("address", socket_address);
    admin.refuse_unknown_keys();

    let sections = root.sections("endpoints");
    let endpoints: Vec<_> = sections.iter().map(|section| read_endpoint(section, files)).collect();
    for (index, section) in sections.iter().enumerate() {
        for (key, field) in [("name", (|e| &e.name) as fn(&Endpoint) -> &String), ("path", |e| &e.path)] {
            let of = |index: usize| endpoints.get(index).and_then(Option::as_ref).map(field);
            if let Some(first) = (0..index).find(|&other| of(other).is_some() && of(other) == of(index)) {
                section.mistake(key, format!("is that of endpoints[{first}] already; each needs its own"));
            }
        }
    }

    let limits = root.section("limits");
    let read_limits = Limits {
        max_body: limits.optional("max_body", size).unwrap_or(2 * 1024 * 1024),
        body_timeout: limits.optional("body_timeout", duration).unwrap_or(Duration::from_secs(5)),
        max_in_flight: limits.optional("max_in_flight", count).unwrap_or(1024),
        max_connections: limits.optional("max_connections", count).unwrap_or(10_000),
    };
    limits.refuse_unknown_keys();
    let shutdown = root.section("shutdown");
    let drain = shutdown.optional("drain", duration).unwrap_or(Duration::from_secs(20));
    shutdown.refuse_unknown_keys();
    root.refuse_unknown_keys();

    Some(Config {
        listen: listen?,
        admin: admin_address.unwrap_or(SocketAddr::from(([0, 0, 0, 0], 9464))),
        endpoints: endpoints.into_iter().collect::<Option<_>>()?,
        limits: read_limits,
        drain,
    })
}

fn read_listen(section: &Section<'_>, files: &Files) -> Option<Listen> {
    let address = section.required("address", socket_address);
    let tls = match section.has("tls") {
        false => Some(None),
        true => read_tls(&section.section("tls"), files).map(Some),
    };
    section.refuse_unknown_keys();
    Some(Listen { address: address?, tls: tls? })
}

fn read_tls(section: &Section<'_>, files: &Files) -> Option<Arc<ServerConfig>> {
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
    match listener::tls_config(chain?, key?) {
        Ok(config) => Some(Arc::new(config)),
        Err(error) => {
            section.mistake("private_key_file", format!("cannot serve with this certificate and key: {error}"));
            None
        }
    }
}

fn read_endpoint(section: &Section<'_>, files: &Files) -> Option<Endpoint> {
    let name = section.required("name", endpoint_name);
    let path = section.required("path", url_path);
    let private_keys = read_list(section, "private_keys", |item| {
        let passphrase = item.optional("passphrase_file", |name| {
            let passphrase = files.read_text(name)?;
            Ok(passphrase.trim_end_matches(['\r', '\n']).to_owned())
        });
        item.required("file", |name| {
            let pem = files.read_text(name)?;
            PrivateKey::from_pem(&pem, passphrase.as_deref()).map_err(|error| match error {
                keys::Error::PassphraseMissing => format!("{name}: {error}; passphrase_file should name its file"),
                _ => format!("{name}: {error}"),
            })
        })
    });
    let app_secrets = read_list(section, "app_secrets", |item| {
        // An editor or `echo` ends the line; no app secret holds white space.
        let secret =
            |name: &str| AppSecret::new(files.read(name)?.trim_ascii()).map_err(|error| format!("{name}: {error}"));
        item.required("file", secret)
    });
    let ping = section.optional("ping", |text| match text {
        "logic" => Ok(Ping::Logic),
        "edge" => Ok(Ping::Edge),
        _ => Err("should be `logic` or `edge`".to_owned()),
    });
    let logic = read_logic(section);
    section.refuse_unknown_keys();
    Some(Endpoint {
        name: name?,
        path: path?,
        private_keys: private_keys?,
        app_secrets: app_secrets?,
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

fn read_logic(section: &Section<'_>) -> Option<Logic> {
    if !section.has("logic") {
        section.mistake("logic", "is required");
        return None;
    }
    let section = section.section("logic");
    let url = section.required("url", logic_url);
    let deadline = section.optional("deadline", duration);
    let fallback_message = section.optional("fallback_message", |text| Ok(text.to_owned()));
    section.refuse_unknown_keys();
    Some(Logic { url: url?, deadline: deadline.unwrap_or(Duration::from_secs(8)), fallback_message })
}

/// Reads files named in the configuration.
struct Files {
    folder: PathBuf,
}

impl Files {
    fn beside(file: &Path) -> Self {
        Self { folder: file.parent().unwrap_or(Path::new("")).to_owned() }
    }

    fn read(&self, name: &str) -> Result<Vec<u8>, String> {
        fs::read(self.folder.join(name)).map_err(|error| format!("{name} cannot be read: {error}"))
    }

    fn read_text(&self, name: &str) -> Result<String, String> {
        String::from_utf8(self.read(name)?).map_err(|_| format!("{name} is not text"))
    }
}

fn socket_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "should be an address and a port, such as 0.0.0.0:8443 or [::]:8443".to_owned())
}

/// The name becomes a label in telemetry.
fn endpoint_name(text: &str) -> Result<String, String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if !text.is_empty() && text.len() <= 64 && text.bytes().all(allowed) {
        Ok(text.to_owned())
    } else {
        Err("should be 1 to 64 letters, digits, `-`, `_` or `.`".to_owned())
    }
}

fn url_path(text: &str) -> Result<String, String> {
    let path = text.starts_with('/').then(|| Uri::from_str(text).ok()).flatten();
    if path.is_some_and(|uri| uri.path() == text) {
        Ok(text.to_owned())
    } else {
        Err("should be a URL path that begins with `/`, without query or fragment, such as /flows/appointments"
            .to_owned())
    }
}

fn logic_url(text: &str) -> Result<String, String> {
    let good = match Uri::from_str(text) {
        Ok(uri) if uri.scheme_str() == Some("http") => uri.host().is_some() && matches!(uri.path(), "" | "/"),
        _ => text.strip_prefix("unix://").is_some_and(|path| path.starts_with('/')),
    };
    if good { Ok(text.to_owned()) } else { Err("should be http://HOST:PORT or unix:///PATH/TO/SOCKET".to_owned()) }
}

fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err("should be a time above zero with its unit, such as 8s or 500ms".to_owned()),
    }
}

fn size(text: &str) -> Result<usize, String> {
    let bytes = ByteSize::from_str(text).ok().and_then(|size| usize::try_from(size.as_u64()).ok());
    bytes.filter(|&bytes| bytes > 0).ok_or("should be a size above zero with its unit, such as 2MiB".to_owned())
}

fn count(text: &str) -> Result<usize, String> {
    // Beyond this, tokio's semaphores panic.
    let most = tokio::sync::Semaphore::MAX_PERMITS;
    let count = text.parse().ok().filter(|&count| (1..=most).contains(&count));
    count.ok_or("should be a whole number above zero".to_owned())
}
