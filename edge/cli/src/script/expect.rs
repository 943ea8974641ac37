//! What an answer must contain: a JSON value in which a mapping with a `$` key is a matcher.

use std::collections::BTreeSet;

use regex::Regex;
use saphyr::{MarkedYamlOwned, YamlDataOwned};
use serde_json::{Number, Value};

use super::problem::{Error, Problem, nearest};
use super::template::{Text, Variables};
use super::yaml::{self, Fields};

const MATCHERS: &[&str] = &["$regex", "$length", "$contains", "$absent", "$present"];

/// What a value must be.
#[derive(Debug)]
pub(crate) enum Pattern {
    /// Every key listed must match; others are allowed.
    Object(Vec<(String, Pattern)>),
    /// As many elements, each matching.
    Array(Vec<Pattern>),
    Equal(Value),
    EqualText(Text),
    /// A string in which the expression is found.
    Regex(Text),
    /// An array or a string of that many elements or characters.
    Length(u64),
    /// An array with an element that matches.
    Contains(Box<Pattern>),
    Absent,
    Present,
}

/// Where an answer is not what it must be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mismatch {
    /// JSON Pointer into the opened answer (RFC 6901); empty for the answer as a whole.
    pub(crate) pointer: String,
    pub(crate) expected: String,
    pub(crate) found: String,
}

impl Pattern {
    /// What any object matches.
    pub(crate) fn anything() -> Self {
        Self::Object(Vec::new())
    }

    pub(super) fn read(node: &MarkedYamlOwned, known: &BTreeSet<String>) -> Result<Self, Error> {
        match &node.data {
            YamlDataOwned::Sequence(items) => {
                items.iter().map(|item| Self::read(item, known)).collect::<Result<_, _>>().map(Self::Array)
            }
            YamlDataOwned::Mapping(_) => {
                let fields = Fields::read(node, "this")?;
                let entries: Vec<_> = fields.entries().collect();
                match entries.iter().find(|(key, _)| key.starts_with('$')) {
                    None => Self::read_object(entries, known),
                    Some((key, node)) if entries.len() == 1 => Self::read_matcher(key, node, known),
                    Some((key, _)) => Err(Error::of(node, Problem::MatcherNotAlone(key.clone()))),
                }
            }
            _ => match yaml::scalar(node)? {
                Value::String(text) => Text::read(node, &text, known).map(Self::EqualText),
                other => Ok(Self::Equal(other)),
            },
        }
    }

