//! What every look at the structure reports alike.

use crate::code::Code;
use crate::finding::{Findings, Severity};
use crate::json::Node;
use crate::schema::Shape;
use crate::version::Version;

pub(super) struct Structure<'a> {
    pub(super) version: Version,
    pub(super) findings: &'a mut Findings,
}

impl Structure<'_> {
    /// Of a version newer than the tables, what they do not know may be new.
    pub(super) fn unknown_is(&self) -> Severity {
        if self.version > Version::NEWEST { Severity::Warning } else { Severity::Error }
    }

    pub(super) fn wrong_type(&mut self, node: &Node<'_>, name: &str, shape: Shape) {
        let message = format!("`{name}` is {}", node.type_name());
        let place = if node.is_object() { node.span.opening() } else { node.span };
        self.findings.error(Code::InvalidPropertyType, place, message, shape.expected());
    }

    /// A string that must be known beforehand.
    pub(super) fn known(&mut self, node: &Node<'_>, name: &str, text: &str) {
        if looks_dynamic(text) {
            let message = format!("`{name}` cannot be a reference");
            self.findings.error(Code::InvalidPropertyValueFormat, node.span, message, "a string that is known");
        }
    }
}

/// A whole reference or an expression, which the rules of references read.
pub(super) fn looks_dynamic(text: &str) -> bool {
    let backticks = text.len() > 1 && text.starts_with('`') && text.ends_with('`');
    backticks || (text.starts_with("${") && text.ends_with('}'))
}
