//! The Graph API, as far as it is about the public key of a phone number: upload it, and read what the platform has.
//!
//! The access token leaves in one header, towards one URL: no redirect is followed, no text contains it.

mod refusal;
mod token;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use flow_wire::keys::{self, PublicKey};
use reqwest::header::AUTHORIZATION;
use reqwest::{RequestBuilder, StatusCode, Url, redirect};
use serde_json::Value;

pub(crate) use self::refusal::Refusal;
use self::refusal::harmless;
pub(crate) use self::token::{Token, TokenError};
use crate::http;
use crate::tls::{self, Peer, Trust, Words};

/// The Graph API in the version that this was written for.
pub(crate) const DEFAULT_URL: &str = "https://graph.facebook.com/v23.0";
/// An upload has the platform sign the key, so it may take a while.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);
/// A public key and its status need one kilobyte.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// The Graph API under one access token.
#[derive(Debug, Clone)]
pub(crate) struct Graph {
    http: reqwest::Client,
    url: Url,
    token: Token,
    timeout: Duration,
}

/// What the platform has for a phone number.
#[derive(Debug)]
pub(crate) struct Held {
    /// `None` where there is no key, or the answer leaves it out.
    pub(crate) key: Option<PublicKey>,
    /// `None` where there is no key.
    pub(crate) status: Option<SignatureStatus>,
}

/// Whether the platform's signature over the key is sound; the messaging clients take no other key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SignatureStatus {
    Valid,
    Mismatch,
    /// A word that Meta's documentation does not have.
    Unknown(String),
}

/// Why there is no answer to use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the HTTPS client cannot be made: {}", http::chain(.0))]
    Start(reqwest::Error),
    #[error("no answer within {}: the network's fault or the platform's; try again", seconds(.0))]
    Timeout(Duration),
    #[error("cannot connect to {host}: {}", http::causes(.source))]
    Connect { host: String, source: reqwest::Error },
    #[error("cannot connect to {host}: {words}")]
    Tls { host: String, words: Words },
    #[error("the exchange broke off: {}; try again", http::causes(.0))]
    Broken(reqwest::Error),
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("{0} redirects elsewhere, where the token is not sent: --graph-url should be the Graph API's own URL")]
    Redirect(String),
    #[error(
        "the answer with status {0} cannot be read: it is not the JSON that the Graph API gives, so a proxy may have \
         answered, or --graph-url is another server's"
    )]
    Unreadable(u16),
    #[error("the platform took the upload without saying that it succeeded; look with `flowctl keys status`")]
    NotConfirmed,
    #[error("the key that the platform has cannot be used: {0}; upload another")]
    Key(keys::Error),
}

impl Graph {
    /// The Graph API at this URL, each of whose answers may take so long.
    pub(crate) fn new(url: Url, token: Token, timeout: Duration) -> Result<Self, Error> {
        let mut client = reqwest::Client::builder().timeout(timeout).redirect(redirect::Policy::none());
        if http::is_this_machine(&url) {
            // A proxy could not reach it, and over plain HTTP would see the token.
            client = client.no_proxy();
        }
        let http = client.build().map_err(Error::Start)?;
        Ok(Self { http, url, token, timeout })
    }

    /// Makes this the public key of the phone number; the platform signs it.
    pub(crate) async fn upload(&self, number: &PhoneNumberId, key: &PublicKey) -> Result<(), Error> {
        let form = [("business_public_key", key.as_pem())];
        let answer = self.exchange(self.http.post(self.key_url(number)).form(&form)).await?;
        match answer.get("success") {
            Some(Value::Bool(true)) => Ok(()),
            _ => Err(Error::NotConfirmed),
        }
    }

    /// Reads what the platform has for the phone number.
    pub(crate) async fn read(&self, number: &PhoneNumberId) -> Result<Held, Error> {
        let answer = self.exchange(self.http.get(self.key_url(number))).await?;
        // Both shapes occur.
        let entry = match answer.get("data") {
            Some(Value::Array(entries)) if entries.is_empty() => return Ok(Held { key: None, status: None }),
            Some(Value::Array(entries)) => &entries[0],
            Some(entry) => entry,
            None => &answer,
        };
        let text = |field| match entry.get(field) {
            Some(Value::String(text)) => Ok(Some(text.trim()).filter(|text| !text.is_empty())),
            None | Some(Value::Null) if entry.is_object() => Ok(None),
            _ => Err(Error::Unreadable(200)),
        };
        let key = text("business_public_key")?.map(read_key).transpose().map_err(Error::Key)?;
        let status = text("business_public_key_signature_status")?.map(|status| match status {
            "VALID" => SignatureStatus::Valid,
            "MISMATCH" => SignatureStatus::Mismatch,
            _ => SignatureStatus::Unknown(harmless(status, &self.token)),
        });
        Ok(Held { key, status })
    }

