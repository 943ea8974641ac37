//! Why logic cannot be reached: the log names the cause, and a counter counts it.

use std::sync::Arc;

use flow_tests::{Authority, Edge, Logic, Tls, screen};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Status};
use tonic_health::pb::health_server::HealthServer;

/// Listens with this certificate, and says nothing after the handshake.
async fn tls_server(tls: &Tls) -> u16 {
    let chain = CertificateDer::pem_slice_iter(tls.certificate.as_bytes()).map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(tls.private_key.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_no_client_auth().with_single_cert(chain, key).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    std::future::pending::<()>().await;
                    drop(stream);
                }
            });
        }
    });
    port
}

/// The edge's log and counter name the cause of a logic with this configuration.
async fn names(cause: &str, remedy: &str, logic: Value, files: &[(&str, &str)]) {
    let edge = Edge::without_endpoints().endpoint(json!({ "logic": logic }));
    let mut edge = files.iter().fold(edge, |edge, (name, content)| edge.file(name, content)).start().await;
    edge.wait_for_log(&format!("\"cause\":\"{cause}\"")).await;
    edge.wait_for_log(remedy).await;
    let counted = format!("flow_logic_unreachable_total{{flow_cause=\"{cause}\",server_address=");
    let metrics = edge.metrics().await;
    assert!(metrics.contains(&counted), "{metrics}");
}

/// A certificate for these names and years.
fn certificate(name: &str, from: i32, to: i32) -> Tls {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(to, 1, 1));
    Tls { certificate: params.self_signed(&key).unwrap().pem(), private_key: key.serialize_pem() }
}

#[tokio::test]
async fn where_nothing_or_something_else_listens() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    names("refused", "nothing listens there", json!({ "url": format!("http://127.0.0.1:{port}") }), &[]).await;
    names("no_socket", "there is no such socket", json!({ "url": "unix:///nowhere/logic.sock" }), &[]).await;

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            // As a server that takes HTTP/2's preface for a request.
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest).await;
        }
    });
    names("peer_speaks_http1", "it is no gRPC server", json!({ "url": format!("http://127.0.0.1:{port}") }), &[]).await;
}

#[tokio::test]
async fn where_only_one_side_speaks_tls() {
    let tls = Tls::new();
    let port = tls_server(&tls).await;
    names("peer_speaks_tls", "https://", json!({ "url": format!("http://127.0.0.1:{port}") }), &[]).await;
    let plain = Logic::answering(screen("NEXT", json!({}))).await;
    let url = plain.url().replace("http://", "https://");
    names("peer_speaks_plain", "does not speak TLS", json!({ "url": url }), &[]).await;
}

#[tokio::test]
async fn what_is_wrong_with_a_certificate() {
    let this_year = 2026;
    let good = certificate("localhost", this_year - 2, this_year + 100);
    let read = |name: &str| {
        let file = format!("{}/it/faults/certificates/{name}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(file).unwrap()
    };
    // As `openssl req -x509` makes it unless told otherwise.
    let ca = Tls { certificate: read("default-ca-true-no-san.crt"), private_key: read("default-ca-true-no-san.key") };
    let other = Authority::new().certificate;
    for (cause, remedy, tls, trusted) in [
        ("unknown_issuer", "logic.tls.ca_file", &good, Some(&other)),
        ("wrong_name", "for another name", &certificate("elsewhere", this_year - 2, this_year + 100), None),
        ("expired", "has expired", &certificate("localhost", 2001, 2002), None),
        ("not_valid_yet", "not valid yet", &certificate("localhost", 3000, 3001), None),
        ("ca_used_as_server", "an authority", &ca, None),
    ] {
        let port = tls_server(tls).await;
        let logic = json!({ "url": format!("https://localhost:{port}"), "tls": { "ca_file": "ca.crt" } });
        names(cause, remedy, logic, &[("ca.crt", trusted.unwrap_or(&tls.certificate))]).await;
    }
}

#[tokio::test]
async fn where_the_health_service_wants_a_token() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (_reporter, health) = tonic_health::server::health_reporter();
    let refuse = |_: Request<()>| Err(Status::unauthenticated("who are you?"));
    let health: InterceptedService<HealthServer<_>, _> = InterceptedService::new(health, refuse);
    tokio::spawn(Server::builder().add_service(health).serve_with_incoming(TcpIncoming::from(listener)));
    names("unauthenticated", "without a token", json!({ "url": url }), &[]).await;
}
