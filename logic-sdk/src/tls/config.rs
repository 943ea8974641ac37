//! What the files hold, made into a rustls configuration, and whether they hold something else by now.
//!
//! Kubernetes swaps the folder under a mounted Secret: what counts is what the files hold, not what their file system says. It
//! refuses to know connections.

use super::variables::{CERTIFICATE, CLIENT_CA, Files, PRIVATE_KEY};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{InconsistentKeys, RootCertStore, ServerConfig};
use std::hash::{BuildHasher as _, RandomState};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};
use zeroize::Zeroizing;

/// The files, and what they held when they were read last.
#[derive(Debug)]
pub(crate) struct Source {
    files: Files,
    hasher: RandomState,
    seen: u64,
}

/// What each file held, or why it could not be read. The bytes are wiped when they are dropped.
struct Contents {
    certificate: Content,
    private_key: Content,
    client_ca: Option<Content>,
}

type Content = io::Result<Zeroizing<Vec<u8>>>;

impl Source {
    /// Reads the files for the first time.
    pub(crate) fn open(files: Files) -> Result<(Self, Arc<ServerConfig>), Problem> {
        let contents = Contents::read(&files);
        let hasher = RandomState::new();
        let seen = contents.fingerprint(&hasher);
        let config = contents.into_config(&files)?;
        Ok((Self { files, hasher, seen }, config))
    }

    pub(super) fn files(&self) -> &Files {
        &self.files
    }

    /// Reads them again: `None` while they hold what they held, good or bad.
    pub(super) fn changed(&mut self) -> Option<Result<Arc<ServerConfig>, Problem>> {
        let contents = Contents::read(&self.files);
        let fingerprint = contents.fingerprint(&self.hasher);
        if fingerprint == self.seen {
            return None;
        }
        self.seen = fingerprint;
        Some(contents.into_config(&self.files))
    }
}

impl Contents {
    fn read(files: &Files) -> Self {
        let read = |path: &PathBuf| fs::read(path).map(Zeroizing::new);
        Self {
            certificate: read(&files.certificate),
            private_key: read(&files.private_key),
            client_ca: files.client_ca.as_ref().map(read),
        }
    }

    /// Tells one state from the next without keeping the key for it.
    fn fingerprint(&self, hasher: &RandomState) -> u64 {
        let bytes = |content: &Content| content.as_ref().ok().map(|bytes| hasher.hash_one(&**bytes));
        hasher.hash_one((bytes(&self.certificate), bytes(&self.private_key), self.client_ca.as_ref().map(bytes)))
    }

    fn into_config(self, files: &Files) -> Result<Arc<ServerConfig>, Problem> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let certificates = certificates(self.certificate, CERTIFICATE, &files.certificate)?;
        let pem = readable(self.private_key, PRIVATE_KEY, &files.private_key)?;
        let key = PrivateKeyDer::from_pem_slice(&pem)
            .map_err(|_| Problem::NoPrivateKey { path: files.private_key.clone() })?;
        drop(pem);
        let certified = CertifiedKey::from_der(certificates, key, &provider).map_err(|source| match source {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                Problem::NotOfOnePair { certificate: files.certificate.clone(), private_key: files.private_key.clone() }
            }
            rustls::Error::InvalidCertificate(_) => {
                Problem::Unusable { variable: CERTIFICATE, path: files.certificate.clone(), source }
            }
            source => Problem::Unusable { variable: PRIVATE_KEY, path: files.private_key.clone(), source },
        })?;

        let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(Problem::Rustls)?;
        let config = match (&files.client_ca, self.client_ca) {
            (Some(path), Some(content)) => {
                let unusable = |source| Problem::Unusable { variable: CLIENT_CA, path: path.clone(), source };
                let mut roots = RootCertStore::empty();
                for certificate in self::certificates(content, CLIENT_CA, path)? {
                    roots.add(certificate).map_err(unusable)?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
                let verifier = verifier.map_err(|error| unusable(rustls::Error::General(error.to_string())))?;
                config.with_client_cert_verifier(verifier)
            }
            _ => config.with_no_client_auth(),
        };
        let mut config = config.with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
        config.alpn_protocols = vec![b"h2".to_vec()];
        // There are few connections. A resumed one would skip the look at the client's certificate.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Arc::new(config))
    }
}

fn readable(content: Content, variable: &'static str, path: &Path) -> Result<Zeroizing<Vec<u8>>, Problem> {
    content.map_err(|source| Problem::Unreadable { variable, path: path.to_owned(), source })
}

fn certificates(
    content: Content,
    variable: &'static str,
    path: &Path,
) -> Result<Vec<CertificateDer<'static>>, Problem> {
    let pem = readable(content, variable, path)?;
    let found = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    found
        .ok()
        .filter(|found| !found.is_empty())
        .ok_or_else(|| Problem::NoCertificate { variable, path: path.to_owned() })
}