    fn key_url(&self, number: &PhoneNumberId) -> Url {
        let mut url = self.url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push(&number.0).push("whatsapp_business_encryption");
        }
        url
    }

    /// Sends the request under the token, and gives the JSON object of a successful answer.
    async fn exchange(&self, request: RequestBuilder) -> Result<Value, Error> {
        let mut response = request
            .header(AUTHORIZATION, self.token.header().clone())
            .send()
            .await
            .map_err(|error| self.failed(error))?;
        let status = response.status();
        if status.is_redirection() {
            return Err(Error::Redirect(self.host()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failed(error))? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_ANSWER_BYTES {
                return Err(Error::Unreadable(status.as_u16()));
            }
        }
        let answer: Option<Value> = serde_json::from_slice(&body).ok().filter(Value::is_object);
        match answer {
            Some(answer) if status == StatusCode::OK && answer.get("error").is_none() => Ok(answer),
            None if status == StatusCode::OK => Err(Error::Unreadable(status.as_u16())),
            answer => {
                let error = answer.as_ref().and_then(|answer| answer.get("error"));
                Err(Refusal::new(status.as_u16(), error, &self.token).into())
            }
        }
    }

    fn failed(&self, error: reqwest::Error) -> Error {
        if error.is_timeout() {
            Error::Timeout(self.timeout)
        } else if error.is_connect() {
            let host = self.host();
            let port = self.url.port_or_known_default().unwrap_or_default();
            let is_tls = self.url.scheme() == "https";
            let peer = Peer { host: host.clone(), port, is_tls, trust: Trust::System { option: None } };
            match tls::explain(&error, &peer) {
                Some(words) => Error::Tls { host, words },
                None => Error::Connect { host, source: error },
            }
        } else {
            Error::Broken(error)
        }
    }

    fn host(&self) -> String {
        self.url.host_str().unwrap_or_default().to_owned()
    }
}

/// With its BEGIN and END lines or without: both occur.
fn read_key(text: &str) -> Result<PublicKey, keys::Error> {
    match PublicKey::from_pem(text) {
        Err(keys::Error::NoBeginLine(_) | keys::Error::NotPem) => PublicKey::from_base64(text),
        key => key,
    }
}

impl fmt::Display for SignatureStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Valid => "VALID",
            Self::Mismatch => "MISMATCH",
            Self::Unknown(status) => status,
        })
    }
}

/// The platform's id of a phone number, which is not the number itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PhoneNumberId(String);

impl FromStr for PhoneNumberId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(
                "should be the platform's id of the number, digits alone, such as 106540352242922; not the number itself",
            )
        }
    }
}

impl fmt::Display for PhoneNumberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Reads the URL of a Graph API. Over plain HTTP the token would be everybody's, so that is for this machine alone.
pub(crate) fn graph_url(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).ok().filter(|url| url.has_host());
    let url = url.ok_or("should be a URL with the version, such as https://graph.facebook.com/v23.0")?;
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err("should have nothing but host and path: the token belongs in a file");
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if http::is_this_machine(&url) => Ok(url),
        _ => Err("should begin with https://, so that the token never travels in the clear"),
    }
}

fn seconds(time: &Duration) -> String {
    format!("{} seconds", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_travels_by_https_or_not_at_all() {
        for url in
            [DEFAULT_URL, "https://graph.example/", "http://127.0.0.1:8080/v23.0", "http://[::1]/", "http://localhost"]
        {
            assert!(graph_url(url).is_ok(), "{url}");
        }
        let refused =
            ["http://graph.facebook.com/v23.0", "http://localhost.example", "ftp://127.0.0.1", "graph", "data:x"];
        let more = ["https://token@graph.facebook.com/", "https://graph.facebook.com/?access_token=x", "https://h/#x"];
        for url in refused.iter().chain(&more) {
            assert!(graph_url(url).is_err(), "{url}");
        }
    }

    #[test]
    fn an_id_is_digits_alone() {
        assert!("106540352242922".parse::<PhoneNumberId>().is_ok());
        for text in ["", "+491701234567", "12 34", "12/..", "１２", "123456789012345678901234567890123"] {
            assert!(text.parse::<PhoneNumberId>().is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn a_silent_server_is_given_up() {
        // The operating system takes the connection; nobody answers.
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = graph_url(&format!("http://{}", silent.local_addr().unwrap())).unwrap();
        let graph = Graph::new(url, Token::new("EAAG").unwrap(), Duration::from_millis(50)).unwrap();
        let error = graph.read(&"1".parse().unwrap()).await.unwrap_err();
        assert!(error.to_string().starts_with("no answer within 0.05 seconds"), "{error}");
    }
}
