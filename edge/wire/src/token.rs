//! The signature of the flow token, `flow_token_signature` in messages of data API 4.0: a JWT (RFC 7519) with HS256 under the
//! app secret, whose payload carries the flow token.
//!
//! It shows that the business's own message carried this token: whoever only knows the endpoint cannot make one. This module
//! reads no clock; the caller says what time it is.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use crate::signature::AppSecret;

/// Longest signature in bytes. A flow token is at most a few hundred; more is no token that the platform would carry.
pub const MAX_LENGTH: usize = 16 * 1024;

/// By how much the clocks of platform and endpoint may differ.
const LEEWAY: Duration = Duration::from_secs(60);

#[derive(Serialize, Deserialize)]
struct Claims {
    flow_token: String,
    /// Which further claims the platform sets is not documented; these two bind whoever reads a JWT (RFC 7519, section 4.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nbf: Option<f64>,
}

/// Why a flow token is not taken for signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// See [`MAX_LENGTH`].
    #[error("the flow token's signature is too long")]
    TooLong,
    /// No JWT of three parts, or its payload carries no flow token.
    #[error("the flow token's signature is no JWT that carries a flow_token")]
    Malformed,
    /// An algorithm other than HS256, `none` included.
    #[error("the flow token's signature is made by another algorithm than HS256")]
    Algorithm,
    /// Signed under none of the secrets.
    #[error("the flow token's signature matches no configured app secret")]
    Mismatch,
    /// Good, but of another token.
    #[error("the flow token's signature is that of another flow token")]
    OtherToken,
    /// Not valid yet, or no longer (`nbf`, `exp`).
    #[error("the flow token's signature is not valid at this time")]
    Time,
}

/// Checks that `signature` is that of `flow_token`, under one of the secrets.
///
/// ```
/// use std::time::SystemTime;
/// use flow_wire::signature::AppSecret;
/// use flow_wire::token;
///
/// let secrets = [AppSecret::new(b"app secret")?];
/// let signature = token::sign("order 17", &secrets[0]);
/// assert_eq!(token::verify(&signature, "order 17", &secrets, SystemTime::now()), Ok(()));
/// assert_eq!(token::verify(&signature, "order 18", &secrets, SystemTime::now()), Err(token::Error::OtherToken));
/// # Ok::<(), flow_wire::signature::EmptySecret>(())
/// ```
///
/// # Errors
///
/// See [`Error`].
pub fn verify<'a>(
    signature: &str,
    flow_token: &str,
    secrets: impl IntoIterator<Item = &'a AppSecret>,
    now: SystemTime,
) -> Result<(), Error> {
    if signature.len() > MAX_LENGTH {
        return Err(Error::TooLong);
    }
    let mut validation = Validation::new(Algorithm::HS256);
    // Its own checks of time would read the clock.
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let mut outcome = Err(Error::Mismatch);
    for secret in secrets {
        let key = DecodingKey::from_secret(secret.as_bytes());
        outcome = jsonwebtoken::decode::<Claims>(signature, &key, &validation).map_err(|error| match error.kind() {
            ErrorKind::InvalidSignature => Error::Mismatch,
            ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName => Error::Algorithm,
            _ => Error::Malformed,
        });
        // Another secret only helps where this one does not match.
        if outcome.as_ref().err() != Some(&Error::Mismatch) {
            break;
        }
    }
    let claims = outcome?.claims;
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let leeway = LEEWAY.as_secs_f64();
    if claims.exp.is_some_and(|exp| exp + leeway < now) || claims.nbf.is_some_and(|nbf| nbf - leeway > now) {
        return Err(Error::Time);
    }
    if claims.flow_token == flow_token { Ok(()) } else { Err(Error::OtherToken) }
}

