//! `flowctl doctor`: what is wrong with a live endpoint, the first thing first.
//!
//! The way a request takes: address, TLS, signature, key, logic. What the endpoint answers is judged by the cases of
//! `conformance`.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use clap::{ArgGroup, Args};
use reqwest::Url;
use rustls::ClientConfig;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::json;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use x509_cert::der::Decode as _;

use crate::conformance::{self, Verdict};
use crate::endpoint::{Access, Edge};
use crate::tls::{self as words, Peer};
use crate::{client, files, http};

/// Renewals go wrong; there should be time to see it.
const RENEW_WITHIN: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// The cases that are asked, and what they are about.
const CASES: [(&str, &str); 7] = [
    ("ping", "ping"),
    ("signature-missing", "signature"),
    ("other-key", "key"),
    ("body-over-8-kib", "8 KiB"),
    ("body-over-64-kib", "64 KiB"),
    ("body-over-128-kib", "128 KiB"),
    ("latency", "latency"),
];

#[derive(Debug, Args)]
#[command(after_help = "\
Without --public-key and --app-secret-file only the address and TLS are looked at. The exit code is 0 where nothing is wrong; a
warning is no fault. `flowctl conformance --edge` asks everything.")]
#[command(group(ArgGroup::new("target").required(true).args(["edge"])))]
pub(crate) struct Arguments {
    #[command(flatten)]
    endpoint: Edge,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("--edge URL is required: the endpoint to look at")]
    NoEdge,
    #[error(transparent)]
    File(#[from] files::Error),
    #[error(transparent)]
    Conformance(#[from] conformance::Error),
    #[error("the certificates cannot be trusted: {0}")]
    Trust(rustls::Error),
    #[error("cannot start: {0}")]
    Runtime(io::Error),
    #[error("cannot print: {0}")]
    Print(#[from] io::Error),
}

/// One thing that was looked at.
#[derive(Debug)]
struct Finding {
    what: &'static str,
    state: State,
    /// What was found.
    found: String,
    /// What to do, where there is something to do.
    mend: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Ok,
    Warning,
    Wrong,
    Skipped,
}

pub(crate) fn run(arguments: Arguments) -> Result<ExitCode, Error> {
    let access = arguments.endpoint.open()?;
    let url = arguments.endpoint.edge.as_ref().ok_or(Error::NoEdge)?;
    let trusted = arguments.endpoint.trust.read()?;
    let peer = client::peer(url, trusted.is_some());
    let config = http::tls_config(trusted, &["h2", "http/1.1"]).map_err(Error::Trust)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Runtime)?;
    let findings = runtime.block_on(examine(url, &peer, config, access))?;
    print(&findings, arguments.json)?;
    let is_good = findings.iter().all(|finding| finding.state != State::Wrong);
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Looks at one thing after another, as far as one lets through to the next.
async fn examine(url: &Url, peer: &Peer, config: ClientConfig, access: Option<Access>) -> Result<Vec<Finding>, Error> {
    let mut findings = Vec::new();
    let stream = match connect(url).await {
        Ok((stream, finding)) => {
            findings.push(finding);
            stream
        }
        Err(finding) => return Ok(vec![finding]),
    };
    let tls = tls(url, peer, stream, config).await;
    let lets_through = tls.state != State::Wrong;
    findings.push(tls);
    match access {
        _ if !lets_through => {}
        Some(access) => {
            let verdicts = conformance::ask_edge(access, &CASES.map(|(case, _)| case)).await?;
            for verdict in verdicts {
                let finding = of_case(verdict);
                let is_wrong = finding.state == State::Wrong;
                findings.push(finding);
                // What comes after it mostly follows from it.
                if is_wrong {
                    break;
                }
            }
        }
        None => findings.extend(CASES.map(|(_, what)| Finding {
            what,
            state: State::Skipped,
            found: "needs --public-key and --app-secret-file".to_owned(),
            mend: None,
        })),
    }
    Ok(findings)
}

async fn connect(url: &Url) -> Result<(TcpStream, Finding), Finding> {
    let finding =
        |state, found, mend: Option<&str>| Finding { what: "address", state, found, mend: mend.map(str::to_owned) };
    let (host, port) = (http::host(url).unwrap_or_default(), url.port_or_known_default().unwrap_or_default());
    let started = Instant::now();
    let wrong = |found| {
        let mend = "See that the name resolves to your load balancer, that it listens on this port, and that firewalls let the \
                    internet in.";
        finding(State::Wrong, found, Some(mend))
    };
    match timeout(http::TIMEOUT, TcpStream::connect((host, port))).await {
        Ok(Ok(stream)) => {
            let peer = stream.peer_addr().map_or_else(|_| host.to_owned(), |address| address.to_string());
            let found = format!("{peer}, connected in {}", milliseconds(started.elapsed()));
            Ok((stream, finding(State::Ok, found, None)))
        }
        Ok(Err(error)) => Err(wrong(format!("{host}:{port}: {error}"))),
        Err(_) => Err(wrong(format!("{host}:{port}: no connection within {} s", http::TIMEOUT.as_secs()))),
    }
}

async fn tls(url: &Url, peer: &Peer, stream: TcpStream, config: ClientConfig) -> Finding {
    let finding =
        |state, found: String, mend: Option<&str>| Finding { what: "TLS", state, found, mend: mend.map(str::to_owned) };
    if url.scheme() != "https" {
        if let Some(words) = words::explain_plain(peer).await {
            return finding(State::Wrong, words.found, Some(&(words.mend + ".")));
        }
        let mend = "The platform calls https:// alone; ask the endpoint by the URL that the platform has.";
        return finding(State::Warning, "plain HTTP".to_owned(), Some(mend));
    }
    let host = http::host(url).unwrap_or_default().to_owned();
    let Ok(name) = ServerName::try_from(host) else {
        return finding(State::Wrong, "the host is no name that a certificate can have".to_owned(), None);
    };
    let started = Instant::now();
    let handshake = TlsConnector::from(Arc::new(config)).connect(name, stream);
    let stream = match timeout(http::TIMEOUT, handshake).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            return match words::explain(&error, peer) {
                Some(words) => finding(State::Wrong, words.found, Some(&(words.mend + "."))),
                None => finding(State::Wrong, http::chain(&error), Some("See whether what listens there speaks TLS.")),
            };
        }
        Err(_) => {
            let found = format!("no handshake within {} s", http::TIMEOUT.as_secs());
            return finding(State::Wrong, found, Some("See whether what listens there speaks TLS."));
        }
    };
    let time = milliseconds(started.elapsed());
    let (_, session) = stream.get_ref();
    let version = match session.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_3) => "TLS 1.3",
        _ => "TLS 1.2",
    };
    let left = session.peer_certificates().and_then(<[_]>::first).and_then(not_after);
    let left = left.map(|end| end.duration_since(SystemTime::now()).unwrap_or_default());
    match left {
        None => finding(State::Ok, format!("{version} in {time}"), None),
        Some(left) => {
            let found = format!("{version} in {time}; the certificate is valid for {} days", left.as_secs() / 86_400);
            let mend = "Renew it; see why that did not happen by itself.";
            if left < RENEW_WITHIN {
                finding(State::Warning, found, Some(mend))
            } else {
                finding(State::Ok, found, None)
            }
        }
    }
}

