//! Requests as no honest client sends them: every part that can be wrong, changed by its name in a case.

use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm, OaepPublicEncryptingKey, Pkcs1PublicEncryptingKey,
    PublicEncryptingKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flow_wire::envelope::{AES_KEY_LENGTH, AesKey, ENCRYPTED_AES_KEY_LENGTH, Envelope, IV_LENGTH, TAG_LENGTH};
use flow_wire::keys::PublicKey;
use flow_wire::signature::{self, AppSecret};
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject as _;
use serde::Deserialize;
use serde_json::{Value, json};

use super::outcome::Failure;

/// A public key whose private half was thrown away.
const KEY_OF_NOBODY: &str = "\
-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA2XhlSEIPqI/ZKs02qv/n
zjsjFhwN7ewmtVosqDDpMJHNoxJ8gGRI33BJgivZmrm74NkjQsmJFjdhWGbQhrg6
xV+XA3+Jt7bwnH7yCgYLcTKOC9t7f4zoMWO32iDNQSCzBKLGdd8Yjue6YS334w5H
w5AhSI6BqN3DkXHJHcfxqow0xf/mhhpqbKWiz6UNYXNc3ljdW17lashpcw4o0Bma
B8etgoPn7p/4oMOLL6krKYva2l1xFXXWgYsy95RJ94CvCuW9CHW1FosYHwqSzrwr
MFruwf9LBGM1eaFb5HWLXaYc/C2VMZwvafp6qGIGMGgBe7TTLf7JZqiFQP+PSQ5u
KQIDAQAB
-----END PUBLIC KEY-----
";

/// The ways in which a request is not what the client would send; none by default.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct Forge {
    signature: Signature,
    key: Key,
    vector: Vector,
    flow_data: FlowData,
    envelope: Writing,
    /// In place of the message.
    plaintext: Option<String>,
    /// In place of the envelope.
    body: Option<String>,
    pub(super) content_type: Option<String>,
    /// So many bytes of form data, among the message's.
    filler: usize,
}

#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Signature {
    #[default]
    Good,
    Missing,
    Empty,
    OfZeros,
    OfOtherBody,
    OfOtherSecret,
    OfOldSecret,
    WithoutPrefix,
    Short,
    NotHex,
}

#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Key {
    #[default]
    Good,
    /// For the other public key of a rotation.
    Old,
    OfAnother,
    OaepSha1,
    Pkcs1Padding,
    /// An AES key of 32 bytes.
    Long,
    Random,
    Short,
}

#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Vector {
    #[default]
    Random,
    Zeros,
    Ones,
    TwelveBytes,
}

#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum FlowData {
    #[default]
    Good,
    TagFlipped,
    /// Shorter than the tag.
    Short,
}

/// How the three fields stand in JSON.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Writing {
    #[default]
    Plain,
    /// White space, escaped slashes, and the fields in another order.
    Unusual,
    MoreFields,
    FieldMissing,
    FieldANumber,
    FieldNotBase64,
}

/// AES key and vector of one exchange.
#[derive(Clone, Copy)]
pub(super) struct Session {
    pub(super) key: [u8; AES_KEY_LENGTH],
    pub(super) vector: [u8; IV_LENGTH],
}

/// A request ready to be sent, and what opens its answer.
pub(super) struct Post {
    pub(super) body: Vec<u8>,
    pub(super) signature: Option<String>,
    pub(super) content_type: String,
    pub(super) session: Session,
}

/// What seals and signs.
#[derive(Debug)]
pub(super) struct Forger {
    pub(super) public_key: PublicKey,
    pub(super) app_secret: AppSecret,
    pub(super) old_app_secret: Option<AppSecret>,
    pub(super) old_public_key: Option<PublicKey>,
    /// What the endpoint has no part of.
    other_public_key: PublicKey,
    other_app_secret: AppSecret,
}

