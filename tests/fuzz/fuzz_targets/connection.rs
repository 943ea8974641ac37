//! What comes over one connection, HTTP/1.1 or HTTP/2, to a whole edge in this process: it never ends, whoever comes next is
//! answered, and what requests hold of its memory is given back.
//!
//! The first byte chooses. Even: bytes as they are, cut where a zero byte says so. Odd: frames of HTTP/2 after the preface, each four
//! bytes (type, flags, stream, length of what follows) and its payload; the frame's own length is right.

#![no_main]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::LazyLock;
use std::time::Duration;

use flow_edge::config::Config;
use flow_edge::server::Server;
use flow_fuzz::{PRIVATE_KEY, SECRET};
use libfuzzer_sys::fuzz_target;

const CONFIG: &str = r#"
listen: { address: "127.0.0.1:0" }
admin: { address: "127.0.0.1:0" }
endpoints:
  - { name: a, path: /a, logic: { url: "unix:///nowhere" }, ping: edge,
      private_keys: [ file: key.pem ], app_secrets: [ file: secret ] }
limits: { body_timeout: 50ms, header_timeout: 50ms, idle_timeout: 50ms, max_body_memory: 1MiB, max_connections: 8 }
"#;
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const PROBE: &[u8] = b"GET /a HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
/// What a peer may keep us waiting for at most.
const PATIENCE: Duration = Duration::from_secs(5);

struct Edge {
    public: SocketAddr,
    admin: SocketAddr,
    _runtime: tokio::runtime::Runtime,
}

static EDGE: LazyLock<Edge> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("flow-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for the edge");
    for (name, content) in [("edge.yaml", CONFIG), ("key.pem", PRIVATE_KEY), ("secret", SECRET)] {
        std::fs::write(folder.join(name), content).expect("a file for the edge");
    }
    let config = Config::load(&folder.join("edge.yaml")).expect("a good configuration");
    std::fs::remove_dir_all(&folder).expect("the folder goes");
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let service = flow_telemetry::Service {
        name: "fuzz",
        version: "0",
        level: tracing::level_filters::LevelFilter::OFF,
        tracing_spans: false,
    };
    let server = runtime.block_on(async {
        let telemetry = flow_telemetry::start(service).expect("telemetry starts");
        let server = Server::bind(config, &telemetry).await.expect("an address is free");
        // Its threads are to go on.
        std::mem::forget(telemetry);
        server
    });
    let (public, admin) = (server.address(), server.admin_address());
    runtime.spawn(server.serve_until(std::future::pending()));
    Edge { public, admin, _runtime: runtime }
});

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the edge takes connections");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket option");
    stream.set_write_timeout(Some(PATIENCE)).expect("a socket option");
    stream
}

/// The answer to a request of our own.
fn ask(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = connect(address);
    stream.write_all(request).expect("the edge reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("the edge answers and closes");
    String::from_utf8_lossy(&answer).into_owned()
}

fn frames(mut input: &[u8]) -> Vec<u8> {
    let mut wire = PREFACE.to_vec();
    while let Some((&[kind, flags, stream, length], rest)) = input.split_first_chunk::<4>() {
        let (payload, rest) = rest.split_at(usize::from(length).min(rest.len()));
        wire.extend([0, 0, payload.len() as u8, kind, flags, 0, 0, 0, stream]);
        wire.extend(payload);
        input = rest;
    }
    wire
}

fuzz_target!(|data: &[u8]| {
    let Some((&choice, input)) = data.split_first() else { return };
    let edge = &*EDGE;
    let mut stream = connect(edge.public);
    let parts: Vec<Vec<u8>> = match choice % 2 {
        0 => input.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect(),
        _ => vec![frames(input)],
    };
    for part in parts {
        // The edge may end the connection whenever it likes.
        if stream.write_all(&part).is_err() {
            break;
        }
    }
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut answer = Vec::new();
    let ended = stream.take(1 << 20).read_to_end(&mut answer);
    if let Err(error) = ended {
        assert_ne!(error.kind(), std::io::ErrorKind::WouldBlock, "the connection is never ended");
    }
    assert!(ask(edge.public, PROBE).starts_with("HTTP/1.1 405"), "whoever comes next is answered");

    // Now and then, for it takes longer: what requests held is given back.
    if data.len() % 16 == 0 {
        let metrics = ask(edge.admin, b"GET /metrics HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        let held = metrics.lines().find_map(|line| line.strip_prefix("flow_body_memory_bytes "));
        let held: usize = held.expect("a gauge").trim().parse().expect("a number");
        // That of requests whose connections are just being ended.
        assert!(held <= 1 << 20, "more memory than there may be: {held}");
        assert!(metrics.contains("flow_panics_total 0"), "a panic");
    }
});
