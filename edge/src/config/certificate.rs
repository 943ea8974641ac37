//! What will go wrong with a server's certificate though it can be served: looked at when it is read, and not when the platform does.

use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Utc};
use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::ParsedCertificate;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::BasicConstraints;

/// When it expires, and what clients will refuse of it, each with what would be right. The beginning of time and nothing where it
/// cannot be read, which rustls would have refused.
pub(super) fn look(certificate: &CertificateDer<'_>, now: SystemTime) -> (SystemTime, Vec<String>) {
    let Ok(certificate) = Certificate::from_der(certificate) else { return (UNIX_EPOCH, Vec::new()) };
    let validity = certificate.tbs_certificate().validity();
    let (from, to) =
        (validity.not_before.to_date_time().to_system_time(), validity.not_after.to_date_time().to_system_time());
    let mut doubts = Vec::new();
    if to < now {
        doubts.push(format!("expired on {}, and no client takes it any more; renew it", date(to)));
    }
    if from > now {
        doubts.push(format!("is not valid before {}; wait, or issue it anew, or set this machine's clock", date(from)));
    }
    let is_authority = certificate.tbs_certificate().get_extension::<BasicConstraints>().ok().flatten();
    if is_authority.is_some_and(|(_, constraints)| constraints.ca) {
        doubts.push(
            "is that of an authority (CA:TRUE), which no server may use; `flowctl keys certificate` makes one that a server may have"
                .to_owned(),
        );
    }
    (to, doubts)
}

/// Whether it is for this host, as clients see it.
pub(super) fn is_for(certificate: &CertificateDer<'_>, host: &str) -> bool {
    let name = ServerName::try_from(host);
    let certificate = ParsedCertificate::try_from(certificate);
    name.is_ok_and(|name| certificate.is_ok_and(|certificate| verify_server_name(&certificate, &name).is_ok()))
}

fn date(time: SystemTime) -> String {
    DateTime::<Utc>::from(time).format("%Y-%m-%d").to_string()
}
