//! What `flow-edge check` warns of: what is good enough to start, and would fail later.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use flow_tests::{Tls, key_file, run};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use tempfile::TempDir;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// A folder with a configuration of which nothing is amiss.
struct Good(TempDir);

impl Good {
    fn new() -> Self {
        let good = Self(TempDir::new().unwrap());
        let tls = Tls::new();
        good.write("tls.crt", tls.certificate.as_bytes());
        good.write("tls.key", tls.private_key.as_bytes());
        good.write("key.pem", &fs::read(key_file("current.pem")).unwrap());
        good.write("app-secret", SECRET.as_bytes());
        good.logic("url: http://logic:50051");
        good
    }

    fn write(&self, name: &str, content: &[u8]) {
        let file = self.0.path().join(name);
        fs::write(&file, content).unwrap();
        fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn logic(&self, lines: &str) {
        let config = format!(
            "listen:\n  address: 127.0.0.1:0\n  tls: {{ certificate_file: tls.crt, private_key_file: tls.key }}\nendpoints:\n  \
             - name: flow\n    path: /flow\n    private_keys: [ {{ file: key.pem }} ]\n    app_secrets: [ {{ file: app-secret }} ]\n    \
             logic:\n      {lines}\nlimits: {{ max_connections: 100, max_body_memory: 16MiB }}\n"
        );
        self.write("flow-edge.yaml", config.as_bytes());
    }

    /// What is printed to where, with the exit code.
    async fn check(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = run(&[&["check", "--config", "flow-edge.yaml"], arguments].concat(), self.0.path()).await;
        let [stdout, stderr] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        (output.status.code().unwrap(), stdout, stderr)
    }

    /// It warns so, and is good all the same, but not to a strict eye.
    async fn warns(&self, what: &str, remedy: &str) {
        let (code, stdout, stderr) = self.check(&[]).await;
        assert_eq!(code, 0, "{stderr}");
        assert!(stdout.starts_with("flow-edge.yaml: good\n"), "{stdout}");
        assert_eq!(stderr.matches("warning").count(), 1, "{stderr}");
        assert!(stderr.contains(what) && stderr.contains(remedy), "{what}: {stderr}");
        assert!(!stderr.contains(SECRET), "{stderr}");
        assert_eq!(self.check(&["--strict"]).await.0, 1);
    }
}

#[tokio::test]
async fn nothing_is_amiss_and_the_memory_is_added_up() {
    let (code, stdout, stderr) = Good::new().check(&["--strict", "--host", "localhost"]).await;
    assert_eq!((code, &*stderr), (0, ""));
    // 112 KiB each, as docs/memory.md says.
    assert!(stdout.contains("100 × 112 KiB") && stdout.contains("limits.max_connections"), "{stdout}");
    assert!(stdout.trim_end().ends_with("MiB") && stdout.contains("at the most"), "{stdout}");
}

#[tokio::test]
async fn an_app_secret_that_looks_like_none() {
    let good = Good::new();
    for (text, hint) in [
        (format!("\"{SECRET}\""), "quotes"),
        (format!("APP_SECRET={SECRET}"), "name"),
        (SECRET.to_uppercase(), "upper case"),
        ("EAAGm0PX4ZCpsBAKZCq1nD0ZAhZCfakefakefakefakefake".to_owned(), "access token"),
        (SECRET[1..].to_owned(), "31"),
    ] {
        good.write("app-secret", text.as_bytes());
        good.warns("endpoints[0].app_secrets[0].file", hint).await;
    }
    // secrets/app-secret-bom-crlf: as some editors write it, and right.
    good.write("app-secret", format!("\u{feff}{SECRET}\r\n").as_bytes());
    assert_eq!(good.check(&["--strict"]).await.0, 0);
    let utf_16: Vec<_> = SECRET.encode_utf16().flat_map(u16::to_le_bytes).collect();
    good.write("app-secret", &[&[0xff, 0xfe], &*utf_16].concat());
    let (code, _, stderr) = good.check(&[]).await;
    assert_eq!(code, 1);
    assert!(stderr.contains("UTF-16") && stderr.contains("iconv"), "{stderr}");
}

#[tokio::test]
async fn a_certificate_that_no_client_takes() {
    let good = Good::new();
    let made = |from, to| {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(to, 2, 3));
        Tls { certificate: params.self_signed(&key).unwrap().pem(), private_key: key.serialize_pem() }
    };
    // certs/default-ca-true-no-san: what `openssl req -x509` makes.
    let read = |end: &str| {
        let file = format!("{}/it/faults/certificates/default-ca-true-no-san.{end}", env!("CARGO_MANIFEST_DIR"));
        fs::read_to_string(file).unwrap()
    };
    let of_authority = Tls { certificate: read("crt"), private_key: read("key") };
    for (tls, what) in [
        (made(2001, 2002), "expired on 2002-02-03"),
        (made(3000, 3001), "not valid before 3000-01-01"),
        (of_authority, "flowctl keys certificate"),
    ] {
        good.write("tls.crt", tls.certificate.as_bytes());
        good.write("tls.key", tls.private_key.as_bytes());
        let (code, _, stderr) = good.check(&[]).await;
        assert_eq!(code, 0, "{stderr}");
        assert!(stderr.contains("listen.tls.certificate_file") && stderr.contains(what), "{what}: {stderr}");
    }
    let (code, _, stderr) = Good::new().check(&["--strict", "--host", "flows.example.com"]).await;
    assert_eq!(code, 1);
    assert!(stderr.contains("not for flows.example.com"), "{stderr}");
}

#[tokio::test]
async fn what_logic_will_be_asked_in_vain() {
    let good = Good::new();
    good.logic("url: http://logic:50051\n      deadline: 10s");
    good.warns("logic.deadline", "gives up at 10 s").await;
    good.logic("url: http://logic");
    good.warns("logic.url", "names no port").await;
    good.logic("url: http://logic:50051\n      fallback_message: later");
    let (code, stdout, _) = good.check(&["--strict"]).await;
    assert_eq!(code, 0);
    assert!(stdout.contains("screens that declare no data"), "{stdout}");
}
