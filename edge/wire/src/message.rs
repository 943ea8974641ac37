//! The messages inside the envelope: what the client asks and what it can be answered, as JSON.
//!
//! The reader is lenient where clients were seen to differ and strict where a mistake would otherwise reach the logic:
//!
//! * unknown fields are ignored; a known field may be absent or null, but not of another type;
//! * `version` may be a string or a number, and 300 means 3.0;
//! * an error notification is recognised by its `data`, not by its action, and names its key `error` or `error_key`. A form may have
//!   a field of such a name too, so a key without an explanation must also look like one of Meta's.
//!
//! This module refuses to know any screen.

use std::{fmt, io};

use serde::Serialize;
use serde_json::{Map, Value, json};

/// A JSON object.
pub type Object = Map<String, Value>;

/// How deep `data` may nest, itself counted. Stock protobuf decoders stop at 100 nested messages, and one level of JSON
/// takes three of them in a `google.protobuf.Struct`.
pub const MAX_DEPTH: usize = 30;

/// How many values a message may hold, nested ones counted. A form has some tens, and 30 picked files have 240. Read, a value takes
/// up to 700 bytes where it came as 8, so that without a bound a message of a megabyte took 85.
pub const MAX_VALUES: usize = 10_000;

/// Name of the screen that ends a flow; no real screen can have it.
pub const SUCCESS: &str = "SUCCESS";

/// What the client asks.
#[derive(Debug)]
pub enum Request {
    /// The platform's health check.
    Ping(Ping),
    /// The client could not use an earlier answer.
    ErrorNotification(ErrorNotification),
    /// One step of a conversation.
    DataExchange(DataExchange),
}

/// The platform's health check.
#[derive(Clone, PartialEq)]
pub struct Ping {
    /// Data API version, such as "3.0"; empty when absent.
    pub version: String,
}

/// The client could not use an earlier answer.
#[derive(Clone, PartialEq)]
pub struct ErrorNotification {
    /// Data API version; empty when absent.
    pub version: String,
    /// The action whose answer was refused.
    pub action: Action,
    /// The screen where that happened; empty when absent.
    pub screen: String,
    /// The token of the conversation; empty when absent.
    pub flow_token: String,
    /// Meta's key for what was wrong.
    pub error: String,
    /// Meta's explanation; empty when absent.
    pub error_message: String,
}

/// One step of a conversation.
#[derive(Clone, PartialEq)]
pub struct DataExchange {
    /// Data API version; empty when absent.
    pub version: String,
    /// What the user did; never [`Action::Navigate`].
    pub action: Action,
    /// The screen that was submitted or left; empty when absent.
    pub screen: String,
    /// The payload of the action; `None` when absent.
    pub data: Option<Object>,
    /// The token of the conversation; empty when absent.
    pub flow_token: String,
    /// A JWT under the app secret that carries the flow token; data API 4.0 only. `None` when absent or empty.
    pub flow_token_signature: Option<String>,
}

/// What the user did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// `INIT`: the flow was opened.
    Init,
    /// `BACK`: the user went back from a screen that has `refresh_on_back`.
    Back,
    /// `data_exchange`: a screen was submitted.
    DataExchange,
    /// `navigate`: seen on error notifications only.
    Navigate,
}

impl Action {
    /// As the client writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Init => "INIT",
            Self::Back => "BACK",
            Self::DataExchange => "data_exchange",
            Self::Navigate => "navigate",
        }
    }
}

impl Request {
    /// Reads an opened plaintext.
    ///
    /// ```
    /// use flow_wire::message::{Action, Request};
    ///
    /// let text = br#"{"version":"3.0","action":"INIT","screen":"","data":{},"flow_token":"t"}"#;
    /// let Request::DataExchange(request) = Request::decode(text)? else { panic!() };
    /// assert_eq!(request.action, Action::Init);
    /// # Ok::<(), flow_wire::message::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub fn decode(plaintext: &[u8]) -> Result<Self, Error> {
        if values(plaintext) > MAX_VALUES {
            return Err(Error::TooManyValues);
        }
        let mut fields = match serde_json::from_slice(plaintext) {
            Ok(Value::Object(fields)) => fields,
            Ok(_) => return Err(Error::NotAnObject),
            Err(_) => return Err(Error::NotJson),
        };
        let action = text(&mut fields, Field::Action)?.ok_or(Error::NoAction)?;
        let version = version(&mut fields)?;
        let screen = text(&mut fields, Field::Screen)?.unwrap_or_default();
        let flow_token = text(&mut fields, Field::FlowToken)?.unwrap_or_default();
        let signature = text(&mut fields, Field::FlowTokenSignature)?;
        let mut data = object(&mut fields, Field::Data)?;
        if data.as_ref().is_some_and(|data| 1 + depth(data.values()) > MAX_DEPTH) {
            return Err(Error::TooDeep);
        }

