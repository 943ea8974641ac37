//! What a logic answers.
//!
//! It knows the shape of an answer and what the edge would refuse in one; it refuses to know the screens of any flow.

use crate::error::Error;
use flow_proto::{json, v1, v1::handle_data_exchange_response::Outcome};
use prost_types::Struct;
use serde::Serialize;
use serde_json::Value;
use std::fmt;

/// Reserved by the platform for the end of a flow.
const RESERVED_SCREEN: &str = "SUCCESS";

/// Largest magnitude up to which every whole number has a double of its own: 2^53.
const MAX_EXACT_INTEGER: u64 = 1 << 53;

/// What the client shows next.
///
/// Data and parameters are anything that serialises to a JSON object: a struct, a map, `json!({…})`. What does not, or a
/// screen name that the edge would refuse, makes the call fail with [`Error::internal`] once the reply is sent.
///
/// `Debug` shows the kind of reply and the screen, not the data.
#[derive(Clone)]
pub struct Reply {
    outcome: Result<Outcome, Error>,
}

impl Reply {
    /// Shows a screen: the next one, or the same again. `data` holds every key that the screen's data model declares; the
    /// client refuses a screen that lacks one.
    ///
    /// Whole numbers beyond ±2^53 cannot travel exactly and make the call fail: send them as strings. An answer is at most
    /// 1,000,000 bytes of JSON.
    pub fn screen(name: impl Into<String>, data: impl Serialize) -> Self {
        let screen = name.into();
        let outcome = if screen.is_empty() || screen == RESERVED_SCREEN {
            Err(Error::internal(format!(
                "`{screen}` cannot be the screen of a reply: name a screen of the Flow JSON, or end with Reply::complete"
            )))
        } else {
            object(&format!("data of screen `{screen}`"), data).map(|data| {
                Outcome::NextScreen(v1::NextScreen { screen, data: Some(data), error_message: String::new() })
            })
        };
        Self { outcome }
    }

    /// On a screen reply: a text that the user sees at the bottom of the screen, for input that the user can mend. Elsewhere
    /// it makes the call fail.
    #[must_use]
    pub fn error_message(self, text: impl Into<String>) -> Self {
        let outcome = self.outcome.and_then(|outcome| match outcome {
            Outcome::NextScreen(screen) => {
                Ok(Outcome::NextScreen(v1::NextScreen { error_message: text.into(), ..screen }))
            }
            Outcome::Completion(_) | Outcome::InvalidFlowToken(_) => {
                Err(Error::internal("an error message belongs to a reply that shows a screen"))
            }
        });
        Self { outcome }
    }

    /// Ends the flow. The parameters reach the business in the webhook of the response message; the edge adds the flow token
    /// to them where they lack one.
    pub fn complete(params: impl Serialize) -> Self {
        let outcome = object("params of the completion", params)
            .map(|params| Outcome::Completion(v1::Completion { params: Some(params) }));
        Self { outcome }
    }

    /// Refuses the token: it is used up, expired or unknown. The message's button is disabled and the flow cannot be opened
    /// from it again. The user reads `text`; an empty one leaves it to the client's own.
    pub fn invalid_token(text: impl Into<String>) -> Self {
        Self { outcome: Ok(Outcome::InvalidFlowToken(v1::InvalidFlowToken { error_message: text.into() })) }
    }

    pub(crate) fn into_outcome(self) -> Result<Outcome, Error> {
        self.outcome
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.outcome {
            Ok(Outcome::NextScreen(screen)) => {
                f.debug_struct("Screen").field("name", &screen.screen).finish_non_exhaustive()
            }
            Ok(Outcome::Completion(_)) => f.debug_struct("Complete").finish_non_exhaustive(),
            Ok(Outcome::InvalidFlowToken(_)) => f.debug_struct("InvalidToken").finish_non_exhaustive(),
            Err(error) => f.debug_tuple("Unusable").field(error).finish(),
        }
    }
}

/// Serialises to an object, or says what of the logic's own code is wrong. serde's error texts are left out: they may quote.
fn object(what: &str, content: impl Serialize) -> Result<Struct, Error> {
    let content = serde_json::to_value(content).map_err(|_| {
        Error::internal(format!(
            "{what}: cannot be written as JSON; are all keys strings, and do all fields serialise?"
        ))
    })?;
    let found = match content {
        Value::Object(fields) if fields.values().any(is_inexact) => {
            return Err(Error::internal(format!("{what}: holds a whole number beyond ±2^53; send it as a string")));
        }
        Value::Object(fields) => return Ok(json::to_struct(fields)),
        Value::Array(_) => "an array",
        Value::String(_) => "a string",
        Value::Number(_) => "a number",
        Value::Bool(_) => "a boolean",
        Value::Null => "null",
    };
    Err(Error::internal(format!("{what}: must serialise to a JSON object, not {found}; for none write json!({{}})")))
}

