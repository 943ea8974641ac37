//! The signature of a flow token as text: only what the secret signed, for this token, is good.

#![no_main]

use std::time::SystemTime;

use flow_fuzz::APP_SECRET;
use flow_wire::token;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let verify = |signature: &str, flow_token: &str| {
        token::verify(signature, flow_token, [&*APP_SECRET], SystemTime::UNIX_EPOCH)
    };
    // As it came: good only where the seed of a true signature survived, and then for its token alone.
    if verify(&text, "token-1").is_ok() {
        assert_eq!(verify(&text, "token-2"), Err(token::Error::OtherToken));
    }
    // As the token that is signed: any text is, and changed by one character it is another one's.
    let good = token::sign(&text, &APP_SECRET);
    if good.len() <= token::MAX_LENGTH {
        assert_eq!(verify(&good, &text), Ok(()));
        assert_eq!(verify(&good, &format!("{text}x")), Err(token::Error::OtherToken));
        let (unsigned, _) = good.rsplit_once('.').expect("three parts");
        assert!(verify(&format!("{unsigned}."), &text).is_err());
    }
});
