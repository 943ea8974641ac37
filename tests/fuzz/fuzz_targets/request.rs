//! A whole request, from signed bytes to a sealed answer: the input once as the body itself, once sealed as its plaintext.

#![no_main]

use std::sync::LazyLock;

use flow_fuzz::{PRIVATE_KEY, verified};
use flow_wire::envelope::{self, AesKey, ENCRYPTED_AES_KEY_LENGTH, Envelope, Session};
use flow_wire::keys::PrivateKey;
use flow_wire::message::{Request, Response};
use libfuzzer_sys::fuzz_target;

const AES_KEY: [u8; 16] = [1; 16];
const VECTOR: [u8; 16] = [2; 16];

static KEY: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::from_pem(PRIVATE_KEY, None).expect("the vectors' key"));
static WRAPPED: LazyLock<[u8; ENCRYPTED_AES_KEY_LENGTH]> =
    LazyLock::new(|| KEY.public_key().wrap_key(&aes_key()).expect("random numbers"));

fuzz_target!(|data: &[u8]| {
    if let Some((plaintext, session)) = open(data) {
        session.seal(answer(&plaintext).encode());
    }

    let body = Envelope::seal(&aes_key(), VECTOR, *WRAPPED, data.to_vec()).encode();
    let (plaintext, session) = open(&body).expect("what was sealed opens");
    assert_eq!(plaintext, data);
    let answer = answer(&plaintext).encode();
    let sealed = session.seal(answer.clone());
    let opened = envelope::open_answer(&aes_key(), VECTOR, sealed.as_bytes());
    assert_eq!(opened.as_deref(), Ok(answer.as_slice()));
    // Under the request's own vector it would open only if key and nonce were used twice.
    assert!(envelope::open_answer(&aes_key(), VECTOR.map(|byte| !byte), sealed.as_bytes()).is_err());

    // A changed byte anywhere shows; the input says where and how.
    let mut changed = sealed.into_bytes();
    let at = data.len() % changed.len();
    changed[at] ^= data.last().copied().unwrap_or_default() | 1;
    assert!(envelope::open_answer(&aes_key(), VECTOR, &changed).is_err());
});

fn open(body: &[u8]) -> Option<(Vec<u8>, Session)> {
    let envelope = Envelope::parse(verified(body)).ok()?;
    let key = KEY.unwrap_key(&envelope)?;
    envelope.open(key).ok().map(|(plaintext, session)| (plaintext.to_vec(), session))
}

/// An answer that holds as much of the request as it may.
fn answer(plaintext: &[u8]) -> Response {
    match Request::decode(plaintext) {
        Ok(Request::Ping(_)) => Response::Active,
        Ok(Request::ErrorNotification(_)) => Response::Acknowledged,
        Ok(Request::DataExchange(request)) if request.screen.is_empty() => {
            Response::Completion { params: request.data.unwrap_or_default() }
        }
        Ok(Request::DataExchange(request)) => {
            Response::Screen { screen: request.screen, data: request.data.unwrap_or_default() }
        }
        Err(error) => Response::InvalidFlowToken { error_msg: error.to_string() },
    }
}

fn aes_key() -> AesKey {
    AesKey::new(&AES_KEY).expect("16 bytes")
}
