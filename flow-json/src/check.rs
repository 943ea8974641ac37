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
mod rules;
mod screens;
mod structure;
mod version;

use crate::code::Code;
use crate::finding::{Finding, Findings, Severity};
use crate::json;
use crate::model::{self, Flow};

use rules::{Index, Rules};

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
            let findings = findings.finish(text, &|span| root.pointer(span));
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
    let pointer = |span| root.as_ref().map(|root| root.pointer(span)).unwrap_or_default();
    let findings = findings.finish(text, &pointer);
    Checked { flow, findings }
}

/// A multiple of what the platform takes.
fn too_many(flow: &Flow) -> bool {
    let routes = flow.routing_model.as_ref().map_or(0, |routes| routes.iter().map(|route| 1 + route.to.len()).sum());
    flow.screens.len() > 200 || routes > 5000 || flow.screens.iter().any(|screen| screen.components().len() > 500)
}
