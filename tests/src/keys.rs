//! Key pairs, app secrets and certificates for tests. Those of `vectors/keys` were made by OpenSSL.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// The app secret of an edge that is told nothing else.
pub const APP_SECRET: &str = "00112233445566778899aabbccddeeff";
/// Another one.
pub const OTHER_APP_SECRET: &str = "ffeeddccbbaa99887766554433221100";

/// A file of `vectors/keys`.
pub fn key_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/keys").join(name)
}

/// A certificate for `localhost` and `127.0.0.1` that is its own authority.
#[derive(Debug)]
pub struct Tls {
    /// PEM of the certificate.
    pub certificate: String,
    /// PEM of its private key.
    pub private_key: String,
}

impl Tls {
    /// Makes a certificate.
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { certificate: certificate.pem(), private_key: key.serialize_pem() }
    }
}

impl Default for Tls {
    fn default() -> Self {
        Self::new()
    }
}

/// An authority that issues certificates.
#[derive(Debug)]
pub struct Authority {
    /// PEM of its own certificate.
    pub certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// Makes an authority.
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "authority");
        let certificate = params.self_signed(&key).unwrap().pem();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    /// Issues a certificate for `localhost`, for whichever side.
    pub fn issue(&self) -> Tls {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Tls { certificate: certificate.pem(), private_key: key.serialize_pem() }
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}
