//! RSA-2048 keys: read from PEM, generated, and used to transport the AES key of an envelope (RSA-OAEP with SHA-256 for
//! hash and mask generation, empty label; RFC 8017, section 7.1).
//!
//! The private operation runs on aws-lc-rs, six times as fast as `rsa` and in constant time. `rsa` reads, generates and
//! writes keys and plays the client's side. No other module names either.

use std::fmt;

use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, PrivateDecryptingKey};
use getrandom::SysRng;
use rsa::pkcs1::{DecodeRsaPrivateKey as _, DecodeRsaPublicKey as _};
use rsa::pkcs8::{
    DecodePrivateKey as _, DecodePublicKey as _, EncodePrivateKey as _, EncodePublicKey as _, LineEnding,
};
use rsa::traits::PublicKeyParts as _;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::envelope::{AesKey, ENCRYPTED_AES_KEY_LENGTH, Envelope};

/// Size of the modulus in bits; the platform knows no other.
pub const BITS: u32 = 2048;

/// A private key of an endpoint.
pub struct PrivateKey {
    operation: OaepPrivateDecryptingKey,
    public_key: PublicKey,
}

impl PrivateKey {
    /// Reads an unencrypted private key: PEM of PKCS#8 (`BEGIN PRIVATE KEY`) or PKCS#1 (`BEGIN RSA PRIVATE KEY`).
    ///
    /// # Errors
    ///
    /// See [`Error`]; each says what the text is instead.
    pub fn from_pem(pem: &str) -> Result<Self, Error> {
        let key = match label(pem)? {
            _ if pem.contains("Proc-Type: 4,ENCRYPTED") => return Err(Error::Encrypted),
            "PRIVATE KEY" => rsa::PrivateKey::from_pkcs8_pem(pem.trim()).map_err(|_| Error::NotRsaPrivate)?,
            "RSA PRIVATE KEY" => rsa::PrivateKey::from_pkcs1_pem(pem.trim()).map_err(|_| Error::NotRsaPrivate)?,
            "ENCRYPTED PRIVATE KEY" => return Err(Error::Encrypted),
            "PUBLIC KEY" | "RSA PUBLIC KEY" => return Err(Error::PublicForPrivate),
            _ => return Err(Error::OtherPem),
        };
        Self::new(&key)
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
        let key = rsa::PrivateKey::new(&mut SysRng, BITS as usize).map_err(|_| Error::Generate)?;
        let pem = key.to_pkcs8_pem(LineEnding::LF).map_err(|_| Error::Generate)?;
        Ok((Self::new(&key)?, pem))
    }

    fn new(key: &rsa::PrivateKey) -> Result<Self, Error> {
        let public_key = PublicKey::new(key.to_public_key())?;
        let der = key.to_pkcs8_der().map_err(|_| Error::NotRsaPrivate)?;
        let operation = PrivateDecryptingKey::from_pkcs8(der.as_bytes())
            .map_err(|_| Error::NotRsaPrivate)
            .and_then(|key| OaepPrivateDecryptingKey::new(key).map_err(|_| Error::NotRsaPrivate))?;
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
        let key = match label(pem)? {
            "PUBLIC KEY" => rsa::PublicKey::from_public_key_pem(pem.trim()).map_err(|_| Error::NotRsaPublic)?,
            "RSA PUBLIC KEY" => rsa::PublicKey::from_pkcs1_pem(pem.trim()).map_err(|_| Error::NotRsaPublic)?,
            "PRIVATE KEY" | "RSA PRIVATE KEY" | "ENCRYPTED PRIVATE KEY" => return Err(Error::PrivateForPublic),
            _ => return Err(Error::OtherPem),
        };
        Self::new(key)
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

/// Why a key cannot be used. None of them quotes the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no `-----BEGIN …-----` line.
    #[error(
        "there is no PEM block; the file should hold `-----BEGIN PRIVATE KEY-----` or `-----BEGIN PUBLIC KEY-----`"
    )]
    NotPem,
    /// A PEM block of some other kind, such as a certificate.
    #[error("the PEM block is not an RSA key; a certificate, an EC key or an OpenSSH key cannot be used")]
    OtherPem,
    /// A private key that is locked by a passphrase.
    #[error(
        "the private key is encrypted with a passphrase, which is not supported; \
         decrypt it with `openssl pkey -in KEY -out DECRYPTED`"
    )]
    Encrypted,
    /// A public key stands where the private one belongs.
    #[error("this is the public key; the private key is needed here")]
    PublicForPrivate,
    /// A private key stands where the public one belongs.
    #[error("this is the private key; the public key is needed here, and the private key should stay where it is")]
    PrivateForPublic,
    /// The block's label promises a private key, but it does not hold an RSA one that is sound.
    #[error("the PEM block does not hold a sound RSA private key; an EC or Ed25519 key cannot be used")]
    NotRsaPrivate,
    /// The block's label promises a public key, but it does not hold an RSA one that is sound.
    #[error("the PEM block does not hold a sound RSA public key; an EC or Ed25519 key cannot be used")]
    NotRsaPublic,
    /// RSA of another size.
    #[error("the RSA key has {0} bits; the platform takes 2048 only")]
    Bits(u32),
    /// No key could be generated.
    #[error("no key could be generated: the operating system gave no random numbers")]
    Generate,
    /// Nothing could be encrypted.
    #[error("nothing could be encrypted: the operating system gave no random numbers")]
    Encrypt,
}

/// The label of the first PEM block (RFC 7468, section 2).
fn label(pem: &str) -> Result<&str, Error> {
    let (_, rest) = pem.split_once("-----BEGIN ").ok_or(Error::NotPem)?;
    let (label, _) = rest.split_once("-----").ok_or(Error::NotPem)?;
    Ok(label)
}
