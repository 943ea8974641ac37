//! The script of a conversation: a YAML file of requests, and of what their answers must contain.
//!
//! A script is checked whole before anything is sent: every key, matcher and variable. It refuses to know how requests
//! travel, and any screen.

pub(crate) mod expect;
mod problem;
pub(crate) mod template;
pub(crate) mod yaml;

use std::collections::BTreeSet;
use std::path::Path;

use saphyr::{LoadableYamlNode as _, MarkedYamlOwned};

use self::expect::Pattern;
pub(crate) use self::problem::{Error, Problem, nearest};
pub(crate) use self::template::FLOW_TOKEN;
use self::template::Template;
use self::yaml::Fields;
use crate::client::meant_action;
use crate::files;
use crate::screens::{self, Screens};

/// A conversation to play.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) name: String,
    /// The token of the conversation, where the script wants a certain one.
    pub(crate) flow_token: Option<String>,
    /// The Flow JSON as the script names it, from its own folder.
    pub(crate) flow: Option<String>,
    /// What every answer is held against.
    pub(crate) screens: Option<Screens>,
    pub(crate) steps: Vec<Step>,
}

/// One request, and what its answer must be.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) name: String,
    /// The fields of the request.
    pub(crate) send: Vec<(String, Template)>,
    /// The HTTP status that the answer must have.
    pub(crate) status: u16,
    /// What the opened answer must contain.
    pub(crate) expect: Pattern,
    /// Parts of the answer for later steps.
    pub(crate) keep: Vec<Keep>,
}

/// A part of an answer that becomes a variable.
#[derive(Debug)]
pub(crate) struct Keep {
    pub(crate) variable: String,
    /// JSON Pointer into the opened answer (RFC 6901).
    pub(crate) pointer: String,
}

/// Why a file cannot be played.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    #[error(transparent)]
    Read(#[from] files::Error),
    #[error(transparent)]
    Flow(#[from] screens::Error),
    #[error("{file}: {source}")]
    Script { file: String, source: Error },
}

impl Script {
    pub(crate) fn load(file: &Path) -> Result<Self, FileError> {
        let text = files::read_text(file)?;
        let of_script = |source| FileError::Script { file: file.display().to_string(), source };
        let mut script = Self::parse(&text).map_err(of_script)?;
        if let Some(flow) = &script.flow {
            script.screens = Some(Screens::load(&file.with_file_name(flow))?);
        }
        Ok(script)
    }

    /// Without the flow that it may name.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let mut documents = MarkedYamlOwned::load_from_str(text).map_err(|error| Error::of_yaml(text, &error))?;
        let document = match (documents.pop(), documents.len()) {
            (Some(document), 0) => document,
            (None, _) => return Err(Error::at(1, Problem::Documents(0))),
            (Some(_), others) => return Err(Error::at(1, Problem::Documents(others + 1))),
        };
        let fields = Fields::read(&document, "a script")?;
        fields.refuse_unknown(&["name", FLOW_TOKEN, "flow", "steps"])?;
        let steps_node = fields.required("steps")?;
        let nodes = yaml::items(steps_node).filter(|nodes| !nodes.is_empty());
        let nodes = nodes.ok_or_else(|| Error::of(steps_node, Problem::Steps))?;

        let mut known = BTreeSet::from([FLOW_TOKEN.to_owned()]);
        let mut steps = Vec::new();
        for node in nodes {
            let step = Step::read(node, &known)?;
            known.extend(step.keep.iter().map(|keep| keep.variable.clone()));
            steps.push(step);
        }
        Ok(Self {
            name: fields.required_text("name")?,
            flow_token: fields.optional_text(FLOW_TOKEN)?,
            flow: fields.optional_text("flow")?,
            screens: None,
            steps,
        })
    }
}

impl Step {
    /// `known` are the variables of earlier steps.
    fn read(node: &MarkedYamlOwned, known: &BTreeSet<String>) -> Result<Self, Error> {
        let fields = Fields::read(node, "a step")?;
        let name = fields.get("name").and_then(yaml::text);
        Self::read_fields(&fields, known).map_err(|error| error.in_step(name))
    }

