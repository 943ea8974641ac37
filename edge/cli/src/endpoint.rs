//! The endpoint that a command plays the messaging client of: where it is, and the keys that open and sign.

use std::path::PathBuf;

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
        Ok(Access {
            url: self.url.clone(),
            trusted: self.ca.as_deref().map(files::read_certificates).transpose()?,
            public_key: files::read_public_key(&self.public_key)?,
            app_secret: files::read_app_secret(&self.app_secret_file)?,
        })
    }
}

/// Reads the URL of an endpoint on a command line.
fn endpoint_url(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "https" | "http"));
    url.ok_or("should be the endpoint's URL, such as https://example.com/flows/appointments")
}
