//! Connections that have shown their certificates, and the files followed meanwhile.
//!
//! Each handshake has a task of its own: in the accept loop one silent client would stop everyone. It refuses to know what is
//! said afterwards.

use super::config::Source;
use super::variables::CLIENT_CA;
use crate::logic::MAX_LOGGED;
use flow_telemetry::Shortened;
use futures_util::{Stream, stream};
use rustls::ServerConfig;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::{debug, error, info, warn};

/// How often the files are looked at: flow-edge looks at its own as often.
pub(crate) const CHECK_INTERVAL: Duration = Duration::from_secs(10);

/// Time for a handshake, from the first byte awaited. Honest ones take milliseconds, and flow-edge gives up sooner than this.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(5);

/// Handshakes at once. Each costs memory and a private operation, and nobody is known before its end; who comes meanwhile waits
/// in the kernel's queue. An edge makes one in five minutes, so this is far more than all of them together need.
const MAX_HANDSHAKES: usize = 64;

/// Pause after a failed accept, which is nearly always a lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Anybody who reaches the port can make a handshake fail, as often as they like: one line in this time.
const LINE_EVERY: Duration = Duration::from_secs(1);

type Handshake = (SocketAddr, Result<TlsStream<TcpStream>, Failure>);

/// A listener whose connections have a handshake behind them.
#[derive(Debug)]
pub(crate) struct Incoming {
    listener: TcpListener,
    config: watch::Receiver<Arc<ServerConfig>>,
    handshakes: JoinSet<Handshake>,
    failures: Failures,
    /// The one task that follows the files, ended when this is dropped.
    _follows: JoinSet<()>,
}

impl Incoming {
    /// Looks at the files again after each `interval`. What changes is for later connections.
    pub(crate) fn new(
        listener: TcpListener,
        (source, config): (Source, Arc<ServerConfig>),
        interval: Duration,
    ) -> Self {
        info!(client_certificates = source.files().client_ca.is_some(), "connections need TLS");
        let (changes, config) = watch::channel(config);
        let mut follows = JoinSet::new();
        follows.spawn(follow(source, changes, interval));
        let failures = Failures::default();
        Self { listener, config, handshakes: JoinSet::new(), failures, _follows: follows }
    }

    /// Without an end. What is in the middle of a handshake when this is dropped is cut off; nobody has made a call there yet.
    pub(crate) fn into_stream(self) -> impl Stream<Item = io::Result<TlsStream<TcpStream>>> {
        stream::unfold(self, |mut incoming| async {
            let connection = incoming.next().await;
            Some((Ok(connection), incoming))
        })
    }

