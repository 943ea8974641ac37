//! Key files in every shape in which people had them: each opens, or its error says what it is and what to do. What a key's
//! fingerprint is, OpenSSL says: `openssl pkey -in FILE -pubout -outform DER | sha256sum`.
#![allow(clippy::unwrap_used, reason = "a test's helpers may panic as its tests do")]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use flow_wire::keys::{Algorithm, Error, PrivateKey, PublicKey};
use flow_wire::text;

/// Of the key that most of the files hold.
const PLAIN: &str = "e4b34c644f69e4dce4c6f4d804a332bc4d956c4f0b9ecf3b068afde44a532973";
const NODE_PKCS1: &str = "42c2d48b34e3dc506fecfe99c6cc9230e233a3178ce223ea9d3cf5b4b38df584";
const NODE_PKCS8: &str = "fa4bc2b1b461da7068e542689ce416ca16ffe4049f0922c301e70feeb73a800e";
const PASSPHRASE: &str = "casepass1";

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/files/keys")
}

fn read(name: &str) -> Result<String, Problem> {
    let bytes = fs::read(folder().join(name)).unwrap();
    let key = PrivateKey::from_pem(text::read(&bytes)?, Some(PASSPHRASE))?;
    Ok(key.public_key().fingerprint().to_owned())
}