    pub(super) fn read_object<'a>(
        entries: impl IntoIterator<Item = &'a (String, &'a MarkedYamlOwned)>,
        known: &BTreeSet<String>,
    ) -> Result<Self, Error> {
        let entry = |(key, node): &(String, &MarkedYamlOwned)| Ok((key.clone(), Self::read(node, known)?));
        entries.into_iter().map(entry).collect::<Result<_, _>>().map(Self::Object)
    }

    fn read_matcher(key: &str, node: &MarkedYamlOwned, known: &BTreeSet<String>) -> Result<Self, Error> {
        let wrong = |matcher, right| Error::of(node, Problem::Matcher { matcher, right });
        let is_true = || yaml::scalar(node).is_ok_and(|value| value == true);
        match key {
            "$regex" => {
                let text = yaml::text(node).ok_or_else(|| wrong("$regex", "a regular expression"))?;
                let text = Text::read(node, &text, known)?;
                // What the variables will hold is escaped, so the expression is as sound with a letter in their place.
                let sample = text.resolve_text(&Variables::new(""), |_| "a".to_owned());
                Regex::new(&sample).map_err(|error| Error::of(node, Problem::Regex(error)))?;
                Ok(Self::Regex(text))
            }
            "$length" => {
                let length = yaml::whole_number(node).and_then(|number| u64::try_from(number).ok());
                length.map(Self::Length).ok_or_else(|| wrong("$length", "a whole number, 0 or more"))
            }
            "$contains" => Self::read(node, known).map(|pattern| Self::Contains(Box::new(pattern))),
            "$absent" if is_true() => Ok(Self::Absent),
            "$absent" => Err(wrong("$absent", "true; for the opposite there is $present")),
            "$present" if is_true() => Ok(Self::Present),
            "$present" => Err(wrong("$present", "true; for the opposite there is $absent")),
            _ => {
                let nearest = nearest(key, MATCHERS.iter().copied());
                Err(Error::of(node, Problem::UnknownMatcher { key: key.to_owned(), nearest, known: MATCHERS }))
            }
        }
    }

    /// Every place where `answer` does not match, in order.
    pub(crate) fn mismatches(&self, answer: &Value, variables: &Variables) -> Vec<Mismatch> {
        let mut mismatches = Vec::new();
        self.compare(Some(answer), "", variables, &mut mismatches);
        mismatches
    }

    fn compare(&self, found: Option<&Value>, pointer: &str, variables: &Variables, mismatches: &mut Vec<Mismatch>) {
        match (self, found) {
            (Self::Object(entries), Some(Value::Object(object))) => {
                for (key, pattern) in entries {
                    let pointer = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
                    pattern.compare(object.get(key), &pointer, variables, mismatches);
                }
            }
            (Self::Array(patterns), Some(Value::Array(items))) if patterns.len() == items.len() => {
                for (index, (pattern, item)) in patterns.iter().zip(items).enumerate() {
                    pattern.compare(Some(item), &format!("{pointer}/{index}"), variables, mismatches);
                }
            }
            (pattern, found) => {
                if !pattern.matches(found, variables) {
                    mismatches.push(Mismatch {
                        pointer: pointer.to_owned(),
                        expected: pattern.describe(variables),
                        found: found.map_or("nothing".to_owned(), |found| describe(found, variables)),
                    });
                }
            }
        }
    }

    fn matches(&self, found: Option<&Value>, variables: &Variables) -> bool {
        match (self, found) {
            (Self::Absent, found) => found.is_none(),
            (_, None) => false,
            (Self::Present, Some(_)) => true,
            (Self::Equal(value), Some(found)) => equal(value, found),
            (Self::EqualText(text), Some(found)) => equal(&text.resolve(variables), found),
            (Self::Regex(text), Some(Value::String(found))) => {
                Regex::new(&text.resolve_text(variables, regex::escape)).is_ok_and(|regex| regex.is_match(found))
            }
            (Self::Length(length), Some(Value::Array(items))) => items.len() as u64 == *length,
            (Self::Length(length), Some(Value::String(text))) => text.chars().count() as u64 == *length,
            (Self::Contains(pattern), Some(Value::Array(items))) => {
                items.iter().any(|item| pattern.mismatches(item, variables).is_empty())
            }
            // Objects, and arrays of equal length, have been taken apart; what comes here is of another shape.
            (Self::Object(_) | Self::Array(_) | Self::Regex(_) | Self::Length(_) | Self::Contains(_), Some(_)) => false,
        }
    }

    /// The pattern in words.
    fn describe(&self, variables: &Variables) -> String {
        match self {
            Self::Object(_) => "an object".to_owned(),
            Self::Array(patterns) => format!("an array of {}", patterns.len()),
            Self::Equal(value) => variables.show(value),
            Self::EqualText(text) => variables.show(&text.resolve(variables)),
            Self::Regex(text) => {
                format!("text that matches {}", variables.conceal(&text.resolve_text(variables, regex::escape)))
            }
            Self::Length(length) => format!("an array or text of length {length}"),
            Self::Contains(pattern) => format!("an array that contains {}", pattern.describe_whole(variables)),
            Self::Absent => "nothing".to_owned(),
            Self::Present => "anything".to_owned(),
        }
    }

    /// As [`Pattern::describe`], with what is inside objects and arrays.
    fn describe_whole(&self, variables: &Variables) -> String {
        match self {
            Self::Object(entries) => {
                let entry =
                    |(key, pattern): &(String, Pattern)| format!("{key}: {}", pattern.describe_whole(variables));
                format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
            }
            Self::Array(patterns) => {
                let items: Vec<_> = patterns.iter().map(|pattern| pattern.describe_whole(variables)).collect();
                format!("[{}]", items.join(", "))
            }
            _ => self.describe(variables),
        }
    }
}

/// A found value in words: for an array also its length, which is what matchers ask about.
fn describe(found: &Value, variables: &Variables) -> String {
    match found {
        Value::Array(items) => format!("an array of {}: {}", items.len(), variables.show(found)),
        _ => variables.show(found),
    }
}

/// Equality in which 7 is 7.0.
fn equal(expected: &Value, found: &Value) -> bool {
    match (expected, found) {
        (Value::Number(expected), Value::Number(found)) => equal_numbers(expected, found),
        (Value::Array(expected), Value::Array(found)) => {
            expected.len() == found.len() && expected.iter().zip(found).all(|(a, b)| equal(a, b))
        }
        (Value::Object(expected), Value::Object(found)) => {
            let same = |(key, value): (&String, &Value)| found.get(key).is_some_and(|found| equal(value, found));
            expected.len() == found.len() && expected.iter().all(same)
        }
        _ => expected == found,
    }
}