    async fn next(&mut self) -> TlsStream<TcpStream> {
        loop {
            tokio::select! {
                Some(done) = self.handshakes.join_next() => match done {
                    Ok((_, Ok(connection))) => return connection,
                    Ok((peer, Err(failure))) => self.failures.tell(peer, &failure),
                    Err(error) => error!(%error, "a TLS handshake panicked"),
                },
                accepted = self.listener.accept(), if self.handshakes.len() < MAX_HANDSHAKES => match accepted {
                    Ok((connection, peer)) => {
                        let config = Arc::clone(&self.config.borrow());
                        self.handshakes.spawn(async move { (peer, handshake(connection, config).await) });
                    }
                    Err(error) => {
                        warn!(%error, "cannot accept a connection");
                        sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
    }
}

async fn handshake(connection: TcpStream, config: Arc<ServerConfig>) -> Result<TlsStream<TcpStream>, Failure> {
    if let Err(error) = connection.set_nodelay(true) {
        debug!(%error, "cannot set TCP_NODELAY");
    }
    let handshake = async {
        if !matches!(connection.peek(&mut [0]).await, Ok(1..)) {
            return Err(Failure::Silent);
        }
        TlsAcceptor::from(config).accept(connection).await.map_err(Failure::Tls)
    };
    timeout(HANDSHAKE_LIMIT, handshake).await.unwrap_or(Err(Failure::TooLong))
}

/// Takes over what changes in the files, until it is dropped.
async fn follow(mut source: Source, current: watch::Sender<Arc<ServerConfig>>, interval: Duration) {
    loop {
        sleep(interval).await;
        let looked = spawn_blocking(move || {
            let changed = source.changed();
            (source, changed)
        });
        let changed = match looked.await {
            Ok((back, changed)) => {
                source = back;
                changed
            }
            // It panicked, and the source is gone with it.
            Err(error) => return error!(%error, "the TLS files are not followed any more"),
        };
        match changed {
            None => {}
            Some(Ok(config)) => {
                current.send_replace(config);
                info!("TLS files taken over, for connections from now on");
            }
            Some(Err(error)) => warn!(%error, "TLS files refused, what was read before them stays"),
        }
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// Closed without a byte, as by a probe that asks whether the port is open.
    #[error("the peer sent nothing")]
    Silent,
    #[error("it took longer than {} s", HANDSHAKE_LIMIT.as_secs())]
    TooLong,
    #[error("{0}")]
    Tls(io::Error),
}

impl Failure {
    /// What would be right, where that is known.
    fn advice(&self) -> String {
        let Self::Tls(error) = self else { return String::new() };
        let error = error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>());
        match error {
            Some(rustls::Error::NoCertificatesPresented) => {
                "the client needs a certificate: of flow-edge `logic.tls.certificate_file`".to_owned()
            }
            // One of another authority with the same name is a bad signature, not an unknown issuer.
            Some(rustls::Error::InvalidCertificate(_)) => {
                format!("the client's certificate must be one for clients, valid now, of an authority in {CLIENT_CA}")
            }
            Some(rustls::Error::InvalidMessage(_)) => {
                "the client must speak TLS: of flow-edge `logic.url` begins with https://".to_owned()
            }
            Some(rustls::Error::AlertReceived(_)) => "the client refused this server; its own log says why".to_owned(),
            _ => String::new(),
        }
    }
}

/// Which failures are written.
#[derive(Debug, Default)]
struct Failures {
    next_line: Option<Instant>,
    unwritten: u64,
}

impl Failures {
    fn tell(&mut self, peer: SocketAddr, failure: &Failure) {
        if matches!(failure, Failure::Silent) {
            return debug!(%peer, "closed before a TLS handshake");
        }
        let reason = failure.to_string();
        let reason = Shortened(&reason, MAX_LOGGED);
        match self.note(Instant::now()) {
            Some(unwritten) => {
                let advice = failure.advice();
                warn!(%peer, %reason, advice, unwritten, "TLS handshake failed");
            }
            None => debug!(%peer, %reason, "TLS handshake failed"),
        }
    }

    /// Of the first in its time, how many since the last such.
    fn note(&mut self, now: Instant) -> Option<u64> {
        if self.next_line.is_some_and(|next| now < next) {
            self.unwritten += 1;
            return None;
        }
        self.next_line = Some(now + LINE_EVERY);
        Some(std::mem::take(&mut self.unwritten))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::authority::{Authority, Issued};
    use crate::tls::variables::Files;
    use futures_util::StreamExt as _;
    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
    use rustls::{ClientConfig, RootCertStore};
    use std::fs;
    use tempfile::TempDir;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio_rustls::{TlsConnector, client};

    /// Whatever takes longer never comes.
    const PATIENCE: Duration = Duration::from_secs(60);

    /// Sends back what comes.
    struct Served {
        address: SocketAddr,
        authority: Authority,
        folder: TempDir,
    }

    impl Served {
        async fn start() -> Self {
            let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let served = Self { address: listener.local_addr().unwrap(), authority, folder };
            served.write(&served.authority.server());
            let file = |name| served.folder.path().join(name);
            fs::write(file("ca.crt"), &served.authority.certificate).unwrap();
            let files =
                Files { certificate: file("tls.crt"), private_key: file("tls.key"), client_ca: Some(file("ca.crt")) };
            let tls = Source::open(files).unwrap();
            tokio::spawn(async move {
                let mut connections = Box::pin(Incoming::new(listener, tls, Duration::from_millis(10)).into_stream());
                while let Some(Ok(connection)) = connections.next().await {
                    tokio::spawn(async move {
                        let (mut read, mut write) = tokio::io::split(connection);
                        let _ = tokio::io::copy(&mut read, &mut write).await;
                    });
                }
            });
            served
        }

        fn write(&self, server: &Issued) {
            fs::write(self.folder.path().join("tls.crt"), &server.certificate).unwrap();
            fs::write(self.folder.path().join("tls.key"), &server.private_key).unwrap();
        }

        /// A connection that has sent a byte and got it back.
        async fn connect(&self, client: Option<&Issued>) -> io::Result<client::TlsStream<TcpStream>> {
            let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
            let mut roots = RootCertStore::empty();
            roots.add(der(&self.authority.certificate)).unwrap();
            let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
            let config = config.with_root_certificates(roots);
            let config = match client {
                Some(Issued { certificate, private_key }) => {
                    let key = PrivateKeyDer::from_pem_slice(private_key.as_bytes()).unwrap();
                    config.with_client_auth_cert(vec![der(certificate)], key).unwrap()
                }
                None => config.with_no_client_auth(),
            };
            let name = ServerName::try_from("localhost").unwrap();
            let connection = TcpStream::connect(self.address).await?;
            let mut connection = TlsConnector::from(Arc::new(config)).connect(name, connection).await?;
            echo(&mut connection).await?;
            Ok(connection)
        }
    }

    fn der(pem: &str) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
    }

    async fn echo(connection: &mut client::TlsStream<TcpStream>) -> io::Result<()> {
        connection.write_all(b"?").await?;
        connection.read_exact(&mut [0]).await.map(drop)
    }

    fn shown(connection: &client::TlsStream<TcpStream>) -> CertificateDer<'static> {
        connection.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
    }

    #[tokio::test]
    async fn renewed_files_are_for_later_connections_and_open_ones_go_on() {
        let served = Served::start().await;
        let client = served.authority.client();
        let mut open = served.connect(Some(&client)).await.unwrap();
        let renewed = served.authority.server();
        assert_ne!(shown(&open), der(&renewed.certificate));
        served.write(&renewed);
        let taken_over =
            async { while shown(&served.connect(Some(&client)).await.unwrap()) != der(&renewed.certificate) {} };
        timeout(PATIENCE, taken_over).await.unwrap();
        echo(&mut open).await.unwrap();
    }

    #[tokio::test]
    async fn nobody_connects_without_a_client_s_certificate_of_the_authority() {
        let served = Served::start().await;
        served.connect(None).await.unwrap_err();
        served.connect(Some(&Authority::new().client())).await.unwrap_err();
        // A server's, with which one logic could call another.
        served.connect(Some(&served.authority.server())).await.unwrap_err();
        served.connect(Some(&served.authority.client())).await.unwrap();
    }

    #[tokio::test]
    async fn silent_peers_keep_nobody_waiting() {
        let served = Served::start().await;
        let mut silent = Vec::new();
        for _ in 0..MAX_HANDSHAKES / 2 {
            silent.push(TcpStream::connect(served.address).await.unwrap());
        }
        timeout(HANDSHAKE_LIMIT, served.connect(Some(&served.authority.client()))).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_crowd_of_silent_peers_is_gone_when_their_time_is_over() {
        let served = Served::start().await;
        let mut silent = Vec::new();
        for _ in 0..MAX_HANDSHAKES {
            silent.push(TcpStream::connect(served.address).await.unwrap());
        }
        timeout(PATIENCE, served.connect(Some(&served.authority.client()))).await.unwrap().unwrap();
    }

    #[test]
    fn of_the_failures_in_a_second_the_first_is_written_and_the_next_line_counts_the_others() {
        let mut failures = Failures::default();
        let began = Instant::now();
        let note = |failures: &mut Failures, milliseconds| failures.note(began + Duration::from_millis(milliseconds));
        assert_eq!(note(&mut failures, 0), Some(0));
        assert_eq!(note(&mut failures, 1), None);
        assert_eq!(note(&mut failures, 999), None);
        assert_eq!(note(&mut failures, 1000), Some(2));
        assert_eq!(note(&mut failures, 1500), None);
        assert_eq!(note(&mut failures, 5000), Some(1));
        assert_eq!(note(&mut failures, 6000), Some(0));
    }
}
