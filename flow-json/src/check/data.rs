//! The data models: each key has a type that exists, and an example of it.

use crate::code::Code;
use crate::finding::Findings;
use crate::json::{Kind as Json, Member, Node, cut};

const TYPES: [&str; 5] = ["string", "number", "boolean", "object", "array"];

pub(super) fn check(root: &Node<'_>, findings: &mut Findings) {
    for screen in root.get("screens").map(Node::elements).unwrap_or_default() {
        let Some(data) = screen.get("data") else { continue };
        if !data.is_object() {
            let message = format!("`data` is {}", data.type_name());
            findings.error(
                Code::InvalidPropertyType,
                data.span,
                message,
                "an object: key, then type and `__example__`",
            );
            continue;
        }
        for member in data.members() {
            key(member, findings);
            let mut keys = Keys { findings };
            keys.data_type(&member.value, &member.key, true);
            keys.example(member);
        }
    }
}

fn key(member: &Member<'_>, findings: &mut Findings) {
    let odd = |c: char| c.is_whitespace() || matches!(c, '-' | '`' | '\'' | '"' | '.' | '{' | '}' | '$');
    if member.key.is_empty() || member.key.contains(odd) {
        let message = format!("the key `{}` cannot be referenced", cut(&member.key));
        let help = "letters, digits and underscores";
        findings.warning(Code::InvalidScreenData, member.key_span, message, help);
    }
}

struct Keys<'a> {
    findings: &'a mut Findings,
}

impl Keys<'_> {
    fn data_type(&mut self, node: &Node<'_>, name: &str, top: bool) {
        let name = cut(name);
        if !node.is_object() {
            let message = format!("`{name}` is {}", node.type_name());
            return self.findings.error(
                Code::InvalidScreenData,
                node.span,
                message,
                "an object such as {\"type\": \"string\"}",
            );
        }
        if let Some(example) = node.member("__example__")
            && !top
        {
            let help = "move it into the `__example__` of the key at the top";
            let message = format!("`{name}` has an `__example__` below the top level");
            self.findings.error(Code::InvalidScreenData, example.key_span, message, help);
        }
        let kind = match node.get("type") {
            None => {
                let message = format!("`{name}` has no `type`");
                let help = format!("one of {}", TYPES.join(", "));
                return self.findings.error(Code::InvalidScreenData, node.span.opening(), message, help);
            }
            Some(written) => match written.text() {
                Some(kind) if TYPES.contains(&kind) => kind,
                // JSON Schema has it, and clients read it as a number.
                Some("integer") => {
                    let help = "number";
                    let message = "`integer` is not documented";
                    return self.findings.warning(Code::InvalidScreenData, written.span, message, help);
                }
                Some(other) => {
                    let message = format!("there is no type `{}`", cut(other));
                    let help = self.findings.did_you_mean(other, &TYPES);
                    return self.findings.error(Code::InvalidScreenData, written.span, message, help);
                }
                None => {
                    let message = format!("the type of `{name}` is {}", written.type_name());
                    let help = "a string, one of string, number, boolean, object, array";
                    return self.findings.error(Code::InvalidScreenData, written.span, message, help);
                }
            },
        };
        match (kind, node.get("items")) {
            ("array", None) => {
                let message = format!("the array `{name}` has no `items`");
                let help = "\"items\": {\"type\": …}";
                self.findings.error(Code::InvalidScreenData, node.span.opening(), message, help);
            }
            ("array", Some(items)) => match items.kind {
                Json::Object(_) => self.data_type(items, &format!("{name}.items"), false),
                Json::Boolean(_) => {}
                _ => {
                    let message = format!("`items` of `{name}` is {}", items.type_name());
                    self.findings.error(Code::InvalidScreenData, items.span, message, "an object, or a boolean");
                }
            },
            _ => {}
        }
        if let Some(properties) = node.get("properties") {
            if !properties.is_object() {
                let message = format!("`properties` of `{name}` is {}", properties.type_name());
                self.findings.error(Code::InvalidScreenData, properties.span, message, "an object: key, then type");
            }
            for property in properties.members() {
                self.data_type(&property.value, &format!("{name}.{}", property.key), false);
            }
        }
    }

    fn example(&mut self, member: &Member<'_>) {
        let node = &member.value;
        if !node.is_object() {
            return;
        }
        let Some(example) = node.get("__example__") else {
            let message = format!("`{}` has no `__example__`", cut(&member.key));
            let help = "a value of its type, which previews show";
            return self.findings.error(Code::MissingRequiredProperty, member.key_span, message, help);
        };
        let kind = node.get("type").and_then(Node::text).unwrap_or_default();
        let fits = match example.kind {
            Json::Text(_) => kind == "string",
            Json::Number(_) => matches!(kind, "number" | "integer"),
            Json::Boolean(_) => kind == "boolean",
            Json::Object(_) => kind == "object",
            Json::List(_) => kind == "array",
            Json::Null => false,
        };
        if TYPES.contains(&kind) && !fits {
            let message =
                format!("the example of `{}` is {}, its type is {kind}", cut(&member.key), example.type_name());
            let place = if example.is_object() { example.span.opening() } else { example.span };
            self.findings.error(Code::InvalidScreenData, place, message, "an example of the type");
        }
    }
}
