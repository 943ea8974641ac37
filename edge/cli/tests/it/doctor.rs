//! `flowctl doctor` against endpoints that are well, and that are not.

use std::net::TcpListener as StdListener;
use std::sync::Arc;
use std::thread;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::Value;
use tempfile::tempdir;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::endpoint::Dev;
use crate::process::{Finished, flowctl};

fn doctor(dev: &Dev, arguments: &[&str]) -> Finished {
    flowctl(dev.folder.path(), &[&["doctor", "--edge", &dev.url], arguments].concat())
}

const KEYS: [&str; 4] = ["--public-key", ".flow-dev/public-key.pem", "--app-secret-file", ".flow-dev/app-secret"];
const CA: [&str; 2] = ["--ca", ".flow-dev/tls-certificate.pem"];

#[test]
fn an_endpoint_that_is_well_has_nothing_wrong() {
    let dev = Dev::start();
    let ran = doctor(&dev, &[&KEYS[..], &CA, &["--json"]].concat());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&report["good"], &report["first"]), (&true.into(), &Value::Null), "{report}");
    let findings = report["findings"].as_array().unwrap();
    let whats: Vec<_> = findings.iter().map(|finding| finding["what"].as_str().unwrap()).collect();
    assert_eq!(whats, ["address", "TLS", "ping", "signature", "key", "latency"]);
    assert!(findings.iter().all(|finding| finding["state"] == "ok"), "{report}");
}

#[test]
fn what_is_wrong_first_is_all_that_is_said_of_what_follows() {
    let dev = Dev::start();
    dev.write("other-secret", "the secret of another app");
    let keys = ["--public-key", ".flow-dev/public-key.pem", "--app-secret-file", "other-secret"];
    let ran = doctor(&dev, &[&keys[..], &CA].concat());
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stdout.contains("wrong    ping       status 432"), "{}", ran.stdout);
    assert!(ran.stdout.contains("Compare the two app secrets."), "{}", ran.stdout);
    assert!(ran.stdout.trim_end().ends_with("begin with: ping"), "{}", ran.stdout);
    assert_eq!(ran.stdout.matches("wrong ").count(), 1, "{}", ran.stdout);
}

#[test]
fn without_keys_there_are_the_address_and_tls() {
    let dev = Dev::start();
    let ran = doctor(&dev, &CA);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(ran.stdout.matches("needs --public-key and --app-secret-file").count(), 4, "{}", ran.stdout);
    assert!(ran.stdout.contains("as far as was looked"), "{}", ran.stdout);
}

#[test]
fn a_certificate_of_nobody_whom_the_system_trusts_is_wrong() {
    let dev = Dev::start();
    let ran = doctor(&dev, &KEYS);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stdout.contains("wrong    TLS        invalid peer certificate: UnknownIssuer"), "{}", ran.stdout);
    assert!(ran.stdout.contains("Serve the whole chain"), "{}", ran.stdout);
    assert!(ran.stdout.trim_end().ends_with("begin with: TLS"), "{}", ran.stdout);
}

#[test]
fn certificates_that_are_over_or_nearly_so_or_for_another_name_are_told_apart() {
    let soon = {
        let soon = std::time::SystemTime::now() + std::time::Duration::from_secs(5 * 86_400);
        soon.into()
    };
    for (name, end, state, says) in [
        ("localhost", date_time_ymd(2020, 1, 1), "wrong", "Renew the certificate"),
        ("localhost", soon, "warning", "valid for 4 days"),
        ("example.com", date_time_ymd(2999, 1, 1), "wrong", "Get a certificate for this name"),
    ] {
        let mut certificate = CertificateParams::new([name.to_owned()]).unwrap();
        certificate.not_before = date_time_ymd(2019, 1, 1);
        certificate.not_after = end;
        let (url, pem) = serve_tls(certificate);
        let folder = tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), pem).unwrap();
        let ran = flowctl(folder.path(), &["doctor", "--edge", &url, "--ca", "ca.pem"]);
        assert!(ran.stdout.contains(&format!("{state:7}  TLS")), "{name}: {}", ran.stdout);
        assert!(ran.stdout.contains(says), "{name}: {}", ran.stdout);
        assert_eq!(ran.code, Some(i32::from(state == "wrong")), "{}", ran.stdout);
    }
}

#[test]
fn an_address_where_nobody_listens_is_wrong() {
    let address = StdListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let folder = tempdir().unwrap();
    let ran = flowctl(folder.path(), &["doctor", "--edge", &format!("https://{address}/flow")]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stdout.contains("Connection refused"), "{}", ran.stdout);
    assert!(ran.stdout.trim_end().ends_with("begin with: address"), "{}", ran.stdout);
    assert_eq!(flowctl(folder.path(), &["doctor"]).code, Some(2));
}

/// Shakes hands with whoever comes, as long as the tests run. The URL, and the certificate as its own authority.
fn serve_tls(certificate: CertificateParams) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let certificate = certificate.self_signed(&key).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![certificate.der().clone()], key).unwrap();
    let listener = StdListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("https://localhost:{}/flow", listener.local_addr().unwrap().port());
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::from_std(listener).unwrap();
            let acceptor = TlsAcceptor::from(Arc::new(config));
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let _ = acceptor.accept(stream).await;
            }
        });
    });
    (url, certificate.pem())
}
