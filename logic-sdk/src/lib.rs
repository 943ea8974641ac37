//! The screens and decisions of a WhatsApp flow, in Rust.
//!
//! flow-edge stands at the business's HTTPS endpoint. It checks the platform's signature, opens the encrypted request and
//! calls the gRPC service `flow.v1.FlowService`; it seals the answer again. This crate is that service's server: implement
//! [`FlowLogic`], call [`serve`]. No key, signature or ciphertext comes this far, and the crate knows no flow: it keeps no
//! sessions and no state of its own.
//!
//! # Five-minute start
//!
//! ```toml
//! [dependencies]
//! flow-logic-sdk = { path = "../logic-sdk" }
//! serde = { version = "1", features = ["derive"] }
//! serde_json = "1"
//! tokio = { version = "1", features = ["macros", "rt-multi-thread"] }
//! ```
//!
//! One method answers every step of a conversation. A flow with a single screen, which asks for a table in a restaurant:
//!
//! ```no_run
//! use flow_logic_sdk::{Action, DataExchange, Error, FlowLogic, Reply};
//! use serde_json::json;
//!
//! struct Tables;
//!
//! impl FlowLogic for Tables {
//!     async fn data_exchange(&self, request: DataExchange) -> Result<Reply, Error> {
//!         match (request.action, request.screen.as_str()) {
//!             (Action::Init, _) => Ok(Reply::screen("TABLE", json!({"max_guests": 8}))),
//!             (Action::DataExchange, "TABLE") => Ok(Reply::complete(json!({"reference": "T-1"}))),
//!             (action, screen) => Err(Error::internal(format!("the flow has no {action:?} on `{screen}`"))),
//!         }
//!     }
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let _telemetry = flow_logic_sdk::start_telemetry(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))?;
//!     Ok(flow_logic_sdk::serve(Tables).await?)
//! }
//! ```
//!
//! `cargo run` logs `listening address=127.0.0.1:50051`. Name that address in flow-edge's configuration as the endpoint's
//! `logic.url`, `http://127.0.0.1:50051`.
//!
//! # Typed form data
//!
//! [`DataExchange::data`] reads the form into a type of yours. Where components on one screen send different payloads, an enum
//! tells them apart:
//!
//! ```
//! use flow_logic_sdk::{DataExchange, Error, FlowLogic, Reply, testing::Conversation};
//! use serde::{Deserialize, Serialize};
//! use serde_json::json;
//!
//! #[derive(Deserialize)]
//! #[serde(tag = "trigger", rename_all = "snake_case")]
//! enum Form {
//!     DateSelected { date: String },
//!     TableRequested { date: String, guests: u8, remark: Option<String> },
//! }
//!
//! #[derive(Serialize)]
//! struct TableScreen {
//!     free_tables: u32,
//!     is_time_enabled: bool,
//! }
//!
//! # struct Tables;
//! #
//! impl FlowLogic for Tables {
//!     async fn data_exchange(&self, request: DataExchange) -> Result<Reply, Error> {
//!         match request.data()? {
//!             Form::DateSelected { date: _ } => {
//!                 Ok(Reply::screen("TABLE", TableScreen { free_tables: 3, is_time_enabled: true }))
//!             }
//!             Form::TableRequested { date, guests, remark: _ } => {
//!                 Ok(Reply::complete(json!({"date": date, "guests": guests})))
//!             }
//!         }
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Error> {
//! let conversation = Conversation::new(&Tables, "token");
//! let answer = conversation.submit("TABLE", json!({"trigger": "date_selected", "date": "2025-01-31"})).await?;
//! assert_eq!(answer.data(), &json!({"free_tables": 3, "is_time_enabled": true}));
//!
//! let form = json!({"trigger": "table_requested", "date": "2025-01-31", "guests": "Ada and Bob"});
//! let error = conversation.submit("TABLE", form).await.unwrap_err();
//! assert_eq!(error.to_string(), "form data: expected u8, found a string");
//! # Ok(())
//! # }
//! ```
//!
//! A form that does not fit is a [`FormError`], which `?` turns into an [`Error`]. It never quotes what the user typed. It names
//! the field, too, except inside an enum told apart by a tag, as here, where serde forgets it.
//!
//! The contract has one kind of number, the double. Whole numbers in it read as any integer type, and a whole number in a
//! reply reaches the client as `7`, never `7.0`. Beyond ±2^53 a double is no longer exact: send such identifiers as strings.
//!
//! # Errors and replies
//!
//! What a user can read and act on is a reply. An error is for the people who run the service: the user sees the client's
//! generic text and may press "retry".
//!
//! | what happened | answer |
//! |---|---|
//! | the user mistyped something, or the last table has just gone | [`Reply::screen`] of the same screen, with [`Reply::error_message`] |
//! | the flow is finished, or the message that opened it too old | [`Reply::invalid_token`]: the message's button is disabled |
//! | the form and the code disagree | `?` on [`DataExchange::data`] |
//! | the database cannot be reached | [`Error::unavailable`] |
//! | the database takes too long | [`Error::deadline_exceeded`]; [`DataExchange::deadline`] says how long it may |
//! | anything else broke | [`Error::internal`] |
//!
//! ```
//! use flow_logic_sdk::{DataExchange, Error, FlowLogic, Reply, testing::Conversation};
//! use serde::Deserialize;
//! use serde_json::json;
//!
//! #[derive(Deserialize)]
//! struct Contact {
//!     email: String,
//! }
//!
//! # struct Tables;
//! #
//! impl FlowLogic for Tables {
//!     async fn data_exchange(&self, request: DataExchange) -> Result<Reply, Error> {
//!         let contact: Contact = request.data()?;
//!         if !contact.email.contains('@') {
//!             let typed = json!({"email": contact.email});
//!             return Ok(Reply::screen("CONTACT", typed).error_message("This is no email address."));
//!         }
//!         Err(Error::unavailable("the bookings database is not reachable"))
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Error> {
//! let conversation = Conversation::new(&Tables, "token");
//! let answer = conversation.submit("CONTACT", json!({"email": "ada"})).await?;
//! assert_eq!(answer.screen(), Some("CONTACT"));
//! assert_eq!(answer.error_message(), Some("This is no email address."));
//!
//! let error = conversation.submit("CONTACT", json!({"mail": "ada@example.com"})).await.unwrap_err();
//! assert_eq!(error.to_string(), "form data, field `email`: missing");
//! # Ok(())
//! # }
//! ```
//!
//! The text of an error goes into the log of this service and, as the gRPC status message, to the edge. Keep tokens and form
//! data out of it. For programs the status carries a reason ([`Error`] lists them).
//!
//! A panic fails its call with `the logic panicked`; its own message, which may quote form data, is not sent, and
//! [`start_telemetry`] keeps it out of the log as well: the line has the place and the call's endpoint and request id.
//!
//! The client checks each answer in its turn. When it refuses one, the platform reports that to [`FlowLogic::error`]; the
//! default logs the platform's error key.
//!
//! # The same form twice
//!
//! A user who sees the generic error may press "retry", also when the first attempt did its work and only the answer was lost.
//! The same form then arrives again under a new request id. Recognise it by flow token, action, screen and data:
//!
//! ```
//! use flow_logic_sdk::{DataExchange, Error, FlowLogic, Reply, testing::Conversation};
//! use serde_json::json;
//! use std::collections::HashMap;
//! use std::sync::Mutex;
//!
//! #[derive(Default)]
//! struct Tables {
//!     /// Booking number by flow token. A service with replicas has a database with a unique index instead.
//!     bookings: Mutex<HashMap<String, usize>>,
//! }
//!
//! impl FlowLogic for Tables {
//!     async fn data_exchange(&self, request: DataExchange) -> Result<Reply, Error> {
//!         let Some(token) = request.flow_token else {
//!             return Ok(Reply::invalid_token("Please write to us, and we will book a table for you."));
//!         };
//!         let mut bookings = self.bookings.lock().map_err(|_| Error::internal("the bookings are unusable"))?;
//!         let next = bookings.len() + 1;
//!         let number = *bookings.entry(token).or_insert(next);
//!         Ok(Reply::complete(json!({"booking": number})))
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Error> {
//! let tables = Tables::default();
//! let conversation = Conversation::new(&tables, "token of one message");
//! let first = conversation.submit("TABLE", json!({"guests": 2})).await?;
//! let retry = conversation.submit("TABLE", json!({"guests": 2})).await?;
//! assert_eq!(first.params()["booking"], 1);
//! assert_eq!(retry, first);
//! # Ok(())
//! # }
//! ```
//!
//! Some clients send no token, and a message sent without one of its own has the token `"unused"`: neither is a key.
//!
//! # Testing
//!
//! [`testing::Conversation`] plays a user against a logic in the test's own process, as the examples above do. Messages pass
//! through their real encoding, so what the edge could not read or would refuse for its form fails the test.
//!
//! ```
//! # use flow_logic_sdk::{Action, DataExchange, Error, FlowLogic, Reply, testing::Conversation};
//! # use serde_json::json;
//! # struct Tables;
//! # impl FlowLogic for Tables {
//! #     async fn data_exchange(&self, request: DataExchange) -> Result<Reply, Error> {
//! #         match request.action {
//! #             Action::Init => Ok(Reply::screen("TABLE", json!({"max_guests": 8}))),
//! #             Action::Back => Ok(Reply::screen("TABLE", json!({"max_guests": 8}))),
//! #             Action::DataExchange => Ok(Reply::complete(json!({"reference": "T-1"}))),
//! #         }
//! #     }
//! # }
//! // in a test module: #[tokio::test]
//! async fn a_table_is_booked() -> Result<(), Error> {
//!     let conversation = Conversation::new(&Tables, "token");
//!     assert_eq!(conversation.init().await?.data()["max_guests"], 8);
//!     assert_eq!(conversation.back("CONTACT").await?.screen(), Some("TABLE"));
//!     let answer = conversation.submit("TABLE", json!({"guests": 2})).await?;
//!     assert_eq!(answer.params()["reference"], "T-1");
//!     conversation.ping().await
//! }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Error> {
//! #     a_table_is_booked().await
//! # }
//! ```
//!
//! The client looks at each answer before it shows it, and refuses one that the Flow JSON does not allow. So can a test, with the
//! feature `flow-json`, which only tests need:
//!
//! ```toml
//! [dev-dependencies]
//! flow-logic-sdk = { path = "../logic-sdk", features = ["flow-json"] }
//! ```
//!
//! `Conversation::with_flow` takes the text of the file. An answer with a screen that may not follow, or with data that its screen
//! does not declare so, then fails the test with code, place and rule. `Conversation::warnings` has what some phones show
//! otherwise than meant: a text that is cut off, or a way back.
//!
//! ```
//! # use flow_logic_sdk::{DataExchange, Error, FlowLogic, Reply, testing::Conversation};
//! # use serde_json::json;
//! # struct Tables;
//! # impl FlowLogic for Tables {
//! #     async fn data_exchange(&self, _: DataExchange) -> Result<Reply, Error> {
//! #         Ok(Reply::screen("TABLE", json!({"max_guests": 8})))
//! #     }
//! # }
//! // In your tests: include_str!("../flow.json")
//! const FLOW: &str = r#"{
//!   "version": "7.3", "data_api_version": "4.0", "routing_model": {"TABLE": []},
//!   "screens": [{
//!     "id": "TABLE", "title": "A table", "terminal": true,
//!     "data": {"max_guests": {"type": "number", "__example__": 8}},
//!     "layout": {"type": "SingleColumnLayout", "children": [
//!       {"type": "TextBody", "text": "`'Up to ' ${data.max_guests}`"},
//!       {"type": "Footer", "label": "Book", "on-click-action": {"name": "data_exchange", "payload": {}}}]}}]
//! }"#;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Error> {
//! let conversation = Conversation::new(&Tables, "token").with_flow(FLOW);
//! assert_eq!(conversation.init().await?.screen(), Some("TABLE"));
//! assert_eq!(conversation.warnings(), []);
//! # Ok(())
//! # }
//! ```
//!
//! A logic that answers with `{"max_guests": "8"}` fails that test:
//!
//! ```text
//! the client would refuse the screen `TABLE`, answered to INIT:
//!   payload-schema-error at /data/max_guests: declared as number, and this is a string
//! payload-schema-error: The data does not fit the model of its screen: a declared key is missing, has another type …
//! ```
//!
//! # Serving
//!
//! Each function is the one before it with one more thing in your hands:
//!
//! | | listens on | stops on |
//! |---|---|---|
//! | [`serve`] | the address or Unix socket in `FLOW_LOGIC_LISTEN`, by default `127.0.0.1:50051`; with the feature `tls` over TLS where [its variables](serve) say so | SIGTERM, ctrl-c |
//! | [`serve_on`] | your listener | SIGTERM, ctrl-c |
//! | [`serve_until`] | your listener | your future |
//!
//! All of them serve `grpc.health.v1.Health`, by which the edge and Kubernetes learn that the logic is ready, and server
//! reflection. On a stop health turns to `NOT_SERVING` and calls in flight get 10 seconds to finish. Connections are renewed
//! after about 5 minutes, so that new replicas get their share also behind a plain Kubernetes Service; calls in flight finish
//! there too. With `FLOW_CONFORMANCE_MODE=1`, for tests alone, the service also does what `flowctl conformance` tells it. Log lines are [`tracing`] events; those written during a call carry its endpoint and request id.
//!
//! ```
//! # use flow_logic_sdk::{DataExchange, Error, FlowLogic, Reply};
//! # struct Tables;
//! # impl FlowLogic for Tables {
//! #     async fn data_exchange(&self, _: DataExchange) -> Result<Reply, Error> {
//! #         Ok(Reply::invalid_token(""))
//! #     }
//! # }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
//! let server = tokio::spawn(flow_logic_sdk::serve_until(Tables, listener, async move {
//!     let _ = stopped.await;
//! }));
//! // … the server answers here …
//! let _ = stop.send(());
//! server.await??;
//! # Ok(())
//! # }
//! ```

mod conformance;
mod error;
mod form;
mod listen;
mod logic;
mod reply;
mod request;
mod serve;
mod service;
pub mod testing;
mod tls;
mod trace;

pub use error::Error;
pub use form::FormError;
pub use listen::LISTEN_VARIABLE;
pub use logic::FlowLogic;
pub use reply::Reply;
pub use request::{Action, DataExchange, ErrorNotification, Ping};
pub use serve::{ServeError, serve, serve_on, serve_until};
pub use service::service;
pub use trace::start_telemetry;

pub use flow_telemetry::{Telemetry, TelemetryError};
