//! The messaging client, on `flow-wire`'s sealing side, with everything about a request open to change.
//!
//! That the wire format is right is shown by clients that share no code with it, in `clients/`; this one is for all else.

use std::fs;
use std::sync::Arc;

use flow_wire::envelope::{self, AES_KEY_LENGTH, AesKey, Envelope, IV_LENGTH};
use flow_wire::keys::PublicKey;
use flow_wire::signature::{self, AppSecret, HEADER};
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Certificate, Method, Version};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::private::Private;
use crate::{APP_SECRET, Edge, PATIENCE, key_file};

/// Talks to one endpoint.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    public_key: PublicKey,
    app_secret: String,
    private: Private,
}

/// One request, sealed and signed unless that was changed; it may be sent more than once.
#[derive(Debug, Clone)]
pub struct Exchange {
    client: Client,
    method: Method,
    body: Vec<u8>,
    signature: Option<Vec<u8>>,
    headers: HeaderMap,
    aes_key: [u8; AES_KEY_LENGTH],
    initial_vector: [u8; IV_LENGTH],
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
        let client = Self {
            http: builder(edge).build().unwrap(),
            url: edge.url(path),
            public_key: public_key("current.pub"),
            app_secret: String::new(),
            private: edge.private().clone(),
        };
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
        self.private.add(secret);
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
        self.seal_under(random(), random(), plaintext.into())
    }

    /// Seals under the AES key and vector of another exchange, the key wrapped once more, and signs.
    pub fn seal_like(&self, other: &Exchange, plaintext: impl Into<Vec<u8>>) -> Exchange {
        self.seal_under(other.aes_key, other.initial_vector, plaintext.into())
    }

    fn seal_under(
        &self,
        aes_key: [u8; AES_KEY_LENGTH],
        initial_vector: [u8; IV_LENGTH],
        plaintext: Vec<u8>,
    ) -> Exchange {
        self.private.add_message(&plaintext);
        let key = AesKey::new(&aes_key).unwrap();
        let wrapped = self.public_key.wrap_key(&key).unwrap();
        let body = Envelope::seal(&key, initial_vector, wrapped, plaintext).encode();
        let exchange = Exchange {
            client: self.clone(),
            method: Method::POST,
            body: Vec::new(),
            signature: None,
            headers: HeaderMap::new(),
            aes_key,
            initial_vector,
        };
        exchange.body(body)
    }

    /// Sends a body as it is, under its signature.
    pub async fn send_body(&self, body: impl Into<Vec<u8>>) -> Answer {
        self.seal("").body(body).send().await
    }

    /// Sends a body as it is under whatever signature, or none.
    pub async fn send_signed(&self, body: impl Into<Vec<u8>>, signature: Option<&[u8]>) -> Answer {
        self.seal("").body(body).signature(signature).send().await
    }

    /// Sends a GET.
    pub async fn get(&self) -> Answer {
        self.seal("").body("").signature(None).method("GET").send().await
    }
}

impl Exchange {
    /// The same request with another body, which is signed.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        let signature = signature::sign(&self.body, &AppSecret::new(self.client.app_secret.as_bytes()).unwrap());
        self.signature(Some(signature.as_bytes()))
    }

    /// The same request under another signature, or none.
    pub fn signature(mut self, signature: Option<&[u8]>) -> Self {
        self.signature = signature.map(<[u8]>::to_vec);
        self
    }

    /// The same request with another method.
    pub fn method(mut self, name: &str) -> Self {
        self.method = name.parse().unwrap();
        self
    }

    /// The same request with one more header.
    pub fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.insert(name, HeaderValue::from_static(value));
        self
    }

    /// Sends the request and opens its answer.
    pub async fn send(&self) -> Answer {
        self.try_send().await.unwrap()
    }

    /// The same where the request may fail.
    pub async fn try_send(&self) -> reqwest::Result<Answer> {
        let Client { http, url, .. } = &self.client;
        let mut request = http.request(self.method.clone(), url).headers(self.headers.clone()).body(self.body.clone());
        if let Some(signature) = &self.signature {
            request = request.header(HEADER, signature.as_slice());
        }
        let response = request.send().await?;
        let (status, version, headers) = (response.status().as_u16(), response.version(), response.headers().clone());
        let body = response.text().await?;
        let opened = self.open(&body);
        self.client.private.add_answer(&opened);
        Ok(Answer { status, version, headers, body, opened })
    }

    fn open(&self, body: &str) -> Value {
        let key = AesKey::new(&self.aes_key).unwrap();
        let plaintext = envelope::open_answer(&key, self.initial_vector, body.as_bytes());
        plaintext.map(|text| serde_json::from_slice(&text).expect("a sealed answer is JSON")).unwrap_or_default()
    }

    /// The body and its signature.
    pub fn into_parts(self) -> (Vec<u8>, String) {
        (self.body, String::from_utf8(self.signature.unwrap()).unwrap())
    }
}

impl Answer {
    /// The header's value; empty where it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
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

fn random<const LENGTH: usize>() -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    rustls::crypto::aws_lc_rs::default_provider().secure_random.fill(&mut bytes).unwrap();
    bytes
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
