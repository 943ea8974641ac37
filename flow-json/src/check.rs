//! `check`: a file against the rules, in the order in which one rests on the other.
//!
//! A table of contents: each module holds the rules of one subject, each rule a short function, and `rules/CODE.md` the page
//! of what it finds.

mod actions;
mod components;
mod data;
mod device;
mod footers;
mod forms;
mod later;
mod payloads;
mod placement;
mod references;
mod routing;
mod screens;
mod structure;
mod version;

use std::collections::HashMap;

use crate::code::Code;
use crate::expression::{Reference, Source, Type};
use crate::finding::{Finding, Findings, Severity};
use crate::json;
use crate::model::{self, Flow, Screen};
use crate::schema::Kind;
use crate::span::Span;

/// What a check brings.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The screens, as far as they were understood; none where the text is no JSON object or has no known version.
    pub flow: Option<Flow>,
    /// In the order of the file.
    pub findings: Vec<Finding>,
}

impl Checked {
    /// The platform would refuse the file.
    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }
}

/// Holds a Flow JSON against the rules of its version.
///
/// ```
/// let checked = flow_json::check(r#"{"version": "7.3", "screens": [], "routingmodel": {}}"#);
/// let finding = checked.findings.iter().find(|finding| finding.pointer == "/routingmodel").unwrap();
/// assert_eq!(finding.code.as_str(), "INVALID_PROPERTY_KEY");
/// assert_eq!((finding.start.line, finding.start.column), (1, 35));
/// assert_eq!(finding.help, "did you mean `routing_model`?");
/// ```
pub fn check(text: &str) -> Checked {
    let mut findings = Findings::default();
    let root = json::parse(text, &mut findings);
    let mut flow = None;
    if let Some(root) = &root {
        if !root.is_object() {
            let message = format!("the file is {}", root.type_name());
            findings.error(Code::InvalidFlowJson, root.span, message, "an object with `version` and `screens`");
        } else if let Some(version) = version::check(root, &mut findings) {
            structure::check(root, version, &mut findings);
            data::check(root, &mut findings);
            flow = Some(model::lower(root, version, text, &mut findings));
        }
    }
    if let (Some(flow), Some(root)) = (&flow, &root) {
        let index = Index::new(flow);
        let mut rules = Rules { flow, root, text, index: &index, findings: &mut findings };
        if too_many(flow) {
            // The rest would be said of each of thousands.
            placement::check(&mut rules);
            let findings = findings.finish(text, Some(root));
            return Checked { flow: Some(flow.clone()), findings };
        }
        routing::check(&mut rules);
        screens::check(&mut rules);
        placement::check(&mut rules);
        footers::check(&mut rules);
        forms::check(&mut rules);
        components::check(&mut rules);
        actions::check(&mut rules);
        payloads::check(&mut rules);
        references::check(&mut rules);
        device::check(&mut rules);
        later::check(&mut rules);
    }
    let findings = findings.finish(text, root.as_ref());
    Checked { flow, findings }
}

/// What a rule has before it.
struct Rules<'a> {
    flow: &'a Flow,
    root: &'a json::Node<'a>,
    text: &'a str,
    index: &'a Index<'a>,
    findings: &'a mut Findings,
}

/// Fields by screen and name, since many references read them.
struct Index<'a> {
    flow: &'a Flow,
    /// A screen by its place: two may have one id.
    fields: HashMap<(Span, &'a str), &'a model::Component>,
}

impl<'a> Index<'a> {
    fn new(flow: &'a Flow) -> Self {
        let of_screen = |screen: &'a Screen| {
            screen.fields().into_iter().rev().map(|(name, field)| ((screen.span, name.text.as_str()), field))
        };
        Self { flow, fields: flow.screens.iter().flat_map(of_screen).collect() }
    }

    fn field(&self, screen: &Screen, name: &str) -> Option<&'a model::Component> {
        self.fields.get(&(screen.span, name)).copied()
    }
}

/// A multiple of what the platform takes.
fn too_many(flow: &Flow) -> bool {
    let routes = flow.routing_model.as_ref().map_or(0, |routes| routes.iter().map(|route| 1 + route.to.len()).sum());
    flow.screens.len() > 200 || routes > 5000 || flow.screens.iter().any(|screen| screen.components().len() > 500)
}

/// The type of what a reference on a screen leads to; unknown where it leads nowhere, which is another rule's to report.
fn type_of(index: &Index<'_>, screen: &Screen, reference: &Reference) -> Type {
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
