//! What the edge asks, as types that a logic can match on.
//!
//! It refuses to know how a request travelled: encryption stays in the edge, protobuf in this module's conversions. No
//! `Debug` here prints a token or what the user typed.

use crate::error::Error;
use crate::form::{self, FormError};
use flow_proto::{json, v1};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt;
use std::time::Instant;

/// What the user did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// `INIT`: the flow was opened.
    Init,
    /// `data_exchange`: a screen was submitted, or a component with a `data_exchange` action was used.
    DataExchange,
    /// `BACK`: the user went back from a screen that has `refresh_on_back`.
    Back,
}

/// One step of a conversation: a request of the client, opened and verified by the edge.
///
/// Read what the user typed with [`DataExchange::data`]. `Debug` shows neither the data nor the token.
#[derive(Clone)]
#[non_exhaustive]
pub struct DataExchange {
    /// Name of the endpoint in the edge's configuration by which the request came in. The request itself names no flow or
    /// phone number. Never empty; a service with a single flow may ignore it.
    pub endpoint: String,
    /// The edge's identifier of this request, for logs and support. New for each call, also when the user retries: never use
    /// it to recognise a repetition.
    pub request_id: String,
    /// Data API version, `"3.0"` or `"4.0"`. Most services may ignore it.
    pub version: String,
    /// What the user did.
    pub action: Action,
    /// Screen that was submitted, or that the user left by going back. Empty when absent, as it usually is on
    /// [`Action::Init`] and may be on [`Action::Back`].
    pub screen: String,
    /// Token that the business put into the message that opened the flow: the key of the conversation. `None` when absent, as
    /// on some iOS devices, so that two users without one are never taken for the same. The literal `"unused"` says that the
    /// sender of the message set none.
    pub flow_token: Option<String>,
    /// True when the edge verified the platform's signature of `flow_token` (data API 4.0). False means not verified, never
    /// "forged": the edge answers a forged one itself.
    pub flow_token_verified: bool,
    /// When the edge stops waiting: the call's `grpc-timeout`, counted from its arrival. `None` when the caller set none;
    /// the edge always does.
    ///
    /// The server enforces it: a call that is still running then is dropped at its `.await` and fails with `CANCELLED`. Give
    /// what you call a little less, and the failure has a name, and the database stops working on what nobody waits for:
    ///
    /// ```
    /// # use flow_logic_sdk::{DataExchange, Error, testing::Conversation};
    /// # async fn count_free_tables(statement_timeout: Duration) -> Result<u32, Error> {
    /// #     assert!(statement_timeout < Duration::from_secs(8));
    /// #     Ok(3)
    /// # }
    /// use std::time::{Duration, Instant};
    ///
    /// async fn free_tables(request: &DataExchange) -> Result<u32, Error> {
    ///     let left = match request.deadline {
    ///         Some(deadline) => deadline.saturating_duration_since(Instant::now()),
    ///         None => Duration::from_secs(8),
    ///     };
    ///     let for_query = left.saturating_sub(Duration::from_millis(100));
    ///     if for_query.is_zero() {
    ///         return Err(Error::deadline_exceeded("no time is left to count the free tables"));
    ///     }
    ///     // Such as `SET LOCAL statement_timeout` of PostgreSQL before the query.
    ///     count_free_tables(for_query).await
    /// }
    /// # struct Tables;
    /// # impl flow_logic_sdk::FlowLogic for Tables {
    /// #     async fn data_exchange(&self, request: DataExchange) -> Result<flow_logic_sdk::Reply, Error> {
    /// #         let free_tables = free_tables(&request).await?;
    /// #         Ok(flow_logic_sdk::Reply::screen("TABLE", serde_json::json!({"free_tables": free_tables})))
    /// #     }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Error> {
    /// # let conversation = Conversation::new(&Tables, "token");
    /// # assert_eq!(conversation.init().await?.data()["free_tables"], 3);
    /// # let hurried = conversation.with_timeout(Duration::from_millis(50));
    /// # assert!(hurried.init().await.is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub deadline: Option<Instant>,
    /// Always an object.
    data: Value,
}

