//! RSA-2048 keys: read from PEM, generated, and used to transport the AES key of an envelope (RSA-OAEP with SHA-256 for
//! hash and mask generation, empty label; RFC 8017, section 7.1).
//!
//! The private operation runs on aws-lc-rs, six times as fast as `rsa` and in constant time. `rsa` reads, generates and
//! writes keys and plays the client's side. No other module names either.

mod der;
mod error;
mod unarmoured;

use std::fmt;

use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, PrivateDecryptingKey};
use getrandom::SysRng;
use pkcs8::der::Encode as _;
use pkcs8::der::asn1::OctetStringRef;
use pkcs8::der::pem::PemLabel as _;
use pkcs8::pkcs5::pbes2::Kdf;
use pkcs8::pkcs5::{self, EncryptionScheme};
use pkcs8::{
    DecodePublicKey as _, EncodePrivateKey as _, EncodePublicKey as _, EncryptedPrivateKeyInfoRef, LineEnding,
    PrivateKeyInfoRef, SecretDocument,
};
use rsa::pkcs1::{ALGORITHM_ID, DecodeRsaPublicKey as _, EncodeRsaPrivateKey as _, RsaPrivateKeyRef};
use rsa::traits::PublicKeyParts as _;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

pub use self::der::Algorithm;
use self::der::Kind;
pub use self::error::Error;
use crate::envelope::{AesKey, ENCRYPTED_AES_KEY_LENGTH, Envelope};
use crate::pem;

/// Size of the modulus in bits; the platform knows no other.
pub const BITS: u32 = 2048;

/// A private key of an endpoint.
pub struct PrivateKey {
    operation: OaepPrivateDecryptingKey,
    public_key: PublicKey,
}

impl PrivateKey {
    /// Reads a private key: PEM of PKCS#8 (`BEGIN PRIVATE KEY`, `BEGIN ENCRYPTED PRIVATE KEY`) or PKCS#1 (`BEGIN RSA PRIVATE KEY`,
    /// encrypted or not). Line ends of any kind, literal `\n` and text around the block are taken as they are found.
    ///
    /// The passphrase is needed where the key is encrypted: PKCS#8 by PBES2 (RFC 8018) with AES or DES-EDE3; PKCS#1 the way
    /// OpenSSL writes it, with DES-EDE3-CBC, AES-128-CBC or AES-256-CBC.
    ///
    /// # Errors
    ///
    /// See [`Error`]; each says what the text is instead.
    pub fn from_pem(pem: &str, passphrase: Option<&str>) -> Result<Self, Error> {
        let block = block(pem, "PRIVATE KEY")?;
        let passphrase = passphrase.ok_or(Error::PassphraseMissing);
        match (block.label.as_str(), block.encryption) {
            ("RSA PRIVATE KEY", Some(encryption)) => {
                let contents = encryption.decrypt(&block.contents, passphrase?.as_bytes());
                let key = Self::from_pkcs1(&contents.ok_or(Error::PassphraseWrong)?);
                // Only the padding was checked, so a wrong passphrase may also give what is no key.
                key.map_err(|error| if error == Error::NotRsaPrivate { Error::PassphraseWrong } else { error })
            }
            ("EC PRIVATE KEY", Some(_)) => Err(Error::Algorithm(Algorithm::Ec)),
            ("DSA PRIVATE KEY", _) => Err(Error::Algorithm(Algorithm::Dsa)),
            ("OPENSSH PRIVATE KEY", _) => Err(Error::OpenSsh),
            (label, _) if label.ends_with("PUBLIC KEY") => Err(Error::PublicForPrivate),
            (label, _) if label.ends_with("PRIVATE KEY") => match (label, Kind::of(&block.contents)) {
                (_, Some(Kind::Sec1)) => Err(Error::Algorithm(Algorithm::Ec)),
                (_, Some(Kind::Pkcs8(algorithm))) if algorithm != Algorithm::Rsa => Err(Error::Algorithm(algorithm)),
                ("PRIVATE KEY", Some(Kind::Pkcs8(_))) => Self::from_pkcs8(&block.contents),
                ("RSA PRIVATE KEY", Some(Kind::Pkcs1)) => Self::from_pkcs1(&block.contents),
                ("ENCRYPTED PRIVATE KEY", Some(Kind::EncryptedPkcs8) | None) => {
                    Self::from_pkcs8(decrypt_pkcs8(&block.contents, passphrase?)?.as_bytes())
                }
                (_, Some(kind)) => Err(Error::Label { holds: kind.label() }),
                (_, None) => Err(Error::NotRsaPrivate),
            },
            (label, _) => Err(other(label)),
        }
    }

