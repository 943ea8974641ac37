//! `flowctl doctor` against endpoints that are well, and that are not.

use std::fs;
use std::net::TcpListener as StdListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair, date_time_ymd};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoClientAuth, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{RootCertStore, ServerConfig};
use serde_json::Value;
use tempfile::{TempDir, tempdir};
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
    assert_eq!(whats, ["address", "TLS", "ping", "signature", "key", "8 KiB", "64 KiB", "128 KiB", "latency"]);
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
    assert_eq!(ran.stdout.matches("needs --public-key and --app-secret-file").count(), 7, "{}", ran.stdout);
    assert!(ran.stdout.contains("as far as was looked"), "{}", ran.stdout);
}

#[test]
fn a_certificate_of_nobody_whom_the_system_trusts_is_wrong() {
    let dev = Dev::start();
    let ran = doctor(&dev, &KEYS);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(
        ran.stdout.contains("wrong    TLS        the certificate is signed by nobody whom this system trusts"),
        "{}",
        ran.stdout
    );
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
        ("localhost", date_time_ymd(2020, 1, 1), "wrong", "the certificate expired on 2020-01-01"),
        ("localhost", soon, "warning", "valid for 4 days"),
        (
            "example.com",
            date_time_ymd(2999, 1, 1),
            "wrong",
            "the certificate is for example.com, and not for localhost",
        ),
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

/// A server that shakes hands with such a certificate, and a folder with what a client is told.
fn served(chain: &str, key: &str) -> (TempDir, String) {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("ca.pem"), chain).unwrap();
    fs::copy(vector("current.pub"), folder.path().join("public-key.pem")).unwrap();
    fs::write(folder.path().join("app-secret"), "0123456789abcdef0123456789abcdef").unwrap();
    (folder, serve(chain, key))
}

fn vector(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/keys").join(name)
}

