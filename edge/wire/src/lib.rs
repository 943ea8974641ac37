//! The WhatsApp Flows endpoint protocol: bytes in, bytes out.
//!
//! Each module is one step of a request, in wire order, with both directions of the step in it: [`signature`] over the raw
//! body, the [`envelope`] and its encryption, the RSA [`keys`] that transport the envelope's key, the [`message`] inside.
//! [`token`] is the further signature that data API 4.0 puts inside a message.
//! [`text`] reads the small files that keys, secrets and passphrases come in, as people's tools write them.
//! [`client`] puts the other direction together: it is the messaging client, for tools and tests.
//!
//! The crate does no I/O, keeps no state, reads no clock, and knows neither HTTP nor gRPC.
//!
//! The types make the order of the steps a matter of compilation. Only [`signature::verify`] makes a
//! [`Verified`](signature::Verified), only a `Verified` can be parsed, and sealing an answer consumes the
//! [`Session`](envelope::Session), so that one nonce seals one answer:
//!
//! ```
//! use flow_wire::client::Client;
//! use flow_wire::envelope::Envelope;
//! use flow_wire::keys::PrivateKey;
//! use flow_wire::message::{Request, Response};
//! use flow_wire::signature::{self, AppSecret, Signature};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let private_key = PrivateKey::generate()?;
//! let secret = AppSecret::new(b"app secret")?;
//!
//! // The messaging client's side.
//! let client = Client::new(private_key.public_key(), AppSecret::new(b"app secret")?);
//! let sent = client.request(br#"{"version":"3.0","action":"ping"}"#.to_vec())?;
//!
//! // The endpoint's side.
//! let secrets = [secret];
//! let signature = Signature::parse(Some(sent.signature.as_bytes()))?;
//! let (body, _) = signature::verify(sent.body.clone().into(), &signature, &secrets)?;
//! let envelope = Envelope::parse(body)?;
//! let aes_key = private_key.unwrap_key(&envelope).ok_or("another key")?;
//! let (plaintext, session) = envelope.open(aes_key)?;
//! assert!(matches!(Request::decode(&plaintext)?, Request::Ping(_)));
//! let response: Response = Response::Active;
//! let answer = session.seal(response.encode());
//!
//! // And the client's again.
//! assert_eq!(sent.open(answer.as_bytes())?, br#"{"data":{"status":"active"}}"#);
//! # Ok(())
//! # }
//! ```

pub mod client;
pub mod envelope;
pub mod keys;
pub mod message;
mod pem;
pub mod signature;
pub mod text;
pub mod token;
