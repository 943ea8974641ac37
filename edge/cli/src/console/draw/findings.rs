//! What is wrong with the Flow JSON.

use flow_json::{Finding, Severity};
use maud::{Markup, html};

/// A longer line is one of a file that no person wrote.
const MOST_OF_A_LINE: usize = 200;

/// With the text of the file each has the line that it is about.
pub(crate) fn findings(findings: &[Finding], file_text: Option<&str>) -> Markup {
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    let lines: Vec<&str> = file_text.map(|text| text.lines().collect()).unwrap_or_default();
    html! {
        @if findings.is_empty() {
            p.fine { "Flow JSON: nothing found" }
        } @else {
            details open[errors > 0] {
                summary id="findings-summary" {
                    "Flow JSON: " (errors) @if errors == 1 { " error, " } @else { " errors, " }
                    (findings.len() - errors) @if findings.len() - errors == 1 { " warning" } @else { " warnings" }
                }
                // What scrolls is reached by the keyboard as well.
                ol tabindex="0" { @for finding in findings { (entry(finding, &lines)) } }
            }
        }
    }
}

fn entry(finding: &Finding, lines: &[&str]) -> Markup {
    let line = finding.start.line.checked_sub(1).and_then(|place| lines.get(place));
    html! {
        li class=(finding.severity) {
            p {
                strong { (finding.severity) } " " code { (finding.code.as_str()) }
                " " span.place { "line " (finding.start.line) ", column " (finding.start.column) }
            }
            p { (finding.message) }
            @if let Some(line) = line {
                pre { (line.trim().chars().take(MOST_OF_A_LINE).collect::<String>()) }
            }
            @if !finding.help.is_empty() { p.help { (finding.help) } }
            p.pointer { code { (finding.pointer) } }
        }
    }
}
