//! The cases of `vectors/`, made by OpenSSL and by other languages' cryptography: `flow-wire` reads each as it should, and
//! the running edge answers it with the right status.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use flow_tests::{Edge, Logic, screen};
use flow_wire::envelope::{Envelope, Session};
use flow_wire::keys::PrivateKey;
use flow_wire::message::Request;
use flow_wire::signature::{self, AppSecret, Signature};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    #[serde(rename = "description")]
    _description: String,
    #[serde(rename = "made_by")]
    _made_by: String,
    app_secret: String,
    private_keys: Vec<String>,
    signature: Option<String>,
    signature_base64: Option<String>,
    body: Option<String>,
    body_base64: Option<String>,
    expect: Expect,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    outcome: Outcome,
    status: u16,
    plaintext: Option<String>,
    plaintext_sha256: Option<String>,
    plaintext_length: Option<usize>,
    request: Option<Value>,
    #[serde(default)]
    answers: Vec<Sealed>,
}

/// How far a case gets.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Signature,
    Envelope,
    Decryption,
    Message,
    Opened,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    plaintext: String,
    sealed: String,
}

impl Vector {
    fn body(&self) -> Vec<u8> {
        either(self.body.as_ref(), self.body_base64.as_ref()).expect("a body")
    }

    fn signature(&self) -> Option<Vec<u8>> {
        either(self.signature.as_ref(), self.signature_base64.as_ref())
    }

    fn private_keys(&self) -> Vec<PrivateKey> {
        let read = |name: &String| fs::read_to_string(folder().join(name)).unwrap();
        self.private_keys.iter().map(|name| PrivateKey::from_pem(&read(name), None).unwrap()).collect()
    }

    /// Goes as far as the case gets.
    fn open(&self) -> (Outcome, Option<Opened>) {
        let secrets = [AppSecret::new(self.app_secret.as_bytes()).unwrap()];
        let signature = Signature::parse(self.signature().as_deref());
        let verify = |signature| signature::verify(Bytes::from(self.body()), &signature, &secrets);
        let Ok((body, _)) = signature.and_then(verify) else {
            return (Outcome::Signature, None);
        };
        let Ok(envelope) = Envelope::parse(body) else { return (Outcome::Envelope, None) };
        let Some(key) = self.private_keys().iter().find_map(|key| key.unwrap_key(&envelope)) else {
            return (Outcome::Decryption, None);
        };
        let Ok((plaintext, session)) = envelope.open(key) else { return (Outcome::Decryption, None) };
        let request = Request::decode(&plaintext).ok();
        let outcome = if request.is_some() { Outcome::Opened } else { Outcome::Message };
        (outcome, Some(Opened { plaintext: plaintext.to_vec(), session, request }))
    }
}

struct Opened {
    plaintext: Vec<u8>,
    session: Session,
    request: Option<Request>,
}

#[test]
fn each_case_is_read_as_far_as_it_should() {
    for (name, vector) in vectors() {
        let (outcome, opened) = vector.open();
        assert_eq!(outcome, vector.expect.outcome, "{name}");
        let Some(Opened { plaintext, session, request }) = opened else { continue };
        if let Some(expected) = &vector.expect.plaintext {
            assert!(plaintext == expected.as_bytes(), "{name}: plaintext");
        } else {
            assert_eq!(Some(plaintext.len()), vector.expect.plaintext_length, "{name}");
            let digest: String = Sha256::digest(&plaintext).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(Some(digest), vector.expect.plaintext_sha256, "{name}");
        }
        if let Some(expected) = &vector.expect.request {
            assert_eq!(&meaning(&request.unwrap()), expected, "{name}");
        }
        // One session seals one answer, so there is at most one to compare.
        let [answer] = vector.expect.answers.as_slice() else { continue };
        assert!(session.seal(answer.plaintext.clone().into_bytes()) == answer.sealed, "{name}: sealed answer");
    }
}

#[tokio::test]
async fn the_running_edge_answers_each_case_with_its_status() {
    let logic = Logic::answering(screen("NEXT", json!({}))).await;
    // One endpoint for each pair of ring and secret.
    let mut endpoints = BTreeMap::<_, Vec<_>>::new();
    for (name, vector) in vectors() {
        let key = (vector.private_keys.clone(), vector.app_secret.clone());
        endpoints.entry(key).or_default().push((name, vector));
    }
    for ((private_keys, app_secret), vectors) in endpoints {
        let files: Vec<_> = private_keys.iter().map(|name| json!({ "file": folder().join(name) })).collect();
        let secrets = tempfile::TempDir::new().unwrap();
        fs::write(secrets.path().join("app-secret"), app_secret).unwrap();
        let secret = json!([{ "file": secrets.path().join("app-secret") }]);
        let edge = Edge::before(&logic).with(json!({ "private_keys": files, "app_secrets": secret })).start().await;
        let client = edge.client();
        for (name, vector) in vectors {
            let answer = client.send_signed(vector.body(), vector.signature().as_deref()).await;
            assert_eq!(answer.status, vector.expect.status, "{name}");
        }
    }
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/vectors"))
}

/// Every case by its name; there are enough of them that a folder gone astray is noticed.
fn vectors() -> Vec<(String, Vector)> {
    let mut vectors = Vec::new();
    for file in fs::read_dir(folder()).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let vector =
                serde_json::from_slice(&fs::read(&path).unwrap()).unwrap_or_else(|error| panic!("{name}: {error}"));
            vectors.push((name, vector));
        }
    }
    vectors.sort_by(|(one, _), (other, _)| one.cmp(other));
    assert!(vectors.len() >= 60, "{} cases", vectors.len());
    vectors
}

fn either(text: Option<&String>, base64: Option<&String>) -> Option<Vec<u8>> {
    match (text, base64) {
        (Some(text), None) => Some(text.clone().into_bytes()),
        (None, Some(base64)) => Some(STANDARD.decode(base64).unwrap()),
        (None, None) => None,
        (Some(_), Some(_)) => panic!("both as text and as base64"),
    }
}

/// A request in the words of the vectors.
fn meaning(request: &Request) -> Value {
    let action = |action: flow_wire::message::Action| match action {
        flow_wire::message::Action::Init => "INIT",
        flow_wire::message::Action::Back => "BACK",
        flow_wire::message::Action::DataExchange => "data_exchange",
        flow_wire::message::Action::Navigate => "navigate",
    };
    let token = |token: &str| if token.is_empty() { Value::Null } else { token.into() };
    match request {
        Request::Ping(ping) => json!({ "kind": "ping", "version": ping.version }),
        Request::ErrorNotification(error) => json!({
            "kind": "error_notification", "version": error.version, "action": action(error.action),
            "screen": error.screen, "flow_token": token(&error.flow_token),
            "error": error.error, "error_message": error.error_message,
        }),
        Request::DataExchange(request) => json!({
            "kind": "data_exchange", "version": request.version, "action": action(request.action),
            "screen": request.screen, "flow_token": token(&request.flow_token), "data": request.data,
        }),
    }
}
