//! `flowctl keys certificate`: a certificate that a server of one's own may have, signed by its own key.
//!
//! For tests, for this machine, and between services of one's own. The platform takes a public authority's alone.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use clap::Args;
use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose};
use serde_json::json;

use crate::files::{self, Access};
use crate::folder;

/// A clock that is slow should not refuse what was made just now.
const LEEWAY: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Debug, Args)]
#[command(after_help = "\
The certificate signs itself: whoever connects is given it as the authority to trust, such as by --ca, --logic-ca or \
logic.tls.ca_file. The platform takes a public authority's alone.")]
pub(crate) struct Certificate {
    /// Folder for `tls-certificate.pem` and `tls-private-key.pem`.
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    out: PathBuf,
    /// Name or IP address by which the server is called; may be given several times.
    #[arg(long = "host", value_name = "NAME", required = true, num_args = 1.., value_parser = host)]
    hosts: Vec<String>,
    /// Days for which it is valid.
    #[arg(long, value_name = "N", default_value_t = 365, value_parser = clap::value_parser!(u16).range(1..=3650))]
    days: u16,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    File(#[from] files::Error),
    #[error("--host {host}: a certificate cannot be for it: {source}")]
    Host { host: String, source: rcgen::Error },
    #[error("no certificate could be made: {0}")]
    Make(#[from] rcgen::Error),
    #[error("cannot print: {0}")]
    Print(#[from] io::Error),
}

pub(super) fn run(arguments: Certificate) -> Result<(), Error> {
    files::create_folder(&arguments.out)?;
    let [certificate, key] = [folder::TLS_CERTIFICATE, folder::TLS_PRIVATE_KEY].map(|name| arguments.out.join(name));
    let valid = DAY * arguments.days.into();
    write(&certificate, &key, &arguments.hosts, valid)?;
    let mut out = io::stdout().lock();
    if arguments.json {
        let (certificate, key) = (certificate.to_string_lossy(), key.to_string_lossy());
        let report =
            json!({"certificate": certificate, "private_key": key, "hosts": arguments.hosts, "days": arguments.days});
        writeln!(out, "{report}")?;
    } else {
        let hosts = arguments.hosts.join(", ");
        writeln!(out, "certificate: {}, for {hosts}, {} days", certificate.display(), arguments.days)?;
        eprintln!(
            "The private key is in {}, readable by you alone. Give the certificate to whoever connects, as what to \
             trust: by --ca or --logic-ca, or ca_file in a configuration.",
            key.display()
        );
    }
    Ok(())
}

/// Makes certificate and key in two new files; a failure leaves neither behind.
pub(crate) fn write(certificate_file: &Path, key_file: &Path, hosts: &[String], valid: Duration) -> Result<(), Error> {
    files::refuse_existing(certificate_file)?;
    files::refuse_existing(key_file)?;
    for host in hosts {
        CertificateParams::new([host.clone()]).map_err(|source| Error::Host { host: host.clone(), source })?;
    }
    let mut certificate = CertificateParams::new(hosts)?;
    let now = SystemTime::now();
    (certificate.not_before, certificate.not_after) = ((now - LEEWAY).into(), (now + valid).into());
    certificate.is_ca = IsCa::ExplicitNoCa;
    certificate.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    certificate.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    certificate.distinguished_name = DistinguishedName::new();
    // What people see in a list; names count by the subjectAltName. 64 characters are the most (RFC 5280, appendix A.1).
    let name = hosts.first().map(|host| host.chars().take(64).collect::<String>()).unwrap_or_default();
    certificate.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate()?;
    let certificate = certificate.self_signed(&key)?;
    files::create(key_file, &key.serialize_pem(), Access::Owner)?;
    files::create(certificate_file, &certificate.pem(), Access::Anyone).inspect_err(|_| {
        // One is of no use without the other.
        let _ = fs::remove_file(key_file);
    })?;
    Ok(())
}

/// Reads a host as a certificate has it.
fn host(text: &str) -> Result<String, &'static str> {
    let host = text.trim_matches(['[', ']']);
    if host.is_empty()
        || text.contains(['/', '@', ' '])
        || text.contains(':') && host.parse::<std::net::IpAddr>().is_err()
    {
        return Err("should be a name or an IP address alone, such as logic.example.com, without https:// and port");
    }
    Ok(host.to_owned())
}
