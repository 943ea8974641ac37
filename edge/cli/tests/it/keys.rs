//! `flowctl keys`, with OpenSSL as an independent reader.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use tempfile::tempdir;

use crate::process::flowctl;

/// What `openssl` prints; `None` where it is not installed, which `CI=true` makes a failure.
fn openssl(folder: &Path, arguments: &[&str]) -> Option<String> {
    let Ok(output) = Command::new("openssl").args(arguments).current_dir(folder).output() else {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "openssl is not installed");
        eprintln!("openssl is not installed: its opinion on the key is not asked");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn a_generated_pair_is_what_openssl_makes_of_its_private_half() {
    let folder = tempdir().unwrap();
    let generated = flowctl(folder.path(), &["keys", "generate"]);
    assert_eq!(generated.code, Some(0), "{generated:?}");
    assert!(generated.stdout.starts_with("public key:  ./public-key.pem\nfingerprint: "), "{}", generated.stdout);

    let public_pem = fs::read_to_string(folder.path().join("public-key.pem")).unwrap();
    if let Some(derived) = openssl(folder.path(), &["pkey", "-in", "private-key.pem", "-pubout"]) {
        assert_eq!(derived, public_pem);
    }
    if let Some(text) = openssl(folder.path(), &["pkey", "-in", "private-key.pem", "-noout", "-text"]) {
        assert!(text.contains("2048 bit"), "{text}");
    }
    let private_pem = fs::read_to_string(folder.path().join("private-key.pem")).unwrap();
    assert!(private_pem.starts_with("-----BEGIN PRIVATE KEY-----\n"));
}

#[test]
fn the_private_key_is_for_its_owner_alone() {
    let folder = tempdir().unwrap();
    flowctl(folder.path(), &["keys", "generate", "--out", "new/keys"]);
    let mode = fs::metadata(folder.path().join("new/keys/private-key.pem")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn the_folders_of_a_pair_are_made_however_it_is_named() {
    let folder = tempdir().unwrap();
    let pair = ["--private", "private/new/key.pem", "--public", "public/key.pub"];
    let generated = flowctl(folder.path(), &[&["keys", "generate"], &pair[..]].concat());
    assert_eq!(generated.code, Some(0), "{generated:?}");
    for file in ["private/new/key.pem", "public/key.pub"] {
        assert!(folder.path().join(file).is_file(), "{file}");
    }
}

#[test]
fn show_agrees_on_either_half() {
    let folder = tempdir().unwrap();
    let generated = flowctl(folder.path(), &["keys", "generate", "--private", "a.pem", "--public", "b.pem"]);
    let fingerprint = generated.stdout.lines().find_map(|line| line.strip_prefix("fingerprint: ")).unwrap().to_owned();
    assert!(fingerprint.len() == 64 && fingerprint.bytes().all(|byte| byte.is_ascii_hexdigit()), "{fingerprint}");

    let public_pem = fs::read_to_string(folder.path().join("b.pem")).unwrap();
    for file in ["a.pem", "b.pem"] {
        let shown = flowctl(folder.path(), &["keys", "show", file]);
        assert_eq!(shown.code, Some(0), "{shown:?}");
        assert_eq!(shown.stdout, format!("fingerprint: {fingerprint}\n{public_pem}"));
        let shown = flowctl(folder.path(), &["keys", "show", file, "--json"]);
        let json: serde_json::Value = serde_json::from_str(&shown.stdout).unwrap();
        assert_eq!(json, serde_json::json!({"fingerprint": fingerprint, "public_key": public_pem}));
    }
}

#[test]
fn nothing_is_overwritten() {
    for taken in ["private-key.pem", "public-key.pem"] {
        let folder = tempdir().unwrap();
        fs::write(folder.path().join(taken), "mine").unwrap();
        let refused = flowctl(folder.path(), &["keys", "generate"]);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.stderr.contains(taken) && refused.stderr.contains("never overwritten"), "{}", refused.stderr);
        assert_eq!(fs::read_to_string(folder.path().join(taken)).unwrap(), "mine");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "half a pair was left behind");
    }
}

#[test]
fn what_is_no_key_is_refused_without_being_quoted() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("note.pem"), "hunter2").unwrap();
    let refused = flowctl(folder.path(), &["keys", "show", "note.pem"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("note.pem: there is no PEM block"), "{}", refused.stderr);
    assert!(!refused.stderr.contains("hunter2"));
    let missing = flowctl(folder.path(), &["keys", "show", "gone.pem"]);
    assert_eq!(missing.code, Some(1));
    assert!(missing.stderr.contains("gone.pem: cannot be read"), "{}", missing.stderr);
}

