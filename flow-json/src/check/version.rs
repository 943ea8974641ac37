//! `version`, `data_api_version` and what hangs on them.

use crate::code::Code;
use crate::finding::{Findings, Severity};
use crate::json::{Node, cut};
use crate::span::Span;
use crate::version::{State, V2_1, V3_0, Version};

/// The version by whose rules the rest is read.
pub(super) fn check(root: &Node<'_>, findings: &mut Findings) -> Option<Version> {
    let version = version(root, findings)?;
    data_api_version(root, version, findings);
    Some(version)
}

fn version(root: &Node<'_>, findings: &mut Findings) -> Option<Version> {
    let help = format!("a string such as \"{}\"", Version::NEWEST);
    let Some(node) = root.get("version") else {
        let place = Span { start: root.span.start, end: root.span.start + 1 };
        findings.error(Code::MissingFlowJsonVersion, place, "the file has no `version`", help);
        return None;
    };
    let Some(version) = node.text().and_then(Version::parse) else {
        let message = match node.text() {
            Some(text) => format!("`{}` is no version", cut(text)),
            None => format!("`version` is {}", node.type_name()),
        };
        findings.error(Code::InvalidFlowJsonVersion, node.span, message, help);
        return None;
    };
    match version.state() {
        State::Publishable => {}
        State::Frozen => {
            let message = format!("version {version} is frozen: sent flows still open, and none is published any more");
            findings.warning(Code::VersionFrozen, node.span, message, format!("{} is the newest", Version::NEWEST));
        }
        State::Newer => {
            let message = format!("version {version} is newer than the rules here, which end with {}", Version::NEWEST);
            findings.warning(Code::VersionNewer, node.span, message, "what it brought cannot be judged");
        }
        State::Unknown => {
            let known: Vec<String> = Version::ALL.iter().map(Version::to_string).collect();
            let message = format!("there is no version {version}");
            findings.error(
                Code::UnsupportedFlowJsonVersion,
                node.span,
                message,
                format!("known: {}", known.join(", ")),
            );
        }
    }
    // A version between or below those that are known is read by the rules of the one before it.
    Some(version.max(V2_1))
}

fn data_api_version(root: &Node<'_>, version: Version, findings: &mut Findings) {
    if let Some(node) = root.get("data_api_version")
        && !matches!(node.text(), Some("3.0" | "4.0"))
    {
        let older = version < V3_0 || version > Version::NEWEST;
        let message = match node.text() {
            Some(text) => format!("there is no data API version `{}`", cut(text)),
            None => format!("`data_api_version` is {}", node.type_name()),
        };
        let severity = if older { Severity::Warning } else { Severity::Error };
        findings.add(severity, Code::InvalidDataApiVersion, node.span, message, "\"3.0\" or \"4.0\"");
    }
}
