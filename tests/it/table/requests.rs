//! What is found before a message can be read: path, method, size, signature, envelope, key.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flow_tests::{Exchange, OTHER_APP_SECRET, key_file};
use serde_json::{Value, json};

use super::words::{envelope, init, seen};
use super::{MALFORMED, Row, assert_all, row};

const MISMATCH: &str = "signature mismatch\n";
const UNDECRYPTABLE: &str = "cannot be decrypted\n";
/// Default of `limits.max_body`.
const MAX_BODY: usize = 2 * 1024 * 1024;

#[tokio::test]
async fn what_is_refused_before_a_message_can_be_read() {
    assert_all([before_the_signature(), signatures(), envelopes(), undecryptable()]).await;
}

fn before_the_signature() -> Vec<Row> {
    let mut rows = vec![
        row("an unknown path", init()).at("/other").is(404, "no such endpoint\n"),
        row("a path with a slash more", init()).at("/flow/").is(404, "no such endpoint\n"),
        row("a path with a letter less", init()).at("/flo").is(404, "no such endpoint\n"),
        row("an unknown path and another method", init())
            .at("/other")
            .changed(|exchange| exchange.method("GET"))
            .is(404, "no such endpoint\n"),
        // What HEAD asks for has no body.
        row("the method HEAD", "").changed(|exchange| exchange.method("HEAD")).is(405, ""),
        row("another method and a body too large", "")
            .changed(|exchange| exchange.body(vec![b'a'; MAX_BODY + 1]).method("PUT"))
            .is(405, "use POST\n"),
        row("a body too large, not signed", "")
            .changed(|exchange| exchange.body(vec![b'a'; MAX_BODY + 1]).signature(None))
            .is(413, "request body too large\n"),
        row("a body of the largest size, not signed", "")
            .changed(|exchange| exchange.body(vec![b'a'; MAX_BODY]).signature(None))
            .is(432, MISMATCH),
    ];
    for method in ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        let row = row(format!("the method {method}"), init()).changed(move |exchange| exchange.method(method));
        rows.push(row.is(405, "use POST\n"));
    }
    rows
}

/// Another signature from the right one.
type Form = fn(&str) -> String;

fn signatures() -> Vec<Row> {
    fn hex(signature: &str) -> &str {
        &signature["sha256=".len()..]
    }
    let forms: [(&str, Form); 11] = [
        ("empty", |_| String::new()),
        ("without its prefix", |good| hex(good).to_owned()),
        ("with the prefix of SHA-1", |good| format!("sha1={}", hex(good))),
        ("with its prefix in capitals", |good| format!("SHA256={}", hex(good))),
        ("with digits in capitals", |good| format!("sha256={}", hex(good).to_uppercase())),
        ("with a digit less", |good| good[..good.len() - 1].to_owned()),
        ("with a digit more", |good| format!("{good}0")),
        ("with no digits", |_| "sha256=".to_owned()),
        ("of other letters", |_| format!("sha256={}", "g".repeat(64))),
        ("of zeros", |_| format!("sha256={}", "0".repeat(64))),
        ("in quotes", |good| format!("\"{good}\"")),
    ];
    let mut rows: Vec<_> = forms
        .into_iter()
        .map(|(name, form)| {
            let change = move |exchange: Exchange| {
                let (_, good) = exchange.clone().into_parts();
                exchange.signature(Some(form(&good).as_bytes()))
            };
            row(format!("a signature {name}"), init()).changed(change).is(432, MISMATCH)
        })
        .collect();
    rows.extend([
        row("no signature", init()).changed(|exchange| exchange.signature(None)).is(432, MISMATCH),
        row("a signature that is no text", init())
            .changed(|exchange| exchange.signature(Some(b"sha256=\xff\xfe")))
            .is(432, MISMATCH),
        row("a signature under another secret", init())
            .by(|client| client.app_secret(OTHER_APP_SECRET))
            .is(432, MISMATCH),
        row("a body changed after it was signed, by a line end", init())
            .changed(|exchange| {
                let (body, signature) = exchange.clone().into_parts();
                exchange.body([body, b"\n".to_vec()].concat()).signature(Some(signature.as_bytes()))
            })
            .is(432, MISMATCH),
        row("no envelope, and not signed", "")
            .changed(|exchange| exchange.body("no JSON").signature(None))
            .is(432, MISMATCH),
    ]);
    rows
}

