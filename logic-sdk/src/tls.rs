//! TLS of the server. The variables are known to every build, so that one without the feature `tls` can refuse them; what they
//! name is read, served and followed in one that has it.
//!
//! It refuses to know gRPC, and the names in certificates: whoever the authority issued a client's certificate for may call.

#[cfg(test)]
mod authority;
#[cfg(feature = "tls")]
mod config;
#[cfg(feature = "tls")]
mod incoming;
mod variables;

#[cfg(feature = "tls")]
pub(crate) use config::{Problem, Source};
#[cfg(feature = "tls")]
pub(crate) use incoming::{CHECK_INTERVAL, Incoming};
pub(crate) use variables::{Files, Unusable};
