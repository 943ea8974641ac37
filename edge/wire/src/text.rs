//! Small files as people's tools write them: bytes to text, and what an app secret or a passphrase looks like that is not one.
//!
//! Editors and shells add what nobody sees: a byte order mark, another encoding, quotes. The mark is taken off, whatever else is
//! odd is named. No text here quotes what the file holds.

use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

/// Base64 of either alphabet, however it ends.
pub(crate) const LENIENT: [GeneralPurpose; 2] =
    [GeneralPurpose::new(&alphabet::STANDARD, ANY_END), GeneralPurpose::new(&alphabet::URL_SAFE, ANY_END)];
const ANY_END: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);

const BYTE_ORDER_MARK: [u8; 3] = [0xef, 0xbb, 0xbf];

/// Why the bytes of a file are no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Two bytes for each character, as PowerShell's `>` and an editor's "Unicode" write.
    #[error(
        "the file is text in UTF-16, as some Windows tools write it; save it as UTF-8, or convert it: \
         `iconv -f UTF-16 -t UTF-8 FILE > NEW`, in PowerShell `Get-Content FILE | Set-Content -Encoding ascii NEW`"
    )]
    Utf16,
    /// ASN.1 in binary.
    #[error(
        "the file is DER, which is binary; it should be PEM, which `openssl pkey -inform DER -in FILE -out NEW` makes of a \
         private key, with `-pubin -pubout` of a public one, and `openssl x509 -inform DER -in FILE -out NEW` of a \
         certificate; a PKCS#12 file (.p12, .pfx) is converted by `openssl pkcs12 -in FILE -out NEW`"
    )]
    Der,
    /// Neither.
    #[error("the file is no text in UTF-8, but in another encoding or binary; save it as UTF-8")]
    NotUtf8,
}

/// The bytes of a file of text without a byte order mark, in whatever encoding that agrees with ASCII: for files such as bundles
/// of certificates, whose comments may be in any.
///
/// # Errors
///
/// [`Error::Utf16`].
pub fn without_mark(bytes: &[u8]) -> Result<&[u8], Error> {
    let is_mark = |pair: &[u8]| matches!(pair, [0xff, 0xfe] | [0xfe, 0xff]);
    if bytes.get(..2).is_some_and(is_mark) || is_utf16_without_mark(bytes) {
        return Err(Error::Utf16);
    }
    let mut bytes = bytes;
    // Files that were put together from several may have several.
    while let Some(rest) = bytes.strip_prefix(&BYTE_ORDER_MARK) {
        bytes = rest;
    }
    Ok(bytes)
}

/// The text of a file in UTF-8, without a byte order mark.
///
/// ```
/// assert_eq!(flow_wire::text::read(b"\xef\xbb\xbfsecret\r\n"), Ok("secret\r\n"));
/// assert_eq!(flow_wire::text::read(b"\xff\xfes\0e\0"), Err(flow_wire::text::Error::Utf16));
/// ```
///
/// # Errors
///
/// [`Error`] says what the bytes are instead.
pub fn read(bytes: &[u8]) -> Result<&str, Error> {
    if is_der(bytes) {
        return Err(Error::Der);
    }
    std::str::from_utf8(without_mark(bytes)?).map_err(|_| Error::NotUtf8)
}

/// Every other byte of ASCII text in UTF-16 is zero.
fn is_utf16_without_mark(bytes: &[u8]) -> bool {
    let is_ascii = |pair: &[u8]| matches!(pair, [0, 1..=0x7f] | [1..=0x7f, 0]);
    let pairs = bytes.chunks_exact(2).take(16);
    bytes.len() >= 4 && bytes.len().is_multiple_of(2) && pairs.into_iter().all(is_ascii)
}

