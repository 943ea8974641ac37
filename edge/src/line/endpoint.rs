//! One WhatsApp Business account, phone number or flow, ready to answer.

use std::sync::Arc;

use flow_wire::keys::PrivateKey;
use flow_wire::signature::AppSecret;

use super::ring::Ring;
use super::screens::Screens;
use crate::config::{FlowTokenSignature, Ping};
use crate::logic::Logic;
use crate::telemetry::Metrics;

/// An endpoint, ready to answer.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) name: Arc<str>,
    pub(crate) path: Arc<str>,
    pub(crate) app_secrets: Ring<AppSecret>,
    pub(crate) private_keys: Ring<PrivateKey>,
    pub(crate) flow_token_signature: FlowTokenSignature,
    pub(crate) ping: Ping,
    /// Where the configuration names its Flow JSON.
    pub(crate) screens: Option<Screens>,
    pub(crate) logic: Logic,
    pub(crate) fallback_message: Option<String>,
    pub(crate) metrics: Arc<Metrics>,
}