        let action = match action.as_str() {
            "ping" => return Ok(Self::Ping(Ping { version })),
            "INIT" => Action::Init,
            "BACK" => Action::Back,
            "data_exchange" => Action::DataExchange,
            "navigate" => Action::Navigate,
            _ => return Err(Error::UnknownAction),
        };
        if let Some(data) = data.as_mut().filter(|data| is_error_notification(data)) {
            let error_key = text(data, Field::ErrorKey)?;
            let error = text(data, Field::Error)?.or(error_key).unwrap_or_default();
            let error_message = text(data, Field::ErrorMessage)?.unwrap_or_default();
            let notification = ErrorNotification { version, action, screen, flow_token, error, error_message };
            return Ok(Self::ErrorNotification(notification));
        }
        if action == Action::Navigate {
            return Err(Error::UnknownAction);
        }
        let flow_token_signature = signature.filter(|signature| !signature.is_empty());
        Ok(Self::DataExchange(DataExchange { version, action, screen, data, flow_token, flow_token_signature }))
    }
}

impl fmt::Debug for Ping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ping")
    }
}

impl fmt::Debug for ErrorNotification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ErrorNotification({:?})", self.action)
    }
}

impl fmt::Debug for DataExchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataExchange({:?})", self.action)
    }
}

/// What the client can be answered. `D` is what holds an object's fields until they are written.
#[derive(Clone, PartialEq)]
pub enum Response<D = Object> {
    /// Render a screen. An `error_message` inside `data` shows as a snackbar.
    Screen {
        /// Name of the screen.
        screen: String,
        /// Its data.
        data: D,
    },
    /// End the flow.
    Completion {
        /// What goes into the response message; the platform asks for `flow_token` among it.
        params: D,
    },
    /// The answer to a ping.
    Active,
    /// The answer to an error notification.
    Acknowledged,
    /// The token is no longer valid: the body of a 427.
    InvalidFlowToken {
        /// Text for the user.
        error_msg: String,
    },
}

impl<D: Serialize> Response<D> {
    /// Writes the plaintext of the answer.
    pub fn encode(&self) -> Vec<u8> {
        self.encode_within(usize::MAX).unwrap_or_default()
    }

    /// Writes the plaintext of the answer; `None` where it would be longer than so many bytes, of which no more are written.
    pub fn encode_within(&self, limit: usize) -> Option<Vec<u8>> {
        let mut to = Limited { bytes: Vec::with_capacity(limit.min(128)), limit };
        let written = match self {
            Self::Screen { screen, data } => serde_json::to_writer(&mut to, &Screen { screen, data }),
            Self::Completion { params } => {
                let data = Completed { extension_message_response: ExtensionMessageResponse { params } };
                serde_json::to_writer(&mut to, &Screen { screen: SUCCESS, data: &data })
            }
            Self::Active => serde_json::to_writer(&mut to, &json!({"data": {"status": "active"}})),
            Self::Acknowledged => serde_json::to_writer(&mut to, &json!({"data": {"acknowledged": true}})),
            Self::InvalidFlowToken { error_msg } => serde_json::to_writer(&mut to, &json!({"error_msg": error_msg})),
        };
        // Objects with text for keys always serialise, so only the limit can be in the way.
        written.ok().map(|()| to.bytes)
    }
}

/// Takes no more than so many bytes.
struct Limited {
    bytes: Vec<u8>,
    limit: usize,
}

impl io::Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes).map(|()| bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.len() > self.limit - self.bytes.len() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Serialize)]
struct Screen<'a, D> {
    screen: &'a str,
    data: &'a D,
}

#[derive(Serialize)]
struct Completed<'a, D> {
    extension_message_response: ExtensionMessageResponse<'a, D>,
}

#[derive(Serialize)]
struct ExtensionMessageResponse<'a, D> {
    params: &'a D,
}

impl<D> fmt::Debug for Response<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Screen { .. } => "Screen",
            Self::Completion { .. } => "Completion",
            Self::Active => "Active",
            Self::Acknowledged => "Acknowledged",
            Self::InvalidFlowToken { .. } => "InvalidFlowToken",
        })
    }
}

