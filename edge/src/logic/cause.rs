//! Why an address of logic cannot be reached, in words for whoever runs it: each cause is a word from a bounded set, and a sentence
//! with its remedy.
//!
//! Libraries say this in their own words, at different depths of a chain of causes, and of some mistakes only that the protocol was
//! broken; there, one more connection looks at what the peer says first.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use http::Uri;
use rustls::CertificateError;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tonic::{Code, Status};

/// How long the peer may take to say something.
const PATIENCE: Duration = Duration::from_secs(1);
/// What a client of HTTP/2 says first (RFC 9113, section 3.4), with empty SETTINGS.
const HELLO: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// Why an address cannot be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// Nothing listens there.
    Refused,
    /// No answer to the attempt to connect.
    TimedOut,
    /// The network says that there is no way.
    NoRoute,
    /// The Unix socket is not there.
    NoSocket,
    /// The Unix socket may not be used.
    Forbidden,
    /// The peer speaks TLS, and `logic.url` says http.
    PeerSpeaksTls,
    /// The peer does not speak TLS, and `logic.url` says https.
    PeerSpeaksPlain,
    /// The peer speaks HTTP/1.1 only.
    PeerSpeaksHttp1,
    UnknownIssuer,
    CaUsedAsServer,
    WrongName,
    Expired,
    NotValidYet,
    /// Another reason to refuse the peer's certificate.
    Certificate,
    /// The peer refused us in the handshake, as one that wants a certificate does.
    RefusedByPeer,
    /// The health service wants to know who asks.
    Unauthenticated,
    /// It answers nothing any more.
    Silent,
    /// The connection ended.
    Closed,
    Other,
}