fn envelopes() -> Vec<Row> {
    let mut rows: Vec<_> = ["", "text", "[]", "null", "7", "\"text\"", "{}", "{", "{} {}"]
        .into_iter()
        .map(|body| row(format!("the signed body {body:?}"), "").changed(move |exchange| exchange.body(body)))
        .collect();
    rows.push(row("a signed body that is no UTF-8", "").changed(|exchange| exchange.body(b"{\"\xff\":1}".to_vec())));
    rows.push(row("an envelope in a list", init()).changed(|exchange| {
        let list = json!([envelope(&exchange)]);
        exchange.body(list.to_string())
    }));
    for field in ["encrypted_flow_data", "encrypted_aes_key", "initial_vector"] {
        rows.push(row(format!("an envelope without {field}"), init()).changed(move |exchange| {
            let mut envelope = envelope(&exchange);
            envelope.as_object_mut().unwrap().remove(field);
            exchange.body(envelope.to_string())
        }));
        for value in [Value::Null, json!(7), json!(true), json!([]), json!(""), json!("????"), json!(" ")] {
            rows.push(row(format!("{value} for {field}"), init()).envelope(field, value));
        }
    }
    let base64 = |bytes: usize| json!(STANDARD.encode(vec![0xff; bytes]));
    for (field, lengths) in [
        ("initial_vector", &[12, 15, 17, 32][..]),
        ("encrypted_aes_key", &[16, 128, 255, 257, 512]),
        ("encrypted_flow_data", &[1, 15]),
    ] {
        for &length in lengths {
            rows.push(row(format!("{length} bytes of {field}"), init()).envelope(field, base64(length)));
        }
    }
    for (name, vector) in [
        ("URL-safe base64", "_____________________w=="),
        ("base64 without padding", "/////////////////////w"),
        ("base64 with a line end", "/////////////////////w==\n"),
        ("base64 in two lines", "////////////\n/////////w=="),
    ] {
        rows.push(row(name, init()).envelope("initial_vector", json!(vector)));
    }
    // A wrong length is found before the key is tried.
    rows.push(
        row("a wrong length and an unknown key", init())
            .by(|client| client.public_key("previous.pub"))
            .envelope("initial_vector", base64(12)),
    );
    let mut rows: Vec<_> = rows.into_iter().map(|row| row.is(400, MALFORMED)).collect();
    rows.extend([
        row("an unknown field in the envelope", init()).envelope("key_id", json!({ "a": [1] })).passes(seen(json!({}))),
        row("an envelope with escaped slashes", init())
            .changed(|exchange| {
                let (body, _) = exchange.clone().into_parts();
                exchange.body(String::from_utf8(body).unwrap().replace('/', "\\/"))
            })
            .passes(seen(json!({}))),
        row("an envelope with white space", init())
            .changed(|exchange| {
                let pretty = format!("\n{:#}\n", envelope(&exchange));
                exchange.body(pretty)
            })
            .passes(seen(json!({}))),
    ]);
    rows
}

fn undecryptable() -> Vec<Row> {
    let rows = [
        row("an unknown public key", init()).by(|client| client.public_key("previous.pub")),
        row("a wrapped key of 32 bytes", "").changed(|exchange| exchange.body(vector_body("key-32-bytes"))),
        row("a wrapped key of 15 bytes", "").changed(|exchange| exchange.body(vector_body("key-15-bytes"))),
        row("a key wrapped with SHA-1", "").changed(|exchange| exchange.body(vector_body("oaep-sha1"))),
        row("a bit of the wrapped key", init()).flipped("encrypted_aes_key"),
        row("a bit of the vector", init()).flipped("initial_vector"),
        row("a bit of the tag", init()).flipped("encrypted_flow_data"),
        // As short as flow data can be: a tag alone.
        row("16 bytes of flow data", init()).envelope("encrypted_flow_data", json!(STANDARD.encode([0; 16]))),
        row("no message and an unknown public key", "text").by(|client| client.public_key("previous.pub")),
    ];
    rows.into_iter().map(|row| row.is(421, UNDECRYPTABLE)).collect()
}

/// The body of a case of `vectors/`.
fn vector_body(name: &str) -> String {
    let file = key_file(&format!("../{name}.json"));
    let vector: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    vector["body"].as_str().unwrap().to_owned()
}
