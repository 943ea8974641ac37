//! What is wrong with a script, where, and what was probably meant.

use saphyr::{MarkedYamlOwned, ScanError};

/// Why a script cannot be played, and where.
#[derive(Debug, thiserror::Error)]
#[error("line {line}{}: {problem}", in_step(.step))]
pub(crate) struct Error {
    line: usize,
    step: Option<String>,
    problem: Problem,
}

/// What is wrong with a script.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    #[error("not YAML: {0}")]
    Yaml(String),
    #[error("there is no action `{name}`; did you mean `{meant}`?")]
    Action { name: String, meant: &'static str },
    #[error("the file holds {0} YAML documents; it should hold one")]
    Documents(usize),
    #[error("{0} should be a mapping of `key: value` lines")]
    Mapping(&'static str),
    #[error("`steps` should be a list of at least one step")]
    Steps,
    #[error("`{0}` is required")]
    Missing(&'static str),
    #[error("`{0}` should be text")]
    Text(&'static str),
    #[error("unknown key `{key}`{}", hint(.nearest, .known))]
    UnknownKey { key: String, nearest: Option<&'static str>, known: &'static [&'static str] },
    #[error("unknown matcher `{key}`{}", hint(.nearest, .known))]
    UnknownMatcher { key: String, nearest: Option<&'static str>, known: &'static [&'static str] },
    #[error("a matcher stands alone: the mapping with `{0}` should have no other key")]
    MatcherNotAlone(String),
    #[error("`{matcher}` should be {right}")]
    Matcher { matcher: &'static str, right: &'static str },
    #[error("`$regex` is no regular expression: {0}")]
    Regex(regex::Error),
    #[error("`status` should be an HTTP status, 100 to 599")]
    Status,
    #[error("`${{` is not closed; a variable is written `${{name}}`")]
    Unclosed,
    #[error("the variable `{name}` is unknown here{}; an earlier step's `keep` would make it", nearest_variable(.nearest))]
    UnknownVariable { name: String, nearest: Option<String> },
    #[error("`{name}` cannot be the name of a variable; letters, digits and `_` can, but not `{taken}`")]
    VariableName { name: String, taken: &'static str },
    #[error("`{0}` is no JSON Pointer; it should be empty or begin with `/`, such as /data/date/0/id")]
    Pointer(String),
    #[error("this value has no counterpart in JSON")]
    NotJson,
}

impl Error {
    /// What the reader of YAML found in this text, in words for whoever wrote it.
    pub(crate) fn of_yaml(text: &str, error: &ScanError) -> Self {
        let info = error.info();
        let is = |words: &[&str]| words.iter().any(|word| info.contains(word));
        let line = error.marker().line();
        if is(&["tab"]) {
            // The reader may look back at the line before.
            let has_tab = |text: &str| text[..text.len() - text.trim_start().len()].contains('\t');
            let tab = text.lines().enumerate().skip(line.saturating_sub(1)).find(|(_, text)| has_tab(text));
            let said = "a tab stands in the indentation, where YAML takes spaces alone";
            return Self::at(tab.map_or(line, |(index, _)| index + 1), Problem::Yaml(said.to_owned()));
        }
        let said = if is(&["duplicated key"]) {
            "duplicated key: a mapping holds each key once"
        } else if is(&["mapping values are not allowed", "mapping keys are not allowed"]) {
            "a `key: value` stands where none can: the line is indented more than the one above it, or a text with `: ` in \
             it wants quotes"
        } else if is(&["end of stream", "document indicator"]) {
            "a quote is opened and not closed"
        } else if is(&["trailing content"]) {
            "something follows a quoted text on its line, which should end there or stand in the quotes as well"
        } else if is(&["flow", "bracket", "eof", "',' or"]) {
            "a bracket, `{` or `[`, is opened and not closed, or closed and not opened"
        } else if is(&["expected key", "simple key", "indent", "sequence entries", "expected '-'", "expected <"]) {
            "the line is indented otherwise than those that it belongs to: the keys of a mapping, and the `-` of a list, \
             stand exactly below each other"
        } else if is(&["escape"]) {
            "a backslash in double quotes stands before what it cannot escape; single quotes take it as it is"
        } else if is(&["anchor", "alias", "tag", "directive", "cannot start", "node content", "character"]) {
            "a text that begins with one of `@ & * ! % |` or a backquote wants quotes"
        } else {
            info
        };
        Self::at(line, Problem::Yaml(said.to_owned()))
    }

    pub(crate) fn at(line: usize, problem: Problem) -> Self {
        Self { line, step: None, problem }
    }

    pub(crate) fn of(node: &MarkedYamlOwned, problem: Problem) -> Self {
        Self::at(node.span.start.line(), problem)
    }

    /// The same in the step of this name.
    pub(super) fn in_step(self, step: Option<String>) -> Self {
        Self { step, ..self }
    }
}

fn in_step(step: &Option<String>) -> String {
    step.as_ref().map(|name| format!(", step \"{name}\"")).unwrap_or_default()
}

fn hint(nearest: &Option<&str>, known: &[&str]) -> String {
    match nearest {
        Some(nearest) => format!("; did you mean `{nearest}`?"),
        None => format!("; known here: {}", known.join(", ")),
    }
}

fn nearest_variable(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|name| format!(", did you mean `{name}`?")).unwrap_or_default()
}

/// The known name that somebody may have meant.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let similarity = |known: &str| strsim::jaro_winkler(known, name);
    known.into_iter().filter(|known| similarity(known) > 0.75).max_by(|a, b| similarity(a).total_cmp(&similarity(b)))
}
