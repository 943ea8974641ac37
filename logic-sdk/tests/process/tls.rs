//! TLS as its variables say.

use crate::authority::{Authority, Issued};
use crate::{SERVING, client, exchange_request, listening, serve_here, spawn_with, terminate};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::path::PathBuf;
use std::sync::Arc;
use std::{env, fs, io};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::Child;
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint};

const CERTIFICATE: &str = "FLOW_LOGIC_TLS_CERTIFICATE_FILE";
const PRIVATE_KEY: &str = "FLOW_LOGIC_TLS_PRIVATE_KEY_FILE";
const CLIENT_CA: &str = "FLOW_LOGIC_TLS_CLIENT_CA_FILE";

/// An authority, and a folder with what its server has.
struct Secrets {
    authority: Authority,
    folder: TempDir,
}

impl Secrets {
    fn new() -> Self {
        let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
        let server = authority.server();
        fs::write(folder.path().join("tls.crt"), server.certificate).unwrap();
        fs::write(folder.path().join("tls.key"), server.private_key).unwrap();
        fs::write(folder.path().join("ca.crt"), &authority.certificate).unwrap();
        Self { authority, folder }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn spawn(&self, test: &str, listen: &str, variables: &[(&str, &str)]) -> Child {
        let files: Vec<_> = variables.iter().map(|(name, file)| (*name, self.file(file))).collect();
        let files = files.iter().map(|(name, path)| (*name, path.to_str().unwrap()));
        let all: Vec<_> = [("FLOW_LOGIC_LISTEN", listen)].into_iter().chain(files).collect();
        spawn_with(test, &all)
    }

    async fn connect(&self, address: &str, shows: Option<&Issued>) -> Result<Channel, tonic::transport::Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.authority.certificate.as_bytes()).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_root_certificates(roots);
        let mut config = match shows {
            Some(Issued { certificate, private_key }) => {
                let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
                let key = PrivateKeyDer::from_pem_slice(private_key.as_bytes()).unwrap();
                config.with_client_auth_cert(vec![certificate], key).unwrap()
            }
            None => config.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        let (connector, address) = (TlsConnector::from(Arc::new(config)), address.to_owned());
        let connect = tower::service_fn(move |_| {
            let (connector, address) = (connector.clone(), address.clone());
            async move {
                let connection = TcpStream::connect(address).await?;
                let connection = connector.connect(ServerName::try_from("localhost").unwrap(), connection).await?;
                assert_eq!(connection.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
                Ok::<_, io::Error>(TokioIo::new(connection))
            }
        });
        Endpoint::from_static("http://logic").connect_with_connector(connect).await
    }

    /// Whether a call is answered.
    async fn call(&self, child: &mut Child, address: &str, shows: Option<&Issued>) -> bool {
        let Ok(channel) = self.connect(address, shows).await else { return false };
        child.stdin.as_mut().unwrap().write_all(b"answer\n").await.unwrap();
        client(channel).handle_data_exchange(exchange_request("ORDER")).await.is_ok()
    }
}

#[tokio::test]
async fn who_has_a_certificate_of_the_authority_calls_and_a_probe_is_no_news() {
    if env::var_os(SERVING).is_some() {
        return serve_here().await;
    }
    let secrets = Secrets::new();
    let files = [(CERTIFICATE, "tls.crt"), (PRIVATE_KEY, "tls.key"), (CLIENT_CA, "ca.crt")];
    let test = "tls::who_has_a_certificate_of_the_authority_calls_and_a_probe_is_no_news";
    let mut child = secrets.spawn(test, "127.0.0.1:0", &files);
    let (mut log, address) = listening(&mut child).await;
    for _ in 0..3 {
        drop(TcpStream::connect(&address).await.unwrap());
    }
    assert!(secrets.call(&mut child, &address, Some(&secrets.authority.client())).await);
    terminate(&child).await;
    assert!(child.wait().await.unwrap().success());
    while let Some(line) = log.next_line().await.unwrap() {
        assert!(line.contains(r#""level":"INFO""#), "{line}");
    }
}

#[tokio::test]
async fn who_has_none_is_refused_and_the_log_says_what_would_be_right() {
    if env::var_os(SERVING).is_some() {
        return serve_here().await;
    }
    let secrets = Secrets::new();
    let files = [(CERTIFICATE, "tls.crt"), (PRIVATE_KEY, "tls.key"), (CLIENT_CA, "ca.crt")];
    let test = "tls::who_has_none_is_refused_and_the_log_says_what_would_be_right";
    // Of each process the first refusal has a line for certain.
    for (shows, advice) in [
        (None, "the client needs a certificate"),
        (Some(Authority::new().client()), "of an authority in FLOW_LOGIC_TLS_CLIENT_CA_FILE"),
    ] {
        let mut child = secrets.spawn(test, "127.0.0.1:0", &files);
        let (mut log, address) = listening(&mut child).await;
        assert!(!secrets.call(&mut child, &address, shows.as_ref()).await);
        let line = log.next_line().await.unwrap().unwrap();
        assert!(line.contains(r#""level":"WARN""#) && line.contains("TLS handshake failed"), "{line}");
        assert!(line.contains(advice), "{line}");
    }

    let mut child = secrets.spawn(test, "127.0.0.1:0", &files);
    let (mut log, address) = listening(&mut child).await;
    let mut plain = TcpStream::connect(&address).await.unwrap();
    plain.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    let mut said = Vec::new();
    // A reset is no answer either.
    let _ = plain.read_to_end(&mut said).await;
    assert!(!said.windows(4).any(|window| window == b"HTTP"), "{said:?}");
    let line = log.next_line().await.unwrap().unwrap();
    assert!(line.contains("`logic.url` begins with https://"), "{line}");
}

#[tokio::test]
async fn without_an_authority_of_clients_nobody_needs_a_certificate() {
    if env::var_os(SERVING).is_some() {
        return serve_here().await;
    }
    let secrets = Secrets::new();
    let files = [(CERTIFICATE, "tls.crt"), (PRIVATE_KEY, "tls.key")];
    let test = "tls::without_an_authority_of_clients_nobody_needs_a_certificate";
    let mut child = secrets.spawn(test, "127.0.0.1:0", &files);
    let (_log, address) = listening(&mut child).await;
    assert!(secrets.call(&mut child, &address, None).await);
}

#[tokio::test]
async fn what_is_wrong_ends_the_process_and_says_what_would_be_right() {
    if env::var_os(SERVING).is_some() {
        return serve_here().await;
    }
    let secrets = Secrets::new();
    let test = "tls::what_is_wrong_ends_the_process_and_says_what_would_be_right";
    let (port, socket) = ("127.0.0.1:0", format!("unix://{}", secrets.file("logic.sock").display()));
    let both = [(CERTIFICATE, "tls.crt"), (PRIVATE_KEY, "tls.key")];
    for (listen, files, expected) in [
        (port, &both[..1], "is set without FLOW_LOGIC_TLS_PRIVATE_KEY_FILE; TLS needs both"),
        (port, &[both[0], (PRIVATE_KEY, "absent")], "absent cannot be read"),
        (port, &[both[0], (PRIVATE_KEY, "ca.crt")], "no PEM file with a private key"),
        (&*socket, &both, "TLS is for a port, and unix://"),
    ] {
        let output = secrets.spawn(test, listen, files).wait_with_output().await.unwrap();
        assert!(!output.status.success());
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains(expected), "{text}");
    }
    assert!(!secrets.file("logic.sock").exists());
}