    /// Generates a key pair.
    ///
    /// # Errors
    ///
    /// [`Error::Generate`] where the operating system gives no random numbers.
    pub fn generate() -> Result<Self, Error> {
        Ok(Self::generate_pem()?.0)
    }

    /// Generates a key pair; also gives the private key as PKCS#8 PEM, the only time that it can be had.
    ///
    /// # Errors
    ///
    /// As [`PrivateKey::generate`].
    pub fn generate_pem() -> Result<(Self, Zeroizing<String>), Error> {
        let key = generate_rsa()?;
        let pem = key.to_pkcs8_pem(LineEnding::LF).map_err(|_| Error::Generate)?;
        Ok((Self::from_rsa(&key)?, pem))
    }

    /// As [`PrivateKey::generate_pem`], with the PEM encrypted: PKCS#8 by PBES2 with PBKDF2-HMAC-SHA256 and AES-256-CBC, which
    /// every OpenSSL since 1.1 reads.
    ///
    /// # Errors
    ///
    /// As [`PrivateKey::generate`].
    pub fn generate_encrypted_pem(passphrase: &str) -> Result<(Self, Zeroizing<String>), Error> {
        let key = generate_rsa()?;
        let pem = encrypt_pkcs8(&key, passphrase).map_err(|_| Error::Generate)?;
        Ok((Self::from_rsa(&key)?, pem))
    }

    fn from_rsa(key: &rsa::PrivateKey) -> Result<Self, Error> {
        Self::from_pkcs1(key.to_pkcs1_der().map_err(|_| Error::NotRsaPrivate)?.as_bytes())
    }

    /// DER of a PrivateKeyInfo (RFC 5208).
    fn from_pkcs8(der: &[u8]) -> Result<Self, Error> {
        let info = PrivateKeyInfoRef::try_from(der).map_err(|_| Error::NotRsaPrivate)?;
        if let Some(Kind::Pkcs8(algorithm)) = Kind::of(der)
            && algorithm != Algorithm::Rsa
        {
            return Err(Error::Algorithm(algorithm));
        }
        Self::from_pkcs1(info.private_key.as_bytes())
    }

    /// DER of an RSAPrivateKey (RFC 8017, appendix A.1.2). aws-lc checks that its numbers belong together; `rsa` doing so
    /// again doubled the time of a start with many keys.
    fn from_pkcs1(der: &[u8]) -> Result<Self, Error> {
        let key = RsaPrivateKeyRef::try_from(der).map_err(|_| Error::NotRsaPrivate)?;
        let public_key = key.public_key().to_der().map_err(|_| Error::NotRsaPrivate)?;
        let public_key = rsa::PublicKey::from_pkcs1_der(&public_key).map_err(|_| Error::NotRsaPrivate)?;
        let public_key = PublicKey::new(public_key)?;
        let info = OctetStringRef::new(der).map(|der| PrivateKeyInfoRef::new(ALGORITHM_ID, der));
        let info = info.and_then(|info| info.to_der()).map(Zeroizing::new).map_err(|_| Error::NotRsaPrivate)?;
        let operation = PrivateDecryptingKey::from_pkcs8(&info).map_err(|_| Error::NotRsaPrivate)?;
        let operation = OaepPrivateDecryptingKey::new(operation).map_err(|_| Error::NotRsaPrivate)?;
        Ok(Self { operation, public_key })
    }

