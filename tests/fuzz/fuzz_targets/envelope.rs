//! A signed body: what parses as an envelope holds what the body says, and parses to the same when written again.

#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flow_fuzz::verified;
use flow_wire::envelope::Envelope;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|body: &[u8]| {
    let Ok(envelope) = Envelope::parse(verified(body)) else { return };
    let encoded = envelope.encode();
    let again = Envelope::parse(verified(&encoded)).expect("what was encoded parses");
    assert_eq!(again.encode(), encoded);
    assert_eq!(again.encrypted_aes_key(), envelope.encrypted_aes_key());

    // Another reader of the same body. It refuses some that an envelope may have, such as 1e999 in an unknown field.
    let Ok(fields) = serde_json::from_slice::<Value>(body) else { return };
    let encoded: Value = serde_json::from_slice(&encoded).expect("what was encoded is JSON");
    for name in ["encrypted_flow_data", "encrypted_aes_key", "initial_vector"] {
        let bytes = |fields: &Value| STANDARD.decode(fields[name].as_str().expect("a string")).expect("base64");
        assert_eq!(bytes(&fields), bytes(&encoded), "{name}");
    }
});
