//! The folder `.flow-dev`: what `flowctl dev` needs, made once and used again.
//!
//! What is there is never overwritten, so all of it is the user's to change; what is missing is made anew.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use flow_edge::config::{self, Config};
use flow_wire::keys::PublicKey;
use flow_wire::signature::AppSecret;
use reqwest::Url;
use rustls::pki_types::CertificateDer;
use uuid::Uuid;

use crate::files::{self, Access};
use crate::folder::{APP_SECRET, CONFIG_FILE, PRIVATE_KEY, PUBLIC_KEY, TLS_CERTIFICATE, TLS_PRIVATE_KEY, URL};
use crate::keys::{self, certificate};

/// Names that the certificate is good for.
const HOSTS: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

const CONFIG: &str = "\
# Made by `flowctl dev`, which reads it at each start. It is yours to change; remove the folder to begin anew.
# `flow-edge serve --config .flow-dev/flow-edge.yaml` serves the same, without the sample flow.
listen:
  address: 127.0.0.1:8443            # flowctl dev --port N takes another port
  tls:
    certificate_file: tls-certificate.pem
    private_key_file: tls-private-key.pem
admin:
  address: 127.0.0.1:0               # /livez and /readyz, on a free port
endpoints:
  - name: {name}
    path: /flows/{name}
    private_keys:
      - file: private-key.pem
    app_secrets:
      - file: app-secret
    logic:
      url: http://127.0.0.1:50051    # flowctl dev puts its sample flow here, or what --logic says
";

/// The files of the folder.
#[derive(Debug)]
pub(super) struct State {
    folder: PathBuf,
    pub(super) public_key: PublicKey,
    pub(super) app_secret: AppSecret,
    pub(super) certificates: Vec<CertificateDer<'static>>,
    /// What had to be made, by name.
    pub(super) made: Vec<&'static str>,
    is_sample: bool,
}

