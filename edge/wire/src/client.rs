//! The messaging client's side of one exchange: seal and sign a request, open its answer.
//!
//! For tools and tests; an endpoint never needs it. It refuses to know how the bytes travel.

use std::fmt;

use zeroize::Zeroizing;

use crate::envelope::{self, AES_KEY_LENGTH, AesKey, Envelope, IV_LENGTH, Unopened};
use crate::keys::{self, PublicKey};
use crate::signature::{self, AppSecret};
use crate::token;

/// Seals requests for one endpoint.
#[derive(Debug, Clone)]
pub struct Client {
    public_key: PublicKey,
    app_secret: AppSecret,
}

impl Client {
    /// A client for the endpoint with this public key, of the app with this secret.
    pub fn new(public_key: PublicKey, app_secret: AppSecret) -> Self {
        Self { public_key, app_secret }
    }

    /// Seals `plaintext` under a fresh key and vector, and signs the body.
    ///
    /// # Errors
    ///
    /// [`keys::Error::Encrypt`] where the operating system gives no random numbers.
    pub fn request(&self, plaintext: Vec<u8>) -> Result<SealedRequest, keys::Error> {
        let mut key = Zeroizing::new([0; AES_KEY_LENGTH]);
        let mut initial_vector = [0; IV_LENGTH];
        getrandom::fill(key.as_mut_slice()).map_err(|_| keys::Error::Encrypt)?;
        getrandom::fill(&mut initial_vector).map_err(|_| keys::Error::Encrypt)?;
        let aes_key = AesKey::from(key);
        let encrypted_aes_key = self.public_key.wrap_key(&aes_key)?;
        let body = Envelope::seal(&aes_key, initial_vector, encrypted_aes_key, plaintext).encode();
        let signature = signature::sign(&body, &self.app_secret);
        Ok(SealedRequest { body, signature, aes_key, initial_vector })
    }

    /// The `flow_token_signature` of a message (data API 4.0).
    pub fn sign_token(&self, flow_token: &str) -> String {
        token::sign(flow_token, &self.app_secret)
    }
}

/// A request ready to be sent, and what opens its answer.
pub struct SealedRequest {
    /// The body of the POST, of type `application/json`.
    pub body: Vec<u8>,
    /// The value of the header [`signature::HEADER`].
    pub signature: String,
    aes_key: AesKey,
    initial_vector: [u8; IV_LENGTH],
}

impl SealedRequest {
    /// Opens the body of the answer, where its status is 200 or 427 and it is not empty.
    ///
    /// # Errors
    ///
    /// [`Unopened`] where the body was not sealed in answer to this request.
    pub fn open(&self, answer: &[u8]) -> Result<Vec<u8>, Unopened> {
        envelope::open_answer(&self.aes_key, self.initial_vector, answer)
    }
}

impl fmt::Debug for SealedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedRequest({} bytes)", self.body.len())
    }
}
