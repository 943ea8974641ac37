//! Conversations with a logic in the test's own process: no socket, no edge, no cryptography.
//!
//! Every message passes through its protobuf encoding both ways, so a test sees what the edge would. With the feature `flow-json`
//! every answer is held against the Flow JSON, so it sees what the client would, too.

#[cfg(feature = "flow-json")]
mod screens;

#[cfg(feature = "flow-json")]
pub use screens::Warning;

use crate::error::Error;
use crate::logic::FlowLogic;
use crate::service;
use flow_proto::{json, v1, v1::handle_data_exchange_response::Outcome};
use prost::Message;
use serde::Serialize;
use serde_json::Value;
use std::sync::atomic::{AtomicU64, Ordering};
#[cfg(feature = "flow-json")]
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// One user's conversation with a logic, from one message and so under one flow token.
///
/// Each method is one call of the logic and gives its answer; the order is up to the test. Calling twice with the same
/// arguments is what a user's "retry" does.
#[derive(Debug)]
pub struct Conversation<'a, L> {
    logic: &'a L,
    endpoint: String,
    flow_token: String,
    flow_token_verified: bool,
    timeout: Option<Duration>,
    calls: AtomicU64,
    #[cfg(feature = "flow-json")]
    screens: Option<screens::Screens>,
    #[cfg(feature = "flow-json")]
    warnings: Mutex<Vec<Warning>>,
}

impl<'a, L: FlowLogic> Conversation<'a, L> {
    /// A conversation under a token that the edge did not verify, on an endpoint named `test`. An empty token is an absent one.
    pub fn new(logic: &'a L, flow_token: impl Into<String>) -> Self {
        Self {
            logic,
            endpoint: "test".to_owned(),
            flow_token: flow_token.into(),
            flow_token_verified: false,
            timeout: None,
            calls: AtomicU64::new(0),
            #[cfg(feature = "flow-json")]
            screens: None,
            #[cfg(feature = "flow-json")]
            warnings: Mutex::default(),
        }
    }

    /// The same on another endpoint, for a logic that serves several.
    #[must_use]
    pub fn on_endpoint(self, endpoint: impl Into<String>) -> Self {
        Self { endpoint: endpoint.into(), ..self }
    }

    /// The same as if the edge had verified the signature of the token.
    #[must_use]
    pub fn verified(self) -> Self {
        Self { flow_token_verified: true, ..self }
    }

