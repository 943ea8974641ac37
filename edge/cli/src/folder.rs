//! The names in `.flow-dev`, the folder that `flowctl dev` makes and other commands look into where they are told nothing else.

pub(crate) const FOLDER: &str = ".flow-dev";

pub(crate) const PRIVATE_KEY: &str = "private-key.pem";
pub(crate) const PUBLIC_KEY: &str = "public-key.pem";
pub(crate) const APP_SECRET: &str = "app-secret";
pub(crate) const TLS_CERTIFICATE: &str = "tls-certificate.pem";
pub(crate) const TLS_PRIVATE_KEY: &str = "tls-private-key.pem";
pub(crate) const CONFIG_FILE: &str = "flow-edge.yaml";
/// Holds the URL of the endpoint as long as `flowctl dev` serves it.
pub(crate) const URL: &str = "url";
