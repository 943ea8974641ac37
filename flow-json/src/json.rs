//! JSON with the place of every value: what the checks read. It knows nothing of flows.
//!
//! Two well-known parsers share the work. `serde_json` says whether the text is JSON, strictly; `jsonc-parser`, which takes
//! more than JSON, gives the ranges. Both recurse or allocate by what the text holds, so depth and number of values are
//! bounded before either of them is asked.

use std::borrow::Cow;
use std::collections::HashSet;

use jsonc_parser::ast;
use jsonc_parser::common::{Range, Ranged};
use jsonc_parser::{CollectOptions, ParseOptions};
use prost_types::value::Kind as ProtoKind;
use prost_types::{ListValue, Struct, Value as ProtoValue};
use serde::de::IgnoredAny;

use crate::code::Code;
use crate::finding::Findings;
use crate::span::{Lines, Span};

/// The platform takes 10 MB.
pub(crate) const MAX_BYTES: usize = 10_000_000;
/// A screen with three nested `If` is at 22.
pub(crate) const MAX_DEPTH: usize = 64;
/// 100 screens of 50 components with 20 properties are 100,000 values.
pub(crate) const MAX_VALUES: usize = 400_000;

/// A value and where it stands.
#[derive(Debug)]
pub(crate) struct Node<'a> {
    pub(crate) span: Span,
    pub(crate) kind: Kind<'a>,
}

#[derive(Debug)]
pub(crate) enum Kind<'a> {
    Null,
    Boolean(bool),
    Number(f64),
    Text(Cow<'a, str>),
    List(Vec<Node<'a>>),
    Object(Vec<Member<'a>>),
}

#[derive(Debug)]
pub(crate) struct Member<'a> {
    pub(crate) key: Cow<'a, str>,
    pub(crate) key_span: Span,
    pub(crate) value: Node<'a>,
}

impl<'a> Node<'a> {
    pub(crate) fn members(&self) -> &[Member<'a>] {
        match &self.kind {
            Kind::Object(members) => members,
            _ => &[],
        }
    }

    pub(crate) fn elements(&self) -> &[Node<'a>] {
        match &self.kind {
            Kind::List(elements) => elements,
            _ => &[],
        }
    }

    /// Of several members with one key the last, as every reader of JSON takes it.
    pub(crate) fn member(&self, key: &str) -> Option<&Member<'a>> {
        self.members().iter().rev().find(|member| member.key == key)
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Node<'a>> {
        self.member(key).map(|member| &member.value)
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn boolean(&self) -> Option<bool> {
        match &self.kind {
            Kind::Boolean(value) => Some(*value),
            _ => None,
        }
    }

    pub(crate) fn is_object(&self) -> bool {
        matches!(self.kind, Kind::Object(_))
    }

    /// As a sentence calls it.
    pub(crate) fn type_name(&self) -> &'static str {
        match &self.kind {
            Kind::Null => "null",
            Kind::Boolean(_) => "a boolean",
            Kind::Number(_) => "a number",
            Kind::Text(_) => "a string",
            Kind::List(_) => "an array",
            Kind::Object(_) => "an object",
        }
    }

    /// The same value as an answer would carry it.
    pub(crate) fn to_value(&self) -> ProtoValue {
        let kind = match &self.kind {
            Kind::Null => ProtoKind::NullValue(0),
            Kind::Boolean(value) => ProtoKind::BoolValue(*value),
            Kind::Number(value) => ProtoKind::NumberValue(*value),
            Kind::Text(text) => ProtoKind::StringValue(text.to_string()),
            Kind::List(elements) => {
                ProtoKind::ListValue(ListValue { values: elements.iter().map(Node::to_value).collect() })
            }
            Kind::Object(members) => ProtoKind::StructValue(Struct {
                fields: members.iter().map(|member| (member.key.to_string(), member.value.to_value())).collect(),
            }),
        };
        ProtoValue { kind: Some(kind) }
    }

    /// The JSON pointer of what has this span; of what surrounds it where nothing has.
    pub(crate) fn pointer(&self, span: Span) -> String {
        let holds = |outer: Span| outer.start <= span.start && span.end <= outer.end;
        let mut pointer = String::new();
        let mut node = self;
        loop {
            let next = match &node.kind {
                Kind::Object(members) => {
                    let around =
                        |member: &&Member| holds(Span { start: member.key_span.start, end: member.value.span.end });
                    let place = members.partition_point(|member| member.value.span.end < span.end);
                    members.get(place).filter(around).map(|member| (escape(&member.key), &member.value))
                }
                Kind::List(elements) => {
                    let place = elements.partition_point(|element| element.span.end < span.end);
                    elements.get(place).filter(|element| holds(element.span)).map(|next| (place.to_string(), next))
                }
                _ => None,
            };
            let Some((step, inner)) = next else { return pointer };
            pointer.push('/');
            pointer.push_str(&step);
            node = inner;
        }
    }

    /// What a pointer leads to; the last value on the way where it leads nowhere.
    pub(crate) fn at(&self, pointer: &str) -> &Node<'a> {
        let mut node = self;
        for step in pointer.split('/').skip(1) {
            let next = match &node.kind {
                Kind::List(elements) => step.parse().ok().and_then(|place: usize| elements.get(place)),
                _ => node.get(&step.replace("~1", "/").replace("~0", "~")),
            };
            let Some(next) = next else { return node };
            node = next;
        }
        node
    }
}

