//! What a configuration says, once it was read and found good.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use flow_json::Judge;
use flow_wire::keys::PrivateKey;
use flow_wire::signature::AppSecret;
use rustls::sign::CertifiedKey;

use super::certificate;
use zeroize::Zeroizing;

use super::reader::Mistake;

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
    /// What is not wrong, and should be otherwise.
    pub warnings: Vec<Mistake>,
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
    /// Certificate chain and the key that belongs to it.
    pub certified_key: Arc<CertifiedKey>,
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
    /// Its screens; `None` where the edge is to know none.
    pub flow: Option<Flow>,
    /// The FlowService behind the endpoint.
    pub logic: Logic,
}

/// The screens of an endpoint, as its Flow JSON has them.
#[derive(Debug)]
pub struct Flow {
    /// Holds answers against every edition of the file.
    pub judge: Judge,
    /// What becomes of an answer that the client would refuse.
    pub check: FlowCheck,
}

/// What becomes of an answer that the client would refuse. All that the judge says is told in either case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlowCheck {
    /// It goes out.
    Warn,
    /// It is logic's failure.
    Refuse,
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
#[derive(Clone, PartialEq, Eq)]
pub struct LogicTls {
    /// PEM of the authorities to trust; `None` for those of the system.
    pub ca: Option<Vec<u8>>,
    /// PEM of a certificate and its private key, for a service that asks who calls.
    pub identity: Option<(Vec<u8>, Zeroizing<Vec<u8>>)>,
}

impl Hash for LogicTls {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // The certificate stands for its key.
        self.ca.hash(state);
        self.identity.as_ref().map(|(certificate, _)| certificate).hash(state);
    }
}

impl Tls {
    /// Whether the server's certificate is for this host, as clients see it.
    pub fn is_for(&self, host: &str) -> bool {
        self.certified_key.cert.first().is_some_and(|own| certificate::is_for(own, host))
    }
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
    /// Most memory in bytes for requests, from their heads to their answers.
    pub max_body_memory: usize,
    /// Most requests worked on at a time.
    pub max_in_flight: usize,
    /// Most connections at a time; for one more, one without a signed request makes room.
    pub max_connections: usize,
    /// Time for the TLS handshake, and again for the first request's head after it.
    pub header_timeout: Duration,
    /// Largest head of a request in bytes.
    pub max_header: usize,
    /// How long a connection may be without a request, once one was signed.
    pub idle_timeout: Duration,
    /// Most requests at a time on one HTTP/2 connection.
    pub max_streams: u32,
}
