//! Flow JSON, the screens of a WhatsApp Flow: read with positions, checked, and held against the answers of an endpoint.
//!
//! Three things are here, for versions 2.1 to 7.3 of the format:
//!
//! - [`check()`] finds what the platform would refuse at upload, and what only shows on a phone or breaks later. Each
//!   [`Finding`] has line, column, JSON pointer, the platform's own [`Code`] where there is one, and what would be right.
//! - [`Judge`] holds an endpoint's answer against the screens: may this screen follow, does the data fit its model, does a
//!   phone show it. It is made once per file, takes microseconds, and its verdicts never hold a value.
//! - [`model`] is what the file says, with [`expression`] for what is computed on the phone: enough to play a flow.
//!
//! ```
//! use flow_json::{Answer, Action, Judge, Request, check, verdict};
//! use prost_types::{Struct, Value};
//!
//! let text = r#"{
//!   "version": "7.3", "data_api_version": "4.0", "routing_model": {"NAME": ["DONE"], "DONE": []},
//!   "screens": [
//!     {"id": "NAME", "data": {"hint": {"type": "string", "__example__": "As in your passport"}},
//!      "layout": {"type": "SingleColumnLayout", "children": [
//!        {"type": "TextInput", "name": "name", "label": "Name", "helper-text": "${data.hnt}"},
//!        {"type": "Footer", "label": "Next",
//!         "on-click-action": {"name": "data_exchange", "payload": {"name": "${form.name}"}}}]}},
//!     {"id": "DONE", "terminal": true,
//!      "layout": {"type": "SingleColumnLayout", "children": [
//!        {"type": "Footer", "label": "Close", "on-click-action": {"name": "complete", "payload": {}}}]}}
//!   ]
//! }"#;
//!
//! let checked = check(text);
//! let finding = &checked.findings[0];
//! assert_eq!(finding.code.as_str(), "INVALID_SCREEN_DYNAMIC_DATA");
//! assert_eq!((finding.start.line, finding.start.column), (6, 78));
//! assert_eq!(finding.pointer, "/screens/0/layout/children/0/helper-text");
//! assert_eq!(finding.help, "did you mean `hint`?");
//!
//! let flow = checked.flow.ok_or("no flow")?;
//! let judge = Judge::new([&flow]);
//! let data = Struct { fields: [("hint".to_owned(), Value::from(7.0))].into() };
//! let request = Request { action: Action::Init, screen: "" };
//! let verdicts = judge.judge(&request, &Answer { screen: "NAME", data: &data });
//! assert_eq!(verdicts[0].code.as_str(), "payload-schema-error");
//! assert_eq!(verdicts[0].pointer, "/data/hint");
//! assert_eq!(verdicts[0].severity, verdict::Severity::Refused);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`explain`] has a page for every code. The crate does no I/O, is not asynchronous, and knows no protocol but the answer's
//! screen and data.

pub mod check;
mod code;
pub mod expression;
mod finding;
mod json;
mod judge;
mod limits;
pub mod model;
mod schema;
mod span;
pub mod verdict;
mod version;

pub use check::{Checked, check};
pub use code::{Code, explain};
pub use finding::{Finding, Severity};
pub use judge::{Action, Answer, Judge, Request};
pub use model::Flow;
pub use schema::Kind;
pub use span::{Position, Span};
pub use verdict::Verdict;
pub use version::{State, Version};