/// A step of a JSON pointer (RFC 6901).
pub(crate) fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Reads a text, or says why it cannot be read.
pub(crate) fn parse<'a>(text: &'a str, findings: &mut Findings) -> Option<Node<'a>> {
    if text.len() > MAX_BYTES {
        let message = format!("the file has {} bytes", text.len());
        findings.error(Code::LimitExceeded, Span::new(0, 0), message, "the platform takes 10 MB");
        return None;
    }
    if let Err((at, message, help)) = within_limits(text) {
        findings.error(Code::LimitExceeded, Span::new(at, at + 1), message, help);
        return None;
    }
    if let Err(error) = serde_json::from_str::<IgnoredAny>(text) {
        let (at, message, help) = not_json(text, &error);
        findings.error(Code::InvalidFlowJson, Span::new(at, (at + 1).min(text.len())), message, help);
        return None;
    }
    let options = ParseOptions {
        allow_comments: false,
        allow_loose_object_property_names: false,
        allow_trailing_commas: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    match jsonc_parser::parse_to_ast(text, &CollectOptions::default(), &options) {
        Ok(parsed) => parsed.value.map(|value| node(value, findings)),
        // What serde_json skips without a look: escapes that are no character.
        Err(error) => {
            let Range { start, end } = error.range();
            findings.error(Code::InvalidFlowJson, Span::new(start, end), error.kind().to_string(), "");
            None
        }
    }
}

/// Depth and number of values, by the characters that open and separate them.
fn within_limits(text: &str) -> Result<(), (usize, String, &'static str)> {
    let (mut depth, mut values, mut in_string, mut escaped) = (0_usize, 0_usize, false, false);
    for (at, byte) in text.bytes().enumerate() {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            b',' | b':' => {}
            _ => continue,
        }
        values += usize::from(matches!(byte, b'[' | b'{' | b','));
        if depth > MAX_DEPTH {
            return Err((at, format!("values are nested deeper than {MAX_DEPTH}"), "no screen is that deep"));
        }
        if values > MAX_VALUES {
            return Err((
                at,
                format!("the file holds more than {MAX_VALUES} values"),
                "100 screens of 50 components fit",
            ));
        }
    }
    Ok(())
}

fn not_json(text: &str, error: &serde_json::Error) -> (usize, String, &'static str) {
    let lines = Lines::new(text);
    // serde_json counts columns in bytes, and from 0 at the end of a line.
    let mut at = (lines.start(error.line()) + error.column().saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let here = text.get(at..).unwrap_or_default();
    let help = if text.starts_with('\u{feff}') {
        "the file begins with a byte order mark: save it as UTF-8 without one"
    } else if text.trim().is_empty() {
        "an object with `version` and `screens`"
    } else if here.starts_with('/') || here.starts_with('#') {
        "JSON has no comments"
    } else if here.starts_with('}') || here.starts_with(']') {
        "no comma before a closing brace or bracket"
    } else if here.starts_with('\'') {
        "strings stand in double quotes"
    } else {
        ""
    };
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or_default();
    (at, format!("not JSON: {message}"), help)
}

fn node<'a>(value: ast::Value<'a>, findings: &mut Findings) -> Node<'a> {
    let span = span(value.range());
    let kind = match value {
        ast::Value::NullKeyword(_) => Kind::Null,
        ast::Value::BooleanLit(literal) => Kind::Boolean(literal.value),
        ast::Value::NumberLit(literal) => Kind::Number(literal.value.parse().unwrap_or(f64::NAN)),
        ast::Value::StringLit(literal) => Kind::Text(literal.value),
        ast::Value::Array(array) => {
            Kind::List(array.elements.into_iter().map(|element| node(element, findings)).collect())
        }
        ast::Value::Object(object) => Kind::Object(members(object.properties, findings)),
    };
    Node { span, kind }
}

