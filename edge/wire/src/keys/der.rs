//! What a structure in DER is, by its outside: enough to say so of a key that is not the one that is wanted.

use pkcs8::spki::SubjectPublicKeyInfoRef;
use pkcs8::{EncryptedPrivateKeyInfoRef, ObjectIdentifier, PrivateKeyInfoRef};
use rsa::pkcs1::{ALGORITHM_OID, RsaPrivateKeyRef, RsaPublicKeyRef};

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// RSA, for whatever purpose.
    Rsa,
    /// RSA that is bound to signatures (RFC 4055).
    RsaPss,
    /// Elliptic curves by their general name.
    Ec,
    /// Ed25519 or Ed448.
    EdDsa,
    /// X25519 or X448.
    Xdh,
    /// DSA.
    Dsa,
    /// Diffie-Hellman.
    Dh,
    /// One that is not known here.
    Other,
}

/// What a structure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// PrivateKeyInfo (RFC 5208).
    Pkcs8(Algorithm),
    /// EncryptedPrivateKeyInfo.
    EncryptedPkcs8,
    /// RSAPrivateKey (RFC 8017, appendix A.1.2).
    Pkcs1,
    /// ECPrivateKey (RFC 5915).
    Sec1,
    /// SubjectPublicKeyInfo (RFC 5280).
    Spki(Algorithm),
    /// RSAPublicKey (RFC 8017, appendix A.1.1).
    Pkcs1Public,
    /// Certificate (RFC 5280).
    Certificate,
}

impl Kind {
    pub(super) fn of(der: &[u8]) -> Option<Self> {
        if let Ok(info) = PrivateKeyInfoRef::try_from(der) {
            return Some(Self::Pkcs8(Algorithm::of(info.algorithm.oid)));
        }
        if RsaPrivateKeyRef::try_from(der).is_ok() {
            return Some(Self::Pkcs1);
        }
        if let Ok(info) = SubjectPublicKeyInfoRef::try_from(der) {
            return Some(Self::Spki(Algorithm::of(info.algorithm.oid)));
        }
        if RsaPublicKeyRef::try_from(der).is_ok() {
            return Some(Self::Pkcs1Public);
        }
        if EncryptedPrivateKeyInfoRef::try_from(der).is_ok() {
            return Some(Self::EncryptedPkcs8);
        }
        let inside = inside(der)?;
        // Version 1, and the private key as an OCTET STRING.
        if inside.starts_with(&[0x02, 0x01, 0x01, 0x04]) {
            return Some(Self::Sec1);
        }
        // What is signed begins with a version in a context-specific tag.
        let is_certificate = self::inside(inside).is_some_and(|inside| inside.starts_with(&[0xa0]));
        is_certificate.then_some(Self::Certificate)
    }

    /// What stands after BEGIN where it is PEM.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Pkcs8(_) => "PRIVATE KEY",
            Self::EncryptedPkcs8 => "ENCRYPTED PRIVATE KEY",
            Self::Pkcs1 => "RSA PRIVATE KEY",
            Self::Sec1 => "EC PRIVATE KEY",
            Self::Spki(_) => "PUBLIC KEY",
            Self::Pkcs1Public => "RSA PUBLIC KEY",
            Self::Certificate => "CERTIFICATE",
        }
    }
}

/// What follows the header of a SEQUENCE (X.690, section 8.1).
fn inside(der: &[u8]) -> Option<&[u8]> {
    match der {
        [0x30, 0x82, _, _, inside @ ..] | [0x30, 0x81, _, inside @ ..] | [0x30, 0..=0x7f, inside @ ..] => Some(inside),
        _ => None,
    }
}

impl Algorithm {
    fn of(oid: ObjectIdentifier) -> Self {
        if oid == ALGORITHM_OID {
            return Self::Rsa;
        }
        match oid.to_string().as_str() {
            "1.2.840.113549.1.1.10" => Self::RsaPss,
            "1.2.840.10045.2.1" => Self::Ec,
            "1.3.101.112" | "1.3.101.113" => Self::EdDsa,
            "1.3.101.110" | "1.3.101.111" => Self::Xdh,
            "1.2.840.10040.4.1" => Self::Dsa,
            "1.2.840.113549.1.3.1" | "1.2.840.10046.2.1" => Self::Dh,
            _ => Self::Other,
        }
    }

    /// With its article.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Rsa => "an RSA key",
            Self::RsaPss => "an RSA-PSS key, which is for signatures alone",
            Self::Ec => "an EC key",
            Self::EdDsa => "an Ed25519 or Ed448 key",
            Self::Xdh => "an X25519 or X448 key",
            Self::Dsa => "a DSA key",
            Self::Dh => "a Diffie-Hellman key",
            Self::Other => "a key of an algorithm that is not RSA",
        }
    }
}
