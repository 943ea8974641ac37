//! App secrets, passphrases and access tokens as people's tools write them; the files are those of `edge/wire/tests/files`.

use std::fs;
use std::path::PathBuf;

use tempfile::tempdir;

use crate::endpoint::Dev;
use crate::process::{Finished, flowctl};

fn files() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../wire/tests/files")
}

fn ping_with(dev: &Dev, secret: &[u8]) -> Finished {
    fs::write(dev.folder.path().join("secret"), secret).unwrap();
    let keys = ["--public-key", ".flow-dev/public-key.pem", "--app-secret-file", "secret"];
    let request = ["--ca", ".flow-dev/tls-certificate.pem", r#"{"action":"ping"}"#];
    flowctl(dev.folder.path(), &[&["simulate", "--url", &dev.url], &keys[..], &request].concat())
}

#[test]
fn a_byte_order_mark_in_a_secret_is_no_part_of_it() {
    let dev = Dev::start();
    let secret = fs::read(dev.folder.path().join(".flow-dev/app-secret")).unwrap();
    let ran = ping_with(&dev, &[b"\xef\xbb\xbf", secret.trim_ascii_end(), b"\r\n"].concat());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(!ran.stderr.contains("warning"), "{}", ran.stderr);

    let utf16: Vec<u8> = secret.iter().flat_map(|byte| [*byte, 0]).collect();
    let ran = ping_with(&dev, &[b"\xff\xfe", &utf16[..]].concat());
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("secret: the file is text in UTF-16"), "{}", ran.stderr);
}

#[test]
fn what_does_not_look_like_a_secret_is_warned_of_and_used() {
    let dev = Dev::start();
    let secret = fs::read_to_string(dev.folder.path().join(".flow-dev/app-secret")).unwrap();
    let secret = secret.trim();
    for (text, hint) in [(format!("\"{secret}\""), "quotes"), (secret.to_uppercase(), "upper case")] {
        let ran = ping_with(&dev, text.as_bytes());
        assert!(ran.stderr.starts_with("warning: secret: an app secret is 32 lower-case hex digits"), "{}", ran.stderr);
        assert!(ran.stderr.contains(hint) && ran.stderr.contains("status 432"), "{}", ran.stderr);
        assert!(!ran.stderr.contains(&secret[..8]), "{}", ran.stderr);
        assert_eq!(ran.code, Some(1), "{ran:?}");
    }
}

#[test]
fn passphrases_as_people_had_them() {
    let folder = tempdir().unwrap();
    let show = |passphrase: &str| {
        let (key, passphrase) = (files().join("keys/04-pkcs8-pbes2-aes256.pem"), files().join("keys").join(passphrase));
        let arguments = ["keys", "show", key.to_str().unwrap(), "--passphrase-file", passphrase.to_str().unwrap()];
        flowctl(folder.path(), &arguments)
    };
    for good in ["passphrase.txt", "passphrase-bom-crlf.txt"] {
        assert_eq!(show(good).code, Some(0), "{good}");
    }
    for (bad, said) in [
        ("passphrase-quoted.txt", "quotes stand around it, which count"),
        ("passphrase-trailing-space.txt", "white space stands around it, which counts"),
        ("passphrase-empty.txt", "should hold the passphrase of the private key as one line, not empty"),
    ] {
        let shown = show(bad);
        assert_eq!(shown.code, Some(1), "{shown:?}");
        assert!(shown.stderr.contains(bad) && shown.stderr.contains(said), "{}", shown.stderr);
        assert!(!shown.stderr.contains("casepass1"), "{}", shown.stderr);
    }
}
