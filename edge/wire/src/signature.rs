//! The signature over the raw request body: `X-Hub-Signature-256: sha256=<HMAC-SHA256 in 64 lowercase hex digits>`.
//!
//! It is computed over the bytes as they came, never over JSON that was parsed and written again, and compared in constant
//! time. This module refuses to know what the body says.

use std::fmt::{self, Write as _};

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// Name of the request header that carries the signature, in the lowercase that HTTP/2 wants.
pub const HEADER: &str = "x-hub-signature-256";

const PREFIX: &[u8] = b"sha256=";
const MAC_LENGTH: usize = 32;

/// The app secret: the key of the signature, shared between the platform and the owner of the app. It is wiped when it is dropped.
#[derive(Clone)]
pub struct AppSecret {
    secret: Zeroizing<Vec<u8>>,
    mac: Hmac<Sha256>,
}

impl AppSecret {
    /// Takes the secret as the platform shows it, without a line end.
    ///
    /// # Errors
    ///
    /// [`EmptySecret`] where `secret` is empty: under an empty key anyone can sign.
    pub fn new(secret: &[u8]) -> Result<Self, EmptySecret> {
        if secret.is_empty() {
            return Err(EmptySecret);
        }
        // HMAC takes a key of any length (RFC 2104, section 2), so the error below cannot happen.
        let mac = Hmac::new_from_slice(secret).map_err(|_| EmptySecret)?;
        Ok(Self { secret: secret.to_vec().into(), mac })
    }

    /// The first 8 hex digits of SHA-256 over the secret, to tell secrets apart: what `sha256sum` prints for it begins with
    /// them. They tell nothing of a secret that is random.
    pub fn fingerprint(&self) -> String {
        Sha256::digest(&*self.secret).iter().take(4).map(|byte| format!("{byte:02x}")).collect()
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.secret
    }

    fn mac(&self, body: &[u8]) -> Hmac<Sha256> {
        self.mac.clone().chain_update(body)
    }
}

impl fmt::Debug for AppSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AppSecret(redacted)")
    }
}

/// The app secret was empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the app secret is empty")]
pub struct EmptySecret;

/// What the header of a request says, well-formed, and not yet held against anything.
#[derive(Clone, Copy)]
pub struct Signature([u8; MAC_LENGTH]);

impl Signature {
    /// Reads the raw value of [`HEADER`]; `None` is a request without one.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] or [`Error::Malformed`].
    pub fn parse(header: Option<&[u8]>) -> Result<Self, Error> {
        parse(header.ok_or(Error::Missing)?).map(Self).ok_or(Error::Malformed)
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature")
    }
}

/// A request body whose signature was found good. Only [`verify`] makes one.
///
/// ```compile_fail,E0603
/// // The field is private: bytes cannot be declared verified.
/// let body = flow_wire::signature::Verified(bytes::Bytes::from_static(b"{}"));
/// ```
pub struct Verified(Bytes);

impl Verified {
    /// The body, exactly as it was signed.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verified({} bytes)", self.0.len())
    }
}

/// Why a body is not verified. Every one of them is answered alike, with status 432.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The request has no signature header: it does not come from the platform, or a proxy dropped the header.
    #[error("the request has no X-Hub-Signature-256 header")]
    Missing,
    /// The header is not `sha256=` and 64 lowercase hex digits.
    #[error("the X-Hub-Signature-256 header is not `sha256=` and 64 lowercase hex digits")]
    Malformed,
    /// The signature matches none of the secrets: signed under another app's secret, or the body was changed on the way.
    #[error("the signature matches no configured app secret")]
    Mismatch,
}

/// Checks the signature against `body` under each of `secrets` in their order; one match is enough.
/// Gives the secret that matched, too.
///
/// Several secrets are what a change of the app secret needs: the new and the old one both count until the platform has
/// switched.
///
/// # Errors
///
/// [`Error::Mismatch`].
pub fn verify<'a>(
    body: Bytes,
    signature: &Signature,
    secrets: impl IntoIterator<Item = &'a AppSecret>,
) -> Result<(Verified, &'a AppSecret), Error> {
    let matched = secrets.into_iter().find(|secret| secret.mac(&body).verify_slice(&signature.0).is_ok());
    matched.map(|secret| (Verified(body), secret)).ok_or(Error::Mismatch)
}

