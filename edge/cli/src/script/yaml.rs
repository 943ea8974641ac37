//! The YAML document under a script, read so that every mistake has its line.

use saphyr::{MarkedYamlOwned, ScalarOwned, YamlDataOwned};
use serde_json::{Number, Value};

use super::problem::{Error, Problem, nearest};

/// The fields of a mapping, in the order of the file.
pub(crate) struct Fields<'a> {
    line: usize,
    entries: Vec<(String, &'a MarkedYamlOwned)>,
    /// The line of each entry's key; its value may begin on the next.
    key_lines: Vec<usize>,
}

impl<'a> Fields<'a> {
    /// `what` says in an error what should have been a mapping.
    pub(crate) fn read(node: &'a MarkedYamlOwned, what: &'static str) -> Result<Self, Error> {
        let YamlDataOwned::Mapping(mapping) = &node.data else { return Err(Error::of(node, Problem::Mapping(what))) };
        let entry = |(key, value): (&MarkedYamlOwned, &'a MarkedYamlOwned)| match scalar(key)? {
            Value::String(name) => Ok((name, value)),
            Value::Null => Err(Error::of(key, Problem::NotJson)),
            // JSON has no other keys than text.
            other => Ok((other.to_string(), value)),
        };
        let entries = mapping.iter().map(entry).collect::<Result<_, _>>()?;
        let key_lines = mapping.keys().map(|key| key.span.start.line()).collect();
        Ok(Self { line: node.span.start.line(), entries, key_lines })
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = &(String, &'a MarkedYamlOwned)> {
        self.entries.iter()
    }

    pub(crate) fn get(&self, key: &str) -> Option<&'a MarkedYamlOwned> {
        self.entries.iter().find(|(name, _)| name == key).map(|(_, node)| *node)
    }

    pub(crate) fn required(&self, key: &'static str) -> Result<&'a MarkedYamlOwned, Error> {
        self.get(key).ok_or_else(|| Error::at(self.line, Problem::Missing(key)))
    }

    pub(crate) fn required_text(&self, key: &'static str) -> Result<String, Error> {
        self.required(key).and_then(|node| text(node).ok_or_else(|| Error::of(node, Problem::Text(key))))
    }

    pub(crate) fn optional_text(&self, key: &'static str) -> Result<Option<String>, Error> {
        self.get(key).map(|_| self.required_text(key)).transpose()
    }

    /// Refuses the first key that is not `known`.
    pub(crate) fn refuse_unknown(&self, known: &'static [&'static str]) -> Result<(), Error> {
        let mut keys = self.entries.iter().zip(&self.key_lines);
        match keys.find(|((key, _), _)| !known.contains(&key.as_str())) {
            None => Ok(()),
            Some(((key, _), line)) => {
                let nearest = nearest(key, known.iter().copied());
                Err(Error::at(*line, Problem::UnknownKey { key: key.clone(), nearest, known }))
            }
        }
    }
}

/// The items of a list; `None` where the node is none.
pub(crate) fn items(node: &MarkedYamlOwned) -> Option<&[MarkedYamlOwned]> {
    match &node.data {
        YamlDataOwned::Sequence(items) => Some(items),
        _ => None,
    }
}

/// A string; `None` where the node is none.
pub(crate) fn text(node: &MarkedYamlOwned) -> Option<String> {
    match &node.data {
        YamlDataOwned::Value(ScalarOwned::String(text)) => Some(text.clone()),
        _ => None,
    }
}

/// An integer; `None` where the node is none.
pub(crate) fn whole_number(node: &MarkedYamlOwned) -> Option<i64> {
    match &node.data {
        YamlDataOwned::Value(ScalarOwned::Integer(number)) => Some(*number),
        _ => None,
    }
}

/// A single value as JSON has it.
pub(crate) fn scalar(node: &MarkedYamlOwned) -> Result<Value, Error> {
    match &node.data {
        YamlDataOwned::Value(ScalarOwned::String(text)) => Ok(Value::String(text.clone())),
        YamlDataOwned::Value(ScalarOwned::Integer(number)) => Ok(Value::Number((*number).into())),
        YamlDataOwned::Value(ScalarOwned::FloatingPoint(number)) => {
            let number = Number::from_f64(number.into_inner());
            number.map(Value::Number).ok_or_else(|| Error::of(node, Problem::NotJson))
        }
        YamlDataOwned::Value(ScalarOwned::Boolean(flag)) => Ok(Value::Bool(*flag)),
        YamlDataOwned::Value(ScalarOwned::Null) => Ok(Value::Null),
        _ => Err(Error::of(node, Problem::NotJson)),
    }
}
