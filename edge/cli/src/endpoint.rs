//! The endpoint that a command plays the messaging client of: where it is, and the keys that open and sign.

use std::path::{Path, PathBuf};

use clap::Args;
use flow_wire::keys::PublicKey;
use flow_wire::signature::AppSecret;
use reqwest::Url;
use rustls::pki_types::CertificateDer;

use crate::{files, folder, http};

/// As the command line names it. What it leaves out is what `flowctl dev` made in `.flow-dev`, where the endpoint is that one.
#[derive(Debug, Args)]
pub(crate) struct Endpoint {
    /// URL of the endpoint, with its path [default: the one that `flowctl dev` serves from this folder].
    #[arg(long, value_parser = endpoint_url)]
    url: Option<Url>,
    /// The endpoint's public key, PEM [default, on this machine: .flow-dev/public-key.pem].
    #[arg(long, value_name = "FILE")]
    public_key: Option<PathBuf>,
    /// File with the secret of the app, which signs the requests [default, on this machine: .flow-dev/app-secret].
    #[arg(long, value_name = "FILE")]
    app_secret_file: Option<PathBuf>,
    #[command(flatten)]
    trust: Trust,
}

/// What a command line lacks, and why it could not be found elsewhere.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    File(#[from] files::Error),
    #[error(
        "--url is required: the endpoint's URL. Without it the one counts that `flowctl dev` serves from this folder, and none \
         does"
    )]
    NoUrl,
    #[error("{option} is required: {what}. Without it {} counts, which is not there", default.display())]
    Missing { option: &'static str, what: &'static str, default: PathBuf },
    #[error("{option} is required: {what}")]
    Required { option: &'static str, what: &'static str },
    #[error("{}: it should hold the URL of the endpoint; remove it and start `flowctl dev` again", file.display())]
    Url { file: PathBuf },
}

/// The same for a command that can do without.
#[derive(Debug, Args)]
pub(crate) struct Edge {
    /// URL of the endpoint, with its path, whoever made it.
    #[arg(long, value_name = "URL", value_parser = endpoint_url)]
    pub(crate) edge: Option<Url>,
    /// The endpoint's public key, PEM.
    #[arg(long, value_name = "FILE", requires_all = ["edge", "app_secret_file"])]
    pub(crate) public_key: Option<PathBuf>,
    /// File with the secret of the app, which signs the requests.
    #[arg(long, value_name = "FILE", requires_all = ["edge", "public_key"])]
    pub(crate) app_secret_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) trust: Trust,
}

/// Whose certificates are trusted.
#[derive(Debug, Args)]
pub(crate) struct Trust {
    /// Trust the certificates in this file, PEM, in place of the system's.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

/// The same with its files read.
#[derive(Debug)]
pub(crate) struct Access {
    pub(crate) url: Url,
    /// In place of the system's certificate authorities.
    pub(crate) trusted: Option<Vec<CertificateDer<'static>>>,
    pub(crate) public_key: PublicKey,
    pub(crate) app_secret: AppSecret,
}

impl Endpoint {
    /// Reads the files.
    pub(crate) fn open(&self) -> Result<Access, Error> {
        let folder = Path::new(folder::FOLDER);
        let url = match &self.url {
            Some(url) => url.clone(),
            None => served_from(folder)?,
        };
        // Keys of this folder would be wrong for an endpoint elsewhere, and the answer would not say so.
        let is_here = self.url.is_none() || http::is_this_machine(&url);
        let file = |given: &Option<PathBuf>, name, option, what| match given {
            Some(file) => Ok(file.clone()),
            None if !is_here => Err(Error::Required { option, what }),
            None => {
                let default = folder.join(name);
                if default.is_file() { Ok(default) } else { Err(Error::Missing { option, what, default }) }
            }
        };
        let key = file(&self.public_key, folder::PUBLIC_KEY, "--public-key", "the endpoint's public key")?;
        let secret = file(&self.app_secret_file, folder::APP_SECRET, "--app-secret-file", "the app's secret")?;
        let certificate = folder.join(folder::TLS_CERTIFICATE);
        let is_ours = self.public_key.is_none() && self.trust.ca.is_none() && certificate.is_file();
        let trust = if is_ours { &Trust { ca: Some(certificate) } } else { &self.trust };
        Ok(Access::read(url, &key, &secret, trust)?)
    }
}

impl Error {
    /// Whether it is the command line that makes no sense.
    pub(crate) fn is_usage(&self) -> bool {
        matches!(self, Self::NoUrl | Self::Missing { .. } | Self::Required { .. })
    }
}

/// The URL of the endpoint that is served from the folder.
fn served_from(folder: &Path) -> Result<Url, Error> {
    let file = folder.join(folder::URL);
    if !file.is_file() {
        return Err(Error::NoUrl);
    }
    endpoint_url(files::read_text(&file)?.trim()).map_err(|_| Error::Url { file })
}

impl Edge {
    /// An option that the command line gives of the endpoint, beside its URL. clap does not see that it asks for the URL where
    /// another subject is named.
    pub(crate) fn given(&self) -> Option<&'static str> {
        let given = [
            ("--public-key", &self.public_key),
            ("--app-secret-file", &self.app_secret_file),
            ("--ca", &self.trust.ca),
        ];
        given.into_iter().find(|(_, file)| file.is_some()).map(|(option, _)| option)
    }

    /// Reads the files; `None` where the command line names no endpoint, or no keys.
    pub(crate) fn open(&self) -> Result<Option<Access>, files::Error> {
        match (&self.edge, &self.public_key, &self.app_secret_file) {
            (Some(url), Some(key), Some(secret)) => Access::read(url.clone(), key, secret, &self.trust).map(Some),
            _ => Ok(None),
        }
    }
}

impl Trust {
    /// In place of the system's certificate authorities.
    pub(crate) fn read(&self) -> Result<Option<Vec<CertificateDer<'static>>>, files::Error> {
        self.ca.as_deref().map(files::read_certificates).transpose()
    }
}

impl Access {
    fn read(url: Url, public_key: &Path, app_secret_file: &Path, trust: &Trust) -> Result<Self, files::Error> {
        Ok(Self {
            url,
            trusted: trust.read()?,
            public_key: files::read_public_key(public_key)?,
            app_secret: files::read_app_secret(app_secret_file)?,
        })
    }
}

/// Reads the URL of an endpoint on a command line.
fn endpoint_url(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "https" | "http"));
    url.ok_or("should be the endpoint's URL, such as https://example.com/flows/appointments")
}
