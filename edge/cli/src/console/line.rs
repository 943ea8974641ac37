//! One exchange of a console over the real line: sealed, signed, sent to the edge, and with what logic was asked meanwhile.
//!
//! It refuses to know a phone.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use flow_wire::keys::{self, PrivateKey, PublicKey};
use flow_wire::signature::AppSecret;
use http::{HeaderMap, HeaderValue};
use reqwest::Url;
use rustls::pki_types::CertificateDer;
use serde_json::Value;
use uuid::Uuid;

use super::moves::Fault;
use super::recorder::{Mood, Recorder};
use super::timeline::{Exchange, Outcome};
use crate::client::{self, Client, Object};

/// How slow logic is where nobody says: longer than the edge waits.
const SLOW: Duration = Duration::from_secs(9);

/// The way to the endpoint, right and wrong.
#[derive(Debug)]
pub(crate) struct Line {
    access: Access,
    client: Client,
    recorder: Recorder,
    /// Made when it is first of use: it takes a second.
    other_key: Option<PublicKey>,
}

/// What it takes to be the endpoint's platform.
#[derive(Debug, Clone)]
pub(crate) struct Access {
    pub(crate) url: Url,
    pub(crate) trusted: Option<Vec<CertificateDer<'static>>>,
    pub(crate) public_key: PublicKey,
    pub(crate) app_secret: AppSecret,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Client(#[from] client::Error),
    #[error(transparent)]
    Key(#[from] keys::Error),
    #[error(transparent)]
    Secret(#[from] flow_wire::signature::EmptySecret),
}

impl Line {
    pub(crate) fn new(access: Access, recorder: Recorder) -> Result<Self, Error> {
        let client = access.client(access.public_key.clone(), access.app_secret.clone())?;
        Ok(Self { access, client, recorder, other_key: None })
    }

    pub(crate) fn url(&self) -> &Url {
        &self.access.url
    }

    /// Sends what the client would, with what is to go wrong.
    pub(crate) async fn exchange(
        &mut self,
        message: Object,
        flow_token: &str,
        fault: Option<(Fault, Option<u64>)>,
    ) -> Exchange {
        let mut request = self.client.complete(message, flow_token);
        let kind = fault.map(|(kind, _)| kind);
        match fault {
            Some((Fault::DeadToken, _)) => {
                request.insert("flow_token_signature".to_owned(), "not.a.signature".into());
            }
            Some((Fault::Slow, seconds)) => {
                self.recorder.set(Mood::SlowBy(seconds.map_or(SLOW, Duration::from_secs)));
            }
            Some((Fault::LogicGone, _)) => self.recorder.set(Mood::Gone),
            _ => {}
        }
        let trace_id = Uuid::new_v4().simple().to_string();
        let (at, began) = (SystemTime::now(), Instant::now());
        let answered = self.send(&request, &trace_id, kind).await;
        self.recorder.set(Mood::AsItIs);
        let took = began.elapsed();
        let outcome = match answered {
            _ if kind == Some(Fault::LostAnswer) => Outcome::NoAnswer("the answer was lost on its way".to_owned()),
            Ok(answer) => Outcome::Answered {
                explanation: if answer.status == 200 { String::new() } else { answer.explanation(&request) },
                status: answer.status,
                body: answer.body,
                request_id: answer.request_id,
            },
            Err(error) => Outcome::NoAnswer(error.to_string()),
        };
        Exchange {
            number: 0,
            at,
            request,
            calls: self.recorder.take(&trace_id, began),
            outcome,
            took,
            verdicts: Vec::new(),
            fault: kind.map(Fault::words),
            trace_id,
            differences: Vec::new(),
        }
    }

    async fn send(&mut self, request: &Object, trace_id: &str, fault: Option<Fault>) -> Result<client::Answer, Error> {
        let mut headers = HeaderMap::new();
        let span_id = trace_id.get(..16).unwrap_or_default();
        if let Ok(value) = HeaderValue::from_str(&format!("00-{trace_id}-{span_id}-01")) {
            headers.insert("traceparent", value);
        }
        let other;
        let client = match fault {
            Some(Fault::WrongKey) => {
                let key = match &self.other_key {
                    Some(key) => key.clone(),
                    None => self.other_key.insert(PrivateKey::generate()?.public_key()).clone(),
                };
                other = self.access.client(key, self.access.app_secret.clone())?;
                &other
            }
            Some(Fault::WrongSignature) => {
                let secret = AppSecret::new(Uuid::new_v4().simple().to_string().as_bytes())?;
                other = self.access.client(self.access.public_key.clone(), secret)?;
                &other
            }
            _ => &self.client,
        };
        Ok(client.exchange_with(request, headers).await?)
    }

    /// The sealed request as a command.
    pub(crate) fn curl(&self, request: &Object, certificate: &Path) -> Result<String, Error> {
        let sealed = self.client.seal(request)?;
        let body = String::from_utf8_lossy(&sealed.body).into_owned();
        let header = format!("x-hub-signature-256: {}", sealed.signature);
        let certificate =
            if self.url().scheme() == "https" { format!(" --cacert {}", certificate.display()) } else { String::new() };
        Ok(format!(
            "curl{certificate} -H 'content-type: application/json' -H '{header}' --data '{body}' '{}'",
            self.url()
        ))
    }
}

impl Access {
    fn client(&self, key: PublicKey, secret: AppSecret) -> Result<Client, client::Error> {
        Client::new(self.url.clone(), self.trusted.clone(), key, secret)
    }
}

/// A JSON value in single quotes, as a shell takes it.
pub(crate) fn quoted(value: &Value) -> String {
    format!("'{}'", value.to_string().replace('\'', r"'\''"))
}
