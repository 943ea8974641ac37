//! The envelope: a JSON object of three base64 strings, and the AES-128-GCM encryption of what is in it.
//!
//! The request's key and initialization vector also seal the answer, the vector with every bit inverted. The key itself
//! comes wrapped; [`keys`](crate::keys) unwraps it. This module refuses to know what the plaintext says.

use std::borrow::Cow;
use std::fmt;

use aes_gcm::aead::{AeadInOut, KeyInit, consts::U16};
use aes_gcm::aes::Aes128;
use aes_gcm::{AesGcm, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Deserializer, IgnoredAny, Visitor};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize as _, Zeroizing};

use crate::signature::Verified;

/// AES-128-GCM under a nonce of 16 bytes. The usual length is 12, and most libraries allow no other.
type Cipher = AesGcm<Aes128, U16>;

/// Length of the initialization vector in bytes.
pub const IV_LENGTH: usize = 16;
/// Length of the AES key in bytes.
pub const AES_KEY_LENGTH: usize = 16;
/// Length of the authentication tag at the end of every ciphertext, in bytes.
pub const TAG_LENGTH: usize = 16;
/// Length of the wrapped AES key in bytes: the modulus of RSA-2048.
pub const ENCRYPTED_AES_KEY_LENGTH: usize = 256;

/// A well-formed envelope, still closed.
pub struct Envelope {
    encrypted_aes_key: [u8; ENCRYPTED_AES_KEY_LENGTH],
    initial_vector: [u8; IV_LENGTH],
    /// Ciphertext and tag.
    encrypted_flow_data: Vec<u8>,
}

impl Envelope {
    /// Reads the envelope from a body whose signature was verified. Unknown fields are ignored.
    ///
    /// ```compile_fail,E0308
    /// // Bytes of unknown origin cannot be parsed.
    /// flow_wire::envelope::Envelope::parse(bytes::Bytes::from_static(b"{}"));
    /// ```
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub fn parse(body: Verified) -> Result<Self, Error> {
        let fields = Fields::read(body.as_bytes())?;
        let encrypted_aes_key = decode(fields.encrypted_aes_key, Field::EncryptedAesKey)?;
        let initial_vector = decode(fields.initial_vector, Field::InitialVector)?;
        let encrypted_flow_data = decode(fields.encrypted_flow_data, Field::EncryptedFlowData)?;
        if encrypted_flow_data.len() < TAG_LENGTH {
            return Err(Error::Length(Field::EncryptedFlowData));
        }
        Ok(Self {
            encrypted_aes_key: encrypted_aes_key.try_into().map_err(|_| Error::Length(Field::EncryptedAesKey))?,
            initial_vector: initial_vector.try_into().map_err(|_| Error::Length(Field::InitialVector))?,
            encrypted_flow_data,
        })
    }

    /// Writes the envelope as a request body; the messaging client's side.
    pub fn encode(&self) -> Vec<u8> {
        let text = |bytes: &[u8]| Some(Text(Cow::Owned(STANDARD.encode(bytes))));
        let fields = Fields {
            encrypted_flow_data: text(&self.encrypted_flow_data),
            encrypted_aes_key: text(&self.encrypted_aes_key),
            initial_vector: text(&self.initial_vector),
        };
        // Three strings always serialise.
        serde_json::to_vec(&fields).unwrap_or_default()
    }

    /// The AES key as it travels, wrapped by RSA.
    pub fn encrypted_aes_key(&self) -> &[u8; ENCRYPTED_AES_KEY_LENGTH] {
        &self.encrypted_aes_key
    }

    /// The initialization vector of the request.
    pub fn initial_vector(&self) -> &[u8; IV_LENGTH] {
        &self.initial_vector
    }

    /// Ciphertext and tag.
    pub fn encrypted_flow_data(&self) -> &[u8] {
        &self.encrypted_flow_data
    }

    /// Opens the envelope: the plaintext, which is wiped when it is dropped, and the [`Session`] that seals its one answer.
    ///
    /// # Errors
    ///
    /// [`Unopened`] where the tag does not fit key, vector and ciphertext.
    pub fn open(self, key: AesKey) -> Result<(Zeroizing<Vec<u8>>, Session), Unopened> {
        let identity = self.identity(&key);
        let plaintext = decrypt(&key, &self.initial_vector, self.encrypted_flow_data)?;
        Ok((plaintext.into(), Session { key, answer_vector: inverted(self.initial_vector), identity }))
    }

    fn identity(&self, key: &AesKey) -> Identity {
        let session = Sha256::new().chain_update(key.as_bytes()).chain_update(self.initial_vector);
        let ciphertext = Sha256::digest(&self.encrypted_flow_data);
        Identity { session: session.finalize().into(), ciphertext: ciphertext.into() }
    }

