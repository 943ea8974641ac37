//! Sealing and signing agree with Python's `cryptography` on whatever random makes, in both directions.

use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flow_tests::{PATIENCE, is_there};
use flow_wire::envelope::{AesKey, Envelope, open_answer};
use flow_wire::signature::{self, AppSecret};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::time::timeout;

const CASES: usize = 300;

/// For each case: the plaintext sealed as a request and as an answer, and the signature.
const PEER: &str = r#"
import base64, hashlib, hmac, json, sys
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
for line in sys.stdin:
    case = {name: base64.b64decode(value) for name, value in json.loads(line).items()}
    key, vector = AESGCM(case["key"]), case["vector"]
    inverted = bytes(byte ^ 0xFF for byte in vector)
    made = {
        "request": key.encrypt(vector, case["plaintext"], None),
        "answer": key.encrypt(inverted, case["plaintext"], None),
        "signature": hmac.new(case["secret"], case["plaintext"], hashlib.sha256).hexdigest().encode(),
    }
    print(json.dumps({name: base64.b64encode(value).decode() for name, value in made.items()}))
"#;

struct Case {
    key: [u8; 16],
    vector: [u8; 16],
    secret: Vec<u8>,
    plaintext: Vec<u8>,
}

impl Case {
    /// Lengths around the block size come up often, and long ones now and then.
    fn random() -> Self {
        let [kind, length, more, secret] = random();
        let length = usize::from(length);
        let length = match kind % 4 {
            0 => length % 4,
            1 => 14 + length % 5,
            2 => length,
            _ => length * 64 + usize::from(more),
        };
        Self { key: random(), vector: random(), secret: bytes(1 + usize::from(secret)), plaintext: bytes(length) }
    }
}

fn random<const N: usize>() -> [u8; N] {
    let mut random = [0; N];
    getrandom::fill(&mut random).unwrap();
    random
}

fn bytes(length: usize) -> Vec<u8> {
    let mut random = vec![0; length];
    getrandom::fill(&mut random).unwrap();
    random
}

#[tokio::test]
async fn what_is_sealed_and_signed_is_what_another_library_makes() {
    if !is_there(&["python3", "-c", "import cryptography"]).await {
        return;
    }
    let cases: Vec<_> = std::iter::repeat_with(Case::random).take(CASES).collect();
    let lines = cases.iter().map(|case| {
        let text = |bytes: &[u8]| STANDARD.encode(bytes);
        let Case { key, vector, secret, plaintext } = case;
        let line =
            json!({ "key": text(key), "vector": text(vector), "secret": text(secret), "plaintext": text(plaintext) });
        format!("{line}\n")
    });
    let made = peer(lines.collect()).await;
    assert_eq!(made.len(), CASES);
    for (Case { key, vector, secret, plaintext }, made) in cases.into_iter().zip(made) {
        let about = format!("key {key:02x?}, vector {vector:02x?}, {} bytes", plaintext.len());
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        let key = || AesKey::new(&key).unwrap();
        let envelope = Envelope::seal(&key(), vector, [0; 256], plaintext.clone());
        let encoded: Value = serde_json::from_slice(&envelope.encode()).unwrap();
        assert_eq!(encoded["encrypted_flow_data"], text("request"), "{about}");
        let (opened, session) = envelope.open(key()).unwrap();
        assert!(*opened == plaintext, "{about}");
        assert_eq!(session.seal(plaintext.clone()), text("answer"), "{about}");
        assert!(open_answer(&key(), vector, text("answer").as_bytes()).unwrap() == plaintext, "{about}");
        let signature = STANDARD.decode(text("signature")).unwrap();
        let signed = signature::sign(&plaintext, &AppSecret::new(&secret).unwrap());
        assert_eq!(signed, format!("sha256={}", String::from_utf8(signature).unwrap()), "{about}");
    }
}

async fn peer(lines: String) -> Vec<Value> {
    let mut python = Command::new("python3")
        .args(["-c", PEER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdin = python.stdin.take().unwrap();
    // Both at once: neither pipe holds it all.
    let write = async {
        stdin.write_all(lines.as_bytes()).await.unwrap();
        drop(stdin);
    };
    let (output, ()) = tokio::join!(timeout(PATIENCE, python.wait_with_output()), write);
    let output = output.expect("the peer ends").unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
