//! Finds the key in a PEM file as users have it: with CRLF, with `\n` written out as in an environment variable, its lines joined,
//! with text or certificates around it, and encrypted the way OpenSSL did before PKCS#8.
//!
//! It refuses to know what the key is.

use aes::{Aes128, Aes256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cbc::Decryptor;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt, KeyIvInit};
use des::TdesEde3;
use md5::{Digest as _, Md5};
use zeroize::Zeroizing;

/// A decoded PEM block (RFC 7468; the headers are of RFC 1421, section 4.6).
pub(crate) struct Block {
    /// What stands after `BEGIN`.
    pub(crate) label: String,
    /// The decoded text, still encrypted where `encryption` says so.
    pub(crate) contents: Zeroizing<Vec<u8>>,
    /// The `DEK-Info` header of a block with `Proc-Type: 4,ENCRYPTED`.
    pub(crate) encryption: Option<Encryption>,
}

/// How a traditional OpenSSL key is encrypted.
pub(crate) struct Encryption {
    cipher: Cipher,
    initial_vector: Vec<u8>,
}

enum Cipher {
    DesEde3,
    Aes128,
    Aes256,
}

/// Why there is no block.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Error {
    /// There is no `-----BEGIN …-----` line.
    NoBlock,
    /// The block has no `-----END …-----` line with the words of its BEGIN line.
    NoEnd,
    /// What stands between the lines is not base64. The label is what it says it is.
    Broken { label: String },
    /// Encrypted by another cipher than those that OpenSSL's tools offered for keys.
    UnknownCipher,
}

/// Decodes the first block whose label ends in `wanted`, else the first that holds a key, else the first of all.
pub(crate) fn parse(text: &str, wanted: &str) -> Result<Block, Error> {
    let text = unescape(text);
    let begins = || text.match_indices(BEGIN).map(|(at, _)| &text[at + BEGIN.len()..]);
    let ends_in = |end: &'static str| {
        move |block: &&str| block.split_once(DASHES).is_some_and(|(label, _)| label.trim_end().ends_with(end))
    };
    let is_wanted =
        |block: &&str| block.split_once(DASHES).is_some_and(|(label, _)| label.trim_end().ends_with(wanted));
    let block = begins().find(is_wanted).or_else(|| begins().find(ends_in("KEY"))).or_else(|| begins().next());
    let block = block.ok_or(Error::NoBlock)?;

    let (label, rest) = block.split_once(DASHES).ok_or(Error::NoEnd)?;
    let (body, _) = rest.split_once(&format!("-----END {label}{DASHES}")).ok_or(Error::NoEnd)?;
    let broken = || Error::Broken { label: label.trim().to_owned() };
    // The lines may be joined, so the header is found by its name and ends where its value does.
    let (encryption, body) = match body.split_once(DEK_INFO) {
        Some((_, rest)) => Encryption::parse(rest, broken).map(|(encryption, rest)| (Some(encryption), rest))?,
        None => (None, body),
    };
    let lines = body.lines().filter(|line| !line.contains(':'));
    let mut base64 = Zeroizing::new(String::with_capacity(body.len()));
    base64.extend(lines.flat_map(str::chars).filter(|character| !character.is_ascii_whitespace()));
    let contents = Zeroizing::new(STANDARD.decode(base64.as_bytes()).map_err(|_| broken())?);
    Ok(Block { label: label.trim().to_owned(), contents, encryption })
}

const BEGIN: &str = "-----BEGIN ";
const DASHES: &str = "-----";
/// The header with the cipher (RFC 1421, section 4.6.1.3).
pub(crate) const DEK_INFO: &str = "DEK-Info:";