/// Why the folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    File(#[from] files::Error),
    #[error(
        "{}: it is a symbolic link, so keys would go where it leads; remove it, and the folder is made anew, or start in the \
         folder beside the one that it leads to",
        folder.display()
    )]
    Link { folder: PathBuf },
    #[error(
        "{}: it belongs to another user (uid {owner}), who could read and change the keys in it; remove it, or start in a folder \
         of your own",
        folder.display()
    )]
    OtherOwner { folder: PathBuf, owner: u32 },
    #[error(transparent)]
    Keys(#[from] keys::Error),
    #[error(
        "{}: it is not the other half of {PRIVATE_KEY} beside it; remove it, and it is made from the private key again",
        file.display()
    )]
    NotAPair { file: PathBuf },
    #[error(transparent)]
    Certificate(#[from] certificate::Error),
    #[error(transparent)]
    Config(#[from] config::Errors),
}

/// What the endpoint is called where a sample stands behind it, and where logic of the user's own does.
const SAMPLE: &str = "appointments";
const OWN: &str = "flow";

/// Ten years: the folder is removed before.
const VALID: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

impl State {
    /// Opens the folder and makes what is missing in it, for a sample or for logic of the user's own.
    pub(super) fn open(folder: &Path, is_sample: bool) -> Result<Self, Error> {
        if !folder.is_symlink() {
            files::create_folder(folder)?;
        }
        refuse_others(folder)?;
        let mut folder = Folder { path: folder.to_owned(), made: Vec::new() };
        // Secrets do not belong under version control.
        folder.provide(".gitignore", Access::Anyone, || "*\n".to_owned())?;
        let public_key = folder.provide_key_pair()?;
        // Random, and as long as the platform's own: 32 hex digits.
        folder.provide(APP_SECRET, Access::Owner, || format!("{}\n", Uuid::new_v4().simple()))?;
        folder.provide_certificate()?;
        let name = if is_sample { SAMPLE } else { OWN };
        folder.provide(CONFIG_FILE, Access::Anyone, || CONFIG.replace("{name}", name))?;
        let Folder { path: folder, made } = folder;
        Ok(Self {
            public_key,
            app_secret: files::read_app_secret(&folder.join(APP_SECRET))?,
            certificates: files::read_certificates(&folder.join(TLS_CERTIFICATE))?,
            made,
            is_sample,
            folder,
        })
    }

    /// Reads the configuration; it can be served once, so it is read anew for each attempt.
    pub(super) fn config(&self) -> Result<Config, Error> {
        let mut config = Config::load(&self.folder.join(CONFIG_FILE))?;
        // The file may have been made for the sample, whose name says nothing true of another flow.
        if let Some(endpoint) =
            config.endpoints.first_mut().filter(|endpoint| !self.is_sample && endpoint.name == SAMPLE)
        {
            endpoint.name = OWN.to_owned();
            if endpoint.path == format!("/flows/{SAMPLE}") {
                endpoint.path = format!("/flows/{OWN}");
            }
        }
        Ok(config)
    }

    /// Says to other commands where the endpoint is; what is returned takes that back in the end.
    pub(super) fn announce(&self, url: &Url) -> Result<Announced, files::Error> {
        let file = self.folder.join(URL);
        files::replace(&file, &format!("{url}\n"))?;
        Ok(Announced(file))
    }

    /// The file that the endpoint's certificate is in.
    pub(super) fn certificate_file(&self) -> PathBuf {
        self.folder.join(TLS_CERTIFICATE)
    }

    pub(super) fn config_file(&self) -> PathBuf {
        self.folder.join(CONFIG_FILE)
    }
}

/// A folder that somebody else put there would get the keys, or bring his own.
fn refuse_others(folder: &Path) -> Result<(), Error> {
    let of_link = |source| files::Error::Read { file: folder.to_owned(), source };
    let found = fs::symlink_metadata(folder).map_err(of_link)?;
    if found.is_symlink() {
        return Err(Error::Link { folder: folder.to_owned() });
    }
    if found.uid() != rustix::process::geteuid().as_raw() {
        return Err(Error::OtherOwner { folder: folder.to_owned(), owner: found.uid() });
    }
    Ok(())
}

/// An endpoint that other commands find, until this is dropped.
#[derive(Debug)]
pub(super) struct Announced(PathBuf);

impl Drop for Announced {
    fn drop(&mut self) {
        // A file that is left behind only names an endpoint that is gone.
        let _ = fs::remove_file(&self.0);
    }
}

struct Folder {
    path: PathBuf,
    made: Vec<&'static str>,
}

impl Folder {
    fn provide(
        &mut self,
        name: &'static str,
        access: Access,
        content: impl FnOnce() -> String,
    ) -> Result<(), files::Error> {
        let file = self.path.join(name);
        if !file.exists() {
            files::create(&file, &content(), access)?;
            self.made.push(name);
        }
        Ok(())
    }

    fn provide_key_pair(&mut self) -> Result<PublicKey, Error> {
        let (private_file, public_file) = (self.path.join(PRIVATE_KEY), self.path.join(PUBLIC_KEY));
        if !private_file.exists() && !public_file.exists() {
            self.made.extend([PRIVATE_KEY, PUBLIC_KEY]);
            return Ok(keys::write_pair(&private_file, &public_file, None)?);
        }
        let key = files::read_private_key(&private_file, None)?.public_key();
        self.provide(PUBLIC_KEY, Access::Anyone, || key.as_pem().to_owned())?;
        if files::read_public_key(&public_file)?.fingerprint() != key.fingerprint() {
            return Err(Error::NotAPair { file: public_file });
        }
        Ok(key)
    }

    /// Certificate and key are made together or not at all: one is of no use without the other.
    fn provide_certificate(&mut self) -> Result<(), Error> {
        if !self.path.join(TLS_CERTIFICATE).exists() && !self.path.join(TLS_PRIVATE_KEY).exists() {
            let [certificate, key] = [TLS_CERTIFICATE, TLS_PRIVATE_KEY].map(|name| self.path.join(name));
            certificate::write(&certificate, &key, &HOSTS.map(str::to_owned), VALID)?;
            self.made.extend([TLS_PRIVATE_KEY, TLS_CERTIFICATE]);
        }
        Ok(())
    }
}
