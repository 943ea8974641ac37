//! What a Flow JSON says, each part with its place in the file: what the rules, the judge and every other reader work on.
//!
//! The model holds what could be understood. Mistakes are [`check`](crate::check())'s to report; a part that makes no sense is
//! left out here.

mod data;
mod flow;
mod lower;
mod name;
mod template;

pub(crate) use data::PathError;
pub use data::{DataModel, DataType, Declared};
pub use flow::{Action, ActionKind, Block, Component, Flow, Property, Route, Screen};
pub(crate) use lower::{lower, place};
pub use name::Name;
pub use template::{Template, TemplateKind};
