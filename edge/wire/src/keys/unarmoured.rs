//! What a text is that holds no PEM block, so that whoever meant it for a key hears what to do.
//!
//! It refuses to use what it finds.

use base64::Engine as _;
use zeroize::Zeroizing;

use super::der::Kind;
use super::error::Error;
use crate::pem::{DEK_INFO, unescape};
use crate::text::LENIENT;

/// How often base64 is taken off.
const MOST_TIMES: u8 = 4;

/// Names what the text is.
pub(super) fn name(text: &str) -> Error {
    let text = unescape(text);
    let text = text.trim_matches(|letter: char| letter.is_whitespace() || matches!(letter, '"' | '\'' | '\u{feff}'));
    let starts_with = |words: &[&str]| words.iter().any(|word| text.starts_with(word));
    if text.is_empty() {
        return Error::Empty;
    }
    if starts_with(&["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-", "---- BEGIN SSH2"]) {
        return Error::OpenSshPublic;
    }
    if text.starts_with("PuTTY-User-Key-File") {
        return Error::PuTty;
    }
    if text.contains("BEGIN ") {
        return Error::Armour;
    }
    if text.contains(DEK_INFO) {
        return Error::NoBeginLine("RSA PRIVATE KEY");
    }
    if text.starts_with('{') {
        return if text.contains("\"kty\"") { Error::Jwk } else { Error::NotPem };
    }
    of_base64(text)
}

fn of_base64(text: &str) -> Error {
    // An END line, where one was left.
    let text = text.split("-----END").next().unwrap_or_default();
    let plain = decode(text).or_else(|| text.split_once(['=', ':']).and_then(|(_, value)| decode(value)));
    let Some(mut plain) = plain else { return Error::NotPem };
    for times in 1..=MOST_TIMES {
        if let Some(kind) = Kind::of(&plain) {
            if kind == Kind::Certificate {
                return Error::Certificate;
            }
            return if times == 1 { Error::NoBeginLine(kind.label()) } else { Error::Base64 { times: times - 1 } };
        }
        match std::str::from_utf8(&plain) {
            Ok(text) if text.contains("-----BEGIN ") => return Error::Base64 { times },
            Ok(text) => match decode(text) {
                Some(inner) => plain = inner,
                None => return Error::NotPem,
            },
            Err(_) => return Error::NotPem,
        }
    }
    Error::NotPem
}

/// The bytes of base64 without armour, wrapped or not.
pub(super) fn decode(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let letters = |letter: &char| !letter.is_whitespace() && !matches!(letter, '"' | '\'');
    let base64 = Zeroizing::new(text.chars().filter(letters).collect::<String>());
    if base64.is_empty() {
        return None;
    }
    LENIENT.iter().find_map(|engine| engine.decode(base64.as_bytes()).ok()).map(Zeroizing::new)
}
