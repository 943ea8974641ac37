//! The endpoint that is asked: what is sent there, and a record of what came back.
//!
//! It refuses to know which answer is right.

use std::cell::RefCell;

use flow_wire::keys::PublicKey;
use flow_wire::signature::AppSecret;
use flow_wire::token;
use serde_json::Value;

use super::exchange::{Opened, Reply, Wire};
use crate::client::{self, Object, complete, completion, has_foreign_token};
use crate::conformance::forge::{Forge, Forger, Post};
use crate::conformance::outcome::Failure;
use crate::endpoint::Access;
use crate::http;

/// The endpoint that is held against the suite.
#[derive(Debug)]
pub(in crate::conformance) struct Endpoint {
    pub(super) wire: Wire,
    pub(super) forger: Forger,
    pub(super) record: RefCell<Record>,
}

/// What later cases look back at.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) invalid_tokens: Vec<Reply>,
    /// Whether each completion carried another flow token than its request.
    pub(super) completions: Vec<bool>,
    /// The bodies of 4xx and 5xx that nothing was sealed in.
    pub(super) refusals: Vec<String>,
    /// The case in which something came back last, and whether nothing listens any more.
    pub(super) last_reached: String,
    pub(super) is_gone: bool,
    /// Whether an answer had an id of the request.
    names_requests: bool,
}

impl Endpoint {
    pub(in crate::conformance) fn new(
        access: Access,
        old_app_secret: Option<AppSecret>,
        old_public_key: Option<PublicKey>,
    ) -> Result<Self, client::Error> {
        let Access { url, trusted, public_key, app_secret } = access;
        // A connection for each request: one that the endpoint breaks is no other's.
        let http = http::client(&url, trusted.as_deref()).and_then(|client| client.pool_max_idle_per_host(0).build());
        let peer = client::peer(&url, trusted.is_some());
        Ok(Self {
            wire: Wire { http: http.map_err(client::Error::Start)?, url, peer },
            forger: Forger::new(public_key, app_secret, old_app_secret, old_public_key)?,
            record: RefCell::default(),
        })
    }

    pub(super) fn complete(&self, message: Object, flow_token: &str) -> Object {
        complete(message, flow_token, |flow_token| token::sign(flow_token, &self.forger.app_secret))
    }

    pub(super) async fn send(&self, message: Value, forge: &Forge) -> Result<Reply, Failure> {
        let flow_token = message.get("flow_token").and_then(Value::as_str).unwrap_or_default().to_owned();
        let reply = self.send_post(&self.forger.post(message, forge)?).await?;
        if let Some(params) = reply.object().and_then(completion) {
            let is_foreign = has_foreign_token(params, &flow_token);
            self.record.borrow_mut().completions.push(is_foreign);
        }
        Ok(reply)
    }

    pub(super) async fn send_post(&self, post: &Post) -> Result<Reply, Failure> {
        let mut reply = self.wire.send(post).await.map_err(|error| {
            self.record.borrow_mut().is_gone |= matches!(error, client::Error::Connect { .. });
            Failure::came(error.to_string())
        })?;
        let mut record = self.record.borrow_mut();
        let has_id = client::request_id(&reply.headers).is_some();
        record.names_requests |= has_id;
        reply.lacks_request_id = record.names_requests && !has_id;
        if reply.status == 427 {
            record.invalid_tokens.push(reply.clone());
        } else if reply.status >= 400 && !matches!(reply.opened, Opened::Object(_)) {
            record.refusals.push(String::from_utf8_lossy(&reply.body).into_owned());
        }
        Ok(reply)
    }
}
