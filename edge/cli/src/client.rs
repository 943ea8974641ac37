//! The messaging client over real HTTPS: seal, sign, POST, open.
//!
//! It refuses to know what a conversation is.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use bytes::Bytes;
use flow_wire::client::SealedRequest;
use flow_wire::keys::{self, PublicKey};
use flow_wire::message;
use flow_wire::signature::{self, AppSecret};
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{RequestBuilder, Url};
use rustls::pki_types::CertificateDer;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::tls::{self, Peer, Trust, Words};
use crate::{http, status};

/// The data API that requests speak unless they say otherwise.
const VERSION: &str = "4.0";

/// A JSON object.
pub(crate) type Object = Map<String, Value>;

/// One endpoint, seen from the messaging client.
#[derive(Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    url: Url,
    peer: Peer,
    wire: flow_wire::client::Client,
}

/// What came back, opened.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The opened body; `None` where the status has no sealed body, or the body is empty.
    pub(crate) body: Option<Object>,
    /// From the first byte sent to the last one received.
    pub(crate) time: Duration,
    /// What the endpoint calls the request in its logs.
    pub(crate) request_id: Option<String>,
    /// What logic itself said, where it was asked without an edge between.
    pub(crate) said: Option<String>,
}

/// What came back, as it came.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// From the first byte sent to the last one received.
    pub(crate) time: Duration,
}

/// Why there is no answer that the messaging client could use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the HTTPS client cannot be made: {}", http::chain(.0))]
    Start(reqwest::Error),
    #[error(transparent)]
    Seal(#[from] keys::Error),
    #[error("no answer within {} seconds; the platform gives up then as well", http::TIMEOUT.as_secs())]
    Timeout,
    #[error("cannot connect to {}:{}: {}", .peer.host, .peer.port, http::causes(.source))]
    Connect { peer: Peer, source: reqwest::Error },
    #[error("no connection: {0}")]
    Tls(Words),
    #[error("the exchange broke off: {}", http::causes(.0))]
    Broken(reqwest::Error),
    #[error(
        "the answer has status {status}, but its body was not sealed for this request: the endpoint's fault. It should \
         be base64 of AES-128-GCM under the request's key with every bit of the vector inverted"
    )]
    NotSealed { status: u16 },
    #[error("the answer was opened, but is no JSON object: the endpoint's fault")]
    NotObject,
}

impl Client {
    /// A client of the endpoint at `url`. `trusted` replaces the system's certificate authorities.
    pub(crate) fn new(
        url: Url,
        trusted: Option<Vec<CertificateDer<'static>>>,
        public_key: PublicKey,
        app_secret: AppSecret,
    ) -> Result<Self, Error> {
        let http = http::client(&url, trusted.as_deref()).and_then(reqwest::ClientBuilder::build);
        let http = http.map_err(Error::Start)?;
        let peer = peer(&url, trusted.is_some());
        Ok(Self { http, url, peer, wire: flow_wire::client::Client::new(public_key, app_secret) })
    }

    /// Makes a request what the messaging client would send; null for a field that it adds leaves it out.
    pub(crate) fn complete(&self, request: Object, flow_token: &str) -> Object {
        complete(request, flow_token, |token| self.wire.sign_token(token))
    }

    /// Seals and signs one request.
    pub(crate) fn seal(&self, request: &Object) -> Result<SealedRequest, Error> {
        Ok(self.wire.request(Value::Object(request.clone()).to_string().into_bytes())?)
    }

    /// Sends one request, sealed and signed, and opens its answer.
    pub(crate) async fn exchange(&self, request: &Object) -> Result<Answer, Error> {
        self.exchange_with(request, HeaderMap::new()).await
    }

