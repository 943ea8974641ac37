//! The suite: YAML files, one for each topic, that say what is asked, what should come, and how to mend a service.
//!
//! It refuses to know how a question is put: a case names its check, `checks.rs` and `mode.rs` hold them.

use std::collections::BTreeSet;

use saphyr::{LoadableYamlNode as _, MarkedYamlOwned};
use serde_json::Value;

use super::CHECKS;
use crate::script::expect::Pattern;
use crate::script::template::{Template, Variables};
use crate::script::yaml::{self, Fields};
use crate::script::{self, Problem, read_expect};

/// The files of the suite, in the order in which they are played.
const FILES: &[(&str, &str)] = &[
    ("service.yaml", include_str!("cases/service.yaml")),
    ("requests.yaml", include_str!("cases/requests.yaml")),
    ("privacy.yaml", include_str!("cases/privacy.yaml")),
    ("time.yaml", include_str!("cases/time.yaml")),
    ("values.yaml", include_str!("cases/values.yaml")),
    ("outcomes.yaml", include_str!("cases/outcomes.yaml")),
    ("failures.yaml", include_str!("cases/failures.yaml")),
    ("calls.yaml", include_str!("cases/calls.yaml")),
];

/// The variable with a text that must not come back.
pub(super) const CANARY: &str = "canary";

/// One thing that a service should do.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) topic: String,
    pub(super) name: String,
    /// What should come, as a sentence.
    pub(super) should: String,
    /// How to mend a service that does otherwise.
    pub(super) mend: String,
    /// Whether the service must have the conformance mode.
    pub(super) needs_mode: bool,
    pub(super) question: Question,
}

/// What a case asks.
#[derive(Debug)]
pub(super) enum Question {
    /// A check by its name, and what it is told.
    Check { name: String, with: Template },
    /// A command of the conformance mode, and the answer as the client would see it.
    Command { command: Template, status: u16, expect: Pattern },
    /// An object that must come back as it is.
    Echo(Template),
}

/// Why a file of the suite cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{file}: {source}")]
    File { file: &'static str, source: script::Error },
    #[error("{file}: {name} names the check `{check}`, which does not exist; there are {}", CHECKS.join(", "))]
    Check { file: &'static str, name: String, check: String },
    #[error("{file}: {name} should have exactly one of `check`, `command` and `echo`")]
    Question { file: &'static str, name: String },
}

/// The whole suite.
pub(super) fn load() -> Result<Vec<Case>, Error> {
    let mut cases = Vec::new();
    for (file, text) in FILES {
        cases.extend(parse(file, text)?);
    }
    Ok(cases)
}

fn parse(file: &'static str, text: &str) -> Result<Vec<Case>, Error> {
    let wrong = |source| Error::File { file, source };
    let documents = MarkedYamlOwned::load_from_str(text)
        .map_err(|error| wrong(script::Error::at(error.marker().line(), Problem::Yaml(error))))?;
    let [document] = documents.as_slice() else {
        return Err(wrong(script::Error::at(1, Problem::Documents(documents.len()))));
    };
    let fields = Fields::read(document, "a topic").map_err(wrong)?;
    fields.refuse_unknown(&["topic", "needs_mode", "cases"]).map_err(wrong)?;
    let topic = fields.required_text("topic").map_err(wrong)?;
    let needs_mode = fields.get("needs_mode").is_some_and(|node| yaml::scalar(node).is_ok_and(|value| value == true));
    let nodes = yaml::items(fields.required("cases").map_err(wrong)?).unwrap_or_default();
    nodes.iter().map(|node| Case::read(file, node, &topic, needs_mode)).collect()
}

impl Case {
    fn read(file: &'static str, node: &MarkedYamlOwned, topic: &str, needs_mode: bool) -> Result<Self, Error> {
        let wrong = |source| Error::File { file, source };
        let fields = Fields::read(node, "a case").map_err(wrong)?;
        fields
            .refuse_unknown(&["name", "should", "mend", "check", "with", "command", "expect", "echo"])
            .map_err(wrong)?;
        let name = fields.required_text("name").map_err(wrong)?;
        let known = BTreeSet::from([script::FLOW_TOKEN.to_owned(), CANARY.to_owned()]);
        let template = |key| fields.get(key).map(|node| Template::read(node, &known)).transpose().map_err(wrong);
        let check = fields.optional_text("check").map_err(wrong)?;
        let question = match (check, template("command")?, template("echo")?) {
            (Some(check), _, _) if !CHECKS.contains(&check.as_str()) => return Err(Error::Check { file, name, check }),
            (Some(name), None, None) => {
                Question::Check { name, with: template("with")?.unwrap_or(Template::Object(Vec::new())) }
            }
            (None, Some(command), None) => {
                let node = fields.required("expect").map_err(wrong)?;
                let (status, expect) = read_expect(node, &known).map_err(wrong)?;
                Question::Command { command, status, expect }
            }
            (None, None, Some(object)) => Question::Echo(object),
            _ => return Err(Error::Question { file, name }),
        };
        Ok(Self {
            topic: topic.to_owned(),
            should: fields.required_text("should").map_err(wrong)?,
            mend: fields.required_text("mend").map_err(wrong)?,
            name,
            needs_mode,
            question,
        })
    }
}

/// What the variables of a case hold: a token and a canary that no other case has.
pub(super) fn variables() -> Variables {
    let mut variables = Variables::new(&crate::client::fresh_flow_token());
    variables.keep(CANARY, Value::String(fresh_canary()));
    variables
}

/// A text that no service would say by itself.
pub(super) fn fresh_canary() -> String {
    format!("canary{}", uuid::Uuid::new_v4().simple())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        parse("some.yaml", text).unwrap_err().to_string()
    }

    #[test]
    fn every_case_of_the_suite_can_be_read_and_has_a_name_of_its_own() {
        let cases = load().unwrap();
        let names: BTreeSet<_> = cases.iter().map(|case| &case.name).collect();
        assert_eq!(names.len(), cases.len());
        let is_name =
            |name: &str| name.chars().all(|letter| letter.is_ascii_lowercase() || "-0123456789".contains(letter));
        assert!(names.iter().all(|name| is_name(name)), "{names:?}");
    }

    #[test]
    fn every_check_is_used() {
        let cases = load().unwrap();
        let used: BTreeSet<_> = cases
            .iter()
            .filter_map(|case| match &case.question {
                Question::Check { name, .. } => Some(name.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(used, CHECKS.iter().copied().collect());
    }

    #[test]
    fn a_mistake_is_named_with_file_and_line() {
        let case = |lines: &str| format!("topic: t\ncases:\n  - name: n\n    should: s\n    mend: m\n    {lines}\n");
        assert_eq!(error("topic: t\ncasse: []"), "some.yaml: line 2: unknown key `casse`; did you mean `cases`?");
        assert_eq!(error("topic: t\ncases: [ {} ]"), "some.yaml: line 2: `name` is required");
        assert_eq!(error(&case("wiht: 1")), "some.yaml: line 6: unknown key `wiht`; did you mean `with`?");
        assert!(error(&case("with: {}")).contains("exactly one of"), "{}", error(&case("with: {}")));
        assert!(error(&case("check: ping\n    echo: {}")).contains("exactly one of"));
        assert!(error(&case("check: pnig")).contains("`pnig`, which does not exist; there are ping"));
        assert_eq!(error(&case("command: {}")), "some.yaml: line 3: `expect` is required");
        assert!(error(&case("echo: { a: '${canry}' }")).contains("did you mean `canary`?"));
        assert!(error("topic: [").starts_with("some.yaml: line "));
    }
}