    /// Seals a request; the messaging client's side. `encrypted_aes_key` is `key` under the endpoint's public key.
    ///
    /// Never seal two plaintexts under one `key` and `initial_vector`: whoever sees both ciphertexts can then forge.
    pub fn seal(
        key: &AesKey,
        initial_vector: [u8; IV_LENGTH],
        encrypted_aes_key: [u8; ENCRYPTED_AES_KEY_LENGTH],
        plaintext: Vec<u8>,
    ) -> Self {
        Self { encrypted_flow_data: encrypt(key, &initial_vector, plaintext), encrypted_aes_key, initial_vector }
    }
}

impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Envelope({} bytes of flow data)", self.encrypted_flow_data.len())
    }
}

/// The AES key of one request, wiped when it is dropped. In a box: wherever it is moved to, it stays where it will be wiped.
pub struct AesKey(Box<Zeroizing<[u8; AES_KEY_LENGTH]>>);

impl AesKey {
    /// Takes a key; `None` where it is not 16 bytes long.
    pub fn new(key: &[u8]) -> Option<Self> {
        if key.len() != AES_KEY_LENGTH {
            return None;
        }
        let mut own = Box::new(Zeroizing::new([0; AES_KEY_LENGTH]));
        own.copy_from_slice(key);
        Some(Self(own))
    }

    pub(crate) fn as_bytes(&self) -> &[u8; AES_KEY_LENGTH] {
        &self.0
    }
}

impl From<Zeroizing<[u8; AES_KEY_LENGTH]>> for AesKey {
    fn from(key: Zeroizing<[u8; AES_KEY_LENGTH]>) -> Self {
        Self(Box::new(key))
    }
}

impl fmt::Debug for AesKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AesKey(redacted)")
    }
}

/// By what an envelope is known again. It tells neither key nor plaintext.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// SHA-256 over AES key and vector. Only one answer may ever be sealed for it.
    pub session: [u8; 32],
    /// SHA-256 over ciphertext and tag.
    pub ciphertext: [u8; 32],
}

/// The right to seal one answer. Sealing consumes it, for a second answer would reuse key and nonce:
///
/// ```compile_fail,E0382
/// fn two_answers(session: flow_wire::envelope::Session) {
///     session.seal(b"one".to_vec());
///     session.seal(b"two".to_vec());
/// }
/// ```
pub struct Session {
    key: AesKey,
    answer_vector: [u8; IV_LENGTH],
    identity: Identity,
}

impl Session {
    /// By what the envelope of this session is known again.
    pub fn identity(&self) -> Identity {
        self.identity
    }

    /// Seals the answer: base64 of ciphertext and tag, the whole body of a 200 or 427.
    pub fn seal(self, plaintext: Vec<u8>) -> String {
        STANDARD.encode(encrypt(&self.key, &self.answer_vector, plaintext))
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session(redacted)")
    }
}

/// Opens an answer; the messaging client's side, with the key and vector of its request.
///
/// # Errors
///
/// [`Unopened`] where the answer is not base64 or was not sealed by this request's session.
pub fn open_answer(key: &AesKey, initial_vector: [u8; IV_LENGTH], answer: &[u8]) -> Result<Vec<u8>, Unopened> {
    let ciphertext = STANDARD.decode(answer).map_err(|_| Unopened)?;
    decrypt(key, &inverted(initial_vector), ciphertext)
}

/// A field of the envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// `encrypted_flow_data`: ciphertext and tag, at least the 16 bytes of the tag.
    EncryptedFlowData,
    /// `encrypted_aes_key`: 256 bytes.
    EncryptedAesKey,
    /// `initial_vector`: 16 bytes.
    InitialVector,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EncryptedFlowData => "encrypted_flow_data",
            Self::EncryptedAesKey => "encrypted_aes_key",
            Self::InitialVector => "initial_vector",
        })
    }
}

/// Why a signed body is no envelope. Every one of them is answered with status 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not JSON, or not UTF-8.
    #[error("the body is not JSON")]
    NotJson,
    /// JSON, but not an object.
    #[error("the body is not a JSON object")]
    NotAnObject,
    /// A webhook of the Graph API: an object with `object` and `entry`, as the platform posts messages and alerts to the callback
    /// URL of the app.
    #[error(
        "the body is a webhook, such as of messages or alerts; the callback URL of an app's webhooks is another than a flow's"
    )]
    Webhook,
    /// One of the three fields is no string, or is there twice.
    #[error("a field of the envelope is not a string, or stands there twice")]
    NotAString,
    /// The field is absent or null.
    #[error("the envelope lacks {0}")]
    Missing(Field),
    /// Not base64 of the standard alphabet with padding (RFC 4648, section 4).
    #[error("{0} is not padded standard base64")]
    NotBase64(Field),
    /// Decoded, the field has a wrong length: see [`Field`].
    #[error("{0} has a wrong length")]
    Length(Field),
}