/// Whether it is one ASN.1 SEQUENCE in DER (X.690, section 8.1), from the first byte to the last.
pub(crate) fn is_der(bytes: &[u8]) -> bool {
    let length = match bytes {
        [0x30, length @ 0..=0x7f, ..] => 2 + usize::from(*length),
        [0x30, 0x81, length, ..] => 3 + usize::from(*length),
        [0x30, 0x82, high, low, ..] => 4 + usize::from(u16::from_be_bytes([*high, *low])),
        _ => return false,
    };
    // Text may begin with `0` and be as long as its second character says, but a key is no ASCII.
    length == bytes.len() && !bytes.is_ascii()
}

/// Why a text does not look like an app secret. Its `Display` says what to do, and quotes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// Quotes stand around it.
    Quoted,
    /// `NAME=value`, `NAME: value` or JSON.
    Named,
    /// A place in a template that nobody filled in, or the name of a place where the secret is kept.
    Placeholder,
    /// The dots that the dashboard shows until somebody asks for the secret.
    Hidden,
    /// A backslash or a percent sign before what should have been a character.
    Escaped,
    /// An access token, `EAA…`.
    AccessToken,
    /// An access token of the app, `ID|SECRET`.
    AppAccessToken,
    /// A PEM block.
    Pem,
    /// Several lines.
    Lines,
    /// White space within.
    WhiteSpace,
    /// Characters beyond ASCII, or such that nobody sees.
    NotAscii,
    /// Base64, so many times, of 32 hex digits.
    Base64(u8),
    /// Hex of 32 hex digits.
    Hex,
    /// 32 hex digits, some in upper case.
    UpperCase,
    /// Digits alone, as ids are.
    Id,
    /// Hex digits, but so many.
    Length(usize),
    /// So many characters, not all of them hex digits.
    NotHex(usize),
}

/// What a text looks like that is not 32 lower-case hex digits, which the platform's app secrets are. White space around it
/// does not count. `None` where it looks as it should, or is empty.
///
/// This is a doubt and no more: a secret is what the platform says it is.
///
/// ```
/// use flow_wire::text::{Doubt, doubt_of_app_secret};
///
/// assert_eq!(doubt_of_app_secret("0123456789abcdef0123456789abcdef\n"), None);
/// assert_eq!(doubt_of_app_secret("\"0123456789abcdef0123456789abcdef\""), Some(Doubt::Quoted));
/// ```
pub fn doubt_of_app_secret(text: &str) -> Option<Doubt> {
    let text = text.trim_matches(|letter: char| letter.is_ascii_whitespace());
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
    if text.is_empty() || text.len() == DIGITS && is_hex(text) && is_lower {
        return None;
    }
    Some(if text.contains("-----BEGIN") {
        Doubt::Pem
    } else if text.chars().all(|letter| matches!(letter, '*' | '•' | '●' | '∙' | '·')) {
        Doubt::Hidden
    } else if is_placeholder(text) {
        Doubt::Placeholder
    } else if text.starts_with('{') || is_named(text) {
        Doubt::Named
    } else if text.starts_with(QUOTES) || text.ends_with(QUOTES) {
        Doubt::Quoted
    } else if text.contains(['\\', '%', '&', '`']) {
        Doubt::Escaped
    } else if text.contains(['\r', '\n']) {
        Doubt::Lines
    } else if text.starts_with("EAA") && text.len() > DIGITS {
        Doubt::AccessToken
    } else if text.split_once('|').is_some_and(|(id, _)| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()))
    {
        Doubt::AppAccessToken
    } else if !text.bytes().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()) {
        Doubt::NotAscii
    } else if text.contains(|letter: char| letter.is_ascii_whitespace()) {
        Doubt::WhiteSpace
    } else if is_hex(text) && text.len() == DIGITS {
        Doubt::UpperCase
    } else if let Some(times) = base64_of_digits(text) {
        Doubt::Base64(times)
    } else if is_hex(text) && is_hex_of_digits(text) {
        Doubt::Hex
    } else if text.len() < DIGITS && text.bytes().all(|byte| byte.is_ascii_digit()) {
        Doubt::Id
    } else if is_hex(text) {
        Doubt::Length(text.len())
    } else {
        Doubt::NotHex(text.chars().count())
    })
}

