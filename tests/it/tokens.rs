//! The signature of the flow token (data API 4.0), made by Python's standard library. What becomes of it under each setting has its
//! rows in `table/tokens.rs`.

use flow_tests::{APP_SECRET, Call, Edge, Logic, OTHER_APP_SECRET, is_there, screen};
use serde_json::{Value, json};
use tokio::process::Command;

/// HS256 by hand: base64url without padding, HMAC-SHA256.
const SIGN: &str = r#"
import base64, hashlib, hmac, sys
header, payload, secret, digest = sys.argv[1:]
text = ".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in (header, payload))
mac = hmac.new(secret.encode(), text.encode(), digest).digest()
print(text + "." + base64.urlsafe_b64encode(mac).decode().rstrip("="), end="")
"#;

const HS256: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

async fn sign(header: &str, payload: &Value, secret: &str, digest: &str) -> String {
    let python = Command::new("python3").args(["-c", SIGN, header, &payload.to_string(), secret, digest]).output();
    let output = python.await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Whether logic was told that the token is verified; `None` where the answer is 427 and logic was not called.
async fn told(edge: &Edge, logic: &Logic, signature: &str) -> Option<bool> {
    let message =
        json!({ "version": "4.0", "action": "INIT", "flow_token": "order-17", "flow_token_signature": signature });
    let before = logic.calls().len();
    let answer = edge.client().send(message).await;
    match (answer.status, logic.calls().get(before)) {
        (200, Some(Call::DataExchange(request, _))) => Some(request.flow_token_verified),
        (427, None) => {
            assert_eq!(answer.body, "", "there is no text to seal");
            None
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn only_the_platforms_signature_of_this_token_is_verified() {
    if !is_there(&["python3", "--version"]).await {
        return;
    }
    let logic = Logic::answering(screen("NEXT", json!({}))).await;
    let edge = Edge::before(&logic).with(json!({ "flow_token_signature": "verify" })).start().await;
    let payload = json!({ "flow_token": "order-17" });
    let good = sign(HS256, &payload, APP_SECRET, "sha256").await;
    assert_eq!(told(&edge, &logic, &good).await, Some(true));
    let later = json!({ "flow_token": "order-17", "exp": 99_999_999_999_u64, "iss": "platform" });
    let more_claims = sign(HS256, &later, APP_SECRET, "sha256").await;
    assert_eq!(told(&edge, &logic, &more_claims).await, Some(true));
    for signature in [
        sign(HS256, &payload, "guessed", "sha256").await,
        sign(r#"{"alg":"HS512"}"#, &payload, APP_SECRET, "sha512").await,
        sign(HS256, &json!({ "flow_token": "order-17", "exp": 1_000_000 }), APP_SECRET, "sha256").await,
        good[1..].to_owned(),
        format!("{good}="),
        "a".repeat(20_000),
    ] {
        assert_eq!(told(&edge, &logic, &signature).await, None, "{signature:.100}");
    }
}

#[tokio::test]
async fn any_configured_secret_will_do() {
    if !is_there(&["python3", "--version"]).await {
        return;
    }
    let logic = Logic::answering(screen("NEXT", json!({}))).await;
    let secrets = json!([{ "file": "app-secret" }, { "file": "other-app-secret" }]);
    let strict = json!({ "flow_token_signature": "require", "app_secrets": secrets });
    let edge = Edge::before(&logic).with(strict).start().await;
    // The body under the one, the token under the other: the message may be older than the rotation.
    let old = sign(HS256, &json!({ "flow_token": "order-17" }), OTHER_APP_SECRET, "sha256").await;
    assert_eq!(told(&edge, &logic, &old).await, Some(true));
}