fn not_after(certificate: &CertificateDer<'_>) -> Option<SystemTime> {
    let certificate = x509_cert::Certificate::from_der(certificate).ok()?;
    Some(certificate.tbs_certificate().validity().not_after.to_date_time().to_system_time())
}

fn of_case(verdict: Verdict) -> Finding {
    let Verdict { case, should, came, mend, time } = verdict;
    let what = CASES.iter().find(|(name, _)| *name == case).map_or("", |(_, what)| what);
    match came {
        None => Finding { what, state: State::Ok, found: format!("{should}, in {}", milliseconds(time)), mend: None },
        // Of every other status it was said already what it means, and whose fault it is.
        Some(came) => {
            let is_explained = came.starts_with("status ") && !came.starts_with("status 200");
            let mend = (!is_explained || case.starts_with("body-")).then_some(mend);
            Finding { what, state: State::Wrong, found: came, mend }
        }
    }
}

fn print(findings: &[Finding], as_json: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let first = findings.iter().find(|finding| finding.state == State::Wrong);
    if as_json {
        let finding = |finding: &Finding| {
            let Finding { what, state, found, mend } = finding;
            json!({ "what": what, "state": state.name(), "found": found, "mend": mend })
        };
        let findings: Vec<_> = findings.iter().map(finding).collect();
        let report =
            json!({ "good": first.is_none(), "first": first.map(|finding| finding.what), "findings": findings });
        return writeln!(out, "{report}");
    }
    for Finding { what, state, found, mend } in findings {
        writeln!(out, "{:7}  {what:9}  {found}", state.name())?;
        if let Some(mend) = mend {
            writeln!(out, "{:20}{mend}", "")?;
        }
    }
    match first {
        Some(first) => writeln!(out, "\nbegin with: {}", first.what),
        None if findings.iter().any(|finding| finding.state == State::Skipped) => {
            writeln!(out, "\nnothing is wrong, as far as was looked")
        }
        None => writeln!(out, "\nnothing is wrong"),
    }
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Wrong => "wrong",
            Self::Skipped => "skipped",
        }
    }
}