/// The ciphertext does not belong to the key. There is one such outcome, whatever the cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the ciphertext does not open")]
pub struct Unopened;

/// The JSON form. Strings are borrowed from the body unless they hold escapes (`\/` is common).
#[derive(Serialize, Deserialize)]
struct Fields<'a> {
    #[serde(borrow)]
    encrypted_flow_data: Option<Text<'a>>,
    #[serde(borrow)]
    encrypted_aes_key: Option<Text<'a>>,
    #[serde(borrow)]
    initial_vector: Option<Text<'a>>,
}

impl<'a> Fields<'a> {
    fn are_all_absent(&self) -> bool {
        self.encrypted_flow_data.is_none() && self.encrypted_aes_key.is_none() && self.initial_vector.is_none()
    }

    fn read(body: &'a [u8]) -> Result<Self, Error> {
        use serde_json::error::Category;
        // serde_json checks no text that it skips, as in an unknown field.
        let body = std::str::from_utf8(body).map_err(|_| Error::NotJson)?;
        // A derived Deserialize would take an array for a struct too.
        let object = body.trim_ascii_start().starts_with('{');
        match serde_json::from_str::<Self>(body) {
            Ok(fields) if object && fields.are_all_absent() && is_webhook(body) => Err(Error::Webhook),
            Ok(fields) if object => Ok(fields),
            Ok(_) => Err(Error::NotAnObject),
            Err(error) => Err(match error.classify() {
                Category::Data if object => Error::NotAString,
                Category::Data => Error::NotAnObject,
                Category::Io | Category::Syntax | Category::Eof => Error::NotJson,
            }),
        }
    }
}

/// Whether a body is a webhook, whose form all the Graph API's share.
fn is_webhook(body: &str) -> bool {
    #[derive(Deserialize)]
    struct Webhook<'a> {
        #[serde(rename = "object", borrow)]
        _object: Text<'a>,
        #[serde(rename = "entry")]
        _entry: Vec<IgnoredAny>,
    }

    serde_json::from_str::<Webhook<'_>>(body).is_ok()
}

/// `Cow<str>` that borrows also inside an `Option`, which serde's own does not.
#[derive(Serialize)]
#[serde(transparent)]
struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;

        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(TextVisitor)
    }
}

fn decode(text: Option<Text<'_>>, field: Field) -> Result<Vec<u8>, Error> {
    STANDARD.decode(text.ok_or(Error::Missing(field))?.0.as_bytes()).map_err(|_| Error::NotBase64(field))
}

fn inverted(initial_vector: [u8; IV_LENGTH]) -> [u8; IV_LENGTH] {
    initial_vector.map(|byte| !byte)
}

fn encrypt(key: &AesKey, vector: &[u8; IV_LENGTH], mut plaintext: Vec<u8>) -> Vec<u8> {
    if plaintext.capacity() - plaintext.len() < TAG_LENGTH {
        // It would move by itself, and leave what was in it behind.
        let mut larger = Vec::with_capacity(plaintext.len() + TAG_LENGTH);
        larger.extend_from_slice(&plaintext);
        plaintext.zeroize();
        plaintext = larger;
    }
    let sealed = Cipher::new(key.as_bytes().into()).encrypt_in_place(&Nonce::<U16>::from(*vector), b"", &mut plaintext);
    // GCM refuses only plaintexts beyond 64 GiB (NIST SP 800-38D, section 5.2.1.1), which no Vec of ours reaches. Sending
    // the plaintext in the clear is not an answer to it.
    assert!(sealed.is_ok(), "plaintext beyond the limit of GCM");
    plaintext
}

