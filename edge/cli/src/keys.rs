//! `flowctl keys`: the RSA key pair of an endpoint, and a certificate for a server of one's own.

pub(crate) mod certificate;
mod platform;

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use flow_wire::keys::{self, PrivateKey, PublicKey};
use serde_json::json;

use crate::files::{self, Access};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make an RSA-2048 key pair. No file is ever overwritten.
    Generate(Generate),
    /// Print the public key and its fingerprint.
    Show(Show),
    /// Make a certificate that a server of your own may have, with its key. No file is ever overwritten.
    Certificate(certificate::Certificate),
    /// Make a key the public key of phone numbers, and read it back.
    Upload(platform::Upload),
    /// Print which key the platform has for phone numbers, and whether its signature over it is valid.
    Status(platform::Status),
}

#[derive(Debug, Args)]
pub(crate) struct Generate {
    /// Folder for `private-key.pem` and `public-key.pem`.
    #[arg(long, value_name = "DIR", default_value = ".", conflicts_with_all = ["private", "public"])]
    out: PathBuf,
    /// File for the private key: PKCS#8 PEM, mode 0600.
    #[arg(long, value_name = "FILE", requires = "public")]
    private: Option<PathBuf>,
    /// File for the public key: PEM, as the platform takes it.
    #[arg(long, value_name = "FILE", requires = "private")]
    public: Option<PathBuf>,
    /// Encrypt the private key by the passphrase in this file. It is not encrypted otherwise.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// A private or a public key, PEM.
    file: PathBuf,
    /// File with the passphrase of an encrypted private key.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    File(#[from] files::Error),
    #[error(transparent)]
    Generate(#[from] keys::Error),
    #[error(transparent)]
    Certificate(#[from] certificate::Error),
    #[error(transparent)]
    Platform(#[from] platform::Error),
    #[error("cannot print: {0}")]
    Print(#[from] io::Error),
}

pub(crate) fn run(command: Command) -> Result<ExitCode, Error> {
    match command {
        Command::Generate(arguments) => generate(arguments)?,
        Command::Show(arguments) => show(arguments)?,
        Command::Certificate(arguments) => certificate::run(arguments)?,
        Command::Upload(arguments) => return Ok(platform::upload(arguments)?),
        Command::Status(arguments) => return Ok(platform::status(arguments)?),
    }
    Ok(ExitCode::SUCCESS)
}

fn generate(arguments: Generate) -> Result<(), Error> {
    let (private_file, public_file) = match (arguments.private, arguments.public) {
        (Some(private), Some(public)) => (private, public),
        _ => (arguments.out.join("private-key.pem"), arguments.out.join("public-key.pem")),
    };
    for folder in [&private_file, &public_file].into_iter().filter_map(|file| file.parent()) {
        files::create_folder(folder)?;
    }
    let passphrase = arguments.passphrase_file.as_deref().map(files::read_passphrase).transpose()?;
    let public_key = write_pair(&private_file, &public_file, passphrase.as_deref())?;
    let (private, public, fingerprint) = (private_file.display(), public_file.display(), public_key.fingerprint());
    let mut out = io::stdout().lock();
    if arguments.json {
        let private = private_file.to_string_lossy();
        let public = public_file.to_string_lossy();
        writeln!(out, "{}", json!({"private_key": private, "public_key": public, "fingerprint": fingerprint}))?;
    } else {
        writeln!(out, "public key:  {public}\nfingerprint: {fingerprint}")?;
        eprintln!("The private key is in {private}, readable by you alone. It never leaves the machines that serve.");
    }
    Ok(())
}

/// Makes a key pair in two new files, the private one encrypted where there is a passphrase; a failure leaves neither behind.
pub(crate) fn write_pair(
    private_file: &Path,
    public_file: &Path,
    passphrase: Option<&str>,
) -> Result<PublicKey, Error> {
    files::refuse_existing(private_file)?;
    files::refuse_existing(public_file)?;
    let (private_key, pem) = match passphrase {
        Some(passphrase) => PrivateKey::generate_encrypted_pem(passphrase)?,
        None => PrivateKey::generate_pem()?,
    };
    let public_key = private_key.public_key();
    files::create(private_file, &pem, Access::Owner)?;
    files::create(public_file, public_key.as_pem(), Access::Anyone).inspect_err(|_| {
        // Half a pair would be in the way of the next attempt.
        let _ = fs::remove_file(private_file);
    })?;
    Ok(public_key)
}

fn show(arguments: Show) -> Result<(), Error> {
    let key = files::read_either_key(&arguments.file, arguments.passphrase_file.as_deref())?;
    let mut out = io::stdout().lock();
    if arguments.json {
        writeln!(out, "{}", json!({"public_key": key.as_pem(), "fingerprint": key.fingerprint()}))?;
    } else {
        // Readers of PEM skip what stands before it (RFC 7468, section 2), so the output is still a key file.
        write!(out, "fingerprint: {}\n{}", key.fingerprint(), key.as_pem())?;
    }
    Ok(())
}
