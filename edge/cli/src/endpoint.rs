//! The endpoint that a command plays the messaging client of: where it is, and the keys that open and sign.

use std::path::{Path, PathBuf};

use clap::Args;
use flow_wire::keys::PublicKey;
use flow_wire::signature::AppSecret;
use reqwest::Url;
use rustls::pki_types::CertificateDer;

use crate::files;

/// As the command line names it.
#[derive(Debug, Args)]
pub(crate) struct Endpoint {
    /// URL of the endpoint, with its path.
    #[arg(long, value_parser = endpoint_url)]
    pub(crate) url: Url,
    /// The endpoint's public key, PEM.
    #[arg(long, value_name = "FILE")]
    public_key: PathBuf,
    /// File with the secret of the app, which signs the requests.
    #[arg(long, value_name = "FILE")]
    app_secret_file: PathBuf,
    #[command(flatten)]
    trust: Trust,
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
    pub(crate) fn open(&self) -> Result<Access, files::Error> {
        Access::read(self.url.clone(), &self.public_key, &self.app_secret_file, &self.trust)
    }
}

impl Edge {
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