fn made(change: impl FnOnce(&mut CertificateParams)) -> (String, String) {
    let mut certificate = CertificateParams::new(["localhost".to_owned()]).unwrap();
    change(&mut certificate);
    let key = KeyPair::generate().unwrap();
    (certificate.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

/// Every tool that connects says the same, in words and without a library's.
#[test]
fn what_is_wrong_with_tls_is_said_in_words() {
    let case = |name: &str| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files/certs");
        let read = |end: &str| fs::read_to_string(folder.join(format!("{name}.{end}"))).unwrap();
        (read("crt"), read("key"))
    };
    let soon = std::time::SystemTime::now() + std::time::Duration::from_secs(2 * 86_400);
    for ((chain, key), found, mend) in [
        (
            case("default-ca-true-no-san"),
            "that of an authority (CA:TRUE)",
            "`flowctl keys certificate --host localhost`",
        ),
        (case("v1-no-extensions"), "X.509 version 1", "`flowctl keys certificate --host localhost`"),
        (made(|made| made.subject_alt_names.clear()), "names no host", "`flowctl keys certificate --host localhost`"),
        (made(|made| made.not_before = soon.into()), "is not valid before", "Set the clock right"),
        (
            made(|made| made.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]),
            "is not for servers",
            "`flowctl keys certificate --host localhost`",
        ),
    ] {
        let (folder, url) = served(&chain, &key);
        let keys = ["--ca", "ca.pem", "--public-key", "public-key.pem", "--app-secret-file", "app-secret"];
        let commands: [&[&str]; 4] = [
            &["doctor", "--edge", &url],
            &["conformance", "--edge", &url],
            &["simulate", r#"{"action":"ping"}"#, "--url", &url],
            &["bench", "--requests", "1", "--warm-up", "0", "--connections", "1", "--url", &url],
        ];
        for command in commands {
            let ran = flowctl(folder.path(), &[command, &keys].concat());
            let said = format!("{}{}", ran.stdout, ran.stderr);
            assert_eq!(ran.code, Some(1), "{command:?}: {said}");
            assert!(said.contains(found) && said.contains(mend), "{command:?}: {said}");
            for library in ["OtherError", "InvalidCertificate", "invalid peer certificate", "--ca FILE"] {
                assert!(!said.contains(library), "{command:?}: {said}");
            }
        }
    }
}

#[test]
fn another_authority_than_the_given_one_is_no_reason_to_give_one() {
    let (chain, key) = made(|_| {});
    let (folder, url) = served(&chain, &key);
    fs::write(folder.path().join("ca.pem"), made(|_| {}).0).unwrap();
    let ran = flowctl(folder.path(), &["doctor", "--edge", &url, "--ca", "ca.pem"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stdout.contains("signed by none of those in the file of --ca"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("--ca FILE"), "{}", ran.stdout);
}

#[test]
fn http_against_tls_and_the_reverse_are_said() {
    let (chain, key) = made(|_| {});
    let (folder, url) = served(&chain, &key);
    let keys = ["--public-key", "public-key.pem", "--app-secret-file", "app-secret"];
    let (to_tls, to_plain) = (url.replace("https:", "http:"), crate::front::http1().replace("http:", "https:"));
    for (url, found) in [(&to_tls, "speaks TLS, and the URL says http://"), (&to_plain, "does not speak TLS")] {
        let commands: [&[&str]; 4] = [
            &["doctor", "--edge", url],
            &["conformance", "--edge", url],
            &["simulate", r#"{"action":"ping"}"#, "--url", url],
            &["bench", "--requests", "1", "--warm-up", "0", "--connections", "1", "--url", url],
        ];
        for command in commands {
            let ran = flowctl(folder.path(), &[command, &keys].concat());
            assert_eq!(ran.code, Some(1), "{command:?}: {ran:?}");
            let said = format!("{}{}", ran.stdout, ran.stderr);
            assert!(said.contains(found), "{command:?}: {said}");
        }
    }
}

#[test]
fn a_server_that_asks_for_a_certificate_of_the_client_is_said_to() {
    let (chain, key) = made(|_| {});
    let (folder, _) = served(&chain, &key);
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(chain.as_bytes()).unwrap()).unwrap();
    let url = serve_to(&chain, &key, WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap());
    let keys = ["--ca", "ca.pem", "--public-key", "public-key.pem", "--app-secret-file", "app-secret"];
    let ran = flowctl(folder.path(), &[&["simulate", r#"{"action":"ping"}"#, "--url", &url], &keys[..]].concat());
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("the server asks for a certificate of the client"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("alert"), "{}", ran.stderr);
}

/// The proxy is as `http/proxy-refusing-bodies-over-8k.py` of those who had one.
#[test]
fn a_firewall_that_refuses_bodies_over_8_kib_is_found() {
    let dev = Dev::start_with(&["--plain"]);
    let url = crate::front::firewall(dev.url.split(['/']).nth(2).unwrap(), 8192) + "/flows/appointments";
    let ran = flowctl(dev.folder.path(), &[&["doctor", "--edge", &url], &KEYS[..]].concat());
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stdout.contains("ok       ping"), "{}", ran.stdout);
    assert!(ran.stdout.contains("wrong    8 KiB      status 403"), "{}", ran.stdout);
    assert!(ran.stdout.contains("a page of HTML, so it did not come from the endpoint"), "{}", ran.stdout);
    assert!(ran.stdout.trim_end().ends_with("begin with: 8 KiB"), "{}", ran.stdout);
}

#[test]
fn a_path_that_nobody_has_is_said_and_nothing_after_it() {
    let dev = Dev::start();
    let ran = flowctl(dev.folder.path(), &[&["doctor", "--edge", &format!("{}/x", dev.url)], &KEYS[..], &CA].concat());
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stdout.contains("wrong    ping       status 404"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("signature"), "{}", ran.stdout);
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
    let pem = certificate.self_signed(&key).unwrap().pem();
    (serve(&pem, &key.serialize_pem()), pem)
}

fn serve(chain: &str, key: &str) -> String {
    serve_to(chain, key, Arc::new(NoClientAuth))
}

fn serve_to(chain: &str, key: &str, clients: Arc<dyn ClientCertVerifier>) -> String {
    let chain = CertificateDer::pem_slice_iter(chain.as_bytes()).collect::<Result<Vec<_>, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    // rustls looks at what it serves; a server of another make does not.
    let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key).unwrap();
    let certified = Arc::new(CertifiedKey::new(chain, key));
    let config = ServerConfig::builder().with_client_cert_verifier(clients);
    let config = config.with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
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
                let acceptor = acceptor.clone();
                tokio::spawn(async move { drop(acceptor.accept(stream).await) });
            }
        });
    });
    url
}
