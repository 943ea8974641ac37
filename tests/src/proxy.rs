//! What may lie between the edge and logic: a connection that does what a test wants of it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Passes connections on to logic until it is told otherwise, and then does that to those that are open and those to come.
#[derive(Debug, Clone)]
pub struct Proxy {
    address: SocketAddr,
    way: watch::Sender<Way>,
}

#[derive(Debug, Clone, Copy)]
enum Way {
    Pass,
    Delay(Duration),
    Swallow,
    CutAfter(usize),
    Reset,
    Refuse,
}

impl Proxy {
    /// A proxy before the logic at this address.
    pub async fn before(logic: &str) -> Self {
        let logic = logic.trim_start_matches("http://").parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (way, commands) = watch::channel(Way::Pass);
        tokio::spawn(run(listener, logic, commands));
        Self { address, way }
    }

    /// The URL for `logic.url`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Passes everything on.
    pub fn pass(&self) {
        self.way.send_replace(Way::Pass);
    }

    /// Passes what logic says on after this time.
    pub fn delay(&self, time: Duration) {
        self.way.send_replace(Way::Delay(time));
    }

    /// A black hole: takes what the edge sends, and says nothing.
    pub fn swallow(&self) {
        self.way.send_replace(Way::Swallow);
    }

    /// Closes a connection after logic has said so many bytes more.
    pub fn cut_after(&self, bytes: usize) {
        self.way.send_replace(Way::CutAfter(bytes));
    }

    /// Resets the connections.
    pub fn reset(&self) {
        self.way.send_replace(Way::Reset);
    }

    /// Closes the connections and takes no others. Returns when nobody listens.
    pub async fn refuse(&self) {
        self.way.send_replace(Way::Refuse);
        while TcpStream::connect(self.address).await.is_ok() {}
    }
}

/// Runs until the proxy is dropped.
async fn run(listener: TcpListener, logic: SocketAddr, mut way: watch::Receiver<Way>) {
    let address = listener.local_addr().unwrap();
    let mut listener = Some(listener);
    let mut connections = JoinSet::new();
    loop {
        let refuses = matches!(*way.borrow_and_update(), Way::Refuse);
        if refuses {
            listener = None;
            connections.shutdown().await;
        } else if listener.is_none() {
            listener = Some(TcpListener::bind(address).await.unwrap());
        }
        tokio::select! {
            changed = way.changed() => match changed {
                Ok(()) => {}
                Err(_) => return,
            },
            accepted = accept(listener.as_ref()) => {
                connections.spawn(relay(accepted, logic, way.clone()));
            }
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> TcpStream {
    match listener {
        Some(listener) => listener.accept().await.unwrap().0,
        None => std::future::pending().await,
    }
}

/// One connection, until either side or the proxy has had enough.
async fn relay(mut edge: TcpStream, logic: SocketAddr, mut way: watch::Receiver<Way>) {
    let Ok(mut logic) = TcpStream::connect(logic).await else { return };
    // Whatever goes wrong on one side ends both.
    let _: Result<Infallible, std::io::Error> = pump(&mut edge, &mut logic, &mut way).await;
}

async fn pump(
    edge: &mut TcpStream,
    logic: &mut TcpStream,
    way: &mut watch::Receiver<Way>,
) -> std::io::Result<Infallible> {
    let (mut asked, mut said) = ([0; 16 * 1024], [0; 16 * 1024]);
    let end = || std::io::ErrorKind::UnexpectedEof.into();
    let mut left = usize::MAX;
    loop {
        let current = *way.borrow_and_update();
        match current {
            Way::Reset => {
                edge.set_zero_linger()?;
                return Err(end());
            }
            Way::CutAfter(bytes) => left = left.min(bytes),
            Way::Pass | Way::Delay(_) | Way::Swallow | Way::Refuse => left = usize::MAX,
        }
        if left == 0 {
            return Err(end());
        }
        let swallows = matches!(current, Way::Swallow);
        tokio::select! {
            biased;
            changed = way.changed() => changed.map_err(|_| end())?,
            read = edge.read(&mut asked) => match read? {
                0 => return Err(end()),
                _ if swallows => {}
                bytes => logic.write_all(&asked[..bytes]).await?,
            },
            read = logic.read(&mut said), if !swallows => match read? {
                0 => return Err(end()),
                bytes => {
                    if let Way::Delay(time) = current {
                        sleep(time).await;
                    }
                    edge.write_all(&said[..bytes.min(left)]).await?;
                    left = left.saturating_sub(bytes);
                }
            },
        }
    }
}
