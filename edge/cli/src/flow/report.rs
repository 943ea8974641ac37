//! Findings for people, for programs and for code hosts.

use std::collections::BTreeSet;
use std::io::{self, Write};

use flow_json::{Checked, Code, Finding, Severity};
use serde_json::{Value, json};

/// A file that was read.
pub(super) struct Source {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) checked: Checked,
}

/// What is printed of a line around the place, at most.
const WIDTH: usize = 100;

/// As compilers print: code and message, file with line and column, the line with the place marked, the remedy.
pub(super) fn text(files: &[Source], out: &mut impl Write) -> io::Result<()> {
    let (mut errors, mut warnings) = (0, 0);
    for file in files {
        let lines: Vec<&str> = file.text.split('\n').collect();
        for finding in &file.checked.findings {
            match finding.severity {
                Severity::Error => errors += 1,
                Severity::Warning => warnings += 1,
            }
            let line = lines.get(finding.start.line - 1).copied().unwrap_or_default();
            one(&file.name, finding, line, out)?;
        }
    }
    let plural = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let of = plural(files.len(), "file");
    writeln!(out, "{}, {} in {of}", plural(errors, "error"), plural(warnings, "warning"))?;
    if errors + warnings > 0 {
        writeln!(out, "`flowctl flow check --explain CODE` has the page of a code.")?;
    }
    Ok(())
}

fn one(file: &str, finding: &Finding, line: &str, out: &mut impl Write) -> io::Result<()> {
    let number = finding.start.line.to_string();
    let margin = " ".repeat(number.len());
    let (shown, mark) = marked(line, finding);
    writeln!(out, "{}[{}]: {}", finding.severity, finding.code, printable(&finding.message))?;
    writeln!(out, "{margin}--> {file}:{number}:{}", finding.start.column)?;
    writeln!(out, "{margin} |")?;
    writeln!(out, "{number} | {shown}")?;
    writeln!(out, "{margin} | {mark}")?;
    if !finding.help.is_empty() {
        writeln!(out, "{margin} = help: {}", printable(&finding.help))?;
    }
    writeln!(out)
}

/// The line around the place, and the marks under it. A column is a character, as in the finding.
fn marked(line: &str, finding: &Finding) -> (String, String) {
    let first = finding.start.column - 1;
    let from = if first > WIDTH / 2 { first - WIDTH / 4 } else { 0 };
    let mut rest = line.trim_end_matches('\r').chars().skip(from);
    let shown: String = rest.by_ref().take(WIDTH).collect();
    let (before, after) = (if from > 0 { "…" } else { "" }, if rest.next().is_some() { "…" } else { "" });
    let room = shown.chars().count().saturating_sub(first - from).max(1);
    let length = if finding.end.line == finding.start.line { finding.end.column - finding.start.column } else { room };
    let gap = " ".repeat(before.chars().count() + first - from);
    (format!("{before}{}{after}", printable(&shown)), format!("{gap}{}", "^".repeat(length.clamp(1, room))))
}

/// A file's text must not steer the terminal, nor a tab move the marks.
fn printable(text: &str) -> String {
    let steers = |c: char| {
        c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars()
        .map(|c| {
            if c == '\t' {
                ' '
            } else if steers(c) {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}

/// In the shape in which the platform answers an upload, with the severity and the remedy that it does not have.
pub(super) fn json(files: &[Source], out: &mut impl Write) -> io::Result<()> {
    let error = |finding: &Finding| {
        let place = json!({
            "line_start": finding.start.line, "line_end": finding.end.line,
            "column_start": finding.start.column, "column_end": finding.end.column,
        });
        let mut pointer = place.clone();
        pointer["path"] = json!(path(&finding.pointer));
        let mut error = place;
        error["error"] = json!(finding.code.as_str());
        error["error_type"] = json!("FLOW_JSON_ERROR");
        error["message"] = json!(finding.message);
        error["pointers"] = json!([pointer]);
        error["severity"] = json!(finding.severity.to_string());
        error["help"] = json!(finding.help);
        error
    };
    let file = |file: &Source| {
        let errors: Vec<Value> = file.checked.findings.iter().map(error).collect();
        json!({"file": file.name, "validation_errors": errors})
    };
    let files: Vec<Value> = files.iter().map(file).collect();
    serde_json::to_writer_pretty(&mut *out, &files)?;
    writeln!(out)
}

/// `/screens/0/id` as the platform writes it: `screens[0].id`.
fn path(pointer: &str) -> String {
    let mut path = String::new();
    for step in pointer.split('/').skip(1) {
        if step.bytes().all(|byte| byte.is_ascii_digit()) && !step.is_empty() {
            path.push_str(&format!("[{step}]"));
        } else {
            path.push_str(if path.is_empty() { "" } else { "." });
            path.push_str(&step.replace("~1", "/").replace("~0", "~"));
        }
    }
    path
}

/// SARIF 2.1.0.
pub(super) fn sarif(files: &[Source], out: &mut impl Write) -> io::Result<()> {
    let found = || files.iter().flat_map(|file| file.checked.findings.iter().map(move |finding| (file, finding)));
    let codes: BTreeSet<Code> = found().map(|(_, finding)| finding.code).collect();
    let rule = |code: &Code| {
        let what = code.page().split("\n\n").nth(1).unwrap_or_default().replace('\n', " ");
        json!({"id": code.as_str(), "shortDescription": {"text": what}, "help": {"text": what, "markdown": code.page()}})
    };
    let result = |(file, finding): (&Source, &Finding)| {
        let text = if finding.help.is_empty() {
            finding.message.clone()
        } else {
            format!("{}. {}", finding.message, finding.help)
        };
        json!({
            "ruleId": finding.code.as_str(),
            "level": finding.severity.to_string(),
            "message": {"text": text},
            "locations": [{"physicalLocation": {
                "artifactLocation": {"uri": uri(&file.name)},
                "region": {
                    "startLine": finding.start.line, "startColumn": finding.start.column,
                    "endLine": finding.end.line, "endColumn": finding.end.column,
                },
            }}],
        })
    };
    let sarif = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "columnKind": "unicodeCodePoints",
            "tool": {"driver": {
                "name": "flowctl", "version": env!("CARGO_PKG_VERSION"), "rules": codes.iter().map(rule).collect::<Vec<_>>(),
            }},
            "results": found().map(result).collect::<Vec<_>>(),
        }],
    });
    serde_json::to_writer_pretty(&mut *out, &sarif)?;
    writeln!(out)
}

/// A path as a relative reference (RFC 3986).
fn uri(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    path.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