fn members<'a>(properties: Vec<ast::ObjectProp<'a>>, findings: &mut Findings) -> Vec<Member<'a>> {
    let mut members: Vec<Member> = Vec::with_capacity(properties.len());
    for property in properties {
        let key_span = span(property.name.range());
        let key = match property.name {
            ast::ObjectPropName::String(literal) => literal.value,
            ast::ObjectPropName::Word(word) => Cow::Borrowed(word.value),
        };
        members.push(Member { key, key_span, value: node(property.value, findings) });
    }
    let mut seen = HashSet::with_capacity(members.len());
    for member in &members {
        if !seen.insert(member.key.as_ref()) {
            let message = format!("the key `{}` stands here twice", cut(&member.key));
            findings.warning(Code::DuplicateKey, member.key_span, message, "the last one counts: remove the other");
        }
    }
    members
}

fn span(range: Range) -> Span {
    Span::new(range.start, range.end)
}

/// What a message quotes of the file, at most.
pub(crate) fn cut(text: &str) -> Cow<'_, str> {
    const LONGEST: usize = 60;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(text: &str) -> (Code, String, Span) {
        let mut findings = Findings::default();
        assert!(parse(text, &mut findings).is_none(), "{text}");
        let found = findings.into_vec().remove(0);
        (found.code, found.help, found.span)
    }

    #[test]
    fn only_json_is_read() {
        for text in [
            "",
            " ",
            "{",
            "[1,]",
            "{\"a\":1,}",
            "// x\n{}",
            "{'a':1}",
            "{a:1}",
            "[01]",
            "[+1]",
            "[.5]",
            "[1.]",
            "[NaN]",
            "[0x1]",
            "[1 2]",
            "{} {}",
            "[\"\u{1}\"]",
            "[\"\\x41\"]",
            "[\"\\ud800\"]",
            "\u{feff}{}",
            "[\u{b}1]",
            "[\u{a0}1]",
        ] {
            assert_eq!(finding(text).0, Code::InvalidFlowJson, "{text:?}");
        }
    }

    #[test]
    fn the_place_of_a_mistake_is_known() {
        let text = "{\n  \"ż\": [1,\n 2,]\n}";
        let (_, help, span) = finding(text);
        assert_eq!(&text[span.start as usize..span.end as usize], "]");
        assert_eq!(help, "no comma before a closing brace or bracket");
    }

    #[test]
    fn depth_and_number_are_bounded() {
        let deep = "[".repeat(5_000_000);
        assert_eq!(finding(&deep).0, Code::LimitExceeded);
        let deep = format!("{}1{}", "{\"a\":".repeat(100), "}".repeat(100));
        assert_eq!(finding(&deep).0, Code::LimitExceeded);
        let many = format!("[{}1]", "1,".repeat(MAX_VALUES));
        assert_eq!(finding(&many).0, Code::LimitExceeded);
        let large = format!("\"{}\"", "x".repeat(MAX_BYTES));
        assert_eq!(finding(&large).0, Code::LimitExceeded);
    }

    #[test]
    fn a_pointer_and_a_span_name_the_same_value() {
        let text = r#"{"a/b": [1, {"c~": "x"}, [true]], "d": null}"#;
        let root = parse(text, &mut Findings::default()).unwrap();
        for (pointer, value) in [("/a~1b/1/c~0", "\"x\""), ("/a~1b/2/0", "true"), ("/d", "null"), ("/a~1b/0", "1")] {
            let span = root.at(pointer).span;
            assert_eq!(&text[span.start as usize..span.end as usize], value);
            assert_eq!(root.pointer(span), pointer);
        }
        assert_eq!(root.pointer(root.member("d").unwrap().key_span), "/d");
        assert_eq!(root.pointer(root.span), "");
    }

    #[test]
    fn a_key_that_comes_twice_is_a_finding_and_the_last_counts() {
        let mut findings = Findings::default();
        let root = parse(r#"{"a": 1, "a": true}"#, &mut findings).unwrap();
        assert_eq!(root.get("a").and_then(Node::boolean), Some(true));
        let found = findings.into_vec();
        assert_eq!((found.len(), found[0].code), (1, Code::DuplicateKey));
        assert_eq!(found[0].span, Span { start: 9, end: 12 });
    }
}