#[test]
fn an_encrypted_pair_opens_by_its_passphrase_alone() {
    let folder = tempdir().unwrap();
    let write = |name: &str, content: &str| fs::write(folder.path().join(name), content).unwrap();
    write("passphrase", "correct horse\n");
    write("other", "battery staple\n");
    let generated = flowctl(folder.path(), &["keys", "generate", "--passphrase-file", "passphrase"]);
    assert_eq!(generated.code, Some(0), "{generated:?}");
    let private_file = folder.path().join("private-key.pem");
    assert!(fs::read_to_string(&private_file).unwrap().starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
    assert_eq!(fs::metadata(&private_file).unwrap().permissions().mode() & 0o777, 0o600);

    let public_pem = fs::read_to_string(folder.path().join("public-key.pem")).unwrap();
    let openssl_reads = ["pkey", "-in", "private-key.pem", "-passin", "file:passphrase", "-pubout"];
    if let Some(derived) = openssl(folder.path(), &openssl_reads) {
        assert_eq!(derived, public_pem);
        let structure = openssl(folder.path(), &["asn1parse", "-in", "private-key.pem"]).unwrap();
        for name in ["PBES2", "PBKDF2", "hmacWithSHA256", "aes-256-cbc"] {
            assert!(structure.contains(name), "{structure}");
        }
    }
    let show = |arguments: &[&str]| flowctl(folder.path(), &[&["keys", "show", "private-key.pem"], arguments].concat());
    let shown = show(&["--passphrase-file", "passphrase"]);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert!(shown.stdout.ends_with(&public_pem), "{}", shown.stdout);

    let missing = show(&[]);
    assert_eq!(missing.code, Some(1), "{missing:?}");
    assert!(missing.stderr.contains("encrypted and no passphrase is given; --passphrase-file"), "{}", missing.stderr);
    let wrong = show(&["--passphrase-file", "other"]);
    assert_eq!(wrong.code, Some(1), "{wrong:?}");
    assert!(wrong.stderr.contains("the passphrase does not decrypt the private key"), "{}", wrong.stderr);
    assert!(wrong.stderr.contains("not the one in other") && !wrong.stderr.contains("battery"), "{}", wrong.stderr);
}

#[test]
fn a_key_that_openssl_encrypted_can_be_shown() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("passphrase"), "correct horse\n").unwrap();
    let made = ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-aes-256-cbc"];
    let into = ["-pass", "file:passphrase", "-out", "private-key.pem"];
    if openssl(folder.path(), &[&made[..], &into].concat()).is_none() {
        return;
    }
    let shown = flowctl(folder.path(), &["keys", "show", "private-key.pem", "--passphrase-file", "passphrase"]);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    let derived = openssl(folder.path(), &["pkey", "-in", "private-key.pem", "-passin", "file:passphrase", "-pubout"]);
    assert!(shown.stdout.ends_with(&derived.unwrap()), "{}", shown.stdout);
}

#[test]
fn a_passphrase_that_is_none_makes_no_key() {
    for content in ["", "\n", "one\ntwo\n"] {
        let folder = tempdir().unwrap();
        fs::write(folder.path().join("passphrase"), content).unwrap();
        let refused = flowctl(folder.path(), &["keys", "generate", "--passphrase-file", "passphrase"]);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.stderr.contains("passphrase: should hold the passphrase"), "{}", refused.stderr);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "a key was left behind");
    }
}

#[test]
fn a_certificate_is_one_that_openssl_takes_from_a_server() {
    let folder = tempdir().unwrap();
    let hosts = ["--host", "logic.example", "127.0.0.1", "--host", "::1"];
    let made = flowctl(folder.path(), &[&["keys", "certificate", "--out", "new/tls"], &hosts[..]].concat());
    assert_eq!(made.code, Some(0), "{made:?}");
    let said = "certificate: new/tls/tls-certificate.pem, for logic.example, 127.0.0.1, ::1, 365 days\n";
    assert_eq!(made.stdout, said);
    let mode = fs::metadata(folder.path().join("new/tls/tls-private-key.pem")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let certificate = "new/tls/tls-certificate.pem";
    let verify =
        ["verify", "-CAfile", certificate, "-purpose", "sslserver", "-verify_hostname", "logic.example", certificate];
    if openssl(folder.path(), &verify).is_some() {
        let text = openssl(folder.path(), &["x509", "-in", certificate, "-noout", "-text"]).unwrap();
        for part in
            ["Version: 3", "CA:FALSE", "TLS Web Server Authentication", "DNS:logic.example, IP Address:127.0.0.1"]
        {
            assert!(text.contains(part), "{part}: {text}");
        }
        let of_key = openssl(folder.path(), &["pkey", "-in", "new/tls/tls-private-key.pem", "-pubout"]).unwrap();
        let of_certificate = openssl(folder.path(), &["x509", "-in", certificate, "-noout", "-pubkey"]).unwrap();
        assert_eq!(of_key, of_certificate);
        openssl(folder.path(), &["x509", "-in", certificate, "-noout", "-checkend", "31000000"]);
    }
    let again = flowctl(folder.path(), &[&["keys", "certificate", "--out", "new/tls"], &hosts[..]].concat());
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(again.stderr.contains("tls-certificate.pem: exists already"), "{}", again.stderr);
    for host in ["https://logic.example", "logic.example:50051", "", "a b"] {
        let refused = flowctl(folder.path(), &["keys", "certificate", "--host", host]);
        assert_eq!(refused.code, Some(2), "{host}: {refused:?}");
    }
}
