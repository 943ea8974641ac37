//! Finds the key in a PEM file as users have it: with CRLF, with `\n` written out as in an environment variable, with text or
//! certificates around it, and encrypted the way OpenSSL did before PKCS#8.
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
    /// The block has no end, or is not base64.
    Broken,
    /// Encrypted by another cipher than those that OpenSSL's tools offered for keys.
    UnknownCipher,
}

/// Decodes the first block that holds a key, or the first of all where none does.
pub(crate) fn parse(text: &str) -> Result<Block, Error> {
    let text = Zeroizing::new(text.replace("\\r", ""));
    let text = Zeroizing::new(text.replace("\\n", "\n"));
    let begins = || text.match_indices(BEGIN).map(|(at, _)| &text[at + BEGIN.len()..]);
    let is_key = |block: &&str| block.split_once(DASHES).is_some_and(|(label, _)| label.ends_with("KEY"));
    let block = begins().find(is_key).or_else(|| begins().next()).ok_or(Error::NoBlock)?;

    let (label, rest) = block.split_once(DASHES).ok_or(Error::Broken)?;
    let (body, _) = rest.split_once(&format!("-----END {label}{DASHES}")).ok_or(Error::Broken)?;
    let mut dek_info = None;
    let mut base64 = Zeroizing::new(String::with_capacity(body.len()));
    for line in body.lines() {
        match line.split_once(':') {
            Some((name, value)) if name.trim() == "DEK-Info" => dek_info = Some(value.trim()),
            Some(_) => {}
            None => base64.extend(line.chars().filter(|character| !character.is_ascii_whitespace())),
        }
    }
    // As long as the text, so that it does not move.
    let mut contents = Zeroizing::new(Vec::with_capacity(base64.len()));
    STANDARD.decode_vec(base64.as_bytes(), &mut contents).map_err(|_| Error::Broken)?;
    let encryption = dek_info.map(Encryption::parse).transpose()?;
    Ok(Block { label: label.to_owned(), contents, encryption })
}

const BEGIN: &str = "-----BEGIN ";
const DASHES: &str = "-----";

impl Encryption {
    /// Reads `CIPHER,HEX`.
    fn parse(dek_info: &str) -> Result<Self, Error> {
        let (cipher, hex) = dek_info.split_once(',').ok_or(Error::Broken)?;
        let (cipher, length) = match cipher.trim() {
            "DES-EDE3-CBC" => (Cipher::DesEde3, 8),
            "AES-128-CBC" => (Cipher::Aes128, 16),
            "AES-256-CBC" => (Cipher::Aes256, 16),
            _ => return Err(Error::UnknownCipher),
        };
        let hex = hex.trim();
        if hex.len() != 2 * length || !hex.is_ascii() {
            return Err(Error::Broken);
        }
        let byte = |at: usize| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).map_err(|_| Error::Broken);
        Ok(Self { cipher, initial_vector: (0..length).map(byte).collect::<Result<_, _>>()? })
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
