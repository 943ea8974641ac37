//! The configuration: one YAML file, and the key, secret and certificate files that it names.
//!
//! [`Config::load`] gives a configuration that can be served, or every mistake in it at once. It refuses to know how any of it
//! is served: nothing here opens a socket.

mod certificate;
mod files;
mod flow;
mod model;
mod read;
mod reader;
mod source;
mod values;

pub use self::model::{
    Config, Endpoint, Flow, FlowCheck, FlowTokenSignature, Limits, Listen, Logic, LogicTarget, LogicTls, Ping,
    PrivateKeyFile, Replay, Tls,
};
pub use self::reader::{Errors, Mistake};
pub use self::source::Source;
pub(crate) use self::values::default_port;
pub use self::values::logic_url;

/// JSON Schema of the file, for editors and for whoever generates it.
pub const SCHEMA: &str = include_str!("config/schema.json");