    /// The same with this much time for each answer, from which the logic gets its
    /// [deadline](crate::DataExchange::deadline). Without it there is none. A call that takes longer is not ended.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout: Some(timeout), ..self }
    }

    /// The same with every answer held against this Flow JSON, given as its text: may the screen follow, does its data fit.
    ///
    /// An answer that the client would refuse fails the test, whatever the test makes of it. What some phones show otherwise is
    /// among the [`warnings`](Self::warnings).
    ///
    /// # Panics
    ///
    /// When the platform would refuse the Flow JSON: the message has the findings of `flowctl flow check`, with line and column.
    /// And later in [`init`](Self::init), [`submit`](Self::submit) and [`back`](Self::back), when the client would refuse the
    /// answer: the message has the screen and, for each mistake, code, place and rule.
    #[cfg(feature = "flow-json")]
    #[must_use]
    #[track_caller]
    pub fn with_flow(self, flow_json: &str) -> Self {
        match screens::Screens::read(flow_json) {
            Ok(screens) => Self { screens: Some(screens), ..self },
            Err(unusable) => panic!("{unusable}"),
        }
    }

    /// What was doubtful in the answers so far, each as often as it came. Nothing without [`with_flow`](Self::with_flow).
    #[cfg(feature = "flow-json")]
    pub fn warnings(&self) -> Vec<Warning> {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Opens the flow.
    ///
    /// # Errors
    ///
    /// The [`Error`] of the logic, or of a reply that cannot be sent.
    pub async fn init(&self) -> Result<Answer, Error> {
        self.exchange(v1::Action::Init, "", None).await
    }

    /// Submits a screen, or uses a component on it, with the payload that the Flow JSON declares.
    ///
    /// # Errors
    ///
    /// As [`Conversation::init`]; also when `data` does not serialise to a JSON object.
    pub async fn submit(&self, screen: &str, data: impl Serialize) -> Result<Answer, Error> {
        let Ok(Value::Object(data)) = serde_json::to_value(data) else {
            return Err(Error::invalid_request("a test submits data that serialises to a JSON object"));
        };
        self.exchange(v1::Action::DataExchange, screen, Some(json::to_struct(data))).await
    }

    /// Goes back from a screen.
    ///
    /// # Errors
    ///
    /// As [`Conversation::init`].
    pub async fn back(&self, screen: &str) -> Result<Answer, Error> {
        self.exchange(v1::Action::Back, screen, None).await
    }

    /// Tells the logic that the client refused its answer to a `data_exchange` on a screen, under one of the platform's error
    /// keys.
    ///
    /// # Errors
    ///
    /// The [`Error`] of the logic.
    pub async fn report_error(&self, screen: &str, error: &str) -> Result<(), Error> {
        let request = v1::HandleErrorRequest {
            endpoint: self.endpoint.clone(),
            request_id: self.next_request_id(),
            version: VERSION.to_owned(),
            action: v1::Action::DataExchange.into(),
            screen: screen.to_owned(),
            flow_token: self.flow_token.clone(),
            error: error.to_owned(),
            error_message: "reported by a test".to_owned(),
        };
        self.logic.error(travel(&request)?.into()).await
    }

    /// Sends the platform's health check, which belongs to no conversation but goes to the same endpoint.
    ///
    /// # Errors
    ///
    /// The [`Error`] of the logic.
    pub async fn ping(&self) -> Result<(), Error> {
        let request = v1::PingRequest {
            endpoint: self.endpoint.clone(),
            request_id: self.next_request_id(),
            version: VERSION.to_owned(),
        };
        self.logic.ping(travel(&request)?.into()).await
    }

    async fn exchange(
        &self,
        action: v1::Action,
        screen: &str,
        data: Option<prost_types::Struct>,
    ) -> Result<Answer, Error> {
        let request = v1::HandleDataExchangeRequest {
            endpoint: self.endpoint.clone(),
            request_id: self.next_request_id(),
            version: VERSION.to_owned(),
            action: action.into(),
            screen: screen.to_owned(),
            data,
            flow_token: self.flow_token.clone(),
            flow_token_verified: self.flow_token_verified,
        };
        let deadline = self.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let response = service::exchange(self.logic, travel(&request)?, deadline).await?;
        let response = travel(&response)?;
        #[cfg(feature = "flow-json")]
        self.hold(action, screen, &response);
        Answer::read(response)
    }

    /// A test that expects an error would take one for it, so this is a panic.
    #[cfg(feature = "flow-json")]
    fn hold(&self, action: v1::Action, screen: &str, response: &v1::HandleDataExchangeResponse) {
        let (Some(screens), Some(Outcome::NextScreen(next))) = (&self.screens, &response.outcome) else { return };
        let action = match action {
            v1::Action::Init => flow_json::Action::Init,
            v1::Action::Back => flow_json::Action::Back,
            // No method of ours sends the last two.
            v1::Action::DataExchange | v1::Action::Navigate | v1::Action::Unspecified => {
                flow_json::Action::DataExchange
            }
        };
        match screens.hold(action, screen, next) {
            Ok(warnings) => self.warnings.lock().unwrap_or_else(PoisonError::into_inner).extend(warnings),
            Err(refused) => panic!("{refused}"),
        }
    }

    fn next_request_id(&self) -> String {
        format!("test-{}", self.calls.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

const VERSION: &str = "4.0";

/// Encodes and decodes, as on the way between the edge and the logic.
fn travel<M: Message + Default>(message: &M) -> Result<M, Error> {
    M::decode(message.encode_to_vec().as_slice())
        .map_err(|_| Error::internal("the message cannot be decoded; does its data nest deeper than 30 levels?"))
}

/// What the edge got from the logic. Unlike a [`Reply`](crate::Reply), all of it can be read, compared and printed.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// A screen is shown.
    Screen {
        /// Its name in the Flow JSON.
        name: String,
        /// Its data, an object.
        data: Value,
        /// The text shown at the bottom of the screen.
        error_message: Option<String>,
    },
    /// The flow ends.
    Complete {
        /// Parameters as the logic gave them, an object; the edge adds the flow token where they lack one.
        params: Value,
    },
    /// The token is refused.
    InvalidToken {
        /// The text shown to the user; `None` for the client's own.
        text: Option<String>,
    },
}

impl Answer {
    /// Name of the screen, if one is shown.
    pub fn screen(&self) -> Option<&str> {
        match self {
            Self::Screen { name, .. } => Some(name),
            Self::Complete { .. } | Self::InvalidToken { .. } => None,
        }
    }

    /// Data of the screen; `null` if none is shown, so that `answer.data()["name"]` can always be compared.
    pub fn data(&self) -> &Value {
        match self {
            Self::Screen { data, .. } => data,
            Self::Complete { .. } | Self::InvalidToken { .. } => &Value::Null,
        }
    }

    /// The error message on a screen, if there is one.
    pub fn error_message(&self) -> Option<&str> {
        match self {
            Self::Screen { error_message, .. } => error_message.as_deref(),
            Self::Complete { .. } | Self::InvalidToken { .. } => None,
        }
    }

    /// Parameters of the completion; `null` if the flow does not end.
    pub fn params(&self) -> &Value {
        match self {
            Self::Complete { params } => params,
            Self::Screen { .. } | Self::InvalidToken { .. } => &Value::Null,
        }
    }

    /// Whether the token was refused.
    pub fn is_invalid_token(&self) -> bool {
        matches!(self, Self::InvalidToken { .. })
    }

    fn read(response: v1::HandleDataExchangeResponse) -> Result<Self, Error> {
        let object =
            |fields: Option<prost_types::Struct>| Value::Object(fields.map(json::from_struct).unwrap_or_default());
        let text = |text: String| (!text.is_empty()).then_some(text);
        match response.outcome {
            Some(Outcome::NextScreen(next)) => {
                Ok(Self::Screen { name: next.screen, data: object(next.data), error_message: text(next.error_message) })
            }
            Some(Outcome::Completion(completion)) => Ok(Self::Complete { params: object(completion.params) }),
            Some(Outcome::InvalidFlowToken(invalid)) => Ok(Self::InvalidToken { text: text(invalid.error_message) }),
            None => Err(Error::internal("the answer has no outcome")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply::Reply;
    use crate::request::DataExchange;
    use serde_json::json;

    const FLOW: &str = r#"{
      "version": "7.3", "data_api_version": "4.0", "routing_model": {"TABLE": []},
      "screens": [{
        "id": "TABLE", "title": "A table", "terminal": true,
        "data": {"guests": {"type": "string", "__example__": "8"}},
        "layout": {"type": "SingleColumnLayout", "children": [
          {"type": "TextBody", "text": "${data.guests}"},
          {"type": "Footer", "label": "Book", "on-click-action": {"name": "data_exchange", "payload": {}}}]}}]
    }"#;

    /// Answers as it was told.
    struct Told;

    impl FlowLogic for Told {
        async fn data_exchange(&self, request: DataExchange) -> Result<Reply, Error> {
            Ok(match request.screen.as_str() {
                "" => Reply::screen("TABLE", json!({"guests": "8"})),
                "MORE" => Reply::screen("TABLE", json!({"guests": "8", "more": 1})),
                "END" => Reply::complete(json!({"guests": 8})),
                _ => Reply::screen("TABLE", json!({"guests": 8})),
            })
        }
    }

    #[tokio::test]
    async fn what_the_client_takes_passes_and_doubts_can_be_read() {
        let conversation = Conversation::new(&Told, "token").with_flow(FLOW);
        assert_eq!(conversation.init().await.unwrap().screen(), Some("TABLE"));
        assert!(conversation.submit("END", json!({})).await.unwrap().params().is_object());
        assert_eq!(conversation.warnings(), []);
        conversation.submit("MORE", json!({})).await.unwrap();
        let [warning] = &conversation.warnings()[..] else { panic!("one warning") };
        assert_eq!((&*warning.screen, &*warning.pointer), ("TABLE", "/data/more"));
    }

    #[tokio::test]
    #[should_panic(expected = "the client would refuse the screen `TABLE`, answered to data_exchange on `TABLE`:")]
    async fn what_the_client_refuses_fails_a_test_that_expected_an_error_too() {
        let conversation = Conversation::new(&Told, "token").with_flow(FLOW);
        assert!(conversation.submit("TABLE", json!({})).await.is_err());
    }

    #[test]
    #[should_panic(expected = "the platform would refuse the Flow JSON:")]
    fn a_flow_that_is_none_fails_the_test_at_once() {
        let _ = Conversation::new(&Told, "token").with_flow("{}");
    }

    #[tokio::test]
    async fn without_a_flow_every_screen_passes() {
        let conversation = Conversation::new(&Told, "token");
        conversation.submit("TABLE", json!({})).await.unwrap();
        assert_eq!(conversation.warnings(), []);
    }
}