    /// The other half of the pair.
    pub fn public_key(&self) -> PublicKey {
        self.public_key.clone()
    }

    /// Unwraps the AES key of an envelope; `None` where it was wrapped for another key or is not 16 bytes long.
    ///
    /// This is the one costly step of a request.
    pub fn unwrap_key(&self, envelope: &Envelope) -> Option<AesKey> {
        let mut plaintext = Zeroizing::new([0; ENCRYPTED_AES_KEY_LENGTH]);
        let key = self
            .operation
            .decrypt(&OAEP_SHA256_MGF1SHA256, envelope.encrypted_aes_key(), plaintext.as_mut_slice(), None)
            .ok()?;
        AesKey::new(key)
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({})", self.public_key.fingerprint())
    }
}

/// The public key of an endpoint, which the platform hands to the messaging clients.
#[derive(Clone)]
pub struct PublicKey {
    key: rsa::PublicKey,
    pem: String,
    fingerprint: String,
}

impl PublicKey {
    /// Reads a public key: PEM of an SPKI (`BEGIN PUBLIC KEY`) or PKCS#1 (`BEGIN RSA PUBLIC KEY`).
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub fn from_pem(pem: &str) -> Result<Self, Error> {
        let block = block(pem, "PUBLIC KEY")?;
        match (block.label.as_str(), Kind::of(&block.contents)) {
            ("PUBLIC KEY", Some(Kind::Spki(algorithm))) if algorithm != Algorithm::Rsa => {
                Err(Error::Algorithm(algorithm))
            }
            ("PUBLIC KEY", Some(Kind::Spki(_))) | ("RSA PUBLIC KEY", Some(Kind::Pkcs1Public)) => {
                Self::from_der(&block.contents)
            }
            ("PUBLIC KEY" | "RSA PUBLIC KEY", Some(kind)) => Err(Error::Label { holds: kind.label() }),
            ("PUBLIC KEY" | "RSA PUBLIC KEY", None) => Err(Error::NotRsaPublic),
            (label, _) if label.ends_with("PRIVATE KEY") => Err(Error::PrivateForPublic),
            (label, _) => Err(other(label)),
        }
    }

    /// Reads the base64 of a public key without its BEGIN and END lines, as the platform has been seen to give it back.
    ///
    /// # Errors
    ///
    /// [`Error::NotRsaPublic`], or [`Error::Bits`].
    pub fn from_base64(text: &str) -> Result<Self, Error> {
        Self::from_der(&unarmoured::decode(&pem::unescape(text)).ok_or(Error::NotRsaPublic)?)
    }

    fn from_der(der: &[u8]) -> Result<Self, Error> {
        let key = rsa::PublicKey::from_public_key_der(der).ok();
        let key = key.or_else(|| rsa::PublicKey::from_pkcs1_der(der).ok());
        Self::new(key.ok_or(Error::NotRsaPublic)?)
    }

    fn new(key: rsa::PublicKey) -> Result<Self, Error> {
        let bits = key.n().bit_width();
        if bits != BITS {
            return Err(Error::Bits(bits));
        }
        let pem = key.to_public_key_pem(LineEnding::LF).map_err(|_| Error::NotRsaPublic)?;
        let der = key.to_public_key_der().map_err(|_| Error::NotRsaPublic)?;
        let fingerprint = Sha256::digest(der.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { key, pem, fingerprint })
    }

    /// The key as SPKI PEM, the form in which the platform takes it.
    pub fn as_pem(&self) -> &str {
        &self.pem
    }

