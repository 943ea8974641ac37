//! Between the protocol's messages and those of `flow.v1`: names and shapes only, no decision about a flow.

use flow_proto::json::{self, AsJson};
use flow_proto::v1;
use flow_wire::message::{Action, DataExchange, ErrorNotification, Ping, Response, SUCCESS};

use crate::logic::Violation;

/// What the client is answered, its data as logic wrote it.
pub type Answer = Response<AsJson>;

/// Largest plaintext of an answer in bytes; the platform's data channel takes 1 MB.
pub(crate) const MAX_ANSWER: usize = 1_000_000;

/// A request as logic sees it. `endpoint` and `request_id` are the edge's own words.
pub fn data_exchange_to_v1(
    request: DataExchange,
    flow_token_verified: bool,
    endpoint: &str,
    request_id: &str,
) -> v1::HandleDataExchangeRequest {
    v1::HandleDataExchangeRequest {
        endpoint: endpoint.to_owned(),
        request_id: request_id.to_owned(),
        version: request.version,
        action: action_to_v1(request.action).into(),
        screen: request.screen,
        data: request.data.map(json::to_struct),
        flow_token: request.flow_token,
        flow_token_verified,
    }
}

/// An error notification as logic sees it.
pub fn error_to_v1(notification: ErrorNotification, endpoint: &str, request_id: &str) -> v1::HandleErrorRequest {
    v1::HandleErrorRequest {
        endpoint: endpoint.to_owned(),
        request_id: request_id.to_owned(),
        version: notification.version,
        action: action_to_v1(notification.action).into(),
        screen: notification.screen,
        flow_token: notification.flow_token,
        error: notification.error,
        error_message: notification.error_message,
    }
}

/// A ping as logic sees it.
pub fn ping_to_v1(ping: Ping, endpoint: &str, request_id: &str) -> v1::PingRequest {
    v1::PingRequest { endpoint: endpoint.to_owned(), request_id: request_id.to_owned(), version: ping.version }
}

fn action_to_v1(action: Action) -> v1::Action {
    match action {
        Action::Init => v1::Action::Init,
        Action::Back => v1::Action::Back,
        Action::DataExchange => v1::Action::DataExchange,
        Action::Navigate => v1::Action::Navigate,
    }
}

/// Logic's answer as the client sees it. `flow_token` is the request's, for a completion that lacks one.
pub fn from_v1(answer: v1::HandleDataExchangeResponse, flow_token: &str) -> Result<Answer, Violation> {
    use v1::handle_data_exchange_response::Outcome;
    match answer.outcome.ok_or(Violation::NoOutcome)? {
        Outcome::NextScreen(next) => {
            match next.screen.as_str() {
                "" => return Err(Violation::NoScreen),
                SUCCESS => return Err(Violation::ReservedScreen),
                _ => {}
            }
            let mut data = next.data.unwrap_or_default();
            if !next.error_message.is_empty() {
                data.fields.insert("error_message".to_owned(), next.error_message.into());
            }
            Ok(Response::Screen { screen: next.screen, data: AsJson(data) })
        }
        Outcome::Completion(completion) => {
            let mut params = completion.params.unwrap_or_default();
            if !flow_token.is_empty() {
                params.fields.entry("flow_token".to_owned()).or_insert_with(|| flow_token.into());
            }
            Ok(Response::Completion { params: AsJson(params) })
        }
        Outcome::InvalidFlowToken(invalid) => Ok(Response::InvalidFlowToken { error_msg: invalid.error_message }),
    }
}

/// Writes the answer, within [`MAX_ANSWER`].
pub(crate) fn encode(response: &Answer) -> Result<Vec<u8>, Violation> {
    response.encode_within(MAX_ANSWER).ok_or(Violation::TooLarge)
}
