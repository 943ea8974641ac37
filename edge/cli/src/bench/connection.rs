//! One connection to the endpoint, made anew where it breaks: hyper's own, since a client with pools and redirects would cost
//! more than the endpoint that it measures.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderValue, StatusCode, Uri, Version};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use reqwest::Url;
use rustls::ClientConfig;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::tls::{self, Peer as TlsPeer, Words};
use crate::{client, http as http_client};

/// Where the endpoint is, and how to talk to it.
#[derive(Debug, Clone)]
pub(super) struct Peer {
    host: String,
    port: u16,
    uri: Uri,
    authority: HeaderValue,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    is_http2: bool,
    pub(super) named: TlsPeer,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the URL should have a host, and its path no more than HTTP allows")]
    Url,
    #[error("the certificates cannot be trusted: {0}")]
    Tls(#[from] rustls::Error),
}

/// Something to send requests on.
#[derive(Debug)]
pub(super) enum Connection {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

/// A request, sealed and signed.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) body: Bytes,
    pub(super) signature: String,
}

/// Why a request has no answer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub(super) enum Failure {
    #[error("no connection: {0}")]
    NotConnected(String),
    #[error("no connection: {0}")]
    Tls(Words),
    #[error("broken off")]
    Broken,
    #[error("no answer within {} s", http_client::TIMEOUT.as_secs())]
    TimedOut,
}

impl Peer {
    pub(super) fn new(url: &Url, trusted: Option<Vec<CertificateDer<'static>>>, is_http2: bool) -> Result<Self, Error> {
        let host = http_client::host(url).ok_or(Error::Url)?.to_owned();
        let port = url.port_or_known_default().ok_or(Error::Url)?;
        let authority = url.authority();
        let named = client::peer(url, trusted.is_some());
        let alpn = if is_http2 { "h2" } else { "http/1.1" };
        let tls = match url.scheme() {
            "https" => {
                let name = ServerName::try_from(host.clone()).map_err(|_| Error::Url)?;
                Some((Arc::new(http_client::tls_config(trusted, &[alpn])?), name))
            }
            _ => None,
        };
        let uri = if is_http2 { url.as_str() } else { url.path() };
        Ok(Self {
            uri: uri.parse().map_err(|_| Error::Url)?,
            authority: HeaderValue::from_str(authority).map_err(|_| Error::Url)?,
            host,
            port,
            tls,
            is_http2,
            named,
        })
    }

    pub(super) async fn connect(&self) -> Result<Connection, Failure> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(not_connected)?;
        // Answers to a question; none should wait for another.
        let _ = stream.set_nodelay(true);
        match &self.tls {
            None => self.shake_hands(stream).await,
            Some((config, name)) => {
                let connector = TlsConnector::from(Arc::clone(config));
                let stream = connector.connect(name.clone(), stream).await;
                let stream = stream.map_err(|error| match tls::explain(&error, &self.named) {
                    Some(words) => Failure::Tls(words),
                    None => not_connected(error),
                })?;
                self.shake_hands(stream).await
            }
        }
    }

    async fn shake_hands<S>(&self, stream: S) -> Result<Connection, Failure>
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let io = TokioIo::new(stream);
        if self.is_http2 {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.map_err(not_connected)?;
            tokio::spawn(connection);
            Ok(Connection::Http2(sender))
        } else {
            let (sender, connection) = http1::handshake(io).await.map_err(not_connected)?;
            tokio::spawn(connection);
            Ok(Connection::Http1(sender))
        }
    }

    fn post(&self, request: &Request) -> Option<http::Request<Full<Bytes>>> {
        let mut post = http::Request::post(self.uri.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(flow_wire::signature::HEADER, &request.signature);
        post = if self.is_http2 { post.version(Version::HTTP_2) } else { post.header(HOST, &self.authority) };
        post.body(Full::new(request.body.clone())).ok()
    }
}

impl Connection {
    /// Whether it can take another request, as far as is known.
    pub(super) async fn is_ready(&mut self) -> bool {
        match self {
            Self::Http1(sender) => sender.ready().await.is_ok(),
            Self::Http2(sender) => sender.ready().await.is_ok(),
        }
    }

    /// Another handle on the same connection, where it can have several requests at a time.
    pub(super) fn share(&self) -> Option<Self> {
        match self {
            Self::Http1(_) => None,
            Self::Http2(sender) => Some(Self::Http2(sender.clone())),
        }
    }

    pub(super) async fn exchange(&mut self, peer: &Peer, request: &Request) -> Result<(StatusCode, Bytes), Failure> {
        let post = peer.post(request).ok_or(Failure::Broken)?;
        let answer = match self {
            Self::Http1(sender) => sender.send_request(post).await,
            Self::Http2(sender) => sender.send_request(post).await,
        };
        let answer = answer.map_err(|_| Failure::Broken)?;
        let status = answer.status();
        let body = answer.into_body().collect().await.map_err(|_| Failure::Broken)?;
        Ok((status, body.to_bytes()))
    }
}

fn not_connected(error: impl std::error::Error) -> Failure {
    Failure::NotConnected(http_client::chain(&error))
}
