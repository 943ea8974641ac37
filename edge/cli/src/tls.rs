//! What went wrong with TLS, in words for people: what was found, whose fault it is, what to do. No text of a library is shown.
//!
//! It refuses to know what would have been said over the connection.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{ServerName, UnixTime};
use rustls::{AlertDescription, CertificateError};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use x509_cert::der::DateTime;

use crate::http;

/// How long somebody may take to show that they speak TLS.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);

/// Whom a command asks over TLS or without, and what its user said of whom to trust.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) is_tls: bool,
    pub(crate) trust: Trust,
}

/// Whose certificates count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trust {
    /// The system's, as for the platform; the option would name others.
    System { option: Option<&'static str> },
    /// Those in the file of this option.
    Given { option: &'static str },
}

/// What was found, and what to do: two sentences without their full stops.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Words {
    pub(crate) found: String,
    pub(crate) mend: String,
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}. {}", self.found, self.mend)
    }
}

impl Trust {
    pub(crate) fn new(option: &'static str, is_given: bool) -> Self {
        if is_given { Self::Given { option } } else { Self::System { option: Some(option) } }
    }
}

/// Explains an error of a connection where TLS is what failed; `None` where it is something else.
pub(crate) fn explain(error: &(dyn Error + 'static), peer: &Peer) -> Option<Words> {
    if let Some(words) = explain_later(error, peer) {
        return Some(words);
    }
    let error = find::<io::Error>(error).filter(|_| peer.is_tls)?;
    // A connection that nobody took has another kind.
    let is_cut = matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
    );
    is_cut.then(|| words("the other side ended the connection in the middle of the TLS handshake", not_tls(peer)))
}

/// The same of a connection that was made: with TLS 1.3 a server may refuse the client only then.
pub(crate) fn explain_later(error: &(dyn Error + 'static), peer: &Peer) -> Option<Words> {
    find::<rustls::Error>(error).map(|error| of_rustls(error, peer))
}

/// What to say where http:// was asked of a port that speaks TLS; `None` where it does not, or was asked by https://.
pub(crate) async fn explain_plain(peer: &Peer) -> Option<Words> {
    let is_mistaken = !peer.is_tls && speaks_tls(peer).await;
    is_mistaken.then(|| {
        words("what listens there speaks TLS, and the URL says http://", "Begin the URL with https://".to_owned())
    })
}

/// Whether somebody shakes hands there, or refuses to in TLS.
async fn speaks_tls(peer: &Peer) -> bool {
    let Ok(config) = http::tls_config(None, &[]) else { return false };
    let Ok(name) = ServerName::try_from(peer.host.clone()) else { return false };
    let shake_hands = async {
        let stream = TcpStream::connect((peer.host.as_str(), peer.port)).await?;
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    };
    match timeout(PROBE_TIMEOUT, shake_hands).await {
        Ok(Ok(_)) => true,
        Ok(Err(error)) => {
            find::<rustls::Error>(&error).is_some_and(|error| !matches!(error, rustls::Error::InvalidMessage(_)))
        }
        Err(_) => false,
    }
}

/// The error of this type among an error and those behind it. What an I/O error was made of does not count as its source.
fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(found) = inner.and_then(|inner| find(inner)).or_else(|| error.downcast_ref()) {
            return Some(found);
        }
        next = error.source();
    }
    None
}

fn words(found: impl Into<String>, mend: impl Into<String>) -> Words {
    Words { found: found.into(), mend: mend.into() }
}

fn of_rustls(error: &rustls::Error, peer: &Peer) -> Words {
    use AlertDescription as Alert;
    let host = &peer.host;
    match error {
        rustls::Error::InvalidCertificate(error) => of_certificate(error, peer),
        rustls::Error::InvalidMessage(_) | rustls::Error::InappropriateMessage { .. } => {
            words("what listens there does not speak TLS", not_tls(peer))
        }
        rustls::Error::AlertReceived(Alert::UnrecognisedName) => words(
            format!("the server knows no host {host}"),
            "Ask by the name that it serves, or configure this one there (SNI)",
        ),
        rustls::Error::AlertReceived(
            Alert::CertificateRequired | Alert::BadCertificate | Alert::UnknownCA | Alert::NoCertificate,
        ) => words(
            "the server asks for a certificate of the client and refuses whoever has none that it knows",
            "Ask from where none is needed, or let the server do without one here",
        ),
        rustls::Error::AlertReceived(Alert::NoApplicationProtocol) | rustls::Error::NoApplicationProtocol => words(
            "the server takes none of the protocols that were offered (ALPN)",
            "Let it take HTTP/1.1 or HTTP/2 as the client asks",
        ),
        rustls::Error::AlertReceived(
            Alert::ProtocolVersion | Alert::HandshakeFailure | Alert::InsufficientSecurity,
        )
        | rustls::Error::PeerIncompatible(_) => words(
            "client and server have no version of TLS or no cipher in common, so the handshake was refused",
            "Let the server speak TLS 1.2 or 1.3 with ECDHE and AES-GCM or ChaCha20; older ones are out of use",
        ),
        rustls::Error::AlertReceived(_) => words("the server refused the TLS handshake", "See its log for why"),
        _ => {
            words("the TLS handshake failed", "See the server's log, and that nothing on the way changes what is sent")
        }
    }
}

