//! The FlowService that a command is given: where it listens, whom to trust there, and a connection to it.
//!
//! It refuses to know what is called on the connection.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use flow_edge::config::{LogicTarget, LogicTls, logic_url};
use http::Uri;
use http::uri::InvalidUri;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tonic::body::Body;

use crate::files;
use crate::http::{TIMEOUT, chain, tls_config};
use crate::tls::{self, Peer, Trust, Words};

/// HTTP/2 as a TLS handshake names it (ALPN, RFC 9113 section 3.1).
const H2: &str = "h2";

/// As the command line names it.
#[derive(Debug, Args)]
pub(crate) struct Logic {
    /// Where the FlowService listens: http://HOST:PORT, https://HOST:PORT or unix:///PATH/TO/SOCKET.
    #[arg(long, value_name = "URL", value_parser = Url::parse)]
    logic: Option<Url>,
    /// Trust the authorities in this file, PEM, in place of the system's, where the FlowService is at an https URL.
    #[arg(long, value_name = "FILE", requires = "logic")]
    logic_ca: Option<PathBuf>,
}

/// The same with its file read.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    url: Url,
    /// PEM of the authorities to trust, in place of the system's.
    ca: Option<Vec<u8>>,
    /// With https.
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
}

/// What is wrong with the command line.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    File(#[from] files::Error),
    #[error("--logic-ca is for https: --logic should begin with https://, or --logic-ca should go")]
    CaWithoutTls,
    #[error("--logic: a certificate cannot be for the host {0}")]
    Host(String),
    #[error("the certificates cannot be trusted: {0}")]
    Trust(#[from] rustls::Error),
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreachable {
    #[error("{0}")]
    Socket(io::Error),
    #[error("{0}")]
    Tls(Words),
    #[error("{}", chain(.0))]
    Handshake(io::Error),
    #[error(
        "its TLS does not agree to HTTP/2 (ALPN h2), which gRPC runs over: let the service, or the proxy before it, offer h2"
    )]
    NotHttp2,
    #[error("{}", chain(.0))]
    Http2(hyper::Error),
}

/// Where it listens.
#[derive(Debug, Clone)]
struct Url {
    text: String,
    socket: Socket,
    /// What requests name.
    origin: Uri,
}

#[derive(Debug, Clone)]
enum Socket {
    Tcp { host: String, port: u16 },
    Unix { path: PathBuf },
}

impl Logic {
    /// Reads the file; `None` where the command line names no FlowService.
    pub(crate) fn open(&self) -> Result<Option<Target>, Error> {
        let url = match (&self.logic, &self.logic_ca) {
            (Some(url), _) => url.clone(),
            // clap lets it pass where another subject is named.
            (None, Some(_)) => return Err(Error::CaWithoutTls),
            (None, None) => return Ok(None),
        };
        let tls = match (&url.socket, url.origin.scheme_str()) {
            (Socket::Tcp { host, .. }, Some("https")) => {
                let trusted = self.logic_ca.as_deref().map(files::read_certificates).transpose()?;
                let name = ServerName::try_from(host.clone()).map_err(|_| Error::Host(host.clone()))?;
                Some((Arc::new(tls_config(trusted, &[H2])?), name))
            }
            _ if self.logic_ca.is_some() => return Err(Error::CaWithoutTls),
            _ => None,
        };
        let ca = self.logic_ca.as_deref().map(files::read).transpose()?;
        Ok(Some(Target { url, ca, tls }))
    }
}

impl Target {
    /// A FlowService at an address without TLS.
    pub(crate) fn plain(url: &str) -> Result<Self, String> {
        Ok(Self { url: Url::parse(url)?, ca: None, tls: None })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url.text
    }

    /// What requests name.
    pub(crate) fn origin(&self) -> &Uri {
        &self.url.origin
    }

