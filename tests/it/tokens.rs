//! The signature of the flow token (data API 4.0), made by Python's standard library.

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

fn init(signature: Option<&str>) -> Value {
    json!({ "version": "4.0", "action": "INIT", "flow_token": "order-17", "flow_token_signature": signature })
}

/// Whether logic was told that the token is verified; `None` where the answer is 427 and logic was not called.
async fn told(edge: &Edge, logic: &Logic, message: Value) -> Option<bool> {
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
async fn ignored_verified_or_required() {
    if !is_there(&["python3", "--version"]).await {
        return;
    }
    let logic = Logic::answering(screen("NEXT", json!({}))).await;
    let good = sign(HS256, &json!({ "flow_token": "order-17" }), APP_SECRET, "sha256").await;
    let forged = sign(HS256, &json!({ "flow_token": "order-17" }), "guessed", "sha256").await;
    for (setting, of_good, of_forged, of_none) in [
        (Some("ignore"), Some(false), Some(false), Some(false)),
        (Some("verify"), Some(true), None, Some(false)),
        (None, Some(true), None, Some(false)),
        (Some("require"), Some(true), None, None),
    ] {
        let edge = Edge::before(&logic).with(json!({ "flow_token_signature": setting })).start().await;
        assert_eq!(told(&edge, &logic, init(Some(&good))).await, of_good, "{setting:?}");
        assert_eq!(told(&edge, &logic, init(Some(&forged))).await, of_forged, "{setting:?}");
        assert_eq!(told(&edge, &logic, init(None)).await, of_none, "{setting:?}");
        // Empty is absent.
        assert_eq!(told(&edge, &logic, init(Some(""))).await, of_none, "{setting:?}");
    }
}

#[tokio::test]
async fn what_is_not_the_platforms_signature_of_this_token_is_refused() {
    if !is_there(&["python3", "--version"]).await {
        return;
    }
    let logic = Logic::answering(screen("NEXT", json!({}))).await;
    let edge = Edge::before(&logic).start().await;
    let payload = json!({ "flow_token": "order-17" });
    let good = sign(HS256, &payload, APP_SECRET, "sha256").await;
    let none = sign(r#"{"alg":"none"}"#, &payload, APP_SECRET, "sha256").await;
    let unsigned = format!("{}.", none.rsplit_once('.').unwrap().0);
    for signature in [
        sign(HS256, &json!({ "flow_token": "order-18" }), APP_SECRET, "sha256").await,
        sign(HS256, &json!({ "token": "order-17" }), APP_SECRET, "sha256").await,
        sign(r#"{"alg":"HS512"}"#, &payload, APP_SECRET, "sha512").await,
        sign(HS256, &json!({ "flow_token": "order-17", "exp": 1_000_000 }), APP_SECRET, "sha256").await,
        none,
        unsigned,
        good[1..].to_owned(),
        format!("{good}="),
        "a".repeat(20_000),
        "no.jwt.here".to_owned(),
    ] {
        assert_eq!(told(&edge, &logic, init(Some(&signature))).await, None, "{signature:.100}");
    }
    let later = json!({ "flow_token": "order-17", "exp": 99_999_999_999_u64, "iss": "platform" });
    let more_claims = sign(HS256, &later, APP_SECRET, "sha256").await;
    assert_eq!(told(&edge, &logic, init(Some(&more_claims))).await, Some(true));
}

#[tokio::test]
async fn any_configured_secret_will_do_and_notifications_need_none() {
    if !is_there(&["python3", "--version"]).await {
        return;
    }
    let logic = Logic::answering(screen("NEXT", json!({}))).await;
    let secrets = json!([{ "file": "app-secret" }, { "file": "other-app-secret" }]);
    let strict = json!({ "flow_token_signature": "require", "app_secrets": secrets });
    let edge = Edge::before(&logic).with(strict).start().await;
    // The body under the one, the token under the other: the message may be older than the rotation.
    let old = sign(HS256, &json!({ "flow_token": "order-17" }), OTHER_APP_SECRET, "sha256").await;
    assert_eq!(told(&edge, &logic, init(Some(&old))).await, Some(true));

    let error = json!({ "action": "INIT", "flow_token": "order-17", "data": { "error": "payload-schema-error" } });
    for message in [json!({ "version": "3.0", "action": "ping" }), error] {
        assert_eq!(edge.client().send(message).await.status, 200);
    }
}
