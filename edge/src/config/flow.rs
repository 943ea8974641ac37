//! The screens that a configuration names: Flow JSON, checked as far as an edge needs it to hold answers against.
//!
//! It refuses to know what becomes of an answer.

use flow_json::{Flow as Screens, Judge, Severity, check};

use super::files::Files;
use super::model::{Flow, FlowCheck};
use super::reader::Section;

/// Reads `endpoints[].flow`.
pub(super) fn read(section: &Section<'_>, files: &Files<'_>) -> Option<Flow> {
    let editions = section.values("files", |name| read_file(section, files, name));
    let check = section.optional("check", |text| match text {
        "warn" => Ok(FlowCheck::Warn),
        "refuse" => Ok(FlowCheck::Refuse),
        _ => Err("should be `warn` or `refuse`".to_owned()),
    });
    section.refuse_unknown_keys();
    Some(Flow { judge: Judge::new(&editions?), check: check.unwrap_or(FlowCheck::Warn) })
}

/// One edition. What the platform would not publish is said, and is no reason not to serve: what can be read of it is judged by.
fn read_file(section: &Section<'_>, files: &Files<'_>, name: &str) -> Result<Screens, String> {
    let content = files.read(name)?;
    let checked = check(content.text().map_err(|error| format!("{name}: {error}"))?);
    let mut errors = checked.findings.iter().filter(|finding| finding.severity == Severity::Error);
    let Some(first) = errors.next() else {
        return checked.flow.ok_or_else(|| format!("{name} is no Flow JSON"));
    };
    let (line, column, code, message) = (first.start.line, first.start.column, first.code.as_str(), &first.message);
    let others = match errors.count() {
        0 => String::new(),
        others => format!(", and {others} more errors"),
    };
    let said =
        format!("{name}:{line}:{column}: {code}: {message}{others}; `flowctl flow check` shows the place and a remedy");
    let Some(flow) = checked.flow else { return Err(said) };
    section.warning("files", format!("the platform would not publish it: {said}"));
    Ok(flow)
}