    fn read_fields(fields: &Fields<'_>, known: &BTreeSet<String>) -> Result<Self, Error> {
        fields.refuse_unknown(&["name", "send", "expect", "keep"])?;
        let send = Fields::read(fields.required("send")?, "`send`")?;
        let action = send.get("action");
        let send = send.entries().map(|(key, node)| Ok((key.clone(), Template::read(node, known)?)));
        let (status, expect) = match fields.get("expect") {
            Some(node) => read_expect(node, known)?,
            None => (200, Pattern::anything()),
        };
        // A script may well see that an unknown action is refused.
        if let Some((node, name)) = action.and_then(|node| Some((node, yaml::text(node)?)))
            && let Some(meant) = meant_action(&name).filter(|_| status != 400)
        {
            return Err(Error::of(node, Problem::Action { name, meant }));
        }
        let keep = match fields.get("keep") {
            Some(node) => read_keep(node)?,
            None => Vec::new(),
        };
        Ok(Self { name: fields.required_text("name")?, send: send.collect::<Result<_, _>>()?, status, expect, keep })
    }
}

pub(crate) fn read_expect(node: &MarkedYamlOwned, known: &BTreeSet<String>) -> Result<(u16, Pattern), Error> {
    let fields = Fields::read(node, "`expect`")?;
    let status = match fields.get("status") {
        None => 200,
        Some(node) => {
            let status = yaml::whole_number(node).and_then(|number| u16::try_from(number).ok());
            status.filter(|status| (100..600).contains(status)).ok_or_else(|| Error::of(node, Problem::Status))?
        }
    };
    let of_answer = fields.entries().filter(|(key, _)| key != "status");
    Ok((status, Pattern::read_object(of_answer, known)?))
}

fn read_keep(node: &MarkedYamlOwned) -> Result<Vec<Keep>, Error> {
    let keep = |(variable, node): &(String, &MarkedYamlOwned)| {
        if !is_variable_name(variable) || variable == FLOW_TOKEN {
            return Err(Error::of(node, Problem::VariableName { name: variable.clone(), taken: FLOW_TOKEN }));
        }
        let pointer = yaml::text(node).unwrap_or_default();
        if !pointer.is_empty() && !pointer.starts_with('/') || yaml::text(node).is_none() {
            return Err(Error::of(node, Problem::Pointer(pointer)));
        }
        Ok(Keep { variable: variable.clone(), pointer })
    };
    Fields::read(node, "`keep`")?.entries().map(keep).collect()
}