impl Forge {
    /// What an endpoint must have been given for this, where that is more than every endpoint has.
    pub(super) fn lacks(&self, forger: &Forger) -> Option<&'static str> {
        if self.signature == Signature::OfOldSecret && forger.old_app_secret.is_none() {
            Some("--old-app-secret-file names no second secret")
        } else if self.key == Key::Old && forger.old_public_key.is_none() {
            Some("--old-public-key names no second key")
        } else {
            None
        }
    }
}

impl Session {
    pub(super) fn fresh() -> Result<Self, Failure> {
        let mut session = Self { key: [0; AES_KEY_LENGTH], vector: [0; IV_LENGTH] };
        fill(&mut session.key)?;
        fill(&mut session.vector)?;
        Ok(session)
    }

    /// As flow-wire has it, which gives a key away no more.
    pub(super) fn aes_key(&self) -> AesKey {
        AesKey::from(zeroize::Zeroizing::new(self.key))
    }
}

impl Forger {
    pub(super) fn new(
        public_key: PublicKey,
        app_secret: AppSecret,
        old_app_secret: Option<AppSecret>,
        old_public_key: Option<PublicKey>,
    ) -> Result<Self, crate::client::Error> {
        let other_public_key = PublicKey::from_pem(KEY_OF_NOBODY)?;
        let other_app_secret = AppSecret::new(b"a secret of no app").unwrap_or_else(|_| app_secret.clone());
        Ok(Self { public_key, app_secret, old_app_secret, old_public_key, other_public_key, other_app_secret })
    }

    /// Seals and signs a message as the client would, but for what `forge` says.
    pub(super) fn post(&self, message: Value, forge: &Forge) -> Result<Post, Failure> {
        self.post_in(Session::fresh()?, message, forge)
    }

    /// The same in a session that was there before.
    pub(super) fn post_in(&self, mut session: Session, mut message: Value, forge: &Forge) -> Result<Post, Failure> {
        if forge.filler > 0 {
            message["data"]["filler"] = "x".repeat(forge.filler).into();
        }
        let plaintext = forge.plaintext.clone().unwrap_or_else(|| message.to_string()).into_bytes();
        match forge.vector {
            Vector::Zeros => session.vector = [0; IV_LENGTH],
            Vector::Ones => session.vector = [0xff; IV_LENGTH],
            Vector::Random | Vector::TwelveBytes => {}
        }
        let key = self.wrap(&session, &forge.key)?;
        let sealed = Envelope::seal(&session.aes_key(), session.vector, [0; ENCRYPTED_AES_KEY_LENGTH], plaintext);
        let mut flow_data = sealed.encrypted_flow_data().to_vec();
        match forge.flow_data {
            FlowData::Good => {}
            FlowData::TagFlipped => flow_data.last_mut().into_iter().for_each(|byte| *byte ^= 1),
            FlowData::Short => flow_data.truncate(TAG_LENGTH - 1),
        }
        let vector = if forge.vector == Vector::TwelveBytes { &session.vector[..12] } else { &session.vector };
        let body = match &forge.body {
            Some(body) => body.clone().into_bytes(),
            None => write(&forge.envelope, [&flow_data, &key, vector].map(|bytes| STANDARD.encode(bytes))),
        };
        let signature = self.sign(&body, &forge.signature);
        let content_type = forge.content_type.clone().unwrap_or_else(|| "application/json".to_owned());
        Ok(Post { body, signature, content_type, session })
    }

    fn wrap(&self, session: &Session, key: &Key) -> Result<Vec<u8>, Failure> {
        let own = &self.public_key;
        match key {
            Key::Good => oaep(own, &OAEP_SHA256_MGF1SHA256, &session.key),
            Key::Old => oaep(self.old_public_key.as_ref().unwrap_or(own), &OAEP_SHA256_MGF1SHA256, &session.key),
            Key::OfAnother => oaep(&self.other_public_key, &OAEP_SHA256_MGF1SHA256, &session.key),
            Key::OaepSha1 => oaep(own, &OAEP_SHA1_MGF1SHA1, &session.key),
            Key::Long => oaep(own, &OAEP_SHA256_MGF1SHA256, &[session.key, session.key].concat()),
            Key::Pkcs1Padding => pkcs1(own, &session.key),
            Key::Random => random(ENCRYPTED_AES_KEY_LENGTH),
            Key::Short => random(ENCRYPTED_AES_KEY_LENGTH - 1),
        }
    }