/// Signs a flow token like the platform.
pub fn sign(flow_token: &str, secret: &AppSecret) -> String {
    let claims = Claims { flow_token: flow_token.to_owned(), exp: None, nbf: None };
    let key = EncodingKey::from_secret(secret.as_bytes());
    // HMAC takes a key of any length, and a string always serialises.
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use bytes::Bytes;

    fn secret(text: &str) -> AppSecret {
        AppSecret::new(text.as_bytes()).unwrap()
    }

    /// A JWT put together by hand, its signature made by the HMAC of the request signature.
    fn jwt(header: &str, payload: &str) -> String {
        let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        let mac = crate::signature::sign(&Bytes::from(text.clone()), &secret("secret"));
        let mac: Vec<u8> =
            (7..mac.len()).step_by(2).map(|at| u8::from_str_radix(&mac[at..at + 2], 16).unwrap()).collect();
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(mac))
    }

    fn check(signature: &str) -> Result<(), Error> {
        let now = UNIX_EPOCH + Duration::from_secs(1_000_000);
        verify(signature, "token", &[secret("old"), secret("secret")], now)
    }

    const HS256: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

    #[test]
    fn a_token_signed_under_any_of_the_secrets_is_good() {
        assert_eq!(check(&jwt(HS256, r#"{"flow_token":"token"}"#)), Ok(()));
        assert_eq!(check(&jwt(r#"{"alg":"HS256"}"#, r#"{"flow_token":"token","iss":"x","aud":"y"}"#)), Ok(()));
        assert_eq!(check(&sign("token", &secret("old"))), Ok(()));
    }

    #[test]
    fn another_secret_or_another_token_is_refused() {
        assert_eq!(check(&sign("token", &secret("other"))), Err(Error::Mismatch));
        assert_eq!(check(&sign("tokem", &secret("secret"))), Err(Error::OtherToken));
        assert_eq!(check(&jwt(HS256, r#"{"flow_token":""}"#)), Err(Error::OtherToken));
        let good = jwt(HS256, r#"{"flow_token":"token"}"#);
        assert_eq!(check(good.rsplit_once('.').unwrap().0), Err(Error::Malformed));
        assert_eq!(check(&format!("{}.", good.rsplit_once('.').unwrap().0)), Err(Error::Mismatch));
    }

    #[test]
    fn no_other_algorithm_is_taken() {
        for algorithm in ["HS384", "HS512", "RS256", "ES256", "EdDSA", "PS512"] {
            let header = format!(r#"{{"alg":"{algorithm}"}}"#);
            assert_eq!(check(&jwt(&header, r#"{"flow_token":"token"}"#)), Err(Error::Algorithm), "{algorithm}");
        }
        for header in [r#"{"alg":"none"}"#, r#"{"alg":"hs256"}"#, r#"{"alg":null}"#, "{}", "[]", ""] {
            assert!(check(&jwt(header, r#"{"flow_token":"token"}"#)).is_err(), "{header}");
        }
        let none = format!(
            "{}.{}.",
            URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#),
            URL_SAFE_NO_PAD.encode(r#"{"flow_token":"token"}"#)
        );
        assert!(check(&none).is_err());
    }

    #[test]
    fn what_is_no_jwt_is_malformed() {
        for payload in ["", "{}", "[]", r#"{"flow_token":1}"#, r#"{"token":"token"}"#, r#"{"flow_token":"token""#] {
            assert_eq!(check(&jwt(HS256, payload)), Err(Error::Malformed), "{payload}");
        }
        for signature in ["", ".", "..", "...", "a.b.c", "ä.ö.ü", "token"] {
            assert_eq!(check(signature), Err(Error::Malformed), "{signature}");
        }
        assert_eq!(check(&"a".repeat(MAX_LENGTH + 1)), Err(Error::TooLong));
    }

    #[test]
    fn claims_of_time_bind_with_some_leeway() {
        for (claim, outcome) in [
            (r#""exp":1000001"#, Ok(())),
            (r#""exp":999941"#, Ok(())),
            (r#""exp":999939"#, Err(Error::Time)),
            (r#""nbf":1000059.5"#, Ok(())),
            (r#""nbf":1000061"#, Err(Error::Time)),
        ] {
            assert_eq!(check(&jwt(HS256, &format!(r#"{{"flow_token":"token",{claim}}}"#))), outcome, "{claim}");
        }
    }
}