impl DataExchange {
    /// Reads the form data into a type of yours, by serde. Absent data reads like `{}`.
    ///
    /// Whole numbers read as integers or floats, whichever the type asks for. A number that a double cannot hold exactly has
    /// become the nearest one on the way: let identifiers be strings.
    ///
    /// # Errors
    ///
    /// [`FormError`] says which field does not fit and what it should have been, without quoting it. It means that the Flow
    /// JSON and this code disagree, so `?` is the usual answer. What a user can get wrong, such as a mistyped address, is best
    /// read as it is, checked, and answered with [`Reply::error_message`](crate::Reply::error_message).
    pub fn data<T: DeserializeOwned>(&self) -> Result<T, FormError> {
        form::read(&self.data)
    }
}

impl fmt::Debug for DataExchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataExchange")
            .field("endpoint", &self.endpoint)
            .field("request_id", &self.request_id)
            .field("version", &self.version)
            .field("action", &self.action)
            .field("screen", &self.screen)
            .field("flow_token_verified", &self.flow_token_verified)
            .finish_non_exhaustive()
    }
}

impl TryFrom<v1::HandleDataExchangeRequest> for DataExchange {
    type Error = Error;

    fn try_from(request: v1::HandleDataExchangeRequest) -> Result<Self, Error> {
        let action = action(request.action())
            .ok_or_else(|| Error::invalid_request("a data exchange is one of INIT, data_exchange and BACK"))?;
        Ok(Self {
            endpoint: request.endpoint,
            request_id: request.request_id,
            version: request.version,
            action,
            screen: request.screen,
            flow_token: present(request.flow_token),
            flow_token_verified: request.flow_token_verified,
            deadline: None,
            data: Value::Object(request.data.map(json::from_struct).unwrap_or_default()),
        })
    }
}

/// The client could not use an earlier answer of this logic. Nothing can be shown to the user any more.
///
/// `Debug` shows neither the token nor the error message.
#[derive(Clone)]
#[non_exhaustive]
pub struct ErrorNotification {
    /// As in [`DataExchange::endpoint`].
    pub endpoint: String,
    /// The edge's identifier of this notification; unrelated to that of the answer that was refused.
    pub request_id: String,
    /// Data API version, `"3.0"` or `"4.0"`.
    pub version: String,
    /// Action whose answer was refused. `None` for `navigate`, which the client does by itself without asking a logic.
    pub action: Option<Action>,
    /// Screen on which it happened. Empty when absent.
    pub screen: String,
    /// Token of the conversation. `None` when absent.
    pub flow_token: Option<String>,
    /// The platform's key for what was wrong, such as `invalid-screen-transition` or `payload-schema-error`.
    pub error: String,
    /// The platform's explanation, for the developer of the flow. Empty when absent. It may quote the refused answer: treat it
    /// like form data and keep it out of logs.
    pub error_message: String,
}

impl fmt::Debug for ErrorNotification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ErrorNotification")
            .field("endpoint", &self.endpoint)
            .field("request_id", &self.request_id)
            .field("version", &self.version)
            .field("action", &self.action)
            .field("screen", &self.screen)
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

impl From<v1::HandleErrorRequest> for ErrorNotification {
    fn from(request: v1::HandleErrorRequest) -> Self {
        Self {
            action: action(request.action()),
            endpoint: request.endpoint,
            request_id: request.request_id,
            version: request.version,
            screen: request.screen,
            flow_token: present(request.flow_token),
            error: request.error,
            error_message: request.error_message,
        }
    }
}

/// One health check by the platform.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Ping {
    /// As in [`DataExchange::endpoint`].
    pub endpoint: String,
    /// The edge's identifier of this request.
    pub request_id: String,
    /// Data API version of the check; usually `"3.0"`.
    pub version: String,
}

impl From<v1::PingRequest> for Ping {
    fn from(request: v1::PingRequest) -> Self {
        Self { endpoint: request.endpoint, request_id: request.request_id, version: request.version }
    }
}