#[derive(Debug, PartialEq, thiserror::Error)]
enum Problem {
    #[error(transparent)]
    Text(#[from] text::Error),
    #[error(transparent)]
    Key(#[from] Error),
}

const OPEN: &[(&str, &str)] = &[
    ("00-plain-pkcs8.pem", PLAIN),
    ("01-pkcs1-des3.pem", PLAIN),
    ("02-pkcs1-aes256.pem", PLAIN),
    ("04-pkcs8-pbes2-aes256.pem", PLAIN),
    ("06-pkcs8-scrypt.pem", PLAIN),
    ("10-plain-one-line-spaces.pem", PLAIN),
    ("11-des3-one-line-spaces.pem", PLAIN),
    ("12-plain-one-line-nothing.pem", PLAIN),
    ("13-des3-literal-backslash-n-in-quotes.pem", PLAIN),
    ("15-des3-crlf.pem", PLAIN),
    ("16-des3-trailing-space-after-headers.pem", PLAIN),
    ("31-utf8-bom.pem", PLAIN),
    ("42-certificate-then-key.pem", PLAIN),
    ("50-node-meta-script-pkcs1-des3.pem", NODE_PKCS1),
    ("51-node-pkcs8-aes256.pem", NODE_PKCS8),
    ("52-json-with-key-inside.json", NODE_PKCS8),
    ("53-python-best-available.pem", PLAIN),
    ("64-pkcs1.pem", PLAIN),
    ("70-escaped-twice.pem", PLAIN),
    ("71-escaped-four-times.pem", PLAIN),
    ("72-des3-one-line-nothing.pem", PLAIN),
    ("73-des3-escaped-twice.pem", PLAIN),
    ("74-json-unicode-escapes.json", PLAIN),
    ("76-public-then-private.pem", PLAIN),
];

/// Each with the words that say what it is, and those that say what to do.
const NAMED: &[(&str, Problem, &str)] = &[
    ("03-pkcs1-aes192.pem", Problem::Key(Error::UnsupportedEncryption), "openssl pkcs8 -topk8"),
    ("03b-pkcs1-des.pem", Problem::Key(Error::UnsupportedEncryption), "-provider legacy"),
    ("03c-pkcs1-camellia256.pem", Problem::Key(Error::UnsupportedEncryption), "openssl pkcs8 -topk8"),
    ("05-pkcs8-pbes1-3des.pem", Problem::Key(Error::UnsupportedEncryption), "openssl pkcs8 -topk8"),
    ("20-base64-of-pem.txt", Problem::Key(Error::Base64 { times: 1 }), "decode it, `base64 -d"),
    ("21-base64-twice.txt", Problem::Key(Error::Base64 { times: 2 }), "decode it as often"),
    (
        "23-bare-base64-pkcs8-no-armour.txt",
        Problem::Key(Error::NoBeginLine("PRIVATE KEY")),
        "`-----BEGIN PRIVATE KEY-----`",
    ),
    ("24-pkcs8.der", Problem::Text(text::Error::Der), "openssl pkey -inform DER"),
    ("40-public-instead-of-private.pem", Problem::Key(Error::PublicForPrivate), "the private key is needed here"),
    ("41-certificate.pem", Problem::Key(Error::Certificate), "flowctl keys generate"),
    ("43-rsa4096.pem", Problem::Key(Error::Bits(4096)), "flowctl keys generate"),
    ("44-rsa1024.pem", Problem::Key(Error::Bits(1024)), "flowctl keys generate"),
    ("45-ec.pem", Problem::Key(Error::Algorithm(Algorithm::Ec)), "flowctl keys generate"),
    ("46-openssh.pem", Problem::Key(Error::OpenSsh), "ssh-keygen -p -m PEM"),
    ("60-rsa-pss.pem", Problem::Key(Error::Algorithm(Algorithm::RsaPss)), "for signatures alone"),
    ("61-ed25519.pem", Problem::Key(Error::Algorithm(Algorithm::EdDsa)), "flowctl keys generate"),
    ("62-x25519.pem", Problem::Key(Error::Algorithm(Algorithm::Xdh)), "flowctl keys generate"),
    ("63-ec-pkcs8.pem", Problem::Key(Error::Algorithm(Algorithm::Ec)), "flowctl keys generate"),
    (
        "65-pkcs1-under-the-label-of-pkcs8.pem",
        Problem::Key(Error::Label { holds: "RSA PRIVATE KEY" }),
        "change both, to `-----BEGIN RSA PRIVATE KEY-----`",
    ),
    ("66-no-begin-line.pem", Problem::Key(Error::NoBeginLine("PRIVATE KEY")), "`-----BEGIN PRIVATE KEY-----`"),
    ("67-no-end-line.pem", Problem::Key(Error::NoEnd), "copied whole"),
    ("68-encrypted-without-armour.pem", Problem::Key(Error::NoBeginLine("RSA PRIVATE KEY")), "BEGIN RSA PRIVATE KEY"),
    ("69-base64-of-pem-wrapped.txt", Problem::Key(Error::Base64 { times: 1 }), "decode it, `base64 -d"),
    ("75-long-dashes.pem", Problem::Key(Error::Armour), "five plain hyphens"),
    ("77-openssh.pub", Problem::Key(Error::OpenSshPublic), "ssh-keygen -e -m PKCS8"),
    ("79-certificate-without-its-lines.txt", Problem::Key(Error::Certificate), "flowctl keys generate"),
    ("80-pgp.asc", Problem::Key(Error::OtherPem), "flowctl keys generate"),
    ("81-ec-p384.pem", Problem::Key(Error::Algorithm(Algorithm::Ec)), "flowctl keys generate"),
    ("78-request.pem", Problem::Key(Error::Request), "flowctl keys generate"),
];

#[test]
fn each_opens_or_is_named_with_what_to_do() {
    for (name, fingerprint) in OPEN {
        assert_eq!(read(name).as_deref(), Ok(*fingerprint), "{name}");
    }
    for (name, problem, remedy) in NAMED {
        let error = read(name).unwrap_err();
        assert_eq!(error, *problem, "{name}");
        let said = error.to_string();
        assert!(said.contains(remedy), "{name}: {said}");
        let is_elliptic = matches!(name.split('-').next(), Some("45" | "63" | "81"));
        assert_eq!(said.contains("EC"), is_elliptic, "{name}: {said}");
    }
}

#[test]
fn no_file_is_left_out() {
    let listed = OPEN.iter().map(|(name, _)| *name).chain(NAMED.iter().map(|(name, ..)| *name)).map(str::to_owned);
    let there = fs::read_dir(folder()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let there: BTreeSet<_> = there.filter(|name| !name.starts_with("passphrase")).collect();
    assert_eq!(listed.collect::<BTreeSet<_>>(), there);
}

#[test]
fn a_public_key_is_read_with_its_lines_or_by_its_base64_alone() {
    let pem = fs::read_to_string(folder().join("40-public-instead-of-private.pem")).unwrap();
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    assert_eq!(PublicKey::from_pem(&pem).unwrap().fingerprint(), PLAIN);
    assert_eq!(PublicKey::from_pem(&body).unwrap_err(), Error::NoBeginLine("PUBLIC KEY"));
    assert_eq!(PublicKey::from_base64(&body).unwrap().fingerprint(), PLAIN);
    assert_eq!(PublicKey::from_base64("AAAA").unwrap_err(), Error::NotRsaPublic);
    for (name, error) in [
        ("00-plain-pkcs8.pem", Error::PrivateForPublic),
        ("45-ec.pem", Error::PrivateForPublic),
        ("41-certificate.pem", Error::Certificate),
        ("77-openssh.pub", Error::OpenSshPublic),
    ] {
        let text = fs::read_to_string(folder().join(name)).unwrap();
        assert_eq!(PublicKey::from_pem(&text).unwrap_err(), error, "{name}");
    }
    let both = fs::read_to_string(folder().join("76-public-then-private.pem")).unwrap();
    assert_eq!(PublicKey::from_pem(&both).unwrap().fingerprint(), PLAIN);
}