/// Whether a double, which is all that the contract has, would change a whole number.
fn is_inexact(value: &Value) -> bool {
    match value {
        Value::Number(number) => {
            let magnitude = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs));
            magnitude.is_some_and(|magnitude| magnitude > MAX_EXACT_INTEGER)
        }
        Value::Array(values) => values.iter().any(is_inexact),
        Value::Object(fields) => fields.values().any(is_inexact),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sent(reply: Reply) -> Outcome {
        reply.into_outcome().unwrap()
    }

    fn fault(reply: Reply) -> String {
        let error = reply.into_outcome().unwrap_err();
        assert_eq!(tonic::Status::from(error.clone()).code(), tonic::Code::Internal);
        error.to_string()
    }

    #[test]
    fn a_screen_carries_its_name_data_and_error_message() {
        #[derive(Serialize)]
        struct Details {
            guests: u8,
        }
        let Outcome::NextScreen(next) = sent(Reply::screen("DETAILS", Details { guests: 2 }).error_message("Who?"))
        else {
            panic!("a screen")
        };
        assert_eq!(next.screen, "DETAILS");
        assert_eq!(Value::Object(json::from_struct(next.data.unwrap())), json!({"guests": 2}));
        assert_eq!(next.error_message, "Who?");
    }

    #[test]
    fn a_completion_carries_its_params_and_a_refused_token_its_text() {
        let Outcome::Completion(completion) = sent(Reply::complete(json!({"reference": "A1"}))) else {
            panic!("a completion")
        };
        assert_eq!(Value::Object(json::from_struct(completion.params.unwrap())), json!({"reference": "A1"}));
        let Outcome::InvalidFlowToken(invalid) = sent(Reply::invalid_token("Already booked")) else {
            panic!("a refused token")
        };
        assert_eq!(invalid.error_message, "Already booked");
    }

    #[test]
    fn what_is_no_object_is_the_logics_fault() {
        for (content, found) in [
            (json!(null), "null"),
            (json!(["secret"]), "an array"),
            (json!("secret"), "a string"),
            (json!(7), "a number"),
            (json!(true), "a boolean"),
        ] {
            let text = fault(Reply::screen("DETAILS", &content).error_message("kept out of the way"));
            assert!(text.starts_with("data of screen `DETAILS`: must serialise to a JSON object"), "{text}");
            assert!(text.contains(&format!("not {found};")), "{text}");
            assert!(!text.contains("secret"), "{text}");
        }
        let keys = [([1_u8], "secret")].into_iter().collect::<std::collections::BTreeMap<_, _>>();
        let text = fault(Reply::complete(keys));
        assert!(text.starts_with("params of the completion: cannot be written as JSON"), "{text}");
    }

    #[test]
    fn a_screen_name_that_the_edge_refuses_is_refused_here() {
        assert!(fault(Reply::screen("", json!({}))).contains("name a screen of the Flow JSON"));
        assert!(fault(Reply::screen("SUCCESS", json!({}))).contains("Reply::complete"));
    }

    #[test]
    fn an_error_message_without_a_screen_is_refused() {
        for reply in [Reply::complete(json!({})), Reply::invalid_token("")] {
            assert_eq!(fault(reply.error_message("oops")), "an error message belongs to a reply that shows a screen");
        }
    }

    #[test]
    fn whole_numbers_that_would_change_on_the_way_are_refused() {
        let limit = 9_007_199_254_740_992_i64;
        for exact in [json!(limit), json!(-limit), json!(0.1), json!(1e300)] {
            sent(Reply::complete(json!({"number": exact})));
        }
        for inexact in [json!(limit + 1), json!(-limit - 1), json!(u64::MAX)] {
            let text = fault(Reply::complete(json!({"list": [{"number": inexact}]})));
            assert!(text.contains("send it as a string"), "{text}");
        }
    }

    #[test]
    fn debug_shows_the_screen_and_no_data() {
        let replies = [
            Reply::screen("DETAILS", json!({"name": "Lovelace"})).error_message("Lovelace?"),
            Reply::complete(json!({"name": "Lovelace"})),
            Reply::invalid_token("Lovelace has booked"),
        ];
        let shown = format!("{replies:?}");
        assert!(shown.contains("DETAILS"), "{shown}");
        assert!(!shown.contains("Lovelace"), "{shown}");
    }
}