fn equal_numbers(expected: &Number, found: &Number) -> bool {
    let is_float = expected.is_f64() || found.is_f64();
    if is_float { expected.as_f64() == found.as_f64() } else { expected == found }
}

#[cfg(test)]
mod tests {
    use super::*;
    use saphyr::LoadableYamlNode as _;
    use serde_json::json;

    fn mismatches(pattern: &str, answer: Value) -> Vec<Mismatch> {
        let nodes = MarkedYamlOwned::load_from_str(pattern).unwrap();
        let mut variables = Variables::new("the token");
        variables.keep("kept", json!("a.c"));
        let known = BTreeSet::from(["kept".to_owned(), "flow_token".to_owned()]);
        Pattern::read(&nodes[0], &known).unwrap().mismatches(&answer, &variables)
    }

    fn matches(pattern: &str, answer: Value) -> bool {
        mismatches(pattern, answer).is_empty()
    }

    #[test]
    fn scalars_match_equals_of_the_same_type() {
        for (pattern, good, bad) in [
            ("a", json!("a"), json!("A")),
            ("7", json!(7), json!("7")),
            ("7", json!(7.0), json!(7.5)),
            ("true", json!(true), json!("true")),
            ("null", json!(null), json!(false)),
            ("9007199254740993", json!(9_007_199_254_740_993_i64), json!(9_007_199_254_740_992_i64)),
        ] {
            assert!(matches(pattern, good.clone()), "{pattern} {good}");
            assert!(!matches(pattern, bad.clone()), "{pattern} {bad}");
        }
    }

    #[test]
    fn objects_may_have_more_and_arrays_may_not() {
        assert!(matches("{ a: 1 }", json!({"a": 1, "b": 2})));
        assert!(!matches("{ a: 1 }", json!({"b": 2})));
        assert!(!matches("{ a: 1 }", json!([1])));
        assert!(matches("[ { a: 1 }, 2 ]", json!([{"a": 1, "b": 2}, 2])));
        assert!(!matches("[ 1 ]", json!([1, 2])));
        assert!(!matches("[ 1, 2 ]", json!([2, 1])));
    }

    #[test]
    fn each_matcher_both_ways() {
        for (pattern, good, bad) in [
            ("{ $regex: '^R-' }", json!("R-17"), json!("17 R-")),
            ("{ $regex: 'b' }", json!("abc"), json!("ac")),
            ("{ $regex: '7' }", json!("7"), json!(7)),
            ("{ $length: 2 }", json!([1, 2]), json!([1])),
            ("{ $length: 2 }", json!("äö"), json!("abc")),
            ("{ $length: 0 }", json!([]), json!({})),
            ("{ $contains: { id: 2 } }", json!([{"id": 1}, {"id": 2, "more": 3}]), json!([{"id": 1}])),
            ("{ $contains: a }", json!(["b", "a"]), json!("a")),
            ("{ a: { $absent: true } }", json!({"b": 1}), json!({"a": null})),
            ("{ a: { $present: true } }", json!({"a": null}), json!({"b": 1})),
            ("[ { $present: true } ]", json!([1]), json!([])),
        ] {
            assert!(matches(pattern, good.clone()), "{pattern} {good}");
            assert!(!matches(pattern, bad.clone()), "{pattern} {bad}");
        }
    }

    #[test]
    fn variables_are_compared_literally() {
        assert!(matches("'${kept}'", json!("a.c")));
        assert!(!matches("'${kept}'", json!("abc")));
        assert!(matches("{ $regex: '^${kept}$' }", json!("a.c")));
        assert!(!matches("{ $regex: '^${kept}$' }", json!("abc")));
    }

    #[test]
    fn every_mismatch_says_where_and_what() {
        let answer = json!({"screen": "A", "data": {"x/y": [1, 2], "list": []}});
        let found = mismatches("{ screen: B, data: { x/y: [ 1, 3 ], list: { $length: 3 }, gone: 1 } }", answer);
        let found: Vec<_> = found.iter().map(|m| (m.pointer.as_str(), m.expected.as_str(), m.found.as_str())).collect();
        assert_eq!(
            found,
            [
                ("/screen", "\"B\"", "\"A\""),
                ("/data/x~1y/1", "3", "2"),
                ("/data/list", "an array or text of length 3", "an array of 0: []"),
                ("/data/gone", "1", "nothing"),
            ]
        );
    }

    #[test]
    fn a_mismatch_does_not_show_the_flow_token() {
        let found = mismatches("{ a: '${flow_token}x', b: 1 }", json!({"a": "the token", "b": "the token"}));
        let text = format!("{found:?}");
        assert!(found.len() == 2 && !text.contains("the token"), "{text}");
    }
}