/// How many hex digits an app secret has.
const DIGITS: usize = 32;

const QUOTES: [char; 12] = ['"', '\'', '`', '“', '”', '„', '‘', '’', '‚', '«', '»', '´'];

/// What is odd about the text of a file that holds a passphrase, for where it does not decrypt: all of it counts but the line
/// end. `None` where nothing is.
pub fn doubt_of_passphrase(text: &str) -> Option<&'static str> {
    let text = text.trim_end_matches(['\r', '\n']);
    if text.starts_with(QUOTES) || text.ends_with(QUOTES) {
        Some("quotes stand around it, which count as part of the passphrase")
    } else if text.starts_with(char::is_whitespace) || text.ends_with(char::is_whitespace) {
        Some("white space stands around it, which counts as part of the passphrase")
    } else if text.ends_with("\\n") {
        Some("it ends in `\\n` as two characters, which count as part of the passphrase")
    } else if is_named(text) {
        Some("a name and `=` stand before it, which count as part of the passphrase")
    } else {
        None
    }
}

/// A name, as of a variable or a key, and what is given to it. Padding of base64 is nothing that is given.
fn is_named(text: &str) -> bool {
    let text =
        ["export ", "set ", "$env:", "-"].iter().fold(text, |text, word| text.strip_prefix(word).unwrap_or(text));
    let Some(at) = text.find(['=', ':']) else { return false };
    let (name, value) = (text[..at].trim_matches([' ', '"', '\'']), text[at + 1..].trim_matches(['=', ' ']));
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    !value.is_empty()
        && name.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_')
        && name.bytes().all(is_letter)
}

fn is_placeholder(text: &str) -> bool {
    let bare = text.trim_matches(QUOTES);
    let lower = bare.to_ascii_lowercase();
    let is_bracketed = |open, close| bare.starts_with(open) && bare.ends_with(close);
    is_bracketed('<', '>')
        || is_bracketed('[', ']')
        || bare.starts_with("${")
        || bare.starts_with("$(")
        || bare.starts_with("{{")
        || bare.starts_with('$') && bare[1..].bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        || [
            "changeme",
            "change-me",
            "change_me",
            "your-app-secret",
            "your_app_secret",
            "todo",
            "secret",
            "xxx",
            "arn:",
            "op://",
        ]
        .iter()
        .any(|word| lower.starts_with(word) && !lower.contains('='))
        || lower.contains("://")
}

fn base64_of_digits(text: &str) -> Option<u8> {
    let mut text = Zeroizing::new(text.as_bytes().to_vec());
    for times in 1..=3 {
        text = Zeroizing::new(LENIENT.iter().find_map(|base64| base64.decode(text.trim_ascii()).ok())?);
        let inner = text.trim_ascii();
        if inner.len() == DIGITS && inner.iter().all(u8::is_ascii_hexdigit) {
            return Some(times);
        }
    }
    None
}