/// A field of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// `version`: a string, or a number of hundredths.
    Version,
    /// `action`: a string.
    Action,
    /// `screen`: a string.
    Screen,
    /// `data`: an object.
    Data,
    /// `flow_token`: a string.
    FlowToken,
    /// `flow_token_signature`: a string.
    FlowTokenSignature,
    /// `data.error`: a string.
    Error,
    /// `data.error_key`: a string.
    ErrorKey,
    /// `data.error_message`: a string.
    ErrorMessage,
}

impl Field {
    fn name(self) -> &'static str {
        match self {
            Self::Version => "version",
            Self::Action => "action",
            Self::Screen => "screen",
            Self::Data => "data",
            Self::FlowToken => "flow_token",
            Self::FlowTokenSignature => "flow_token_signature",
            Self::Error => "error",
            Self::ErrorKey => "error_key",
            Self::ErrorMessage => "error_message",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why an opened plaintext is no request. Every one of them is answered with status 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not JSON, or not UTF-8.
    #[error("the message is not JSON")]
    NotJson,
    /// JSON, but not an object.
    #[error("the message is not a JSON object")]
    NotAnObject,
    /// There is no action.
    #[error("the message has no action")]
    NoAction,
    /// An action that never reaches an endpoint.
    #[error("the message's action is none of INIT, BACK, data_exchange and ping")]
    UnknownAction,
    /// A known field of another type than [`Field`] says.
    #[error("the message's {0} has the wrong type")]
    WrongType(Field),
    /// See [`MAX_DEPTH`].
    #[error("the message's data nests deeper than 30 levels")]
    TooDeep,
    /// See [`MAX_VALUES`].
    #[error("the message holds more than 10,000 values")]
    TooManyValues,
}

/// Takes a field out; null counts as absent.
fn take(fields: &mut Object, field: Field) -> Option<Value> {
    fields.remove(field.name()).filter(|value| !value.is_null())
}

fn text(fields: &mut Object, field: Field) -> Result<Option<String>, Error> {
    match take(fields, field) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Error::WrongType(field)),
    }
}

fn object(fields: &mut Object, field: Field) -> Result<Option<Object>, Error> {
    match take(fields, field) {
        None => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object)),
        Some(_) => Err(Error::WrongType(field)),
    }
}

/// `"3.0"`, and 300 or `"300"` for it, as clients write on some error notifications. Later versions likewise.
fn version(fields: &mut Object) -> Result<String, Error> {
    let hundreds = |number: u64| (number >= 100 && number.is_multiple_of(100)).then(|| format!("{}.0", number / 100));
    match take(fields, Field::Version) {
        None => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.parse().ok().and_then(hundreds).unwrap_or(text)),
        Some(Value::Number(number)) => number.as_u64().and_then(hundreds).ok_or(Error::WrongType(Field::Version)),
        Some(_) => Err(Error::WrongType(Field::Version)),
    }
}

/// An error notification's data holds nothing but `error`, `error_key` and `error_message`, and one of the first two. So does a form
/// whose only field is called `error`: what tells them apart is that Meta explains its key, or that the key looks like Meta's.
pub fn is_error_notification(data: &Object) -> bool {
    let known = |key: &String| matches!(key.as_str(), "error" | "error_key" | "error_message");
    let given = |key: &str| data.get(key).filter(|value| !value.is_null());
    let Some(key) = given("error").or_else(|| given("error_key")) else { return false };
    let is_explained = given("error_message").is_some_and(|message| message != "");
    data.keys().all(known) && (is_explained || key.as_str().is_some_and(is_like_metas))
}

/// Lower-case words joined by hyphens, as in `payload-schema-error`.
fn is_like_metas(key: &str) -> bool {
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    key.contains('-') && key.split('-').all(is_word)
}

/// How many values a JSON text holds at most, known before any of it is built: one more than there are commas and brackets.
fn values(text: &[u8]) -> usize {
    let (mut count, mut is_string, mut is_escaped) = (1, false, false);
    for byte in text {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = is_string,
            b'"' => is_string = !is_string,
            b',' | b'[' | b'{' if !is_string => count += 1,
            _ => {}
        }
    }
    count
}

