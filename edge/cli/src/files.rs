//! The small files that commands read and write: keys, app secrets, certificates. Every error names its file, and none
//! quotes what is in it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use flow_wire::keys::{self, PrivateKey, PublicKey};
use flow_wire::signature::{AppSecret, EmptySecret};

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
    #[error("{}: exists already, and a key is never overwritten; name another file or move this one away", file.display())]
    Exists { file: PathBuf },
    #[error("{}: {source}", file.display())]
    Key { file: PathBuf, source: keys::Error },
    #[error("{}: {source}; the file should hold the secret of the app as one line", file.display())]
    AppSecret { file: PathBuf, source: EmptySecret },
    #[error("{}: there is no certificate in it; it should be PEM, `-----BEGIN CERTIFICATE-----`", file.display())]
    Certificate { file: PathBuf },
}

pub(crate) fn read(file: &Path) -> Result<Vec<u8>, Error> {
    fs::read(file).map_err(|source| Error::Read { file: file.to_owned(), source })
}

/// Reads a file of text; what is no UTF-8 is an error of reading.
pub(crate) fn read_text(file: &Path) -> Result<String, Error> {
    fs::read_to_string(file).map_err(|source| Error::Read { file: file.to_owned(), source })
}

pub(crate) fn read_public_key(file: &Path) -> Result<PublicKey, Error> {
    PublicKey::from_pem(&read_text(file)?).map_err(|source| Error::Key { file: file.to_owned(), source })
}

pub(crate) fn read_private_key(file: &Path) -> Result<PrivateKey, Error> {
    PrivateKey::from_pem(&read_text(file)?, None).map_err(|source| Error::Key { file: file.to_owned(), source })
}

/// Reads an app secret, which white space around it is no part of.
pub(crate) fn read_app_secret(file: &Path) -> Result<AppSecret, Error> {
    AppSecret::new(read(file)?.trim_ascii()).map_err(|source| Error::AppSecret { file: file.to_owned(), source })
}

/// Reads the certificates to trust.
pub(crate) fn read_certificates(file: &Path) -> Result<Vec<reqwest::Certificate>, Error> {
    match reqwest::Certificate::from_pem_bundle(&read(file)?) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(Error::Certificate { file: file.to_owned() }),
    }
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

/// Creates a folder and those around it, where they are missing.
pub(crate) fn create_folder(folder: &Path) -> Result<(), Error> {
    fs::create_dir_all(folder).map_err(|source| Error::Write { file: folder.to_owned(), source })
}