fn is_hex_of_digits(text: &str) -> bool {
    let byte = |at: usize| text.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let inner = (0..text.len()).step_by(2).map(byte).collect::<Option<Vec<_>>>().map(Zeroizing::new);
    inner.is_some_and(|inner| {
        let inner = inner.trim_ascii();
        inner.len() == DIGITS && inner.iter().all(u8::is_ascii_hexdigit)
    })
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quoted => f.write_str("quotes stand around it, which count as part of the secret: take them away"),
            Self::Named => f.write_str("it holds a name beside the secret, as `NAME=value` does: leave the value alone"),
            Self::Placeholder => f.write_str("it is a placeholder or the name of a place, not the secret that belongs there"),
            Self::Hidden => f.write_str("it is the dots that the app's dashboard shows in place of the secret: press Show there"),
            Self::Escaped => f.write_str(
                "it holds escaped characters, as where a tool wrote a line end as `\\n`: write the secret itself and \
                 nothing more",
            ),
            Self::AccessToken => f.write_str(
                "it begins like an access token (`EAA`), which is something else: the app secret is in the app's \
                 dashboard under App settings, Basic",
            ),
            Self::AppAccessToken => {
                f.write_str("it is an access token of the app, the app's id and its secret: leave what follows the `|` alone")
            }
            Self::Pem => f.write_str(
                "it is a PEM block, a key or a certificate: the app secret is in the app's dashboard under App settings, \
                 Basic",
            ),
            Self::Lines => f.write_str("it has several lines: a file holds one secret, on one line"),
            Self::WhiteSpace => f.write_str("white space stands within it: was it copied whole, and nothing else with it?"),
            Self::NotAscii => f.write_str(
                "it holds characters beyond ASCII, or ones that nobody sees, such as a space of no width: type it or copy \
                 it again",
            ),
            Self::Base64(1) => f.write_str(
                "it is base64 of what looks like an app secret: decode it, `base64 -d`. A Kubernetes Secret takes base64 \
                 under `data`, and the text itself under `stringData`",
            ),
            Self::Base64(times) => {
                write!(f, "it is base64 of what looks like an app secret, {times} times over: decode it as often, `base64 -d`")
            }
            Self::Hex => f.write_str("it is hex of what looks like an app secret: decode it, `xxd -r -p`"),
            Self::UpperCase => f.write_str("its hex digits are in upper case, and case counts: copy it as the dashboard shows it"),
            Self::Id => f.write_str(
                "it is digits alone, like the id of an app or a number: the app secret is in the app's dashboard under App \
                 settings, Basic",
            ),
            Self::Length(digits) => write!(f, "it has {digits} hex digits in place of {DIGITS}: was it copied whole, and once?"),
            Self::NotHex(characters) => write!(
                f,
                "its {characters} characters are no {DIGITS} hex digits: the app secret is in the app's dashboard under App \
                 settings, Basic"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of files as people had them.
    fn file(name: &str) -> Vec<u8> {
        std::fs::read(format!("{}/tests/files/secrets/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_a_text() {
        assert_eq!(read(b"\xef\xbb\xbfabc\r\n"), Ok("abc\r\n"));
        assert_eq!(read(b"\xef\xbb\xbf\xef\xbb\xbfabc"), Ok("abc"));
        assert_eq!(read(b"\xef\xbb\xbf"), Ok(""));
        assert_eq!(read("ä€".as_bytes()), Ok("ä€"));
        assert_eq!(read(b""), Ok(""));
        assert_eq!(without_mark(b"\xef\xbb\xbf\xe4"), Ok(&b"\xe4"[..]));
    }

    #[test]
    fn another_encoding_is_named() {
        let utf16 = |text: &str, bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect::<Vec<_>>();
        for text in ["\u{feff}secret\r\n", "\u{feff}", "secret\r\n", "-----BEGIN PRIVATE KEY-----\r\n"] {
            for bytes in [utf16(text, u16::to_le_bytes), utf16(text, u16::to_be_bytes)] {
                assert_eq!(read(&bytes), Err(Error::Utf16), "{bytes:?}");
                assert_eq!(without_mark(&bytes), Err(Error::Utf16), "{bytes:?}");
            }
        }
        assert_eq!(read(b"caf\xe9"), Err(Error::NotUtf8));
        assert!(Error::Utf16.to_string().contains("iconv"), "{}", Error::Utf16);
    }

    #[test]
    fn app_secrets_as_people_had_them() {
        for (name, doubt) in [
            ("app-secret", None),
            ("app-secret-bom-crlf", None),
            ("app-secret-empty", None),
            ("app-secret-31-digits", Some(Doubt::Length(31))),
            ("app-secret-base64", Some(Doubt::Base64(1))),
            ("app-secret-is-an-access-token", Some(Doubt::AccessToken)),
            ("app-secret-upper-case", Some(Doubt::UpperCase)),
        ] {
            assert_eq!(doubt_of_app_secret(read(&file(name)).unwrap()), doubt, "{name}");
        }
    }

    #[test]
    fn every_shape_has_its_hint_and_none_quotes_the_secret() {
        const SECRET: &str = "b849f2308d734d0418f486b5df95717f";
        let base64 = "Yjg0OWYyMzA4ZDczNGQwNDE4ZjQ4NmI1ZGY5NTcxN2Y=";
        for (text, doubt) in [
            (format!("\"{SECRET}\"\n"), Doubt::Quoted),
            (format!("'{SECRET}'"), Doubt::Quoted),
            (format!("“{SECRET}”"), Doubt::Quoted),
            (format!("{SECRET}\""), Doubt::Quoted),
            (format!("APP_SECRET={SECRET}"), Doubt::Named),
            (format!("export APP_SECRET=\"{SECRET}\""), Doubt::Named),
            (format!("app_secret: {SECRET}"), Doubt::Named),
            (format!("{{\"app_secret\":\"{SECRET}\"}}"), Doubt::Named),
            (format!("APP_SECRET={base64}"), Doubt::Named),
            (format!("{SECRET}\\n"), Doubt::Escaped),
            (format!("{SECRET}%0A"), Doubt::Escaped),
            (format!("&quot;{SECRET}&quot;"), Doubt::Escaped),
            (base64.to_owned(), Doubt::Base64(1)),
            (base64.trim_end_matches('=').to_owned(), Doubt::Base64(1)),
            // With the line end that `echo` gives it.
            ("Yjg0OWYyMzA4ZDczNGQwNDE4ZjQ4NmI1ZGY5NTcxN2YK".to_owned(), Doubt::Base64(1)),
            ("WWpnME9XWXlNekE0WkRjek5HUXdOREU0WmpRNE5tSTFaR1k1TlRjeE4yWT0=".to_owned(), Doubt::Base64(2)),
            (SECRET.bytes().map(|byte| format!("{byte:02x}")).collect(), Doubt::Hex),
            (SECRET.to_uppercase(), Doubt::UpperCase),
            (SECRET[..31].to_owned(), Doubt::Length(31)),
            (SECRET.repeat(2), Doubt::Length(64)),
            (format!("{SECRET}\n{SECRET}"), Doubt::Lines),
            (format!("{} {}", &SECRET[..16], &SECRET[16..]), Doubt::WhiteSpace),
            (format!("{SECRET}\u{200b}"), Doubt::NotAscii),
            (format!("\u{a0}{SECRET}"), Doubt::NotAscii),
            (format!("123456789012345|{SECRET}"), Doubt::AppAccessToken),
            ("123456789012345".to_owned(), Doubt::Id),
            ("••••••••".to_owned(), Doubt::Hidden),
            ("********".to_owned(), Doubt::Hidden),
            ("${APP_SECRET}".to_owned(), Doubt::Placeholder),
            ("$APP_SECRET".to_owned(), Doubt::Placeholder),
            ("<app secret>".to_owned(), Doubt::Placeholder),
            ("changeme".to_owned(), Doubt::Placeholder),
            ("-----BEGIN PRIVATE KEY-----\nMII=\n-----END PRIVATE KEY-----".to_owned(), Doubt::Pem),
            ("some other words".replace(' ', "-"), Doubt::NotHex(16)),
        ] {
            assert_eq!(doubt_of_app_secret(&text), Some(doubt), "{text}");
            assert!(!doubt.to_string().contains(&SECRET[..8]), "{doubt}");
        }
    }

    #[test]
    fn what_counts_in_a_passphrase_is_said() {
        for text in ["casepass1", "casepass1\r\n", "correct horse", "=", ""] {
            assert_eq!(doubt_of_passphrase(text), None, "{text}");
        }
        for (text, said) in [("\"casepass1\"\n", "quotes"), ("casepass1 \n", "white space"), ("casepass1\\n", "`\\n`")]
        {
            assert!(doubt_of_passphrase(text).is_some_and(|doubt| doubt.contains(said)), "{text}");
        }
        assert!(doubt_of_passphrase("PASSPHRASE=casepass1").is_some_and(|doubt| doubt.contains("a name")));
    }
}
