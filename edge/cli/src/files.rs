//! The small files that commands read and write: keys, app secrets, certificates. Every error names its file, and none
//! quotes what is in it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use flow_wire::keys::{self, PrivateKey, PublicKey};
use flow_wire::signature::{AppSecret, EmptySecret};
use flow_wire::text;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use zeroize::Zeroizing;

/// Who may read a new file.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Access {
    /// Its owner alone: mode 0600.
    Owner,
    /// Whoever the umask lets.
    Anyone,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{}: cannot be read: {source}", file.display())]
    Read { file: PathBuf, source: io::Error },
    #[error("{}: cannot be written: {source}", file.display())]
    Write { file: PathBuf, source: io::Error },
    #[error("{}: exists already, and is never overwritten; name another file or folder, or move this one away", file.display())]
    Exists { file: PathBuf },
    #[error("{}: {source}", file.display())]
    Text { file: PathBuf, source: text::Error },
    #[error("{}: {source}", file.display())]
    Key { file: PathBuf, source: keys::Error },
    #[error("{}: {source}; --passphrase-file FILE names the file that holds it", file.display())]
    PassphraseMissing { file: PathBuf, source: keys::Error },
    #[error("{}: {source}: it is not the one in {}{}", file.display(), passphrase_file.display(), beside(.doubt))]
    PassphraseWrong { file: PathBuf, passphrase_file: PathBuf, doubt: Option<&'static str>, source: keys::Error },
    #[error("{}: should hold the passphrase of the private key as one line, not empty", file.display())]
    NoPassphrase { file: PathBuf },
    #[error("{}: {source}; the file should hold the secret of the app as one line", file.display())]
    AppSecret { file: PathBuf, source: EmptySecret },
    #[error(
        "{}: there is no certificate in it; it should be PEM, `-----BEGIN CERTIFICATE-----`, which `openssl x509 -inform DER \
         -in FILE -out NEW` makes of DER",
        file.display()
    )]
    Certificate { file: PathBuf },
}

pub(crate) fn read(file: &Path) -> Result<Vec<u8>, Error> {
    fs::read(file).map_err(|source| Error::Read { file: file.to_owned(), source })
}

/// Reads a file of text in UTF-8, without a byte order mark.
pub(crate) fn read_text(file: &Path) -> Result<String, Error> {
    let bytes = Zeroizing::new(read(file)?);
    let text = text::read(&bytes).map_err(|source| Error::Text { file: file.to_owned(), source })?;
    Ok(text.to_owned())
}

pub(crate) fn read_public_key(file: &Path) -> Result<PublicKey, Error> {
    PublicKey::from_pem(&read_text(file)?).map_err(|source| Error::Key { file: file.to_owned(), source })
}

/// Reads a private key, which may be encrypted where there is a file with the passphrase.
pub(crate) fn read_private_key(file: &Path, passphrase_file: Option<&Path>) -> Result<PrivateKey, Error> {
    let passphrase = passphrase_file.map(read_passphrase).transpose()?;
    PrivateKey::from_pem(&read_text(file)?, passphrase.as_deref()).map_err(|source| {
        let file = file.to_owned();
        match (source, passphrase_file) {
            (keys::Error::PassphraseMissing, _) => Error::PassphraseMissing { file, source },
            (keys::Error::PassphraseWrong, Some(passphrase_file)) => {
                let doubt = passphrase.as_deref().and_then(text::doubt_of_passphrase);
                Error::PassphraseWrong { file, passphrase_file: passphrase_file.to_owned(), doubt, source }
            }
            _ => Error::Key { file, source },
        }
    })
}

/// Reads the public half of a pair from a file with either half.
pub(crate) fn read_either_key(file: &Path, passphrase_file: Option<&Path>) -> Result<PublicKey, Error> {
    match read_public_key(file) {
        Err(Error::Key { source: keys::Error::PrivateForPublic, .. }) => {
            Ok(read_private_key(file, passphrase_file)?.public_key())
        }
        read => read,
    }
}

/// Reads a passphrase as OpenSSL and the edge do: a line end after it is no part of it, any other white space is.
pub(crate) fn read_passphrase(file: &Path) -> Result<String, Error> {
    let text = read_text(file)?;
    let passphrase = text.trim_end_matches(['\r', '\n']);
    // OpenSSL would take the first line alone, so the same file would mean two passphrases.
    if passphrase.is_empty() || passphrase.contains('\n') {
        return Err(Error::NoPassphrase { file: file.to_owned() });
    }
    Ok(passphrase.to_owned())
}

/// Reads an app secret, which white space around it is no part of. What does not look like one is warned of and taken: whether
/// it is the right one, the endpoint decides.
pub(crate) fn read_app_secret(file: &Path) -> Result<AppSecret, Error> {
    let text = Zeroizing::new(read_text(file)?);
    let secret =
        AppSecret::new(text.trim().as_bytes()).map_err(|source| Error::AppSecret { file: file.to_owned(), source })?;
    if let Some(doubt) = text::doubt_of_app_secret(&text) {
        let file = file.display();
        eprintln!("warning: {file}: an app secret is 32 lower-case hex digits, and this is not: {doubt}");
    }
    Ok(secret)
}

/// Reads the certificates to trust.
pub(crate) fn read_certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let bytes = read(file)?;
    // Bundles have comments in any encoding.
    let pem = text::without_mark(&bytes).map_err(|source| Error::Text { file: file.to_owned(), source })?;
    match CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>() {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(Error::Certificate { file: file.to_owned() }),
    }
}

fn beside(doubt: &Option<&str>) -> String {
    doubt.map(|doubt| format!("; in that file {doubt}")).unwrap_or_default()
}

/// Refuses where there is something under this name already.
pub(crate) fn refuse_existing(file: &Path) -> Result<(), Error> {
    match fs::symlink_metadata(file) {
        Ok(_) => Err(Error::Exists { file: file.to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(Error::Write { file: file.to_owned(), source }),
    }
}

/// Creates a file that is not there yet; a failure leaves none behind.
pub(crate) fn create(file: &Path, content: &str, access: Access) -> Result<(), Error> {
    let mode = match access {
        Access::Owner => 0o600,
        Access::Anyone => 0o666,
    };
    let wrong = |source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => Error::Exists { file: file.to_owned() },
        _ => Error::Write { file: file.to_owned(), source },
    };
    let mut opened = OpenOptions::new().write(true).create_new(true).mode(mode).open(file).map_err(wrong)?;
    opened.write_all(content.as_bytes()).map_err(|error| {
        // What went wrong first is what the user should hear.
        let _ = fs::remove_file(file);
        wrong(error)
    })
}

/// Writes a file that may be there, and holds nothing that anybody would miss.
pub(crate) fn replace(file: &Path, content: &str) -> Result<(), Error> {
    fs::write(file, content).map_err(|source| Error::Write { file: file.to_owned(), source })
}

/// Creates a folder and those around it, where they are missing.
pub(crate) fn create_folder(folder: &Path) -> Result<(), Error> {
    fs::create_dir_all(folder).map_err(|source| Error::Write { file: folder.to_owned(), source })
}