    /// SHA-256 over the DER of the SPKI, as 64 hex digits: what `openssl pkey -pubin -outform DER | sha256sum` prints.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Wraps the AES key of a request.
    ///
    /// # Errors
    ///
    /// [`Error::Encrypt`] where the operating system gives no random numbers.
    pub fn wrap_key(&self, key: &AesKey) -> Result<[u8; ENCRYPTED_AES_KEY_LENGTH], Error> {
        let wrapped = self.key.oaep_encrypt::<Sha256>(key.as_bytes()).map_err(|_| Error::Encrypt)?;
        wrapped.try_into().map_err(|_| Error::Encrypt)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.fingerprint())
    }
}

/// The block whose label ends in `wanted`, or what the text is instead.
fn block(text: &str, wanted: &str) -> Result<pem::Block, Error> {
    match pem::parse(text, wanted) {
        Err(pem::Error::NoBlock) => Err(unarmoured::name(text)),
        // What is no key need not be whole to be named.
        Err(pem::Error::Broken { label }) if !label.ends_with("KEY") => Err(other(&label)),
        block => Ok(block?),
    }
}

/// A block that is no key.
fn other(label: &str) -> Error {
    if label.ends_with("CERTIFICATE") {
        Error::Certificate
    } else if label.ends_with("CERTIFICATE REQUEST") {
        Error::Request
    } else {
        Error::OtherPem
    }
}

fn generate_rsa() -> Result<rsa::PrivateKey, Error> {
    rsa::PrivateKey::new(&mut SysRng, BITS as usize).map_err(|_| Error::Generate)
}

fn encrypt_pkcs8(key: &rsa::PrivateKey, passphrase: &str) -> Result<Zeroizing<String>, pkcs8::Error> {
    let der = key.to_pkcs8_der()?;
    let parameters = pkcs5::pbes2::Parameters::generate_pbkdf2(&mut SysRng)?;
    let encrypted = PrivateKeyInfoRef::try_from(der.as_bytes())?.encrypt_with_params(parameters, passphrase)?;
    Ok(encrypted.to_pem(EncryptedPrivateKeyInfoRef::PEM_LABEL, LineEnding::LF)?)
}

fn decrypt_pkcs8(contents: &[u8], passphrase: &str) -> Result<SecretDocument, Error> {
    let encrypted = EncryptedPrivateKeyInfoRef::try_from(contents).map_err(|_| Error::UnsupportedEncryption)?;
    if let EncryptionScheme::Pbes2(parameters) = &encrypted.encryption_algorithm
        && !is_affordable(&parameters.kdf)
    {
        return Err(Error::DerivationCost);
    }
    encrypted.decrypt(passphrase).map_err(|error| match error {
        pkcs8::Error::EncryptedPrivateKey(
            pkcs5::Error::UnsupportedAlgorithm { .. } | pkcs5::Error::NoPbes1CryptSupport,
        ) => Error::UnsupportedEncryption,
        // Nothing but the padding is checked, so a wrong passphrase may also give what is no key.
        _ => Error::PassphraseWrong,
    })
}

/// Whether the key derivation takes a few seconds at most. The file itself says how much work and memory it is to take, and the
/// library believes it.
fn is_affordable(kdf: &Kdf) -> bool {
    const MAX_ITERATIONS: u32 = 10_000_000;
    const MAX_SCRYPT_MEMORY: u64 = 64 * 1024 * 1024;
    const MAX_SCRYPT_WORK: u64 = 1 << 22;
    match kdf {
        Kdf::Pbkdf2(pbkdf2) => (1..=MAX_ITERATIONS).contains(&pbkdf2.iteration_count),
        // RFC 7914, section 2: N blocks of 128 r bytes, filled and read p times.
        Kdf::Scrypt(scrypt) => {
            let (n, r, p) = (scrypt.cost_parameter, u64::from(scrypt.block_size), u64::from(scrypt.parallelization));
            let memory = n.saturating_add(p).saturating_mul(128 * r);
            let work = n.saturating_mul(r * p);
            n >= 2 && n.is_power_of_two() && r > 0 && p > 0 && memory <= MAX_SCRYPT_MEMORY && work <= MAX_SCRYPT_WORK
        }
        _ => false,
    }
}