/// Takes back what JSON, YAML, `.env` files and shells make of line ends, slashes and quotes, however many times over. A backslash
/// stands nowhere in PEM.
pub(crate) fn unescape(text: &str) -> Zeroizing<String> {
    let mut plain = Zeroizing::new(String::with_capacity(text.len()));
    let mut rest = text;
    while let Some(at) = rest.find(['\\', '`']) {
        plain.push_str(&rest[..at]);
        let escape = rest[at..].trim_start_matches(['\\', '`']);
        let mut letters = escape.chars();
        match letters.next() {
            Some('n' | 'N') => plain.push('\n'),
            Some('r' | 'R') => {}
            Some('t') => plain.push(' '),
            // As `+` and `/` in JSON that some libraries write.
            Some('u') => {
                match escape.get(1..5).and_then(|hex| u32::from_str_radix(hex, 16).ok()).and_then(char::from_u32) {
                    Some(character) => {
                        plain.push(character);
                        letters = escape[5..].chars();
                    }
                    None => plain.push_str("\\u"),
                }
            }
            Some(character @ ('/' | '"' | '\'' | '\n')) => plain.push(character),
            Some(character) => plain.extend(['\\', character]),
            None => {}
        }
        rest = letters.as_str();
    }
    plain.push_str(rest);
    plain
}

impl Encryption {
    /// Reads `CIPHER,HEX` at the beginning of a text, and gives what follows.
    fn parse(text: &str, broken: impl Fn() -> Error) -> Result<(Self, &str), Error> {
        let (cipher, text) = text.split_once(',').ok_or_else(&broken)?;
        let (cipher, length) = match cipher.trim() {
            "DES-EDE3-CBC" => (Cipher::DesEde3, 8),
            "AES-128-CBC" => (Cipher::Aes128, 16),
            "AES-256-CBC" => (Cipher::Aes256, 16),
            _ => return Err(Error::UnknownCipher),
        };
        let (hex, rest) = text.trim_start().split_at_checked(2 * length).ok_or_else(&broken)?;
        let byte = |at: usize| hex.get(2 * at..2 * at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
        let initial_vector = (0..length).map(byte).collect::<Option<_>>().ok_or_else(&broken)?;
        Ok((Self { cipher, initial_vector }, rest))
    }

    /// Decrypts a block's contents. `None` where the passphrase is wrong; a wrong one may also give nonsense, because nothing
    /// but the padding is checked.
    pub(crate) fn decrypt(&self, contents: &[u8], passphrase: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        match self.cipher {
            Cipher::DesEde3 => self.decrypt_with::<Decryptor<TdesEde3>>(contents, passphrase, 24),
            Cipher::Aes128 => self.decrypt_with::<Decryptor<Aes128>>(contents, passphrase, 16),
            Cipher::Aes256 => self.decrypt_with::<Decryptor<Aes256>>(contents, passphrase, 32),
        }
    }

    fn decrypt_with<C: KeyIvInit + BlockModeDecrypt>(
        &self,
        contents: &[u8],
        passphrase: &[u8],
        key_length: usize,
    ) -> Option<Zeroizing<Vec<u8>>> {
        let key = self.derive_key(passphrase, key_length);
        let mut buffer = Zeroizing::new(contents.to_vec());
        let cipher = C::new_from_slices(&key, &self.initial_vector).ok()?;
        let length = cipher.decrypt_padded::<Pkcs7>(&mut buffer).ok()?.len();
        buffer.truncate(length);
        Some(buffer)
    }

    /// OpenSSL's `EVP_BytesToKey` with MD5 and one round, salted by the first 8 bytes of the vector (PEM_read_bio(3),
    /// "PEM encryption format").
    fn derive_key(&self, passphrase: &[u8], length: usize) -> Zeroizing<Vec<u8>> {
        let salt = &self.initial_vector[..8];
        let mut key = Zeroizing::new(Vec::with_capacity(length + 16));
        let mut hash = Md5::new();
        while key.len() < length {
            let digest: Zeroizing<[u8; 16]> =
                Zeroizing::new(hash.chain_update(passphrase).chain_update(salt).finalize().into());
            key.extend_from_slice(digest.as_slice());
            hash = Md5::new().chain_update(digest.as_slice());
        }
        key.truncate(length);
        key
    }
}
