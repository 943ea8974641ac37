//! What stands before a service that listens on plain TCP: TLS under an authority that nobody knows, or a Unix socket. Both
//! last as long as the tests run.

use std::convert::Infallible;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse as _;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio_rustls::TlsAcceptor;

/// The URL of the service behind TLS that agrees to these protocols; `ca.pem` in the folder is its authority.
pub(crate) fn https(folder: &Path, service: SocketAddr, protocols: &[&str]) -> String {
    let (authority, mut config) = certify();
    fs::write(folder.join("ca.pem"), authority).unwrap();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    run(async move {
        let listener = TcpListener::from_std(listener).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            // Whoever does not trust the certificate goes away in the handshake.
            if let Ok(stream) = acceptor.accept(stream).await {
                tokio::spawn(pass_on(stream, service));
            }
        }
    });
    url
}

/// The URL of a server that speaks HTTP/1.1 alone and knows nothing.
pub(crate) fn http1() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    run(async move {
        let listener = TcpListener::from_std(listener).unwrap();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let nothing = service_fn(async |_| Ok::<_, Infallible>(StatusCode::NOT_FOUND.into_response()));
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), nothing));
        }
    });
    url
}

/// The URL of a proxy that passes to this address what is not longer than so many bytes, and answers the rest by a page of its own.
pub(crate) fn firewall(upstream: &str, longest: usize) -> String {
    let upstream = upstream.to_owned();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let pass_on = move |request: Request| {
        let (client, upstream) = (client.clone(), upstream.clone());
        async move {
            let (head, body) = request.into_parts();
            let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
            if body.len() > longest {
                let page = "<html><body><h1>403 Forbidden</h1></body></html>";
                return (StatusCode::FORBIDDEN, [(header::CONTENT_TYPE, "text/html")], page.into());
            }
            let mut passed = client.post(format!("http://{upstream}{}", head.uri.path()));
            for (name, value) in head.headers.iter().filter(|(name, _)| *name != header::HOST) {
                passed = passed.header(name, value);
            }
            let answer = passed.body(body).send().await.unwrap();
            (answer.status(), [(header::CONTENT_TYPE, "text/plain")], answer.bytes().await.unwrap())
        }
    };
    run(async move {
        let listener = TcpListener::from_std(listener).unwrap();
        axum::serve(listener, axum::Router::new().fallback(pass_on)).await.unwrap();
    });
    url
}

/// The URL of the service behind a Unix socket in the folder.
pub(crate) fn unix(folder: &Path, service: SocketAddr) -> String {
    let path = folder.join("logic.sock");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    listener.set_nonblocking(true).unwrap();
    run(async move {
        let listener = UnixListener::from_std(listener).unwrap();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(pass_on(stream, service));
        }
    });
    format!("unix://{}", path.display())
}

/// An authority, PEM, and a certificate of its for `localhost`.
fn certify() -> (String, ServerConfig) {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    let authority_pem = authority.self_signed(&authority_key).unwrap().pem();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let certificate = certificate.signed_by(&key, &Issuer::new(authority, authority_key)).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder().with_no_client_auth();
    (authority_pem, config.with_single_cert(vec![certificate.der().clone()], key).unwrap())
}

fn run(front: impl Future<Output = ()> + Send + 'static) {
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(front);
    });
}

async fn pass_on(mut stream: impl AsyncRead + AsyncWrite + Unpin, service: SocketAddr) {
    if let Ok(mut behind) = TcpStream::connect(service).await {
        let _ = copy_bidirectional(&mut stream, &mut behind).await;
    }
}
