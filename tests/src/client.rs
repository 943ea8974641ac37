//! The messaging client, on `flow-wire`'s client side, with everything about a request open to change.
//!
//! That the wire format is right is shown by clients that share no code with it, in `clients/`; this one is for all else.

use std::fs;
use std::sync::Arc;

use flow_wire::client::SealedRequest;
use flow_wire::envelope::{AES_KEY_LENGTH, AesKey, Envelope, IV_LENGTH};
use flow_wire::keys::PublicKey;
use flow_wire::signature::{AppSecret, HEADER};
use reqwest::header::HeaderMap;
use reqwest::{Certificate, Version};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::{APP_SECRET, Edge, PATIENCE, key_file};

/// Talks to one endpoint.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    public_key: PublicKey,
    app_secret: String,
}

/// One sealed and signed request, not yet sent.
#[derive(Debug)]
pub struct Exchange {
    request: reqwest::RequestBuilder,
    sealed: SealedRequest,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The HTTP version.
    pub version: Version,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub body: String,
    /// What was sealed in the body; null where it was empty or does not open.
    pub opened: Value,
}

impl Client {
    pub(crate) fn new(edge: &Edge, path: &str) -> Self {
        let http = builder(edge).build().unwrap();
        let client =
            Self { http, url: edge.url(path), public_key: public_key("current.pub"), app_secret: String::new() };
        client.app_secret(APP_SECRET)
    }

    /// The same client for another path.
    pub fn path(mut self, edge: &Edge, path: &str) -> Self {
        self.url = edge.url(path);
        self
    }

    /// The same client, sealing for another key: a public key of `vectors/keys`.
    pub fn public_key(mut self, name: &str) -> Self {
        self.public_key = public_key(name);
        self
    }

    /// The same client, signing with another secret.
    pub fn app_secret(mut self, secret: &str) -> Self {
        self.app_secret = secret.to_owned();
        self
    }

    /// The same client, speaking HTTP/1.1 only.
    pub fn http1(mut self, edge: &Edge) -> Self {
        self.http = builder(edge).http1_only().build().unwrap();
        self
    }

    /// The same client over connections of another kind.
    pub fn over(mut self, http: reqwest::Client) -> Self {
        self.http = http;
        self
    }

    /// Sends a message, sealed and signed.
    pub async fn send(&self, message: Value) -> Answer {
        self.send_plaintext(message.to_string()).await
    }

    /// Sends a plaintext that need not be a message.
    pub async fn send_plaintext(&self, plaintext: impl Into<Vec<u8>>) -> Answer {
        self.seal(plaintext).send().await
    }

    /// Seals and signs a plaintext.
    pub fn seal(&self, plaintext: impl Into<Vec<u8>>) -> Exchange {
        let secret = AppSecret::new(self.app_secret.as_bytes()).unwrap();
        let client = flow_wire::client::Client::new(self.public_key.clone(), secret);
        let sealed = client.request(plaintext.into()).unwrap();
        let request = self.http.post(&self.url).header(HEADER, &sealed.signature).body(sealed.body.clone());
        Exchange { request, sealed }
    }

    /// Bodies that share AES key and vector, as no client ever makes them.
    pub fn seal_under_one_nonce<const N: usize>(&self, plaintexts: [String; N]) -> [Vec<u8>; N] {
        let key = AesKey::new(&[7; AES_KEY_LENGTH]).unwrap();
        let wrapped = self.public_key.wrap_key(&key).unwrap();
        plaintexts.map(|plaintext| Envelope::seal(&key, [9; IV_LENGTH], wrapped, plaintext.into_bytes()).encode())
    }

    /// Sends a body as it is, under its signature.
    pub async fn send_body(&self, body: impl Into<Vec<u8>>) -> Answer {
        let body = body.into();
        let signature = flow_wire::signature::sign(&body, &AppSecret::new(self.app_secret.as_bytes()).unwrap());
        self.send_signed(body, Some(signature.as_bytes())).await
    }

    /// Sends a body as it is under whatever signature, or none.
    pub async fn send_signed(&self, body: impl Into<Vec<u8>>, signature: Option<&[u8]>) -> Answer {
        let mut request = self.http.post(&self.url).body(body.into());
        if let Some(signature) = signature {
            request = request.header(HEADER, signature);
        }
        answer(request, None).await
    }

    /// Sends a GET.
    pub async fn get(&self) -> Answer {
        answer(self.http.get(&self.url), None).await
    }
}

impl Exchange {
    /// Sends the request and opens its answer.
    pub async fn send(self) -> Answer {
        answer(self.request, Some(self.sealed)).await
    }

    /// The same where the request may fail.
    pub async fn try_send(self) -> reqwest::Result<Answer> {
        try_answer(self.request, Some(self.sealed)).await
    }

    /// The body and its signature.
    pub fn into_parts(self) -> (Vec<u8>, String) {
        (self.sealed.body, self.sealed.signature)
    }
}

impl Answer {
    /// The header's value; empty where it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

async fn answer(request: reqwest::RequestBuilder, sealed: Option<SealedRequest>) -> Answer {
    try_answer(request, sealed).await.unwrap()
}

async fn try_answer(request: reqwest::RequestBuilder, sealed: Option<SealedRequest>) -> reqwest::Result<Answer> {
    let response = request.send().await?;
    let (status, version, headers) = (response.status().as_u16(), response.version(), response.headers().clone());
    let body = response.text().await?;
    let opened = sealed.and_then(|sealed| sealed.open(body.as_bytes()).ok());
    let opened = opened.map(|plaintext| serde_json::from_slice(&plaintext).expect("a sealed answer is JSON"));
    Ok(Answer { status, version, headers, body, opened: opened.unwrap_or_default() })
}

fn builder(edge: &Edge) -> reqwest::ClientBuilder {
    let builder = reqwest::Client::builder().timeout(PATIENCE).no_proxy();
    if edge.url("").starts_with("https") {
        builder.tls_certs_only([Certificate::from_pem(edge.certificate().as_bytes()).unwrap()])
    } else {
        builder
    }
}

fn public_key(name: &str) -> PublicKey {
    PublicKey::from_pem(&fs::read_to_string(key_file(name)).unwrap()).unwrap()
}

/// Opens a TLS connection for HTTP/1.1 written by hand.
pub async fn connect(edge: &Edge) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(edge.certificate().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let tcp = TcpStream::connect(edge.address()).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap()
}
