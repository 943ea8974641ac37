//! Key files as OpenSSL and Node write them, in every form that users arrive with.

use std::path::Path;

use flow_tests::{is_there, key_file};
use flow_wire::keys::{Algorithm, Error, PrivateKey, PublicKey};
use tempfile::TempDir;
use tokio::process::Command;

const OPENSSL: &[&str] = &["openssl", "version"];
const PASSPHRASE: &str = "correct horse battery staple";

/// What a program prints.
async fn output(command: &[&str]) -> String {
    let (program, arguments) = command.split_first().unwrap();
    let output = Command::new(program).args(arguments).kill_on_drop(true).output().await.unwrap();
    assert!(output.status.success(), "{}: {}", command.join(" "), String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// `current.pem` as OpenSSL converts it: the words stand between `openssl` and the names of files and passphrase.
async fn converted(words: &[&str]) -> String {
    let file = key_file("current.pem");
    let passphrase = format!("pass:{PASSPHRASE}");
    let mut command = vec!["openssl"];
    command.extend(words);
    command.extend(["-in", file.to_str().unwrap()]);
    if !words.contains(&"-nocrypt") && words.len() > 2 {
        command.extend(["-passout", &passphrase]);
    }
    output(&command).await
}

fn read(pem: &str, passphrase: Option<&str>) -> Result<String, Error> {
    PrivateKey::from_pem(pem, passphrase).map(|key| key.public_key().fingerprint().to_owned())
}

/// The fingerprint of `current.pem` as OpenSSL computes it.
async fn fingerprint() -> String {
    let folder = TempDir::new().unwrap();
    let der = folder.path().join("public.der");
    let (key, der) = (key_file("current.pem"), der.to_str().unwrap());
    output(&["openssl", "pkey", "-in", key.to_str().unwrap(), "-pubout", "-outform", "DER", "-out", der]).await;
    output(&["openssl", "dgst", "-sha256", "-r", der]).await.split(' ').next().unwrap().to_owned()
}

async fn generated(folder: &Path, words: &[&str]) -> String {
    let file = folder.join("key.pem");
    let mut command = vec!["openssl", "genpkey", "-quiet", "-out", file.to_str().unwrap()];
    command.extend(words);
    output(&command).await;
    std::fs::read_to_string(file).unwrap()
}

#[tokio::test]
async fn unencrypted_keys_of_openssl_are_read() {
    if !is_there(OPENSSL).await {
        return;
    }
    let expected = Ok(fingerprint().await);
    for words in [&["pkcs8", "-topk8", "-nocrypt"][..], &["rsa", "-traditional"]] {
        let pem = converted(words).await;
        assert_eq!(read(&pem, None), expected);
        assert_eq!(read(&pem.replace('\n', "\r\n"), None), expected, "CRLF");
        assert_eq!(read(&pem.replace('\n', "\\n"), None), expected, "literal \\n, as in an environment variable");
        assert_eq!(read(&pem.replace('\n', "\\r\\n"), None), expected, "literal \\r\\n");
        assert_eq!(read(&pem.replace('\n', " "), None), expected, "one line");
        assert_eq!(read(&format!("Bag Attributes\n    friendlyName: flow\n{pem}\n-- \nsent by mail"), None), expected);
        assert_eq!(read(&format!("\u{feff}\"{pem}\""), None), expected, "byte order mark and quotes");
        assert_eq!(read(&pem, Some("not needed")), expected);
    }
    let public = output(&["openssl", "pkey", "-in", key_file("current.pem").to_str().unwrap(), "-pubout"]).await;
    assert_eq!(PublicKey::from_pem(&public).map(|key| key.fingerprint().to_owned()), expected);
    assert_eq!(PublicKey::from_pem(&public).unwrap().as_pem(), public);
}

#[tokio::test]
async fn encrypted_keys_of_openssl_are_read_with_their_passphrase() {
    if !is_there(OPENSSL).await {
        return;
    }
    let expected = Ok(fingerprint().await);
    for words in [
        &["pkcs8", "-topk8", "-v2", "aes-256-cbc"][..],
        &["pkcs8", "-topk8", "-v2", "aes-128-cbc"],
        &["pkcs8", "-topk8", "-v2", "des3"],
        &["pkcs8", "-topk8", "-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA1"],
        &["pkcs8", "-topk8", "-scrypt"],
        &["rsa", "-traditional", "-des3"],
        &["rsa", "-traditional", "-aes128"],
        &["rsa", "-traditional", "-aes256"],
    ] {
        let pem = converted(words).await;
        assert_eq!(read(&pem, Some(PASSPHRASE)), expected, "{words:?}");
        assert_eq!(read(&pem.replace('\n', "\r\n"), Some(PASSPHRASE)), expected, "{words:?} with CRLF");
        assert_eq!(read(&pem.replace('\n', "\\n"), Some(PASSPHRASE)), expected, "{words:?} with literal \\n");
        assert_eq!(read(&pem, None), Err(Error::PassphraseMissing), "{words:?}");
        assert_eq!(read(&pem, Some("wrong")), Err(Error::PassphraseWrong), "{words:?}");
        assert_eq!(read(&pem, Some("")), Err(Error::PassphraseWrong), "{words:?}");
    }
}

#[tokio::test]
async fn a_key_whose_encryption_asks_for_too_much_is_refused_before_it_gets_it() {
    if !is_there(OPENSSL).await {
        return;
    }
    for words in [
        &["pkcs8", "-topk8", "-iter", "10000001"][..],
        &["pkcs8", "-topk8", "-scrypt", "-scrypt_N", "1024", "-scrypt_p", "600"],
    ] {
        assert_eq!(read(&converted(words).await, Some(PASSPHRASE)), Err(Error::DerivationCost), "{words:?}");
    }
}

#[tokio::test]
async fn the_key_that_the_platforms_own_script_makes_is_read() {
    if !is_there(&["node", "--version"]).await {
        return;
    }
    let script = r#"
        const { generateKeyPairSync } = require("node:crypto");
        const pair = generateKeyPairSync("rsa", {
            modulusLength: 2048,
            publicKeyEncoding: { type: "spki", format: "pem" },
            privateKeyEncoding: { type: "pkcs1", format: "pem", cipher: "des-ede3-cbc", passphrase: process.argv[1] },
        });
        process.stdout.write(pair.publicKey + pair.privateKey);
    "#;
    let pair = output(&["node", "--eval", script, PASSPHRASE]).await;
    let (public, private) = pair.split_at(pair.find("-----BEGIN RSA").unwrap());
    let expected = PublicKey::from_pem(public).map(|key| key.fingerprint().to_owned());
    assert!(private.contains("Proc-Type: 4,ENCRYPTED"));
    assert_eq!(read(private, Some(PASSPHRASE)), expected);
    assert_eq!(read(private, Some("wrong")), Err(Error::PassphraseWrong));
    assert_eq!(read(private, None), Err(Error::PassphraseMissing));
}

#[tokio::test]
async fn what_cannot_be_used_is_named() {
    if !is_there(OPENSSL).await {
        return;
    }
    let folder = TempDir::new().unwrap();
    for bits in [1024, 3072, 4096] {
        let size = format!("rsa_keygen_bits:{bits}");
        let key = generated(folder.path(), &["-algorithm", "RSA", "-pkeyopt", &size]).await;
        assert_eq!(read(&key, None), Err(Error::Bits(bits)));
    }
    let elliptic = generated(folder.path(), &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]).await;
    assert_eq!(read(&elliptic, None), Err(Error::Algorithm(Algorithm::Ec)));
    let edwards = generated(folder.path(), &["-algorithm", "ED25519"]).await;
    assert_eq!(read(&edwards, None), Err(Error::Algorithm(Algorithm::EdDsa)));
    assert_eq!(read(&edwards.replace("PRIVATE KEY", "CERTIFICATE"), None), Err(Error::Certificate));

    let private = converted(&["pkcs8", "-topk8", "-nocrypt"]).await;
    let public = std::fs::read_to_string(key_file("current.pub")).unwrap();
    assert_eq!(read(&public, None), Err(Error::PublicForPrivate));
    assert_eq!(PublicKey::from_pem(&private).unwrap_err(), Error::PrivateForPublic);
    assert_eq!(read("", None), Err(Error::Empty));
    assert_eq!(read("secret", None), Err(Error::NotPem));
    assert_eq!(read(&private[..private.len() / 2], None), Err(Error::NoEnd));
    assert_eq!(read(&private.replace('M', "?"), None), Err(Error::BrokenPem));

    for words in [&["rsa", "-traditional", "-aes192"][..], &["rsa", "-traditional", "-camellia128"]] {
        assert_eq!(read(&converted(words).await, Some(PASSPHRASE)), Err(Error::UnsupportedEncryption), "{words:?}");
    }
    let old = converted(&["pkcs8", "-topk8", "-v1", "PBE-SHA1-3DES"]).await;
    assert_eq!(read(&old, Some(PASSPHRASE)), Err(Error::UnsupportedEncryption));
}
