//! A key file: text as it is; what is no text as DER under each label that a reader knows. A key that was accepted works.

#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flow_fuzz::verified;
use flow_wire::envelope::{AesKey, Envelope};
use flow_wire::keys::{Error, PrivateKey, PublicKey};
use libfuzzer_sys::fuzz_target;
use pkcs8::EncryptedPrivateKeyInfoRef;
use pkcs8::pkcs5::EncryptionScheme;
use pkcs8::pkcs5::pbes2::Kdf;

/// The passphrase of the seeds.
const PASSPHRASE: &str = "test-only";
const AES_KEY: [u8; 16] = [1; 16];
const VECTOR: [u8; 16] = [2; 16];
const ENCRYPTED: &str = "ENCRYPTED PRIVATE KEY";

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        return read(text, || encrypted_blocks(text).all(|der| is_cheap(&der)));
    }
    let contents = STANDARD.encode(data);
    for label in ["PRIVATE KEY", "RSA PRIVATE KEY", ENCRYPTED, "PUBLIC KEY", "RSA PUBLIC KEY"] {
        let pem = format!("-----BEGIN {label}-----\n{contents}\n-----END {label}-----\n");
        read(&pem, || label != ENCRYPTED || is_cheap(data));
    }
});

fn read(pem: &str, is_cheap: impl Fn() -> bool) {
    match PrivateKey::from_pem(pem, None) {
        Ok(key) => works(&key),
        Err(Error::PassphraseMissing) if is_cheap() => {
            if let Ok(key) = PrivateKey::from_pem(pem, Some(PASSPHRASE)) {
                works(&key);
            }
        }
        Err(_) => {}
    }
    if let Ok(key) = PublicKey::from_pem(pem) {
        readable(&key);
        assert!(key.wrap_key(&aes_key()).is_ok(), "{key:?} wraps");
    }
}

/// What its public half wraps, a private key unwraps.
fn works(key: &PrivateKey) {
    let public_key = key.public_key();
    readable(&public_key);
    let wrapped = public_key.wrap_key(&aes_key()).expect("a key that wraps");
    let body = Envelope::seal(&aes_key(), VECTOR, wrapped, b"plaintext".to_vec()).encode();
    let envelope = Envelope::parse(verified(&body)).expect("an envelope");
    let unwrapped = key.unwrap_key(&envelope).expect("a key that unwraps");
    assert!(envelope.open(unwrapped).is_ok_and(|(plaintext, _)| *plaintext == b"plaintext"));
}

fn readable(key: &PublicKey) {
    let again = PublicKey::from_pem(key.as_pem()).expect("what was written reads");
    assert_eq!((again.as_pem(), again.fingerprint()), (key.as_pem(), key.fingerprint()));
}

fn aes_key() -> AesKey {
    AesKey::new(&AES_KEY).expect("16 bytes")
}

/// The contents of the encrypted PKCS#8 blocks in a text.
fn encrypted_blocks(text: &str) -> impl Iterator<Item = Vec<u8>> {
    let text = text.replace("\\r", "").replace("\\n", "\n");
    let blocks: Vec<_> = text.split(&format!("-----BEGIN {ENCRYPTED}-----")).skip(1).map(str::to_owned).collect();
    blocks.into_iter().filter_map(|block| {
        let lines = block.split("-----").next()?.lines().filter(|line| !line.contains(':'));
        let base64: String = lines.flat_map(str::split_ascii_whitespace).collect();
        STANDARD.decode(base64).ok()
    })
}

/// Whether the key derivation takes milliseconds, or should be refused: what a file may ask for takes seconds, and the target
/// would do little else.
fn is_cheap(der: &[u8]) -> bool {
    let Ok(EncryptionScheme::Pbes2(parameters)) =
        EncryptedPrivateKeyInfoRef::try_from(der).map(|key| key.encryption_algorithm)
    else {
        return true;
    };
    match parameters.kdf {
        Kdf::Pbkdf2(kdf) => kdf.iteration_count <= 4096 || kdf.iteration_count > 10_000_000,
        Kdf::Scrypt(kdf) => {
            let blocks = u64::from(kdf.block_size) * u64::from(kdf.parallelization);
            kdf.cost_parameter <= 1024 && blocks <= 64 || kdf.cost_parameter > 1 << 20
        }
        _ => false,
    }
}