fn of_certificate(error: &CertificateError, peer: &Peer) -> Words {
    let host = &peer.host;
    match error {
        // The latter two: of an authority that bears the same name, but not the same key.
        CertificateError::UnknownIssuer
        | CertificateError::BadSignature
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => unknown_issuer(peer.trust),
        CertificateError::ExpiredContext { not_after, .. } => {
            words(format!("the certificate expired on {}", date(*not_after)), EXPIRED)
        }
        CertificateError::Expired => words("the certificate has expired", EXPIRED),
        CertificateError::NotValidYetContext { not_before, .. } => {
            words(format!("the certificate is not valid before {}", date(*not_before)), NOT_YET)
        }
        CertificateError::NotValidYet => words("the certificate is not valid yet", NOT_YET),
        CertificateError::NotValidForNameContext { presented, .. } if presented.is_empty() => words(
            "the certificate names no host: it has no subjectAltName, and the common name counts no more",
            make_one(peer),
        ),
        CertificateError::NotValidForNameContext { presented, .. } => words(
            format!("the certificate is for {}, and not for {host}", names(presented)),
            format!("Ask by a name that it is for, or let the server have one for {host}{}", or_make(peer)),
        ),
        CertificateError::NotValidForName => words(
            format!("the certificate is not for {host}"),
            format!("Ask by a name that it is for, or let the server have one for {host}{}", or_make(peer)),
        ),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            words("the certificate is not for servers: its extended key usage lacks serverAuth", make_one(peer))
        }
        CertificateError::Revoked => words("the certificate is revoked by its authority", make_one(peer)),
        CertificateError::BadEncoding => words("the certificate cannot be read", make_one(peer)),
        CertificateError::UnsupportedSignatureAlgorithmContext { .. } => {
            words("the certificate is signed by an algorithm that is out of use, such as SHA-1", make_one(peer))
        }
        CertificateError::Other(error) => match error.0.downcast_ref::<webpki::Error>() {
            Some(webpki::Error::CaUsedAsEndEntity) => words(
                "the certificate is that of an authority (CA:TRUE), which may sign others and serve nobody, as \
                 `openssl req -x509` makes them by default",
                make_one(peer),
            ),
            Some(webpki::Error::UnsupportedCertVersion) => {
                words("the certificate is X.509 version 1, which has no extensions and no client takes", make_one(peer))
            }
            _ => words(UNUSABLE, make_one(peer)),
        },
        _ => words(UNUSABLE, make_one(peer)),
    }
}

const EXPIRED: &str = "Renew it, and see that the server has taken the new one; where it is still valid, set this \
                       machine's clock right";
const NOT_YET: &str =
    "Set the clock right: this machine's is slow, or that of the machine which made the certificate was fast";
const UNUSABLE: &str = "the certificate is not one that a server may have";

fn unknown_issuer(trust: Trust) -> Words {
    match trust {
        Trust::Given { option } => words(
            format!("the certificate is signed by none of those in the file of {option}"),
            format!(
                "Give {option} the certificate of the authority that signed it, or of a server that signed its own that one. \
                 Was it made anew, or does another server answer at this address?"
            ),
        ),
        Trust::System { option: Some(option) } => words(
            "the certificate is signed by nobody whom this system trusts",
            format!(
                "Serve the whole chain, with the intermediate certificates, of a public authority. Of one of your own \
                 {option} FILE names the certificate"
            ),
        ),
        Trust::System { option: None } => words(
            "the certificate is signed by nobody whom this system trusts",
            "See that the system has its authorities (the package ca-certificates), and whether a proxy on the way opens TLS: \
             its certificate would have to be among them",
        ),
    }
}

/// Where somebody else's certificate is asked for, there is nothing to make.
fn make_one(peer: &Peer) -> String {
    match peer.trust {
        Trust::System { option: None } => {
            "That is for the server to mend; see whether a proxy on the way answers".to_owned()
        }
        _ => format!(
            "Let the server have one for {host}: of a public authority, or for use of your own `flowctl keys certificate \
             --host {host}`",
            host = peer.host
        ),
    }
}

fn or_make(peer: &Peer) -> String {
    match peer.trust {
        Trust::System { option: None } => String::new(),
        _ => format!(", as for use of your own `flowctl keys certificate --host {}` makes it", peer.host),
    }
}

fn not_tls(peer: &Peer) -> String {
    match peer.trust {
        Trust::System { option: Some("--ca") } | Trust::Given { option: "--ca" } => {
            "Where it is meant to be without TLS, as behind a proxy, begin the URL with http://; the platform calls https:// \
             alone, so in the end something must serve TLS"
        }
        _ => "Begin the URL with http:// where it is meant to be without TLS, or let the server speak TLS",
    }
    .to_owned()
}

/// What a certificate is for, as far as a line has room; the certificate is a stranger's.
fn names(presented: &[String]) -> String {
    const MOST: usize = 4;
    let bare = |name: &String| {
        let inside = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(name);
        inside.trim_matches('"').chars().take(80).collect::<String>().escape_debug().to_string()
    };
    let mut names: Vec<_> = presented.iter().take(MOST).map(bare).collect();
    if presented.len() > MOST {
        names.push(format!("{} more", presented.len() - MOST));
    }
    names.join(", ")
}

fn date(time: UnixTime) -> String {
    DateTime::from_unix_duration(Duration::from_secs(time.as_secs()))
        .map_or("a date beyond all".to_owned(), |date| date.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bare_and_few() {
        let presented = ["DnsName(\"localhost\")", "IpAddress(127.0.0.1)"].map(str::to_owned);
        assert_eq!(names(&presented), "localhost, 127.0.0.1");
        let many: Vec<_> = (0..6).map(|number| format!("DnsName(\"{number}.example\u{1b}\")")).collect();
        assert!(names(&many).ends_with("3.example\\u{1b}, 2 more"), "{}", names(&many));
    }
}