/// The deepest nesting among `values`; a scalar has none.
fn depth<'a>(values: impl Iterator<Item = &'a Value>) -> usize {
    // serde_json refuses to read beyond 128 levels, which bounds the recursion.
    let nested = values.map(|value| match value {
        Value::Array(values) => 1 + depth(values.iter()),
        Value::Object(fields) => 1 + depth(fields.values()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    });
    nested.max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(message: Value) -> Result<Request, Error> {
        Request::decode(message.to_string().as_bytes())
    }

    fn exchange(message: Value) -> DataExchange {
        match decode(message) {
            Ok(Request::DataExchange(request)) => request,
            other => panic!("not a data exchange: {other:?}"),
        }
    }

    fn notification(message: Value) -> ErrorNotification {
        match decode(message) {
            Ok(Request::ErrorNotification(notification)) => notification,
            other => panic!("not an error notification: {other:?}"),
        }
    }

    #[test]
    fn a_data_exchange_is_read_whole() {
        let request = exchange(json!({
            "version": "4.0", "action": "data_exchange", "screen": "DETAILS", "data": {"name": "Ada"},
            "flow_token": "token", "flow_token_signature": "a.b.c", "later": 1,
        }));
        assert_eq!(request.version, "4.0");
        assert_eq!(request.action, Action::DataExchange);
        assert_eq!(request.screen, "DETAILS");
        assert_eq!(request.data, json!({"name": "Ada"}).as_object().cloned());
        assert_eq!(request.flow_token, "token");
        assert_eq!(request.flow_token_signature.as_deref(), Some("a.b.c"));
    }

    #[test]
    fn absent_null_and_empty_are_told_apart_for_data_only() {
        for message in [json!({"action": "INIT"}), json!({"action": "INIT", "data": null, "screen": null})] {
            let request = exchange(message);
            assert_eq!((request.screen.as_str(), request.flow_token.as_str(), request.data), ("", "", None));
        }
        let request = exchange(json!({"action": "BACK", "screen": "", "data": {}, "flow_token_signature": ""}));
        assert_eq!((request.data, request.flow_token_signature), (Some(Object::new()), None));
    }

    #[test]
    fn a_version_may_be_a_number_of_hundredths() {
        for (sent, read) in [
            (json!("3.0"), "3.0"),
            (json!("4.0"), "4.0"),
            (json!(300), "3.0"),
            (json!(400), "4.0"),
            (json!("300"), "3.0"),
            (json!("400"), "4.0"),
            (json!("5.1"), "5.1"),
            (json!(null), ""),
        ] {
            assert_eq!(exchange(json!({"action": "INIT", "version": sent})).version, read, "{sent}");
        }
        for sent in [json!(3), json!(3.0), json!(-300), json!(350), json!(true), json!({})] {
            let error = decode(json!({"action": "INIT", "version": sent})).unwrap_err();
            assert_eq!(error, Error::WrongType(Field::Version), "{sent}");
        }
    }

    #[test]
    fn an_error_notification_is_known_by_its_data() {
        for (action, wanted) in
            [("INIT", Action::Init), ("data_exchange", Action::DataExchange), ("navigate", Action::Navigate)]
        {
            let read = notification(json!({
                "version": 300, "action": action, "screen": "S", "flow_token": "t",
                "data": {"error_key": "payload-schema-error", "error_message": "why"},
            }));
            assert_eq!((read.action, read.error.as_str()), (wanted, "payload-schema-error"));
            assert_eq!((read.version.as_str(), read.error_message.as_str()), ("3.0", "why"));
        }
        let both = json!({"action": "BACK", "data": {"error": "of-one", "error_key": "of-two"}});
        assert_eq!(notification(both).error, "of-one");
        let explained = json!({"action": "BACK", "data": {"error": "Its own words", "error_message": "why"}});
        assert_eq!(notification(explained).error, "Its own words");
    }

    #[test]
    fn other_data_is_no_error_notification() {
        for data in [
            json!({"error_message": "x"}),
            json!({"error": "payload-schema-error", "name": "y"}),
            json!({"error": null, "error_key": null}),
            json!({}),
            // A form whose one field is called so.
            json!({"error": "the printer is jammed"}),
            json!({"error": "jammed"}),
            json!({"error": "Paper-Jam"}),
            json!({"error": "paper-"}),
            json!({"error": "e-404"}),
            json!({"error": ""}),
            json!({"error": true}),
            json!({"error_key": 7}),
            json!({"error": "jammed", "error_message": null}),
            json!({"error": "jammed", "error_message": ""}),
            json!({"error": null, "error_key": "jammed"}),
            json!({"error": "jammed", "error_key": "payload-schema-error"}),
        ] {
            exchange(json!({"action": "data_exchange", "data": data}));
            assert_eq!(decode(json!({"action": "navigate", "data": data})).unwrap_err(), Error::UnknownAction);
        }
        let ping = decode(json!({"action": "ping", "data": {"error": "x"}}));
        assert!(matches!(ping, Ok(Request::Ping(_))), "a ping is a ping whatever its data");
    }

    #[test]
    fn what_is_no_request_says_why() {
        assert_eq!(Request::decode(b"").unwrap_err(), Error::NotJson);
        assert_eq!(Request::decode(b"{\"action\":\"INIT\"} x").unwrap_err(), Error::NotJson);
        assert_eq!(Request::decode(b"{\"action\":\"\xff\"}").unwrap_err(), Error::NotJson);
        assert_eq!(Request::decode("[".repeat(MAX_VALUES / 2).as_bytes()).unwrap_err(), Error::NotJson);
        assert_eq!(decode(json!([])).unwrap_err(), Error::NotAnObject);
        assert_eq!(decode(json!({})).unwrap_err(), Error::NoAction);
        for action in ["init", "PING", "", "update_data", "navigate"] {
            assert_eq!(decode(json!({"action": action})).unwrap_err(), Error::UnknownAction, "{action}");
        }
        for (field, message) in [
            (Field::Action, json!({"action": 1})),
            (Field::Screen, json!({"action": "INIT", "screen": 1})),
            (Field::Data, json!({"action": "INIT", "data": []})),
            (Field::FlowToken, json!({"action": "ping", "flow_token": {}})),
            (Field::FlowTokenSignature, json!({"action": "INIT", "flow_token_signature": true})),
            (Field::Error, json!({"action": "INIT", "data": {"error": true, "error_message": "why"}})),
            (Field::ErrorKey, json!({"action": "INIT", "data": {"error_key": 7, "error_message": "why"}})),
            (Field::ErrorMessage, json!({"action": "INIT", "data": {"error": "x-y", "error_message": []}})),
        ] {
            assert_eq!(decode(message).unwrap_err(), Error::WrongType(field));
        }
    }

    #[test]
    fn data_nests_30_levels_and_no_more() {
        // `data` is the first level, the lists make the others.
        let nested =
            |lists: usize| format!(r#"{{"action":"INIT","data":{{"x":{}{}}}}}"#, "[".repeat(lists), "]".repeat(lists));
        assert!(Request::decode(nested(29).as_bytes()).is_ok());
        assert_eq!(Request::decode(nested(30).as_bytes()).unwrap_err(), Error::TooDeep);
    }

    #[test]
    fn answers_are_what_the_guide_prints() {
        let object = |value: Value| value.as_object().cloned().unwrap();
        for (response, wanted) in [
            (
                Response::Screen { screen: "A".into(), data: object(json!({"error_message": "no"})) },
                json!({"screen": "A", "data": {"error_message": "no"}}),
            ),
            (
                Response::Completion { params: object(json!({"flow_token": "t"})) },
                json!({"screen": "SUCCESS", "data": {"extension_message_response": {"params": {"flow_token": "t"}}}}),
            ),
            (Response::Active, json!({"data": {"status": "active"}})),
            (Response::Acknowledged, json!({"data": {"acknowledged": true}})),
            (Response::InvalidFlowToken { error_msg: "old".into() }, json!({"error_msg": "old"})),
        ] {
            assert_eq!(serde_json::from_slice::<Value>(&response.encode()).unwrap(), wanted);
        }
    }

    #[test]
    fn payloads_and_tokens_are_not_printed() {
        let request = decode(json!({"action": "INIT", "flow_token": "marker", "data": {"marker": 1}})).unwrap();
        assert_eq!(format!("{request:?}"), "DataExchange(DataExchange(Init))");
        let response = Response::<Object>::InvalidFlowToken { error_msg: "marker".into() };
        assert_eq!(format!("{response:?}"), "InvalidFlowToken");
    }

    #[test]
    fn a_message_holds_up_to_ten_thousand_values() {
        let message = |count: usize| {
            let zeros = vec!["0"; count].join(",");
            format!(r#"{{"action":"data_exchange","screen":"A,[{{\",\\","data":{{"zeros":[{zeros}]}}}}"#)
        };
        // The message, its action, screen and data, and the list: one is counted for each bracket and comma, and one more.
        let others = 1 + 3 + 2;
        let fits = Request::decode(message(MAX_VALUES - others + 1).as_bytes());
        assert!(matches!(fits, Ok(Request::DataExchange(_))), "{fits:?}");
        let error = Request::decode(message(MAX_VALUES - others + 2).as_bytes()).unwrap_err();
        assert_eq!(error, Error::TooManyValues);
        // However it is spelled, and before it is read.
        for text in ["[".repeat(MAX_VALUES), "{},".repeat(MAX_VALUES), r#"{"":[]},"#.repeat(MAX_VALUES)] {
            assert_eq!(Request::decode(text.as_bytes()).unwrap_err(), Error::TooManyValues);
        }
    }
}