impl Cause {
    /// As a word from a bounded set.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::TimedOut => "timed_out",
            Self::NoRoute => "no_route",
            Self::NoSocket => "no_socket",
            Self::Forbidden => "forbidden",
            Self::PeerSpeaksTls => "peer_speaks_tls",
            Self::PeerSpeaksPlain => "peer_speaks_plain",
            Self::PeerSpeaksHttp1 => "peer_speaks_http1",
            Self::UnknownIssuer => "unknown_issuer",
            Self::CaUsedAsServer => "ca_used_as_server",
            Self::WrongName => "wrong_name",
            Self::Expired => "expired",
            Self::NotValidYet => "not_valid_yet",
            Self::Certificate => "certificate",
            Self::RefusedByPeer => "refused_by_peer",
            Self::Unauthenticated => "unauthenticated",
            Self::Silent => "silent",
            Self::Closed => "closed",
            Self::Other => "other",
        }
    }

    /// What happened, and what to do about it.
    pub(super) fn sentence(self) -> &'static str {
        match self {
            Self::Refused => "nothing listens there: start logic, or correct the port in logic.url",
            Self::TimedOut => {
                "the address does not answer: a firewall or network policy drops the packets, or the host is gone"
            }
            Self::NoRoute => "the network has no way there: correct the host in logic.url, or the network",
            Self::NoSocket => "there is no such socket: start logic, or correct the path in logic.url",
            Self::Forbidden => "the socket may not be used: let the edge's user read and write it",
            Self::PeerSpeaksTls => "logic speaks TLS there: begin logic.url with https://",
            Self::PeerSpeaksPlain => {
                "logic does not speak TLS there: begin logic.url with http://, or switch TLS on in logic"
            }
            Self::PeerSpeaksHttp1 => {
                "what listens there speaks HTTP/1.1: it is no gRPC server, or a proxy in front of one; correct logic.url"
            }
            Self::UnknownIssuer => {
                "logic's certificate is from an authority that is not trusted: name it in logic.tls.ca_file"
            }
            Self::CaUsedAsServer => {
                "logic's certificate is that of an authority, which no server may use: give logic one that an authority issued"
            }
            Self::WrongName => {
                "logic's certificate is for another name: issue it for the host in logic.url, or write the host that it is for"
            }
            Self::Expired => "logic's certificate has expired: renew it; or the clock here is wrong",
            Self::NotValidYet => {
                "logic's certificate is not valid yet: wait, or issue it anew; or the clock here is wrong"
            }
            Self::Certificate => {
                "logic's certificate cannot be used: issue it anew, with a subject alternative name and a signature that is in use today"
            }
            Self::RefusedByPeer => {
                "logic refused the TLS handshake: where it asks who calls, name a certificate in logic.tls"
            }
            Self::Unauthenticated => {
                "logic's health service wants to know who asks: let it answer without a token, as health services do"
            }
            Self::Silent => "logic answers nothing: it hangs, or it is frozen",
            Self::Closed => "the connection ended before an answer: see logic's log",
            Self::Other => "see the library's own words beside",
        }
    }

    /// What a chain of causes says.
    pub(super) fn of(error: &(dyn StdError + 'static)) -> Self {
        let mut cause = Some(error);
        let mut found = Self::Other;
        while let Some(error) = cause {
            if let Some(tls) = error.downcast_ref::<rustls::Error>() {
                return Self::of_tls(tls);
            }
            if let Some(error) = error.downcast_ref::<io::Error>() {
                // What is inside may say more.
                let inside = error.get_ref().and_then(|inside| inside.downcast_ref::<rustls::Error>());
                if let Some(tls) = inside {
                    return Self::of_tls(tls);
                }
                found = Self::of_io(error.kind()).unwrap_or(found);
            }
            if error.is::<tokio::time::error::Elapsed>() || error.is::<tonic::TimeoutExpired>() {
                found = Self::TimedOut;
            }
            cause = error.source();
        }
        found
    }

    /// What the health service's status says, where it is one of its own.
    pub(super) fn of_status(status: &Status) -> Self {
        match status.code() {
            Code::Unauthenticated | Code::PermissionDenied if status.source().is_none() => Self::Unauthenticated,
            _ => Self::of(status),
        }
    }

    fn of_io(kind: io::ErrorKind) -> Option<Self> {
        Some(match kind {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            io::ErrorKind::TimedOut => Self::TimedOut,
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Self::NoRoute,
            io::ErrorKind::NotFound => Self::NoSocket,
            io::ErrorKind::PermissionDenied => Self::Forbidden,
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof => Self::Closed,
            _ => return None,
        })
    }

    fn of_tls(error: &rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidMessage(_) => Self::PeerSpeaksPlain,
            rustls::Error::AlertReceived(_) => Self::RefusedByPeer,
            rustls::Error::InvalidCertificate(error) => match error {
                CertificateError::UnknownIssuer => Self::UnknownIssuer,
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => Self::WrongName,
                CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
                CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Self::NotValidYet,
                // The verifier has no name of its own for it.
                CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
                    Self::CaUsedAsServer
                }
                _ => Self::Certificate,
            },
            _ => Self::Other,
        }
    }

    /// Looks at what the peer says first where the chain of causes does not tell, by a connection of its own.
    pub(super) async fn look(self, uri: &Uri, socket: Option<&str>) -> Self {
        if !matches!(self, Self::Other | Self::Closed) || uri.scheme_str() == Some("https") {
            return self;
        }
        let said = async {
            match (socket, uri.host(), uri.port_u16()) {
                (Some(path), ..) => first_bytes(UnixStream::connect(path).await.ok()?).await,
                (None, Some(host), Some(port)) => {
                    first_bytes(TcpStream::connect((host.trim_matches(['[', ']']), port)).await.ok()?).await
                }
                _ => None,
            }
        };
        match timeout(PATIENCE, said).await {
            // An alert of TLS (RFC 8446, section 5.1).
            Ok(Some([0x15, 0x03, ..])) => Self::PeerSpeaksTls,
            Ok(Some([b'H', b'T', b'T', b'P'])) => Self::PeerSpeaksHttp1,
            _ => self,
        }
    }
}

async fn first_bytes(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> Option<[u8; 4]> {
    let mut first = [0; 4];
    stream.write_all(HELLO).await.ok()?;
    stream.read_exact(&mut first).await.ok()?;
    Some(first)
}
