//! What the targets share: the secret and the keys of the vectors, from which the seeds are made.

use std::sync::LazyLock;

use bytes::Bytes;
use flow_wire::signature::{self, AppSecret, Signature, Verified};

/// PEM of the private key that opens the vectors.
pub const PRIVATE_KEY: &str = include_str!("../../vectors/keys/current.pem");
/// PEM of a second private key.
pub const PREVIOUS_KEY: &str = include_str!("../../vectors/keys/previous.pem");
/// The app secret of the vectors.
pub const SECRET: &str = "test-only-5f0c1e27a9d84b36";

/// [`SECRET`], ready for use.
pub static APP_SECRET: LazyLock<AppSecret> =
    LazyLock::new(|| AppSecret::new(SECRET.as_bytes()).expect("a secret that is not empty"));

/// Signs `body` and verifies it, as the only way to what comes after.
pub fn verified(body: &[u8]) -> Verified {
    let header = signature::sign(body, &APP_SECRET);
    let secrets = std::slice::from_ref(&*APP_SECRET);
    let header = Signature::parse(Some(header.as_bytes())).expect("what was signed is well-formed");
    let verified = signature::verify(Bytes::copy_from_slice(body), &header, secrets);
    verified.expect("what was signed verifies").0
}