fn decrypt(key: &AesKey, vector: &[u8; IV_LENGTH], mut ciphertext: Vec<u8>) -> Result<Vec<u8>, Unopened> {
    Cipher::new(key.as_bytes().into())
        .decrypt_in_place(&Nonce::<U16>::from(*vector), b"", &mut ciphertext)
        .map_err(|_| Unopened)?;
    Ok(ciphertext)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::{self, AppSecret, Signature};
    use bytes::Bytes;
    use serde_json::{Value, json};

    const KEY: [u8; AES_KEY_LENGTH] = [1; AES_KEY_LENGTH];
    const VECTOR: [u8; IV_LENGTH] = [2; IV_LENGTH];

    fn key() -> AesKey {
        AesKey::new(&KEY).unwrap()
    }

    fn sealed() -> Envelope {
        Envelope::seal(&key(), VECTOR, [3; ENCRYPTED_AES_KEY_LENGTH], b"question".to_vec())
    }

    fn parse(body: &[u8]) -> Result<Envelope, Error> {
        let secret = AppSecret::new(b"secret").unwrap();
        let header = signature::sign(body, &secret);
        let secrets = [secret];
        let header = Signature::parse(Some(header.as_bytes())).unwrap();
        let verified = signature::verify(Bytes::copy_from_slice(body), &header, &secrets);
        Envelope::parse(verified.unwrap().0)
    }

    fn error_of(body: impl ToString) -> Error {
        parse(body.to_string().as_bytes()).unwrap_err()
    }

    fn changed(field: &str, value: Value) -> Value {
        let mut envelope: Value = serde_json::from_slice(&sealed().encode()).unwrap();
        envelope[field] = value;
        envelope
    }

    #[test]
    fn what_was_sealed_opens_and_so_does_its_answer() {
        let envelope = parse(&sealed().encode()).unwrap();
        assert_eq!(envelope.encrypted_aes_key(), &[3; ENCRYPTED_AES_KEY_LENGTH]);
        let (plaintext, session) = envelope.open(key()).unwrap();
        assert_eq!(*plaintext, b"question");
        let answer = session.seal(b"answer".to_vec());
        assert_eq!(open_answer(&key(), VECTOR, answer.as_bytes()).unwrap(), b"answer");
    }

    #[test]
    fn an_envelope_is_known_again_however_its_key_was_wrapped() {
        let identity = |plaintext: &[u8], wrapped: u8| {
            let wrapped = [wrapped; ENCRYPTED_AES_KEY_LENGTH];
            Envelope::seal(&key(), VECTOR, wrapped, plaintext.to_vec()).open(key()).unwrap().1.identity()
        };
        assert_eq!(identity(b"question", 3), identity(b"question", 4));
        assert_eq!(identity(b"question", 3).session, identity(b"other", 3).session);
        assert_ne!(identity(b"question", 3).ciphertext, identity(b"other", 3).ciphertext);
    }

    #[test]
    fn a_question_is_not_taken_for_its_answer() {
        let Envelope { encrypted_flow_data, .. } = sealed();
        assert_eq!(open_answer(&key(), VECTOR, STANDARD.encode(encrypted_flow_data).as_bytes()), Err(Unopened));
    }

    #[test]
    fn each_error_names_the_field_and_what_is_wrong_with_it() {
        use Field::{EncryptedAesKey, EncryptedFlowData, InitialVector};
        assert_eq!(error_of(""), Error::NotJson);
        assert_eq!(error_of("{"), Error::NotJson);
        assert_eq!(error_of("[]"), Error::NotAnObject);
        assert_eq!(error_of(r#"["","",""]"#), Error::NotAnObject);
        assert_eq!(error_of("{}"), Error::Missing(EncryptedAesKey));
        assert_eq!(error_of(changed("initial_vector", Value::Null)), Error::Missing(InitialVector));
        assert_eq!(error_of(json!({"object": "whatsapp_business_account", "entry": [{"id": "1"}]})), Error::Webhook);
        assert_eq!(error_of(json!({"object": "whatsapp_business_account"})), Error::Missing(EncryptedAesKey));
        assert_eq!(error_of(json!({"object": 1, "entry": []})), Error::Missing(EncryptedAesKey));
        assert!(parse(changed("entry", json!([])).to_string().as_bytes()).is_ok(), "unknown fields are ignored");
        assert_eq!(error_of(changed("initial_vector", json!(1))), Error::NotAString);
        assert_eq!(error_of(changed("encrypted_flow_data", json!("_w=="))), Error::NotBase64(EncryptedFlowData));
        assert_eq!(error_of(changed("encrypted_flow_data", json!("AA=="))), Error::Length(EncryptedFlowData));
        assert_eq!(error_of(changed("encrypted_aes_key", json!("AA=="))), Error::Length(EncryptedAesKey));
        assert_eq!(error_of(changed("initial_vector", json!(""))), Error::Length(InitialVector));
        assert_eq!(Error::Length(InitialVector).to_string(), "initial_vector has a wrong length");
    }

    #[test]
    fn nothing_private_is_printed() {
        let envelope = sealed();
        assert_eq!(format!("{envelope:?}"), "Envelope(24 bytes of flow data)");
        let (_, session) = envelope.open(key()).unwrap();
        assert_eq!(format!("{session:?} {:?}", key()), "Session(redacted) AesKey(redacted)");
    }
}