    /// As the configuration of an edge has it.
    pub(crate) fn configured(&self) -> LogicTarget {
        let tls = self.tls.as_ref().map(|_| LogicTls { ca: self.ca.clone(), identity: None });
        LogicTarget { url: self.url.text.clone(), tls }
    }

    /// A connection of its own.
    pub(crate) async fn connect(&self) -> Result<SendRequest<Body>, Unreachable> {
        match &self.url.socket {
            Socket::Tcp { host, port } => {
                let stream = TcpStream::connect((host.as_str(), *port)).await.map_err(Unreachable::Socket)?;
                // Answers to a question; none should wait for another.
                let _ = stream.set_nodelay(true);
                match &self.tls {
                    None => speak(stream).await,
                    Some((config, name)) => {
                        let connector = TlsConnector::from(Arc::clone(config));
                        let stream = connector.connect(name.clone(), stream).await;
                        let stream = stream.map_err(|error| self.unreachable(host, *port, error))?;
                        // The edge would not speak to it either.
                        if stream.get_ref().1.alpn_protocol() != Some(H2.as_bytes()) {
                            return Err(Unreachable::NotHttp2);
                        }
                        speak(stream).await
                    }
                }
            }
            Socket::Unix { path } => speak(UnixStream::connect(path).await.map_err(Unreachable::Socket)?).await,
        }
    }
}

impl Target {
    fn peer(&self, host: &str, port: u16) -> Peer {
        let trust = Trust::new("--logic-ca", self.ca.is_some());
        Peer { host: host.to_owned(), port, is_tls: self.tls.is_some(), trust }
    }

    fn unreachable(&self, host: &str, port: u16, error: io::Error) -> Unreachable {
        match tls::explain(&error, &self.peer(host, port)) {
            Some(words) => Unreachable::Tls(words),
            None => Unreachable::Handshake(error),
        }
    }

    /// Why there is a connection and nobody understands what is said on it; `None` where that is not known. Without TLS nothing
    /// is agreed on before the first call.
    pub(crate) async fn misunderstanding(&self) -> Option<Words> {
        let (Socket::Tcp { host, port }, None) = (&self.url.socket, &self.tls) else { return None };
        if let Some(words) = tls::explain_plain(&self.peer(host, *port)).await {
            return Some(words);
        }
        let reply = tokio::time::timeout(TIMEOUT, first_bytes(host, *port)).await.ok()?.ok()?;
        reply.starts_with(b"HTTP/1.").then(|| Words {
            found: "what listens there speaks HTTP/1.1, and gRPC runs over HTTP/2".to_owned(),
            mend: "Name the port on which the FlowService itself listens, or let the proxy before it speak HTTP/2 without \
                   TLS (h2c)"
                .to_owned(),
        })
    }
}

/// The beginning of what is answered to a request of HTTP/1.1.
async fn first_bytes(host: &str, port: u16) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect((host, port)).await?;
    stream.write_all(format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes()).await?;
    let mut reply = vec![0; 7];
    stream.read_exact(&mut reply).await?;
    Ok(reply)
}

async fn speak<S>(stream: S) -> Result<SendRequest<Body>, Unreachable>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
    let (sender, connection) = handshake.map_err(Unreachable::Http2)?;
    tokio::spawn(connection);
    Ok(sender)
}

impl Url {
    fn parse(text: &str) -> Result<Self, String> {
        let text = logic_url(text)?;
        if let Some(path) = text.strip_prefix("unix://") {
            let socket = Socket::Unix { path: path.into() };
            return Ok(Self { text, socket, origin: Uri::from_static("http://localhost") });
        }
        let origin: Uri = text.parse().map_err(|error: InvalidUri| error.to_string())?;
        let default_port = if origin.scheme_str() == Some("https") { 443 } else { 80 };
        let port = origin.port_u16().unwrap_or(default_port);
        let host = origin.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        Ok(Self { text, socket: Socket::Tcp { host, port }, origin })
    }
}
