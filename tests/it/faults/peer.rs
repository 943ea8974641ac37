//! An HTTP/2 server that says what a test wants, byte for byte, where no real server would.
//!
//! It says that it serves when it is asked for its health, and plays its script for every call.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

const PREFACE_LENGTH: usize = 24;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// One thing that it says about a call.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// The head of an answer, with its HTTP status.
    Head(u16, &'static [(&'static str, &'static str)]),
    /// A head that is the whole answer.
    HeadOnly(u16, &'static [(&'static str, &'static str)]),
    /// Bytes of the body.
    Body(Vec<u8>),
    /// Its last bytes, with no trailers to come.
    LastBody(Vec<u8>),
    Trailers(&'static [(&'static str, &'static str)]),
    /// `RST_STREAM`.
    Reset(h2::Reason),
    /// `GOAWAY` that leaves the call out.
    GoAwayBefore(h2::Reason),
    /// `GOAWAY` after which the call is still being worked on.
    GoAwayAfter(h2::Reason),
    /// Bytes that are no frame.
    Noise(&'static [u8]),
    /// The end of the connection.
    Close,
}

/// A running server.
#[derive(Debug)]
pub(super) struct Peer {
    address: SocketAddr,
    calls: Arc<AtomicUsize>,
    server: JoinHandle<()>,
}

impl Peer {
    pub(super) async fn start_at(address: SocketAddr, script: Vec<Step>) -> Self {
        Self::start(address, script, healthy()).await
    }

    /// A server that knows no gRPC, and so nothing of its health.
    pub(super) async fn web_server() -> Self {
        let not_found =
            vec![Step::Head(404, &[("content-type", "text/html")]), Step::LastBody(b"<html></html>".to_vec())];
        Self::start("127.0.0.1:0".parse().unwrap(), not_found.clone(), not_found).await
    }

    async fn start(address: SocketAddr, script: Vec<Step>, health: Vec<Step>) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let server = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (connection, _) = listener.accept().await.unwrap();
                let (script, health, calls) = (script.clone(), health.clone(), Arc::clone(&counted));
                // Who asks may go away at any time.
                connections.spawn(async move { serve(connection, &script, &health, &calls).await.unwrap_or(()) });
            }
        });
        Self { address, calls, server }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn calls(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.calls)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(
    mut connection: TcpStream,
    script: &[Step],
    health: &[Step],
    calls: &AtomicUsize,
) -> std::io::Result<()> {
    connection.read_exact(&mut [0; PREFACE_LENGTH]).await?;
    connection.write_all(&frame(SETTINGS, 0, 0, &[])).await?;
    // By stream: the question for its health may come in the middle of a call.
    let mut asked = HashMap::<_, Vec<u8>>::new();
    loop {
        let mut head = [0; 9];
        connection.read_exact(&mut head).await?;
        let [a, b, c, kind, flags, stream @ ..] = head;
        let stream = u32::from_be_bytes(stream);
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        connection.read_exact(&mut payload).await?;
        match kind {
            SETTINGS | PING if flags & ACK == 0 => {
                let payload = if kind == PING { payload } else { Vec::new() };
                connection.write_all(&frame(kind, ACK, 0, &payload)).await?;
            }
            DATA => {
                asked.entry(stream).or_default().extend(payload);
                if flags & END_STREAM == 0 {
                    continue;
                }
                let script = match asked.remove(&stream) {
                    // Of all messages only the question for the health of everything is empty.
                    Some(asked) if asked == message(&[]) => health,
                    _ => {
                        calls.fetch_add(1, Ordering::Relaxed);
                        script
                    }
                };
                for step in script {
                    if matches!(step, Step::Close) {
                        connection.shutdown().await?;
                        // What the edge still sends is read, since otherwise the system would throw away what was said.
                        return tokio::io::copy(&mut connection, &mut tokio::io::sink()).await.map(|_| ());
                    }
                    connection.write_all(&step.bytes(stream)).await?;
                }
            }
            _ => {}
        }
    }
}

impl Step {
    fn bytes(&self, stream: u32) -> Vec<u8> {
        let go_away = |last: u32, reason: h2::Reason| {
            frame(GOAWAY, 0, 0, &[last.to_be_bytes(), u32::from(reason).to_be_bytes()].concat())
        };
        match self {
            Self::Head(status, fields) => frame(HEADERS, END_HEADERS, stream, &head(*status, fields)),
            Self::HeadOnly(status, fields) => frame(HEADERS, END_HEADERS | END_STREAM, stream, &head(*status, fields)),
            Self::Body(bytes) => frame(DATA, 0, stream, bytes),
            Self::LastBody(bytes) => frame(DATA, END_STREAM, stream, bytes),
            Self::Trailers(trailers) => frame(HEADERS, END_HEADERS | END_STREAM, stream, &fields(trailers)),
            Self::Reset(reason) => frame(RST_STREAM, 0, stream, &u32::from(*reason).to_be_bytes()),
            Self::GoAwayBefore(reason) => go_away(stream.saturating_sub(2), *reason),
            Self::GoAwayAfter(reason) => go_away(stream, *reason),
            Self::Noise(bytes) => bytes.to_vec(),
            Self::Close => Vec::new(),
        }
    }
}

/// The frame of a gRPC message around its protobuf.
pub(super) fn message(protobuf: &[u8]) -> Vec<u8> {
    let length = u32::try_from(protobuf.len()).unwrap().to_be_bytes();
    [&[0], length.as_slice(), protobuf].concat()
}

fn healthy() -> Vec<Step> {
    // `status: SERVING`
    let serving = message(&[0x08, 0x01]);
    let content_type: &[_] = &[("content-type", "application/grpc")];
    vec![Step::Head(200, content_type), Step::Body(serving), Step::Trailers(&[("grpc-status", "0")])]
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, length @ ..] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length, [kind, flags].as_slice(), &stream.to_be_bytes(), payload].concat()
}

/// HPACK (RFC 7541) at its plainest: every field a literal that is not to be indexed.
fn fields(fields: &[(&str, &str)]) -> Vec<u8> {
    let text = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    fields.iter().flat_map(|(name, value)| [vec![0], text(name), text(value)].concat()).collect()
}

fn head(status: u16, rest: &[(&str, &str)]) -> Vec<u8> {
    let status = status.to_string();
    let status: &[(&str, &str)] = &[(":status", &status)];
    fields(&[status, rest].concat())
}