fn action(action: v1::Action) -> Option<Action> {
    match action {
        v1::Action::Init => Some(Action::Init),
        v1::Action::DataExchange => Some(Action::DataExchange),
        v1::Action::Back => Some(Action::Back),
        v1::Action::Navigate | v1::Action::Unspecified => None,
    }
}

/// The contract writes an absent token as an empty one.
fn present(token: String) -> Option<String> {
    (!token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn request(action: v1::Action) -> v1::HandleDataExchangeRequest {
        let Value::Object(data) = json!({"name": "Ada Lovelace"}) else { panic!("an object") };
        v1::HandleDataExchangeRequest {
            endpoint: "appointments".to_owned(),
            request_id: "request-1".to_owned(),
            version: "4.0".to_owned(),
            action: action.into(),
            screen: "DETAILS".to_owned(),
            data: Some(json::to_struct(data)),
            flow_token: "secret-token".to_owned(),
            flow_token_verified: true,
        }
    }

    #[test]
    fn every_field_of_a_data_exchange_arrives() {
        let request = DataExchange::try_from(request(v1::Action::Back)).unwrap();
        assert_eq!(request.endpoint, "appointments");
        assert_eq!(request.request_id, "request-1");
        assert_eq!(request.version, "4.0");
        assert_eq!(request.action, Action::Back);
        assert_eq!(request.screen, "DETAILS");
        assert_eq!(request.flow_token.as_deref(), Some("secret-token"));
        assert!(request.flow_token_verified);
        assert_eq!(request.data::<Value>().unwrap(), json!({"name": "Ada Lovelace"}));
    }

    #[test]
    fn an_absent_token_is_none_and_absent_data_is_an_empty_object() {
        let absent =
            v1::HandleDataExchangeRequest { flow_token: String::new(), data: None, ..request(v1::Action::Init) };
        let request = DataExchange::try_from(absent).unwrap();
        assert_eq!(request.flow_token, None);
        assert_eq!(request.data::<Value>().unwrap(), json!({}));
    }

    #[test]
    fn an_action_that_no_screen_sends_is_refused() {
        for action in [v1::Action::Unspecified, v1::Action::Navigate] {
            let error = DataExchange::try_from(request(action)).unwrap_err();
            assert_eq!(tonic::Status::from(error).code(), tonic::Code::InvalidArgument);
        }
        let later = v1::HandleDataExchangeRequest { action: 99, ..request(v1::Action::Init) };
        assert!(DataExchange::try_from(later).is_err());
    }

    #[test]
    fn debug_of_a_data_exchange_shows_neither_token_nor_data() {
        let shown = format!("{:#?}", DataExchange::try_from(request(v1::Action::Init)).unwrap());
        assert!(shown.contains("request-1"), "{shown}");
        assert!(!shown.contains("secret-token"), "{shown}");
        assert!(!shown.contains("Lovelace"), "{shown}");
    }

    #[test]
    fn every_field_of_an_error_notification_arrives_and_debug_hides_the_private_ones() {
        let notification = ErrorNotification::from(v1::HandleErrorRequest {
            endpoint: "appointments".to_owned(),
            request_id: "request-2".to_owned(),
            version: "3.0".to_owned(),
            action: v1::Action::Navigate.into(),
            screen: "DETAILS".to_owned(),
            flow_token: "secret-token".to_owned(),
            error: "payload-schema-error".to_owned(),
            error_message: "Ada Lovelace is not a number".to_owned(),
        });
        assert_eq!(notification.endpoint, "appointments");
        assert_eq!(notification.request_id, "request-2");
        assert_eq!(notification.version, "3.0");
        assert_eq!(notification.action, None);
        assert_eq!(notification.screen, "DETAILS");
        assert_eq!(notification.flow_token.as_deref(), Some("secret-token"));
        assert_eq!(notification.error, "payload-schema-error");
        assert_eq!(notification.error_message, "Ada Lovelace is not a number");

        let shown = format!("{notification:#?}");
        assert!(shown.contains("payload-schema-error"), "{shown}");
        assert!(!shown.contains("secret-token"), "{shown}");
        assert!(!shown.contains("Lovelace"), "{shown}");
    }
}
