//! Values with variables in them: `${name}` inside a string stands for what an earlier step kept.

use std::collections::{BTreeMap, BTreeSet};

use saphyr::{MarkedYamlOwned, YamlDataOwned};
use serde_json::Value;

use super::problem::{Error, Problem, nearest};
use super::yaml::{self, Fields};

/// The variable with the conversation's flow token.
pub(crate) const FLOW_TOKEN: &str = "flow_token";

/// A JSON value with variables in its strings.
#[derive(Debug)]
pub(crate) enum Template {
    Scalar(Value),
    Text(Text),
    Array(Vec<Template>),
    Object(Vec<(String, Template)>),
}

/// A string with variables.
#[derive(Debug)]
pub(crate) struct Text(Vec<Part>);

#[derive(Debug)]
enum Part {
    Literal(String),
    Variable(String),
}

/// What the variables of a conversation hold.
#[derive(Debug)]
pub(crate) struct Variables(BTreeMap<String, Value>);

impl Template {
    /// `known` are the variables that may be used.
    pub(crate) fn read(node: &MarkedYamlOwned, known: &BTreeSet<String>) -> Result<Self, Error> {
        match &node.data {
            YamlDataOwned::Sequence(items) => {
                items.iter().map(|item| Self::read(item, known)).collect::<Result<_, _>>().map(Self::Array)
            }
            YamlDataOwned::Mapping(_) => {
                let fields = Fields::read(node, "this")?;
                let entry = |(key, node): &(String, &MarkedYamlOwned)| Ok((key.clone(), Self::read(node, known)?));
                fields.entries().map(entry).collect::<Result<_, _>>().map(Self::Object)
            }
            _ => match yaml::scalar(node)? {
                Value::String(text) => Text::read(node, &text, known).map(Self::Text),
                other => Ok(Self::Scalar(other)),
            },
        }
    }

    /// The value with every variable put in.
    pub(crate) fn resolve(&self, variables: &Variables) -> Value {
        match self {
            Self::Scalar(value) => value.clone(),
            Self::Text(text) => text.resolve(variables),
            Self::Array(items) => items.iter().map(|item| item.resolve(variables)).collect(),
            Self::Object(entries) => {
                entries.iter().map(|(key, value)| (key.clone(), value.resolve(variables))).collect()
            }
        }
    }
}

impl Text {
    pub(crate) fn read(node: &MarkedYamlOwned, text: &str, known: &BTreeSet<String>) -> Result<Self, Error> {
        let text = Self::parse(text).ok_or_else(|| Error::of(node, Problem::Unclosed))?;
        for part in &text.0 {
            if let Part::Variable(name) = part
                && !known.contains(name)
            {
                let nearest = nearest(name, known.iter().map(String::as_str)).map(str::to_owned);
                return Err(Error::of(node, Problem::UnknownVariable { name: name.clone(), nearest }));
            }
        }
        Ok(text)
    }

    /// `None` where a variable is not closed.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((literal, after)) = rest.split_once("${") {
            let (name, after) = after.split_once('}')?;
            if !literal.is_empty() {
                parts.push(Part::Literal(literal.to_owned()));
            }
            parts.push(Part::Variable(name.to_owned()));
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Literal(rest.to_owned()));
        }
        Some(Self(parts))
    }

    /// A string that is one variable and nothing else takes its value, whatever the type.
    pub(crate) fn resolve(&self, variables: &Variables) -> Value {
        match self.0.as_slice() {
            [Part::Variable(name)] => variables.value(name),
            _ => Value::String(self.resolve_text(variables, str::to_owned)),
        }
    }

    /// `escape` is applied to what variables hold, not to the text around them.
    pub(crate) fn resolve_text(&self, variables: &Variables, escape: impl Fn(&str) -> String) -> String {
        let part = |part: &Part| match part {
            Part::Literal(text) => text.clone(),
            Part::Variable(name) => match variables.value(name) {
                Value::String(text) => escape(&text),
                other => escape(&other.to_string()),
            },
        };
        self.0.iter().map(part).collect()
    }
}

impl Variables {
    pub(crate) fn new(flow_token: &str) -> Self {
        Self(BTreeMap::from([(FLOW_TOKEN.to_owned(), flow_token.into())]))
    }

    pub(crate) fn keep(&mut self, name: &str, value: Value) {
        self.0.insert(name.to_owned(), value);
    }

    /// A value that is text; empty where it is none.
    pub(crate) fn text(&self, name: &str) -> String {
        self.value(name).as_str().unwrap_or_default().to_owned()
    }

    /// A value as text for people, on one line, without the flow token.
    pub(crate) fn show(&self, value: &Value) -> String {
        const LONGEST: usize = 300;
        let text = self.conceal(&value.to_string());
        match text.char_indices().nth(LONGEST) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        }
    }

    /// Text with the name of the flow token in place of the token itself.
    pub(crate) fn conceal(&self, text: &str) -> String {
        match self.value(FLOW_TOKEN).as_str() {
            Some(token) if !token.is_empty() => text.replace(token, "${flow_token}"),
            _ => text.to_owned(),
        }
    }

    /// The parser has seen to it that every variable of a script is known by the time it is used.
    fn value(&self, name: &str) -> Value {
        self.0.get(name).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use saphyr::LoadableYamlNode as _;
    use serde_json::json;

    fn resolve(text: &str, kept: Value) -> Value {
        let nodes = MarkedYamlOwned::load_from_str(text).unwrap();
        let template = Template::read(&nodes[0], &BTreeSet::from(["kept".to_owned()])).unwrap();
        let mut variables = Variables::new("the token");
        variables.keep("kept", kept);
        template.resolve(&variables)
    }

    #[test]
    fn a_string_that_is_one_variable_keeps_the_type() {
        for kept in [json!(7), json!(true), json!({"id": [1, "a"]}), json!("text"), json!(null)] {
            assert_eq!(resolve("{ a: [ '${kept}' ] }", kept.clone()), json!({"a": [kept]}));
        }
    }

    #[test]
    fn variables_inside_longer_strings_become_text() {
        assert_eq!(resolve("'${kept}/${kept}!'", json!("a")), json!("a/a!"));
        assert_eq!(resolve("'no. ${kept}'", json!(7)), json!("no. 7"));
    }

    #[test]
    fn what_a_variable_holds_is_not_read_again() {
        assert_eq!(resolve("'${kept}'", json!("${kept}")), json!("${kept}"));
        assert_eq!(resolve("'a ${kept}'", json!("${")), json!("a ${"));
    }

    #[test]
    fn every_kind_of_value_comes_through() {
        let value = resolve("{ a: 1, b: 1.5, c: true, d: null, e: x, f: [ { g: '2025-01-31' } ], 7: seven }", json!(0));
        let expected =
            json!({"a": 1, "b": 1.5, "c": true, "d": null, "e": "x", "f": [{"g": "2025-01-31"}], "7": "seven"});
        assert_eq!(value, expected);
    }

    #[test]
    fn the_flow_token_is_not_shown() {
        let variables = Variables::new("the token");
        assert_eq!(variables.show(&json!({"t": "the token"})), r#"{"t":"${flow_token}"}"#);
        assert_eq!(Variables::new("").show(&json!("a")), r#""a""#);
    }

    #[test]
    fn long_values_are_cut() {
        let shown = Variables::new("t0k3n").show(&json!("ä".repeat(400)));
        assert_eq!(shown.chars().count(), 301);
        assert!(shown.ends_with('…'));
    }
}
