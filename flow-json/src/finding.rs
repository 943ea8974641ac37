//! What `check` finds, and the list in which the rules collect it.

use std::fmt;

use crate::code::Code;
use crate::span::{Lines, Position, Span};

/// More than anybody reads; a file of the wrong kind has tens of thousands.
const MAX_FINDINGS: usize = 1000;
const MAX_HINTS: usize = 200;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The platform refuses the file at upload, or does not publish it.
    Error,
    /// The platform takes it, and a phone or a later step does not do what was meant; or sources disagree on the rule.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// One mistake in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub code: Code,
    pub severity: Severity,
    /// Where it begins.
    pub start: Position,
    /// The first place after it.
    pub end: Position,
    /// The same as a range of bytes.
    pub span: Span,
    /// JSON pointer of the value.
    pub pointer: String,
    /// What is wrong.
    pub message: String,
    /// What would be right; may be empty.
    pub help: String,
}

/// Before it has lines, columns and a pointer.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) code: Code,
    pub(crate) severity: Severity,
    pub(crate) span: Span,
    pub(crate) message: String,
    pub(crate) help: String,
}

#[derive(Debug, Default)]
pub(crate) struct Findings {
    found: Vec<Found>,
}

impl Findings {
    pub(crate) fn error(&mut self, code: Code, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.add(Severity::Error, code, span, message, help);
    }

    pub(crate) fn warning(&mut self, code: Code, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.add(Severity::Warning, code, span, message, help);
    }

    pub(crate) fn add(
        &mut self,
        severity: Severity,
        code: Code,
        span: Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        // Errors are never crowded out by warnings.
        let room = MAX_FINDINGS + if severity == Severity::Error { MAX_FINDINGS } else { 0 };
        if self.found.len() < room {
            self.found.push(Found { code, severity, span, message: message.into(), help: help.into() });
        }
    }

    /// "did you mean …?", or all that is known. Said often enough, it helps nobody and takes long.
    pub(crate) fn did_you_mean(&self, word: &str, known: &[&str]) -> String {
        if known.is_empty() || self.found.len() > MAX_HINTS {
            return String::new();
        }
        match nearest(word, known.iter().copied()) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => {
                let shown: Vec<&str> = known.iter().copied().take(30).collect();
                format!("known here: {}{}", shown.join(", "), if known.len() > 30 { ", …" } else { "" })
            }
        }
    }

    /// Nothing that is added counts any more.
    pub(crate) fn is_full(&self) -> bool {
        self.found.len() >= 2 * MAX_FINDINGS
    }

    /// No warning that is added counts any more.
    pub(crate) fn is_full_of_warnings(&self) -> bool {
        self.found.len() >= MAX_FINDINGS
    }

    pub(crate) fn len(&self) -> usize {
        self.found.len()
    }

    #[cfg(test)]
    pub(crate) fn into_vec(self) -> Vec<Found> {
        self.found
    }

    /// In the order of the file, each once.
    pub(crate) fn finish(self, text: &str, pointer: &dyn Fn(Span) -> String) -> Vec<Finding> {
        let lines = Lines::new(text);
        let mut found = self.found;
        found.sort_by(|a, b| (a.span, a.severity, a.code, &a.message).cmp(&(b.span, b.severity, b.code, &b.message)));
        found.dedup_by(|a, b| (a.span, a.code, &a.message) == (b.span, b.code, &b.message));
        let finish = |found: Found| Finding {
            start: lines.position(found.span.start),
            end: lines.position(found.span.end),
            pointer: pointer(found.span),
            code: found.code,
            severity: found.severity,
            span: found.span,
            message: found.message,
            help: found.help,
        };
        found.into_iter().take(MAX_FINDINGS).map(finish).collect()
    }
}

/// The known word that is nearest, where one is near.
fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Of a word as long as a page nothing is near, and to say so takes long.
    if word.len() > 100 {
        return None;
    }
    let similarity = |known: &str| (strsim::jaro_winkler(&known.to_lowercase(), &word.to_lowercase()) * 1000.0) as u32;
    let nearest = known.into_iter().max_by_key(|known| similarity(known))?;
    (similarity(nearest) > 800).then_some(nearest)
}
