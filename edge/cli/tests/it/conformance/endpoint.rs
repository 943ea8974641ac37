//! A small endpoint, and its wrong twins.

use std::collections::HashSet;
use std::path::Path;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, Pkcs1PrivateDecryptingKey,
    PrivateDecryptingKey,
};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header::CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use flow_wire::envelope::{self, AesKey, Envelope, Session};
use flow_wire::keys::PrivateKey;
use flow_wire::signature::{self, AppSecret, Signature};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot};
use zeroize::Zeroizing;

use super::faults::Fault::{self, *};
use crate::process::{Finished, flowctl};

/// The pair that the client knows, and the one before it.
static KEYS: LazyLock<[(PrivateKey, String); 2]> = LazyLock::new(|| {
    [(); 2].map(|()| {
        let (key, pem) = PrivateKey::generate_pem().unwrap();
        (key, pem.to_string())
    })
});

const SECRETS: [&str; 2] = ["the secret of the app", "the secret before it"];

/// An endpoint that runs until it is dropped, and the files that a client of it needs.
pub(super) struct Running {
    url: String,
    folder: TempDir,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Running {
    pub(super) fn start(fault: Fault) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let (listening, address) = std::sync::mpsc::channel();
        let endpoint = Arc::new(Endpoint { fault, ..Endpoint::default() });
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                listening.send(listener.local_addr().unwrap()).unwrap();
                let router = Router::new().fallback(serve).with_state(Arc::clone(&endpoint));
                tokio::pin!(stopped);
                tokio::select! {
                    _ = axum::serve(listener, router) => {}
                    () = endpoint.ends.notified() => {}
                    _ = &mut stopped => return,
                }
                // The listener is gone by now, which a client may know.
                endpoint.has_ended.notify_one();
                let _ = stopped.await;
            });
        });
        let folder = tempfile::tempdir().unwrap();
        for ((key, _), name) in KEYS.iter().zip(["public-key.pem", "old-public-key.pem"]) {
            std::fs::write(folder.path().join(name), key.public_key().as_pem()).unwrap();
        }
        for (secret, name) in SECRETS.iter().zip(["app-secret", "old-app-secret"]) {
            std::fs::write(folder.path().join(name), secret).unwrap();
        }
        let url = format!("http://{}/flow", address.recv().unwrap());
        Self { url, folder, stop: Some(stop), thread: Some(thread) }
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs the suite against it, with everything that a case may need.
    pub(super) fn conformance(&self, arguments: &[&str]) -> Finished {
        let old = ["--old-app-secret-file", "old-app-secret", "--old-public-key", "old-public-key.pem"];
        self.conformance_of(&[&old, arguments].concat())
    }

    pub(super) fn conformance_of(&self, arguments: &[&str]) -> Finished {
        let own =
            ["conformance", "--edge", &self.url, "--public-key", "public-key.pem", "--app-secret-file", "app-secret"];
        flowctl(self.folder(), &[&own, arguments].concat())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[derive(Default)]
struct Endpoint {
    fault: Fault,
    is_dead: AtomicBool,
    is_slow: AtomicBool,
    answers: AtomicU64,
    vectors: Mutex<HashSet<String>>,
    turn: tokio::sync::Mutex<()>,
    ends: Notify,
    has_ended: Notify,
}

const BAD: StatusCode = StatusCode::BAD_REQUEST;
const CRASHED: StatusCode = StatusCode::INTERNAL_SERVER_ERROR;

async fn serve(State(endpoint): State<Arc<Endpoint>>, request: Request) -> Response {
    if endpoint.is_dead.load(Ordering::Relaxed) {
        return CRASHED.into_response();
    }
    let (head, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    if endpoint.is(OneAtATime) {
        let _turn = endpoint.turn.lock().await;
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
    if endpoint.is_slow.load(Ordering::Relaxed) {
        tokio::time::sleep(Duration::from_millis(1050)).await;
    }
    if endpoint.is(EndsOfGarbage) && body.starts_with(b"neither") {
        endpoint.ends.notify_one();
        endpoint.has_ended.notified().await;
    }
    match endpoint.answer(&head.headers, body) {
        Ok(answer) => answer,
        Err(Refusal(status, text)) => {
            let trace = "Traceback (most recent call last):\n  File \"app.py\"";
            (status, if endpoint.is(Traceback) { trace } else { text }).into_response()
        }
    }
}

/// A status, and what stands in the body.
struct Refusal(StatusCode, &'static str);

impl Endpoint {
    fn is(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    /// A refusal, which one wrong endpoint has an exception in place of.
    fn refusal(&self, crash: Fault) -> Refusal {
        if self.is(crash) { Refusal(CRASHED, "") } else { Refusal(BAD, "") }
    }

    fn answer(&self, headers: &HeaderMap, body: Bytes) -> Result<Response, Refusal> {
        // As a firewall does; what comes in its answer is its own page.
        let firewall = match self.fault {
            EightKiB => 8,
            SixtyFourKiB => 64,
            HundredTwentyEightKiB => 128,
            _ => usize::MAX / 1024,
        };
        if body.len() > firewall * 1024 {
            return Err(Refusal(StatusCode::FORBIDDEN, "<html><body><h1>403 Forbidden</h1></body></html>"));
        }
        let limit = if self.is(OneMegabyte) { 1_000_000 } else { 2_000_000 };
        if body.len() > limit {
            let too_large = if self.is(OversizedIs500) { CRASHED } else { StatusCode::PAYLOAD_TOO_LARGE };
            return Err(Refusal(too_large, ""));
        }
        let is_json = headers.get(CONTENT_TYPE).is_some_and(|value| value == "application/json");
        if self.is(ExactContentType) && !is_json {
            return Err(Refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, ""));
        }
        self.verify(headers, &body)?;
        let envelope = self.parse(&body)?;
        let (plaintext, session) = self.open(envelope)?;
        let (status, answer) = self.exchange(&plaintext)?;
        if body.len() > 1_000_000 && self.is(SlowAfterLarge) {
            self.is_slow.store(true, Ordering::Relaxed);
        }
        Ok(self.seal(status, &answer, session, &body))
    }

    fn verify(&self, headers: &HeaderMap, body: &Bytes) -> Result<(), Refusal> {
        let header = headers.get(signature::HEADER).map(|value| value.as_bytes().to_vec());
        let secrets = if self.is(OneSecret) { &SECRETS[..1] } else { &SECRETS[..] };
        let good = |body: &[u8]| secrets.iter().map(|text| signature::sign(body, &secret(text))).collect::<Vec<_>>();
        let text = String::from_utf8(header.clone().unwrap_or_default()).unwrap();
        let is_good = match self.fault {
            SignatureOptional if header.is_none() => true,
            EmptyIsNone if text.is_empty() && header.is_some() => true,
            AnySignature if !text.is_empty() => true,
            SignatureOfAnyBody => good(body).contains(&text) || good(b"{}").contains(&text),
            SignatureOfAnySecret => {
                text.len() == 71 && !text.contains("00000000") && !text.contains('z') && {
                    !good(b"{}").contains(&text)
                }
            }
            PrefixOptional => good(body).iter().any(|good| *good == text || good[7..] == text),
            ComparesBeginnings => text.len() > 60 && good(body).iter().any(|good| good.starts_with(&text)),
            SignsWhatItWrites => {
                let parsed: Option<Value> = serde_json::from_slice(body).ok();
                parsed.is_some_and(|value| good(value.to_string().as_bytes()).contains(&text))
                    || good(body).contains(&text) && !body.windows(2).any(|pair| pair == b"\\/")
            }
            NotHexIs500 if text.contains('z') => return Err(Refusal(CRASHED, "")),
            _ => {
                let secrets: Vec<_> = secrets.iter().map(|text| secret(text)).collect();
                let signature = Signature::parse(header.as_deref());
                signature.and_then(|signature| signature::verify(body.clone(), &signature, &secrets)).is_ok()
            }
        };
        if !is_good && self.is(DiesOfGarbage) && header.is_none() {
            self.is_dead.store(true, Ordering::Relaxed);
        }
        if is_good { Ok(()) } else { Err(Refusal(StatusCode::from_u16(432).unwrap(), "")) }
    }

    fn parse(&self, body: &Bytes) -> Result<Envelope, Refusal> {
        if body.is_empty() {
            return Err(self.refusal(EmptyIs500));
        }
        // Unsigned garbage comes so far where signatures are optional.
        if self.is(SignatureOptional) && serde_json::from_slice::<Value>(body).is_err() {
            return Err(Refusal(CRASHED, ""));
        }
        let value: Value = serde_json::from_slice(body).map_err(|_| self.refusal(NotJsonIs500))?;
        let fields = value.as_object().ok_or_else(|| self.refusal(ArrayIs500))?;
        if self.is(RefusesUnknownFields) && fields.len() > 3 {
            return Err(Refusal(BAD, ""));
        }
        let envelope = envelope(body).map_err(|error| {
            let crash = match error.to_string().as_str() {
                "the envelope lacks initial_vector" => MissingIs500,
                "encrypted_flow_data is not padded standard base64" => NotBase64Is500,
                "encrypted_aes_key has a wrong length" => ShortKeyIs500,
                "initial_vector has a wrong length" => ShortVectorIs500,
                "encrypted_flow_data has a wrong length" => ShortDataIs500,
                _ => NumberIs500,
            };
            self.refusal(crash)
        })?;
        let vector = fields["initial_vector"].as_str().unwrap().to_owned();
        if self.is(RefusesZeros) && vector.starts_with("AAAAAAAA") {
            return Err(Refusal(BAD, ""));
        }
        if self.is(RemembersVectors) && !self.vectors.lock().unwrap().insert(vector) {
            return Err(Refusal(BAD, ""));
        }
        Ok(envelope)
    }

    fn open(&self, envelope: Envelope) -> Result<(Zeroizing<Vec<u8>>, Session), Refusal> {
        const UNOPENED: StatusCode = StatusCode::MISDIRECTED_REQUEST;
        let wrapped = *envelope.encrypted_aes_key();
        let keys = if self.is(OneKey) { &KEYS[..1] } else { &KEYS[..] };
        let key = keys.iter().find_map(|(key, _)| key.unwrap_key(&envelope)).or_else(|| self.open_otherwise(&wrapped));
        let key = key.ok_or(match self.fault {
            OtherKeyIs400 => Refusal(BAD, ""),
            RandomIs400 if wrapped[0] == 0 => Refusal(BAD, ""),
            SaysWhatFailed => Refusal(UNOPENED, "the key does not open"),
            _ => Refusal(UNOPENED, ""),
        })?;
        envelope.open(key).map_err(|_| match self.fault {
            TagIs400 => Refusal(BAD, ""),
            SaysWhatFailed => Refusal(UNOPENED, "the tag does not fit"),
            _ => Refusal(UNOPENED, ""),
        })
    }

    /// Other paddings and lengths, which a wrong endpoint accepts.
    fn open_otherwise(&self, wrapped: &[u8]) -> Option<AesKey> {
        let pem = PrivatePkcs8KeyDer::from_pem_slice(KEYS[0].1.as_bytes()).unwrap();
        let key = PrivateDecryptingKey::from_pkcs8(pem.secret_pkcs8_der()).unwrap();
        let mut out = vec![0; 256];
        let opened = match self.fault {
            OpensSha1 | CutsAesKey => {
                let algorithm = if self.is(OpensSha1) { &OAEP_SHA1_MGF1SHA1 } else { &OAEP_SHA256_MGF1SHA256 };
                let key = OaepPrivateDecryptingKey::new(key).unwrap();
                key.decrypt(algorithm, wrapped, &mut out, Option::None).ok()?
            }
            OpensPkcs1 => Pkcs1PrivateDecryptingKey::new(key).unwrap().decrypt(wrapped, &mut out).ok()?,
            _ => return Option::None,
        };
        AesKey::new(&opened[..16])
    }

    fn exchange(&self, plaintext: &[u8]) -> Result<(u16, Value), Refusal> {
        if self.is(AsciiOnly) && !plaintext.is_ascii() {
            return Err(Refusal(CRASHED, ""));
        }
        let message: Value = serde_json::from_slice(plaintext).map_err(|_| self.refusal(MessageNotJsonIs500))?;
        let fields = message.as_object().ok_or_else(|| self.refusal(MessageArrayIs500))?;
        let action = fields.get("action").and_then(Value::as_str);
        let data = &message["data"];
        let crashes = match self.fault {
            Version3Alone => message["version"] == "4.0" && action == Some("ping"),
            RefusesUnknownFields => fields.contains_key("of_a_later_edition"),
            EmptyScreenIs500 => message["screen"] == "",
            AsksForTokenSignature => action == Some("INIT") && !fields.contains_key("flow_token_signature"),
            AsksForToken => action == Some("INIT") && !fields.contains_key("flow_token"),
            AsksForOwnToken => message["flow_token"] == "unused",
            VersionIsText => message["version"].is_number(),
            AsksNotificationsForSignature => message["version"] == "400",
            _ => false,
        };
        if crashes {
            return Err(Refusal(CRASHED, ""));
        }
        let has_error = match self.fault {
            NoErrorKey => data.get("error").is_some(),
            NoErrorOnInit if action == Some("INIT") => false,
            NoNavigate if action == Some("navigate") => false,
            NoNotifications => false,
            AcknowledgesForms => data.get("error").is_some() || data.get("error_key").is_some(),
            TakesAnyKey => holds_error_alone(data),
            _ => is_notification(data),
        };
        if has_error {
            return Ok((200, json!({ "data": { "acknowledged": true } })));
        }
        let action = match action {
            Some(action) if self.is(AnySpelling) => action.to_lowercase(),
            Some(action) => action.to_owned(),
            Option::None if self.is(NoActionIsPing) => "ping".to_owned(),
            Option::None => return Err(Refusal(BAD, "")),
        };
        match action.as_str() {
            "ping" if self.is(PingWithoutData) => Ok((200, json!({ "status": "active" }))),
            "ping" => Ok((200, json!({ "data": { "status": "active" } }))),
            _ if message["flow_token"] == "finished" => Ok((427, json!({ "error_msg": "It is over." }))),
            "data_exchange" if message["screen"] == "LAST" => {
                let own = message["flow_token"].clone();
                let flow_token = if self.is(MixesTokens) { "somebody else's".into() } else { own };
                let response = json!({ "params": { "flow_token": flow_token } });
                Ok((200, json!({ "screen": "SUCCESS", "data": { "extension_message_response": response } })))
            }
            "INIT" | "init" if self.is(InitWithoutData) => Ok((200, json!({ "screen": "START" }))),
            "INIT" | "init" if self.is(FreshAnswers) => {
                let number = self.answers.fetch_add(1, Ordering::Relaxed);
                Ok((200, json!({ "screen": "START", "data": { "number": number } })))
            }
            "INIT" | "init" | "BACK" | "data_exchange" => Ok((200, json!({ "screen": "START", "data": {} }))),
            _ => Err(Refusal(BAD, "")),
        }
    }

    fn seal(&self, status: u16, answer: &Value, session: Session, body: &Bytes) -> Response {
        let plain = answer.to_string();
        let status = StatusCode::from_u16(if self.is(Created) { 201 } else { status }).unwrap();
        let is_427 = status.as_u16() == 427;
        let text = match self.fault {
            Unsealed => plain,
            Plain427 if is_427 => plain,
            VectorNotInverted => under_own_vector(body, plain),
            SignedComplement if body.windows(20).any(|part| part == [b'/'; 20]) => "wrong".to_owned(),
            Quoted => format!("\"{}\"", session.seal(plain.into_bytes())),
            _ => session.seal(plain.into_bytes()),
        };
        (status, Body::from(text)).into_response()
    }
}

fn is_notification(data: &Value) -> bool {
    let key = if data["error"].is_null() { &data["error_key"] } else { &data["error"] };
    let is_hyphened = |key: &str| {
        let letters = key.replace('-', "");
        key.len() > letters.len() && letters.chars().all(|letter| letter.is_ascii_lowercase())
    };
    holds_error_alone(data) && (data["error_message"].is_string() || key.as_str().is_some_and(is_hyphened))
}

fn holds_error_alone(data: &Value) -> bool {
    let known = |key: &String| ["error", "error_key", "error_message"].contains(&key.as_str());
    let has_error = data.get("error").is_some() || data.get("error_key").is_some();
    has_error && data.as_object().is_some_and(|data| data.keys().all(known))
}

/// Sealed under the vector of the request as it came.
fn under_own_vector(body: &Bytes, plain: String) -> String {
    let envelope = envelope(body).unwrap();
    let key = KEYS.iter().find_map(|(key, _)| key.unwrap_key(&envelope)).unwrap();
    let sealed = Envelope::seal(&key, *envelope.initial_vector(), [0; 256], plain.into_bytes());
    STANDARD.encode(sealed.encrypted_flow_data())
}

/// Reads an envelope, whoever signed it.
fn envelope(body: &Bytes) -> Result<Envelope, envelope::Error> {
    let secret = secret(SECRETS[0]);
    let signed = signature::sign(body, &secret);
    let signature = Signature::parse(Some(signed.as_bytes())).unwrap();
    let (verified, _) = signature::verify(body.clone(), &signature, [&secret]).unwrap();
    Envelope::parse(verified)
}

fn secret(text: &str) -> AppSecret {
    AppSecret::new(text.as_bytes()).unwrap()
}
