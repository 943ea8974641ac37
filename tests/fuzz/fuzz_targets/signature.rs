//! The header up to the first line feed, then the body: only the true signature verifies.

#![no_main]

use std::sync::LazyLock;

use bytes::Bytes;
use flow_fuzz::APP_SECRET;
use flow_wire::signature::{self, AppSecret, Error, Signature};
use libfuzzer_sys::fuzz_target;

static OTHER_SECRET: LazyLock<AppSecret> = LazyLock::new(|| AppSecret::new(b"other").expect("not empty"));

fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(2, |&byte| byte == b'\n');
    let header = parts.next().unwrap_or_default();
    let body = parts.next().unwrap_or_default();
    let verify = |header: &[u8], body: &[u8], secrets: &[&AppSecret]| {
        let header = Signature::parse(Some(header))?;
        let verified = signature::verify(Bytes::copy_from_slice(body), &header, secrets.iter().copied());
        verified.map(|(body, _)| body.as_bytes().to_vec())
    };

    let good = signature::sign(body, &APP_SECRET).into_bytes();
    assert_eq!(verify(header, body, &[&APP_SECRET]).is_ok(), header == good, "another header than the true one");
    assert_eq!(verify(&good, body, &[&OTHER_SECRET, &APP_SECRET]).as_deref(), Ok(body), "the body itself comes out");
    assert_eq!(verify(&good, body, &[&OTHER_SECRET]), Err(Error::Mismatch));
    assert_eq!(verify(&good, body, &[]), Err(Error::Mismatch));

    // The true signature with one byte changed, and over a body with one byte changed; the input says which.
    let (at, change) = (header.len() % good.len(), data.last().copied().unwrap_or_default() | 1);
    let mut forged = good.clone();
    forged[at] ^= change;
    assert!(verify(&forged, body, &[&APP_SECRET]).is_err(), "a forged signature");
    if !body.is_empty() {
        let mut changed = body.to_vec();
        changed[header.len() % body.len()] ^= change;
        assert_eq!(verify(&good, &changed, &[&APP_SECRET]), Err(Error::Mismatch), "a changed body");
    }
});