    /// The same with header fields more.
    pub(crate) async fn exchange_with(&self, request: &Object, headers: HeaderMap) -> Result<Answer, Error> {
        let sealed = self.seal(request)?;
        let post = self
            .http
            .post(self.url.clone())
            .headers(headers)
            .header(CONTENT_TYPE, "application/json")
            .header(signature::HEADER, &sealed.signature)
            .body(sealed.body.clone());
        let Received { status, headers, body, time } = Received::answer_to(post, &self.peer).await?;

        let is_sealed = status == 200 || status == 427 && !body.is_empty();
        let body = match is_sealed.then(|| sealed.open(&body)) {
            None => None,
            Some(Err(_)) => return Err(Error::NotSealed { status }),
            Some(Ok(plaintext)) => Some(serde_json::from_slice(&plaintext).map_err(|_| Error::NotObject)?),
        };
        Ok(Answer { status, body, time, request_id: request_id(&headers), said: None })
    }
}

impl Received {
    /// Sends a request and reads its whole answer.
    pub(crate) async fn answer_to(request: RequestBuilder, peer: &Peer) -> Result<Self, Error> {
        let started = Instant::now();
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return Err(Error::from_http(error, peer).await),
        };
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        match response.bytes().await {
            Ok(body) => Ok(Self { status, headers, body, time: started.elapsed() }),
            Err(error) => Err(Error::from_http(error, peer).await),
        }
    }
}

impl Answer {
    /// The screen that the user sees next.
    pub(crate) fn screen(&self) -> Option<&str> {
        self.body.as_ref()?.get("screen")?.as_str()
    }

    /// What the status means as the answer to this request, what logic said where that is known, and what the endpoint calls
    /// the request in its log.
    pub(crate) fn explanation(&self, request: &Object) -> String {
        let mut text = status::explain(self.status).to_owned();
        if self.status == 427 && !request.contains_key("flow_token_signature") {
            text = format!("{text} {}", status::UNSIGNED);
        }
        if let Some(action) = self.status.eq(&400).then(|| request.get("action")).flatten().and_then(Value::as_str)
            && let Some(meant) = meant_action(action)
        {
            let _ = write!(text, " The action is `{action}`; did you mean `{meant}`?");
        }
        if let Some(said) = &self.said {
            let _ = write!(text, " Logic said: {said}.");
        }
        if let Some(request_id) = &self.request_id {
            // Writing to a String does not fail.
            let _ = write!(text, " Request id: {request_id}.");
        }
        text
    }
}

impl Error {
    async fn from_http(error: reqwest::Error, peer: &Peer) -> Self {
        if error.is_timeout() {
            return Self::Timeout;
        }
        let words = match error.is_connect() {
            true => tls::explain(&error, peer),
            false if peer.is_tls => tls::explain_later(&error, peer),
            false => tls::explain_plain(peer).await,
        };
        match words {
            Some(words) => Self::Tls(words),
            None if error.is_connect() => Self::Connect { peer: peer.clone(), source: error },
            None => Self::Broken(error),
        }
    }
}

/// The parameters of an answer that ends the flow.
pub(crate) fn completion(answer: &Object) -> Option<&Object> {
    let ends = answer.get("screen").is_some_and(|screen| screen == message::SUCCESS);
    answer.get("data").filter(|_| ends)?.pointer("/extension_message_response/params")?.as_object()
}

/// Whether the parameters of a completion name another conversation than the request's.
pub(crate) fn has_foreign_token(params: &Object, flow_token: &str) -> bool {
    !flow_token.is_empty() && params.get("flow_token").is_some_and(|token| token != flow_token)
}

/// Makes a request what the messaging client would send: `version` is added, and except to a ping `flow_token`, which data API
/// 4.0 signs, but not in an error notification. A null for one of the three leaves it out.
pub(crate) fn complete(mut request: Object, flow_token: &str, sign: impl Fn(&str) -> String) -> Object {
    request.entry("version").or_insert_with(|| VERSION.into());
    if request.get("action").is_none_or(|action| action != "ping") {
        request.entry("flow_token").or_insert_with(|| flow_token.into());
        let data = request.get("data").and_then(Value::as_object);
        let is_notification = data.is_some_and(message::is_error_notification);
        if let (Some("4.0"), Some(token), false) =
            (text(&request, "version"), text(&request, "flow_token"), is_notification)
        {
            let signature = sign(token);
            request.entry("flow_token_signature").or_insert_with(|| signature.into());
        }
    }
    for field in ["version", "flow_token", "flow_token_signature"] {
        if request.get(field).is_some_and(Value::is_null) {
            request.remove(field);
        }
    }
    request
}

