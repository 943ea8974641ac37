//! A suite: YAML files, one for each topic, that say what is asked, what should come, and how to mend what does otherwise.
//!
//! It refuses to know how a question is put: a case names its check or says what is sent, `logic` and `edge` do it.

use std::collections::BTreeSet;

use saphyr::{LoadableYamlNode as _, MarkedYamlOwned};
use serde_json::Value;

use super::forge::Forge;
use crate::script::expect::Pattern;
use crate::script::template::{Template, Variables};
use crate::script::yaml::{self, Fields};
use crate::script::{self, Problem, read_expect};

/// The cases for one kind of subject.
pub(super) struct Suite {
    /// In the order in which they are played.
    pub(super) files: &'static [(&'static str, &'static str)],
    /// Every check that a case may name.
    pub(super) checks: &'static [&'static str],
}

/// The variable with a text that must not come back.
pub(super) const CANARY: &str = "canary";

/// One thing that a service or an endpoint should do.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) topic: String,
    pub(super) name: String,
    /// What should come, as a sentence.
    pub(super) should: String,
    /// What a user of the messaging client would see otherwise, where there is a user to see it.
    pub(super) user: Option<String>,
    /// How to mend what does otherwise.
    pub(super) mend: String,
    /// Whether what does otherwise is warned of and no more, since nobody is hurt.
    pub(super) warns: bool,
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
    /// A message of the client's, the ways in which its request is not what the client would send, and what should come.
    Post { send: Template, forge: Forge, expect: Expected },
}

/// What should come of a POST.
#[derive(Debug)]
pub(super) enum Expected {
    /// This status, and this in the opened answer.
    Answer(u16, Pattern),
    /// A screen, or a sealed 427: what any flow may answer where it is opened.
    Screen,
    /// Any answer that opens.
    Opened,
    /// A status that blames the sender, 400 to 499.
    Refusal,
}

/// Why a file of the suite cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{file}: {source}")]
    File { file: &'static str, source: script::Error },
    #[error("{file}: {name} names the check `{check}`, which does not exist; there are {}", checks.join(", "))]
    Check { file: &'static str, name: String, check: String, checks: &'static [&'static str] },
    #[error("{file}: {name} should have exactly one of `check`, `command`, `echo` and `send`")]
    Question { file: &'static str, name: String },
    #[error("{file}: {name}: `forge`: {source}")]
    Forge { file: &'static str, name: String, source: serde_json::Error },
}

impl Suite {
    /// All the cases.
    pub(super) fn load(&self) -> Result<Vec<Case>, Error> {
        let mut cases = Vec::new();
        for (file, text) in self.files {
            cases.extend(parse(self.checks, file, text)?);
        }
        Ok(cases)
    }
}

fn parse(checks: &'static [&'static str], file: &'static str, text: &str) -> Result<Vec<Case>, Error> {
    let wrong = |source| Error::File { file, source };
    let documents =
        MarkedYamlOwned::load_from_str(text).map_err(|error| wrong(script::Error::of_yaml(text, &error)))?;
    let [document] = documents.as_slice() else {
        return Err(wrong(script::Error::at(1, Problem::Documents(documents.len()))));
    };
    let fields = Fields::read(document, "a topic").map_err(wrong)?;
    fields.refuse_unknown(&["topic", "needs_mode", "cases"]).map_err(wrong)?;
    let topic = fields.required_text("topic").map_err(wrong)?;
    let needs_mode = fields.get("needs_mode").is_some_and(is_true);
    let nodes = yaml::items(fields.required("cases").map_err(wrong)?).unwrap_or_default();
    nodes.iter().map(|node| Case::read(checks, file, node, &topic, needs_mode)).collect()
}

impl Case {
    fn read(
        checks: &'static [&'static str],
        file: &'static str,
        node: &MarkedYamlOwned,
        topic: &str,
        needs_mode: bool,
    ) -> Result<Self, Error> {
        let wrong = |source| Error::File { file, source };
        let fields = Fields::read(node, "a case").map_err(wrong)?;
        fields
            .refuse_unknown(&[
                "name", "should", "user", "mend", "warns", "check", "with", "command", "expect", "echo", "send",
                "forge",
            ])
            .map_err(wrong)?;
        let name = fields.required_text("name").map_err(wrong)?;
        let known = BTreeSet::from([script::FLOW_TOKEN.to_owned(), CANARY.to_owned()]);
        let template = |key| fields.get(key).map(|node| Template::read(node, &known)).transpose().map_err(wrong);
        let check = fields.optional_text("check").map_err(wrong)?;
        let question = match (check, template("command")?, template("echo")?, template("send")?) {
            (Some(check), ..) if !checks.contains(&check.as_str()) => {
                return Err(Error::Check { file, name, check, checks });
            }
            (Some(name), None, None, None) => {
                Question::Check { name, with: template("with")?.unwrap_or(Template::Object(Vec::new())) }
            }
            (None, Some(command), None, None) => {
                let node = fields.required("expect").map_err(wrong)?;
                let (status, expect) = read_expect(node, &known).map_err(wrong)?;
                Question::Command { command, status, expect }
            }
            (None, None, Some(object), None) => Question::Echo(object),
            (None, None, None, Some(send)) => {
                let node = fields.required("expect").map_err(wrong)?;
                let expect = match yaml::text(node).as_deref() {
                    Some("an answer") => Expected::Opened,
                    Some("a screen") => Expected::Screen,
                    Some("a refusal") => Expected::Refusal,
                    _ => {
                        read_expect(node, &known).map(|(status, body)| Expected::Answer(status, body)).map_err(wrong)?
                    }
                };
                let forge = template("forge")?.map(|forge| forge.resolve(&Variables::new("")));
                let forge = forge.map_or_else(|| Ok(Forge::default()), serde_json::from_value);
                let forge = forge.map_err(|source| Error::Forge { file, name: name.clone(), source })?;
                Question::Post { send, forge, expect }
            }
            _ => return Err(Error::Question { file, name }),
        };
        Ok(Self {
            topic: topic.to_owned(),
            should: fields.required_text("should").map_err(wrong)?,
            user: fields.optional_text("user").map_err(wrong)?,
            warns: fields.get("warns").is_some_and(is_true),
            mend: fields.required_text("mend").map_err(wrong)?,
            name,
            needs_mode,
            question,
        })
    }
}

fn is_true(node: &MarkedYamlOwned) -> bool {
    yaml::scalar(node).is_ok_and(|value| value == true)
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
        parse(&["ping"], "some.yaml", text).unwrap_err().to_string()
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
        assert!(
            error(&case("send: {}\n    expect: a refusal\n    forge: { kye: good }")).contains("unknown field `kye`")
        );
        assert!(error(&case("echo: { a: '${canry}' }")).contains("did you mean `canary`?"));
        assert!(error("topic: [").starts_with("some.yaml: line "));
    }
}