    fn sign(&self, body: &[u8], how: &Signature) -> Option<String> {
        let good = signature::sign(body, &self.app_secret);
        Some(match how {
            Signature::Good => good,
            Signature::Missing => return None,
            Signature::Empty => String::new(),
            Signature::OfZeros => format!("sha256={}", "0".repeat(64)),
            Signature::OfOtherBody => signature::sign(b"{}", &self.app_secret),
            Signature::OfOtherSecret => signature::sign(body, &self.other_app_secret),
            Signature::OfOldSecret => signature::sign(body, self.old_app_secret.as_ref().unwrap_or(&self.app_secret)),
            Signature::WithoutPrefix => good.trim_start_matches("sha256=").to_owned(),
            Signature::Short => good[..good.len() - 2].to_owned(),
            Signature::NotHex => format!("sha256={}", "zz".repeat(32)),
        })
    }
}

fn write(how: &Writing, [flow_data, key, vector]: [String; 3]) -> Vec<u8> {
    let mut fields = json!({ "encrypted_flow_data": flow_data, "encrypted_aes_key": key, "initial_vector": vector });
    match how {
        Writing::Plain => {}
        Writing::Unusual => {
            let [flow_data, key, vector] = [flow_data, key, vector].map(|text| text.replace('/', "\\/"));
            let lines = [
                format!("\"initial_vector\"\t:\"{vector}\""),
                format!("  \"encrypted_aes_key\" : \"{key}\""),
                format!("\"encrypted_flow_data\":   \"{flow_data}\""),
            ];
            return format!("{{ {}\r\n }}\n", lines.join(" ,\n")).into_bytes();
        }
        Writing::MoreFields => fields["of_a_later_edition"] = json!({ "more": [1, null] }),
        Writing::FieldMissing => drop(fields.as_object_mut().and_then(|fields| fields.remove("initial_vector"))),
        Writing::FieldANumber => fields["encrypted_aes_key"] = 7.into(),
        Writing::FieldNotBase64 => fields["encrypted_flow_data"] = "no base64!".into(),
    }
    fields.to_string().into_bytes()
}

fn oaep(public_key: &PublicKey, algorithm: &'static OaepAlgorithm, key: &[u8]) -> Result<Vec<u8>, Failure> {
    let public_key = OaepPublicEncryptingKey::new(encrypting_key(public_key)?).map_err(not_made)?;
    let mut wrapped = vec![0; public_key.ciphertext_size()];
    public_key.encrypt(algorithm, key, &mut wrapped, None).map_err(not_made)?;
    Ok(wrapped)
}

fn pkcs1(public_key: &PublicKey, key: &[u8]) -> Result<Vec<u8>, Failure> {
    let public_key = Pkcs1PublicEncryptingKey::new(encrypting_key(public_key)?).map_err(not_made)?;
    let mut wrapped = vec![0; public_key.ciphertext_size()];
    public_key.encrypt(key, &mut wrapped).map_err(not_made)?;
    Ok(wrapped)
}

fn encrypting_key(public_key: &PublicKey) -> Result<PublicEncryptingKey, Failure> {
    let spki = SubjectPublicKeyInfoDer::from_pem_slice(public_key.as_pem().as_bytes()).map_err(not_made)?;
    PublicEncryptingKey::from_der(&spki).map_err(not_made)
}

fn random(length: usize) -> Result<Vec<u8>, Failure> {
    let mut bytes = vec![0; length];
    fill(&mut bytes)?;
    // Below the modulus, so that it is a ciphertext that some padding could stand in.
    bytes[0] = 0;
    Ok(bytes)
}

fn fill(bytes: &mut [u8]) -> Result<(), Failure> {
    aws_lc_rs::rand::fill(bytes).map_err(not_made)
}

fn not_made(error: impl std::fmt::Display) -> Failure {
    Failure::came(format!("the request could not be made: {error}"))
}