fn text<'a>(request: &'a Object, field: &str) -> Option<&'a str> {
    request.get(field).and_then(Value::as_str)
}

/// What the endpoint calls a request in its logs.
pub(crate) fn request_id(headers: &HeaderMap) -> Option<String> {
    headers.get("x-request-id").and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// A flow token that no other conversation has.
pub(crate) fn fresh_flow_token() -> String {
    Uuid::new_v4().to_string()
}

/// The endpoint at a URL, as an error names it.
pub(crate) fn peer(url: &Url, is_trust_given: bool) -> Peer {
    Peer {
        host: http::host(url).unwrap_or_default().to_owned(),
        port: url.port_or_known_default().unwrap_or_default(),
        is_tls: url.scheme() == "https",
        trust: Trust::new("--ca", is_trust_given),
    }
}

/// The action that a name which is none was meant for: case and what joins its words count.
pub(crate) fn meant_action(name: &str) -> Option<&'static str> {
    const ACTIONS: [&str; 5] = ["INIT", "BACK", "data_exchange", "ping", "navigate"];
    let letters = |text: &str| {
        text.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect::<String>()
    };
    ACTIONS.into_iter().find(|action| *action != name && letters(action) == letters(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(value: Value) -> Object {
        value.as_object().unwrap().clone()
    }

    fn completed(request: Value) -> Value {
        complete(object(request), "token", |token| format!("signature of {token}")).into()
    }

    #[test]
    fn a_request_gets_what_every_client_sends() {
        assert_eq!(
            completed(json!({"action": "INIT"})),
            json!({
                "action": "INIT", "version": "4.0", "flow_token": "token", "flow_token_signature": "signature of token",
            })
        );
    }

    #[test]
    fn what_a_request_says_itself_counts() {
        for request in [
            json!({"action": "INIT", "version": 300, "flow_token": "mine"}),
            json!({"action": "INIT", "version": "4.0", "flow_token": "mine", "flow_token_signature": "forged"}),
        ] {
            assert_eq!(completed(request.clone()), request);
        }
    }

    #[test]
    fn a_ping_carries_no_token_and_an_error_notification_no_signature() {
        assert_eq!(completed(json!({"action": "ping"})), json!({"action": "ping", "version": "4.0"}));
        let notification = json!({"action": "INIT", "data": {"error_key": "payload-schema-error"}});
        assert_eq!(completed(notification)["flow_token_signature"], Value::Null);
    }

    #[test]
    fn an_action_that_is_nearly_one_is_known() {
        for (name, meant) in [
            ("Init", Some("INIT")),
            ("init", Some("INIT")),
            ("DATA_EXCHANGE", Some("data_exchange")),
            ("dataExchange", Some("data_exchange")),
            ("data-exchange", Some("data_exchange")),
            ("Ping", Some("ping")),
            ("INIT", None),
            ("data_exchange", None),
            ("anything", None),
            ("", None),
        ] {
            assert_eq!(meant_action(name), meant, "{name}");
        }
    }

    #[test]
    fn an_unsigned_token_that_is_refused_may_be_refused_for_that() {
        let answer = Answer { status: 427, body: None, time: Duration::ZERO, request_id: None, said: None };
        let said = |request| answer.explanation(&object(request));
        assert!(said(json!({"action": "INIT", "version": "3.0"})).contains("`flow_token_signature: require`"));
        assert!(!said(json!({"action": "INIT", "flow_token_signature": "x"})).contains("require"));
    }

    #[test]
    fn null_leaves_a_field_out() {
        let request = json!({"action": "BACK", "version": null, "flow_token": null});
        assert_eq!(completed(request), json!({"action": "BACK"}));
        let request = json!({"action": "BACK", "version": "3.0", "flow_token": "mine", "flow_token_signature": null});
        assert_eq!(completed(request), json!({"action": "BACK", "version": "3.0", "flow_token": "mine"}));
    }
}