/// Why a set of files cannot be served. What a parser says of PEM stays behind: it quotes lines, and one file holds a key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    #[error("{variable}: {path} cannot be read: {source}; it must be a PEM file that this process may read")]
    Unreadable { variable: &'static str, path: PathBuf, source: io::Error },
    #[error("{variable}: {path} is no PEM file of certificates; each stands after a line -----BEGIN CERTIFICATE-----")]
    NoCertificate { variable: &'static str, path: PathBuf },
    #[error(
        "{PRIVATE_KEY}: {path} is no PEM file with a private key; it stands after a line -----BEGIN PRIVATE KEY-----, and has \
         no passphrase"
    )]
    NoPrivateKey { path: PathBuf },
    #[error(
        "{PRIVATE_KEY}: {private_key} does not fit {certificate}; the first certificate there must be the one that was issued \
         for this key"
    )]
    NotOfOnePair { certificate: PathBuf, private_key: PathBuf },
    #[error("{variable}: {path} cannot be used: {source}; it must be what TLS takes, such as `openssl` makes")]
    Unusable { variable: &'static str, path: PathBuf, source: rustls::Error },
    #[error("TLS cannot be set up: {0}")]
    Rustls(rustls::Error),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::authority::Authority;
    use tempfile::TempDir;

    /// Files with what a server and its authority have.
    fn good() -> (TempDir, Files) {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        let files =
            Files { certificate: file("tls.crt"), private_key: file("tls.key"), client_ca: Some(file("ca.crt")) };
        let authority = Authority::new();
        let server = authority.server();
        fs::write(&files.certificate, server.certificate).unwrap();
        fs::write(&files.private_key, server.private_key).unwrap();
        fs::write(file("ca.crt"), authority.certificate).unwrap();
        (folder, files)
    }

    #[test]
    fn what_is_wrong_is_named_with_its_variable_and_file_and_what_would_be_right() {
        let (_folder, files) = good();
        Source::open(files.clone()).unwrap();
        let client_ca = files.client_ca.clone().unwrap();
        let other = Authority::new().server();
        for (path, content, texts) in [
            (&files.certificate, None, [CERTIFICATE, "cannot be read"]),
            (&files.certificate, Some(""), [CERTIFICATE, "-----BEGIN CERTIFICATE-----"]),
            (&files.certificate, Some(&*other.private_key), [CERTIFICATE, "-----BEGIN CERTIFICATE-----"]),
            (&files.certificate, Some(&*other.certificate), [PRIVATE_KEY, "does not fit"]),
            (&files.private_key, None, [PRIVATE_KEY, "cannot be read"]),
            (&files.private_key, Some("no key"), [PRIVATE_KEY, "-----BEGIN PRIVATE KEY-----"]),
            (&files.private_key, Some(&*other.certificate), [PRIVATE_KEY, "-----BEGIN PRIVATE KEY-----"]),
            (&files.private_key, Some(&*other.private_key), [PRIVATE_KEY, "does not fit"]),
            (&client_ca, None, [CLIENT_CA, "cannot be read"]),
            (&client_ca, Some("none"), [CLIENT_CA, "-----BEGIN CERTIFICATE-----"]),
            (
                &client_ca,
                Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
                [CLIENT_CA, "cannot be used"],
            ),
        ] {
            let before = fs::read(path).unwrap();
            match content {
                Some(content) => fs::write(path, content).unwrap(),
                None => fs::remove_file(path).unwrap(),
            }
            let text = Source::open(files.clone()).unwrap_err().to_string();
            assert!(texts.iter().all(|expected| text.contains(expected)), "{texts:?}: {text}");
            assert!(text.contains(path.to_str().unwrap()), "{text}");
            fs::write(path, before).unwrap();
        }
    }

    #[test]
    fn a_key_that_is_no_good_pem_is_not_quoted() {
        let (_folder, files) = good();
        fs::write(&files.private_key, "-----BEGIN PRIVATE KEY-----\nc2VjcmV0!\n-----END PRIVATE KEY-----\n").unwrap();
        let text = Source::open(files).unwrap_err().to_string();
        assert!(!text.contains("c2VjcmV0"), "{text}");
    }

    #[test]
    fn a_change_is_told_once_whether_it_is_good_or_bad() {
        let (_folder, files) = good();
        let (mut source, _) = Source::open(files.clone()).unwrap();
        assert!(source.changed().is_none());
        let renewed = Authority::new().server();
        fs::write(&files.certificate, &renewed.certificate).unwrap();
        assert!(matches!(source.changed(), Some(Err(Problem::NotOfOnePair { .. }))));
        assert!(source.changed().is_none());
        fs::write(&files.private_key, &renewed.private_key).unwrap();
        source.changed().unwrap().unwrap();
        assert!(source.changed().is_none());
        fs::remove_file(&files.certificate).unwrap();
        assert!(matches!(source.changed(), Some(Err(Problem::Unreadable { .. }))));
        assert!(source.changed().is_none());
    }
}
