//! What every rule has before it: the flow, where its parts stand, and the types of what references lead to.

use std::collections::HashMap;

use crate::expression::{Reference, Source, Type};
use crate::finding::Findings;
use crate::json::Node;
use crate::model::{self, Flow, Screen};
use crate::schema::Kind;
use crate::span::Span;

/// What a rule has before it.
pub(super) struct Rules<'a> {
    pub(super) flow: &'a Flow,
    pub(super) root: &'a Node<'a>,
    pub(super) text: &'a str,
    pub(super) index: &'a Index<'a>,
    pub(super) findings: &'a mut Findings,
}

/// Fields by screen and name, since many references read them.
pub(super) struct Index<'a> {
    pub(super) flow: &'a Flow,
    /// A screen by its place: two may have one id.
    fields: HashMap<(Span, &'a str), &'a model::Component>,
}

impl<'a> Index<'a> {
    pub(super) fn new(flow: &'a Flow) -> Self {
        let of_screen = |screen: &'a Screen| {
            screen.fields().into_iter().rev().map(|(name, field)| ((screen.span, name.text.as_str()), field))
        };
        Self { flow, fields: flow.screens.iter().flat_map(of_screen).collect() }
    }

    pub(super) fn field(&self, screen: &Screen, name: &str) -> Option<&'a model::Component> {
        self.fields.get(&(screen.span, name)).copied()
    }
}

/// The type of what a reference on a screen leads to; unknown where it leads nowhere, which is another rule's to report.
pub(super) fn type_of(index: &Index<'_>, screen: &Screen, reference: &Reference) -> Type {
    let screen = match &reference.screen {
        None => Some(screen),
        Some(id) => index.flow.screen(id),
    };
    match (screen, reference.source) {
        (None, _) => Type::Unknown,
        (Some(screen), Source::Data) => {
            let declared = screen.data.as_ref().and_then(|data| data.at(&reference.path).ok());
            declared.map_or(Type::Unknown, |declared| declared.kind)
        }
        (Some(screen), Source::Form) if reference.path.len() == 1 => {
            index.field(screen, reference.name()).map_or(Type::Unknown, field_type)
        }
        (Some(_), Source::Form) => Type::Unknown,
    }
}

/// The type of what the user puts in.
fn field_type(field: &model::Component) -> Type {
    match field.kind {
        Kind::TextInput if field.text("input-type") == Some("number") => Type::NumberOrText,
        Kind::TextInput | Kind::TextArea | Kind::RadioButtonsGroup | Kind::Dropdown | Kind::DatePicker => Type::Text,
        Kind::CheckboxGroup | Kind::ChipsSelector | Kind::PhotoPicker | Kind::DocumentPicker => Type::List,
        Kind::OptIn => Type::Boolean,
        Kind::CalendarPicker if field.is_range() => Type::Object,
        Kind::CalendarPicker => Type::Text,
        _ => Type::Unknown,
    }
}