fn is_variable_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        Script::parse(text).unwrap_err().to_string()
    }

    /// A script whose second step has these further lines.
    fn second_step(lines: &str) -> String {
        let start = "name: n\nsteps:\n  - name: one\n    send: { action: INIT }\n    keep: { date: /data/date }\n";
        format!("{start}  - name: two\n    {}\n", lines.replace('\n', "\n    "))
    }

    #[test]
    fn a_script_has_a_name_and_steps_in_order() {
        let script = Script::parse(&second_step("send: { action: BACK }\nexpect: { status: 427 }")).unwrap();
        assert_eq!(script.name, "n");
        assert!(script.flow_token.is_none());
        let steps: Vec<_> = script.steps.iter().map(|step| (step.name.as_str(), step.status)).collect();
        assert_eq!(steps, [("one", 200), ("two", 427)]);
    }

    #[test]
    fn an_unknown_key_is_named_with_step_line_and_the_nearest_known_one() {
        let text = error(&second_step("send: { action: BACK }\nexpcet: { screen: A }"));
        assert_eq!(text, "line 8, step \"two\": unknown key `expcet`; did you mean `expect`?");
        assert_eq!(error("nmae: n\nsteps: []"), "line 1: unknown key `nmae`; did you mean `name`?");
        let text = error(&second_step("send: { action: BACK }\nzzz: 1"));
        assert_eq!(text, "line 8, step \"two\": unknown key `zzz`; known here: name, send, expect, keep");
    }

    #[test]
    fn an_unknown_matcher_is_named_with_the_nearest_known_one() {
        let text = error(&second_step("send: { action: BACK }\nexpect: { screen: { $regx: A } }"));
        assert_eq!(text, "line 8, step \"two\": unknown matcher `$regx`; did you mean `$regex`?");
    }

    #[test]
    fn an_unknown_variable_names_the_step() {
        for line in ["send: { data: { day: '${dat}' } }", "send: {}\nexpect: { data: [ 'on ${dat}' ] }"] {
            let text = error(&second_step(line));
            assert!(text.contains("step \"two\": the variable `dat` is unknown here, did you mean `date`?"), "{text}");
        }
        let own = error("name: n\nsteps: [ { name: one, send: { data: '${day}' }, keep: { day: /data } } ]");
        assert!(own.contains("step \"one\": the variable `day` is unknown"), "{own}");
    }

    #[test]
    fn an_action_that_is_nearly_one_is_named_unless_its_refusal_is_expected() {
        let text = error(&second_step("send: { action: Init }"));
        assert_eq!(text, "line 7, step \"two\": there is no action `Init`; did you mean `INIT`?");
        assert!(Script::parse(&second_step("send: { action: Init }\nexpect: { status: 400 }")).is_ok());
        assert!(Script::parse(&second_step("send: { action: of a later edition }")).is_ok());
    }

    #[test]
    fn mistakes_of_indentation_are_said_in_plain_words() {
        let start = "name: n\nsteps:\n  - name: one\n";
        for (lines, line, said) in [
            ("     send: { action: INIT }\n", 4, "indented"),
            ("   send: { action: INIT }\n", 4, "indented"),
            ("\tsend: { action: INIT }\n", 4, "tab"),
            ("    send: { action: INIT\n", 0, "closed"),
            ("    send: { action: INIT }\n  name: two\n", 5, "indented"),
            ("    send: {action: INIT}}\n", 4, ""),
            ("    send: action: INIT\n", 4, "`: `"),
            ("    send: 'x\n", 0, "quote"),
            ("    send: { data: @x }\n", 4, "quotes"),
        ] {
            let text = error(&format!("{start}{lines}"));
            assert!(
                text.contains(said) && (line == 0 || text.starts_with(&format!("line {line}"))),
                "{lines:?}: {text}"
            );
            for word in ["block mapping", "simple key", "token", "context", "indicator"] {
                assert!(!text.contains(word), "{lines:?}: {text}");
            }
        }
    }

    #[test]
    fn the_flow_token_is_a_variable_from_the_start() {
        Script::parse("name: n\nsteps: [ { name: one, send: { data: '${flow_token}' } } ]").unwrap();
    }

    #[test]
    fn every_part_must_have_its_form() {
        let cases = [
            ("", "0 YAML documents"),
            ("- a", "a script should be a mapping"),
            ("steps: [ { name: a, send: {} } ]", "`name` is required"),
            ("name: [1]\nsteps: [ { name: a, send: {} } ]", "`name` should be text"),
            ("name: n", "`steps` is required"),
            ("name: n\nsteps: []", "at least one step"),
            ("name: n\nsteps: [ a ]", "a step should be a mapping"),
            ("name: n\nsteps: [ { send: {} } ]", "`name` is required"),
            ("name: n\nsteps: [ { name: a } ]", "`send` is required"),
            ("name: n\nsteps: [ { name: a, send: INIT } ]", "`send` should be a mapping"),
            ("name: n\nname: m", "duplicated key"),
            ("name: 'n", "not YAML"),
            ("name: n\n---\nname: m", "2 YAML documents"),
        ];
        for (text, expected) in cases {
            assert!(error(text).contains(expected), "{text}: {}", error(text));
        }
        let in_step = [
            ("expect: { status: 42 }", "100 to 599"),
            ("expect: { status: ok }", "100 to 599"),
            ("expect: { screen: { $length: 1, a: 2 } }", "stands alone"),
            ("expect: { screen: { $length: -1 } }", "`$length` should be a whole number"),
            ("expect: { screen: { $absent: false } }", "`$absent` should be true"),
            ("expect: { screen: { $regex: '(' } }", "no regular expression"),
            ("expect: { screen: '${date' }", "not closed"),
            ("keep: { flow_token: /a }", "cannot be the name"),
            ("keep: { a-b: /a }", "cannot be the name"),
            ("keep: { day: data/day }", "no JSON Pointer"),
        ];
        for (line, expected) in in_step {
            let text = error(&second_step(&format!("send: {{}}\n{line}")));
            assert!(text.starts_with("line 8, step \"two\": ") && text.contains(expected), "{line}: {text}");
        }
    }
}
