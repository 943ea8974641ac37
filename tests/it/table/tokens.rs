//! What becomes of the flow token's signature.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flow_tests::{APP_SECRET, OTHER_APP_SECRET};
use flow_wire::signature::{self, AppSecret};
use serde_json::{Value, json};

use super::words::{TOKEN, acknowledged, active, init, ping, seen, seen_error, seen_ping, submission, with};
use super::{MALFORMED, Row, assert_all, row};

#[tokio::test]
async fn what_becomes_of_a_flow_tokens_signature() {
    assert_all([token_signatures()]).await;
}

fn token_signatures() -> Vec<Row> {
    const PASSES: Option<bool> = Some(false);
    const VERIFIED: Option<bool> = Some(true);
    const REFUSED: Option<bool> = None;
    let hs256 = r#"{"alg":"HS256","typ":"JWT"}"#;
    let payload = json!({ "flow_token": TOKEN }).to_string();
    let good = jwt(hs256, &payload, APP_SECRET);
    let (unsigned, _) = good.rsplit_once('.').unwrap();
    // For each signature, what becomes of it under ignore, verify and require.
    let signatures = [
        ("no signature", Value::Null, [PASSES, PASSES, REFUSED]),
        ("an empty signature", json!(""), [PASSES, PASSES, REFUSED]),
        ("a good signature", json!(good), [PASSES, VERIFIED, VERIFIED]),
        ("one under another secret", json!(jwt(hs256, &payload, OTHER_APP_SECRET)), [PASSES, REFUSED, REFUSED]),
        (
            "one of another token",
            json!(jwt(hs256, r#"{"flow_token":"order-18"}"#, APP_SECRET)),
            [PASSES, REFUSED, REFUSED],
        ),
        ("one of no token", json!(jwt(hs256, r#"{"sub":"order-17"}"#, APP_SECRET)), [PASSES, REFUSED, REFUSED]),
        ("one cut off", json!(unsigned), [PASSES, REFUSED, REFUSED]),
        ("an unsigned JWT", json!(format!("{unsigned}.")), [PASSES, REFUSED, REFUSED]),
        (
            "one by the algorithm none",
            json!(format!("{}.", jwt(r#"{"alg":"none"}"#, &payload, APP_SECRET).rsplit_once('.').unwrap().0)),
            [PASSES, REFUSED, REFUSED],
        ),
        ("one that says none", json!(jwt(r#"{"alg":"none"}"#, &payload, APP_SECRET)), [PASSES, REFUSED, REFUSED]),
        ("one that says HS512", json!(jwt(r#"{"alg":"HS512"}"#, &payload, APP_SECRET)), [PASSES, REFUSED, REFUSED]),
        ("garbage", json!("no.JSON-web.token"), [PASSES, REFUSED, REFUSED]),
        ("white space", json!(" "), [PASSES, REFUSED, REFUSED]),
    ];
    let mut rows = Vec::new();
    for (name, signature, outcomes) in signatures {
        // `verify` is the default.
        for ((path, mode), outcome) in
            [("/ignore", "ignore"), ("/flow", "verify"), ("/require", "require")].into_iter().zip(outcomes)
        {
            let message = with(init(), json!({ "flow_token_signature": signature }));
            let row = row(format!("{name} under {mode}"), message).at(path);
            rows.push(match outcome {
                Some(verified) => row.passes(seen(json!({ "flow_token_verified": verified }))),
                // An empty body, and no call to logic.
                None => row.is(427, ""),
            });
        }
    }
    let unsigned_before = with(init(), json!({ "version": "3.0" }));
    let error = with(submission(), json!({ "data": { "error": "payload-schema-error" } }));
    rows.extend([
        row("version 3.0 without a signature under require", unsigned_before).at("/require").is(427, ""),
        row("no token and no signature under require", json!({ "version": "4.0", "action": "INIT" }))
            .at("/require")
            .is(427, ""),
        row(
            "a good signature, but no token",
            json!({ "version": "4.0", "action": "INIT", "flow_token_signature": good }),
        )
        .is(427, ""),
        row("a submission without a signature under require", submission()).at("/require").is(427, ""),
        row("a ping under require", ping()).at("/require").calls(seen_ping("3.0")).opens(200, active()),
        row("an error notification under require", error)
            .at("/require")
            .calls(seen_error(json!({ "error": "payload-schema-error" })))
            .opens(200, acknowledged()),
        row("an unknown action without a signature under require", with(init(), json!({ "action": "init" })))
            .at("/require")
            .is(400, MALFORMED),
        row(
            "a refused signature where there is a fallback",
            with(submission(), json!({ "flow_token_signature": "no.JSON-web.token" })),
        )
        .at("/fallback")
        .is(427, ""),
    ]);
    rows
}

/// A JWT put together by hand, its signature made by the HMAC of the request signature.
fn jwt(header: &str, payload: &str, secret: &str) -> String {
    let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let mac = signature::sign(text.as_bytes(), &AppSecret::new(secret.as_bytes()).unwrap());
    let mac = &mac["sha256=".len()..];
    let mac: Vec<u8> = (0..mac.len()).step_by(2).map(|at| u8::from_str_radix(&mac[at..at + 2], 16).unwrap()).collect();
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(mac))
}