/// Signs `body` like the platform: the value for [`HEADER`].
pub fn sign(body: &[u8], secret: &AppSecret) -> String {
    let mut header = String::from("sha256=");
    for byte in secret.mac(body).finalize().into_bytes() {
        // Writing to a String does not fail.
        let _ = write!(header, "{byte:02x}");
    }
    header
}

fn parse(header: &[u8]) -> Option<[u8; MAC_LENGTH]> {
    let hex: &[u8; 2 * MAC_LENGTH] = header.strip_prefix(PREFIX)?.try_into().ok()?;
    let mut mac = [0; MAC_LENGTH];
    for (byte, pair) in mac.iter_mut().zip(hex.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(mac)
}

fn digit(hex: u8) -> Option<u8> {
    match hex {
        b'0'..=b'9' => Some(hex - b'0'),
        b'a'..=b'f' => Some(hex - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test case 2.
    const BODY: &[u8] = b"what do ya want for nothing?";
    const SIGNATURE: &str = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";

    fn secret(text: &str) -> AppSecret {
        AppSecret::new(text.as_bytes()).unwrap()
    }

    fn check(header: Option<&[u8]>, secrets: &[AppSecret]) -> Result<(), Error> {
        verify(Bytes::from_static(BODY), &Signature::parse(header)?, secrets).map(|_| ())
    }

    #[test]
    fn signs_as_rfc_4231_says() {
        assert_eq!(sign(BODY, &secret("Jefe")), SIGNATURE);
    }

    #[test]
    fn any_of_several_secrets_will_do() {
        let header = Some(SIGNATURE.as_bytes());
        assert_eq!(check(header, &[secret("new"), secret("Jefe")]), Ok(()));
        assert_eq!(check(header, &[secret("new"), secret("newer")]), Err(Error::Mismatch));
        assert_eq!(check(header, &[]), Err(Error::Mismatch));
    }

    #[test]
    fn the_secret_that_matched_is_given() {
        let secrets = [secret("new"), secret("Jefe")];
        let signature = Signature::parse(Some(SIGNATURE.as_bytes())).unwrap();
        let (_, matched) = verify(Bytes::from_static(BODY), &signature, &secrets).unwrap();
        assert!(std::ptr::eq(matched, &secrets[1]));
        // printf Jefe | sha256sum
        assert_eq!(matched.fingerprint(), "005725b4");
    }

    #[test]
    fn a_header_of_any_other_form_is_malformed() {
        let hex = &SIGNATURE[7..];
        for header in [
            String::new(),
            "sha256=".to_owned(),
            hex.to_owned(),
            format!("sha1={hex}"),
            format!("SHA256={hex}"),
            format!("sha256={}", hex.to_uppercase()),
            format!("sha256={}", &hex[1..]),
            format!("sha256={hex}0"),
            format!(" sha256={hex}"),
            format!("sha256={hex} "),
            format!("sha256={}", "g".repeat(64)),
            format!("sha256={}", "é".repeat(32)),
        ] {
            assert_eq!(check(Some(header.as_bytes()), &[secret("Jefe")]), Err(Error::Malformed), "{header}");
        }
        assert_eq!(check(Some(b"sha256=\xff\xfe"), &[secret("Jefe")]), Err(Error::Malformed));
        assert_eq!(check(None, &[secret("Jefe")]), Err(Error::Missing));
    }

    #[test]
    fn what_is_derived_from_the_secret_is_wiped_too() {
        fn is_wiped<T: zeroize::ZeroizeOnDrop>() {}
        // Of which an HMAC holds two.
        is_wiped::<Sha256>();
    }

    #[test]
    fn nothing_secret_is_printed() {
        assert_eq!(AppSecret::new(b"").unwrap_err(), EmptySecret);
        assert_eq!(format!("{:?}", secret("Jefe")), "AppSecret(redacted)");
        let secrets = [secret("Jefe")];
        let signature = Signature::parse(Some(SIGNATURE.as_bytes())).unwrap();
        let (verified, _) = verify(Bytes::from_static(BODY), &signature, &secrets).unwrap();
        assert_eq!(format!("{verified:?}"), "Verified(28 bytes)");
    }
}
