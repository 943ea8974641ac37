//! The private keys of one endpoint.
//!
//! No key identifier travels with a request, so every key is tried. One outcome covers every failure: which key, which
//! length or which tag was wrong is nothing to tell.

use flow_wire::envelope::{Envelope, Session, Unopened};
use flow_wire::keys::PrivateKey;

#[derive(Debug)]
pub(crate) struct Keyring(Vec<PrivateKey>);

impl Keyring {
    /// Takes the keys in the order in which they are tried: the newest first.
    pub(crate) fn new(keys: Vec<PrivateKey>) -> Self {
        Self(keys)
    }

    /// Opens the envelope with whichever key fits.
    ///
    /// OAEP holds a 256-bit check, so the first key that unwraps is the right one.
    pub(crate) fn open(&self, envelope: Envelope) -> Result<(Vec<u8>, Session), Unopened> {
        let aes_key = self.0.iter().find_map(|key| key.unwrap_key(&envelope)).ok_or(Unopened)?;
        envelope.open(aes_key)
    }
}
