//! One POST to the endpoint, and what is to be said of its answer.
//!
//! It refuses to know what an answer should say.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use flow_wire::envelope::{IV_LENGTH, open_answer};
use flow_wire::signature;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use reqwest::Url;
use serde_json::Value;

use crate::client::{Error, Object, Received};
use crate::conformance::forge::{Post, Session};
use crate::status;
use crate::tls::Peer;

/// Where the endpoint is.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) http: reqwest::Client,
    pub(super) url: Url,
    pub(super) peer: Peer,
}

/// What came back.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) opened: Opened,
    /// With the connection, which is made anew for each request.
    pub(super) time: Duration,
    /// Whether other answers had an id of the request, and this one has none.
    pub(super) lacks_request_id: bool,
}

/// The body, as far as the client can read it.
#[derive(Debug, Clone)]
pub(super) enum Opened {
    Empty,
    Object(Object),
    /// Why the client cannot.
    Unreadable(&'static str),
}

impl Wire {
    pub(super) async fn send(&self, post: &Post) -> Result<Reply, Error> {
        let mut request = self.http.post(self.url.clone()).header(CONTENT_TYPE, &post.content_type);
        if let Some(value) = &post.signature {
            request = request.header(signature::HEADER, value);
        }
        let request = request.body(post.body.clone());
        let Received { status, headers, body, time } = Received::answer_to(request, &self.peer).await?;
        let opened = open(&body, &post.session);
        Ok(Reply { status, headers, body, opened, time, lacks_request_id: false })
    }
}

impl Reply {
    /// What the answer is, for people. A body that is not sealed is quoted, since it holds nothing of the client's.
    pub(super) fn describe(&self) -> String {
        let status = self.status;
        let whose = self.whose();
        match &self.opened {
            Opened::Object(object) => {
                let mut shown: String = Value::Object(object.clone()).to_string().chars().take(300).collect();
                if shown.len() >= 300 {
                    shown.push('…');
                }
                format!("status {status}, sealed: {shown}")
            }
            Opened::Unreadable(why) if self.should_be_sealed() => format!("status {status}, but {why}{whose}"),
            Opened::Empty | Opened::Unreadable(_) => {
                let text: String = String::from_utf8_lossy(&self.body).chars().take(120).collect();
                let text = if text.is_empty() { String::new() } else { format!(" ({})", text.escape_debug()) };
                match whose {
                    "" => format!("status {status}{text}. {}", status::explain(status)),
                    whose => format!("status {status}{text}{whose}"),
                }
            }
        }
    }

    /// Who answered, where that was not the endpoint. What the status means is then for somebody else to say.
    fn whose(&self) -> &'static str {
        let kind = self.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let is_html = kind.starts_with("text/html") || self.body.trim_ascii_start().starts_with(b"<");
        match (is_html, self.lacks_request_id) {
            (true, _) => {
                ". The answer is a page of HTML, so it did not come from the endpoint but from something before it: a proxy, \
                 a load balancer or a firewall, whose log says more"
            }
            (false, true) => {
                ". The answer has no x-request-id, which the endpoint's own have, so it came from something before it: a \
                 proxy, a load balancer or a firewall, whose log says more"
            }
            (false, false) => "",
        }
    }

    /// Whether the client opens a body under this status.
    pub(super) fn should_be_sealed(&self) -> bool {
        matches!(self.status, 200 | 427)
    }

    /// Whether it is a success that opens.
    pub(super) fn is_answer(&self) -> bool {
        self.status == 200 && self.object().is_some()
    }

    pub(super) fn object(&self) -> Option<&Object> {
        match &self.opened {
            Opened::Object(object) => Some(object),
            _ => None,
        }
    }
}

fn open(body: &[u8], session: &Session) -> Opened {
    if body.is_empty() {
        return Opened::Empty;
    }
    let key = session.aes_key();
    match open_answer(&key, session.vector, body) {
        Ok(plaintext) => match serde_json::from_slice(&plaintext) {
            Ok(object) => Opened::Object(object),
            Err(_) => Opened::Unreadable("what is sealed in the body is no JSON object"),
        },
        Err(_) => Opened::Unreadable(diagnose(body, session)),
    }
}

/// What usually goes wrong with the body of an answer.
fn diagnose(body: &[u8], session: &Session) -> &'static str {
    let key = session.aes_key();
    // `open_answer` inverts the vector by itself.
    let mut inverted: [u8; IV_LENGTH] = session.vector;
    inverted.iter_mut().for_each(|byte| *byte = !*byte);
    if open_answer(&key, inverted, body).is_ok() {
        return "the body is sealed under the request's own vector, not the one with every bit inverted";
    }
    if open_answer(&key, session.vector, body.trim_ascii()).is_ok() {
        return "there is white space around the base64 of the body";
    }
    match serde_json::from_slice::<Value>(body) {
        Ok(Value::String(text)) if open_answer(&key, session.vector, text.as_bytes()).is_ok() => {
            "the base64 of the body stands in quotes, as JSON; it should stand there alone"
        }
        Ok(Value::Object(_)) => "the body is JSON, which should have been sealed",
        _ if STANDARD.decode(body).is_err() => "the body is no base64",
        _ => "the body does not open under the request's key and its inverted vector",
    }
}
