//! From JSON to the model. What has another type than it must is left out: the structure's rules have reported it.

use super::data::DataModel;
use super::flow::{Action, ActionKind, Block, Component, Flow, Property, Route, Screen};
use super::name::Name;
use super::template::{Template, TemplateKind};
use crate::code::Code;
use crate::expression::{Expression, SyntaxError};
use crate::finding::Findings;
use crate::json::{Kind as Json, Member, Node};
use crate::schema::{Kind, Shape, property};
use crate::span::Span;
use crate::version::{V6_0, Version};

pub(crate) fn lower(root: &Node<'_>, version: Version, text: &str, findings: &mut Findings) -> Flow {
    let mut lowering = Lowering { version, text, findings };
    let screens = root.get("screens").map(Node::elements).unwrap_or_default();
    Flow {
        version,
        data_api_version: root.get("data_api_version").and_then(name),
        routing_model: root.get("routing_model").filter(|routes| routes.is_object()).map(routes),
        screens: screens.iter().filter_map(|screen| lowering.screen(screen)).collect(),
        span: root.span,
    }
}

fn name(node: &Node<'_>) -> Option<Name> {
    Some(Name { text: node.text()?.to_owned(), span: node.span })
}

fn key(member: &Member<'_>) -> Name {
    Name { text: member.key.to_string(), span: member.key_span }
}

fn routes(node: &Node<'_>) -> Vec<Route> {
    let route =
        |member: &Member| Route { from: key(member), to: member.value.elements().iter().filter_map(name).collect() };
    node.members().iter().map(route).collect()
}

struct Lowering<'a> {
    version: Version,
    text: &'a str,
    findings: &'a mut Findings,
}

impl Lowering<'_> {
    fn screen(&mut self, node: &Node<'_>) -> Option<Screen> {
        let flag = |key: &str| node.get(key).and_then(|value| Some((value.boolean()?, value.span)));
        let children = node.get("layout").and_then(|layout| layout.get("children"));
        Some(Screen {
            id: node.get("id").and_then(name)?,
            span: node.span,
            title: node.get("title").map(|title| self.template(title)),
            terminal: flag("terminal").is_some_and(|(terminal, _)| terminal),
            success: flag("success"),
            refresh_on_back: flag("refresh_on_back"),
            sensitive: node.get("sensitive").map(Node::elements).unwrap_or_default().iter().filter_map(name).collect(),
            data: node.get("data").and_then(DataModel::lower),
            children: children.map(|children| self.components(children)).unwrap_or_default(),
        })
    }

    fn components(&mut self, node: &Node<'_>) -> Vec<Component> {
        node.elements().iter().filter_map(|component| self.component(component)).collect()
    }

    fn component(&mut self, node: &Node<'_>) -> Option<Component> {
        let kind = Kind::parse(node.get("type").and_then(Node::text)?)?;
        let mut component =
            Component { kind, span: node.span, properties: Vec::new(), blocks: Vec::new(), actions: Vec::new() };
        for member in node.members() {
            let Some(schema) = property(kind.schema().properties, &member.key) else { continue };
            match schema.shape {
                Shape::Components => component.blocks.push(self.block(member)),
                Shape::Cases => {
                    component.blocks.extend(member.value.members().iter().map(|case| self.block(case)));
                }
                Shape::Action(_) => component.actions.extend(self.action(member, false)),
                Shape::Condition => {
                    if let Some(value) = self.condition(&member.value) {
                        component.properties.push(Property { name: key(member), value });
                    }
                }
                shape => {
                    if let Shape::Objects(..) = shape {
                        for item in member.value.elements().iter().flat_map(Node::members) {
                            if item.key.ends_with("-action") {
                                component.actions.extend(self.action(item, true));
                            }
                        }
                    }
                    let value = match shape {
                        Shape::Static => self.literal(&member.value),
                        _ => self.template(&member.value),
                    };
                    component.properties.push(Property { name: key(member), value });
                }
            }
        }
        Some(component)
    }

    fn block(&mut self, member: &Member<'_>) -> Block {
        Block { name: key(member), span: member.value.span, children: self.components(&member.value) }
    }

    fn action(&mut self, member: &Member<'_>, of_item: bool) -> Option<Action> {
        let node = &member.value;
        let written = node.get("name")?;
        Some(Action {
            property: key(member),
            of_item,
            span: node.span,
            kind: ActionKind::parse(written.text()?)?,
            name_span: written.span,
            next: node.get("next").and_then(|next| next.get("name")).and_then(name),
            payload: node.get("payload").map(|payload| self.template(payload)),
            url: node.get("url").map(|url| self.template(url)),
        })
    }

    fn condition(&mut self, node: &Node<'_>) -> Option<Template> {
        match Expression::parse_condition(node.text()?) {
            Ok(expression) => Some(Template { span: node.span, kind: TemplateKind::Expression(expression) }),
            Err(error) => {
                self.refuse(node.span, &error);
                None
            }
        }
    }

    /// A string that is what it is.
    fn literal(&mut self, node: &Node<'_>) -> Template {
        match name(node) {
            Some(name) => Template { span: node.span, kind: TemplateKind::Text(name) },
            None => self.template(node),
        }
    }

    fn template(&mut self, node: &Node<'_>) -> Template {
        let kind = match &node.kind {
            Json::Null => TemplateKind::Null,
            Json::Boolean(value) => TemplateKind::Boolean(*value),
            Json::Number(value) => TemplateKind::Number(*value),
            Json::Text(text) => self.string(text, node.span),
            Json::List(elements) => TemplateKind::List(elements.iter().map(|element| self.template(element)).collect()),
            Json::Object(members) => {
                TemplateKind::Object(members.iter().map(|member| (key(member), self.template(&member.value))).collect())
            }
        };
        Template { span: node.span, kind }
    }

    fn string(&mut self, text: &str, span: Span) -> TemplateKind {
        let plain = || TemplateKind::Text(Name { text: text.to_owned(), span });
        match Expression::parse_dynamic(text) {
            Ok(Some(expression)) if expression.has_backticks() && self.version < V6_0 => {
                let message = format!("expressions in backticks came with 6.0, and this file is {}", self.version);
                self.findings.warning(Code::ShownAsItStands, span, message, "set `version` to 6.0 or later");
                plain()
            }
            Ok(Some(expression)) => TemplateKind::Expression(expression),
            Ok(None) => {
                self.look_for_reference(text, span);
                plain()
            }
            // No reference in it: text that somebody put between backticks.
            Err(_) if !text.contains("${") || self.version < V6_0 => plain(),
            Err(error) => {
                self.refuse(span, &error);
                plain()
            }
        }
    }

    /// A reference that is not the whole string is shown as it stands.
    fn look_for_reference(&mut self, text: &str, span: Span) {
        let Some(start) = text.find("${") else { return };
        let inside = text[start + 2..].find('}').map(|end| &text[start..start + 3 + end]);
        let first = text[start + 2..].split(['.', '}']).next().unwrap_or_default();
        let whole = start == 0 && inside.is_some_and(|reference| reference.len() == text.len());
        if !whole && inside.and_then(crate::expression::Reference::parse).is_some() {
            let help =
                "a reference is the whole string; from 6.0, put texts together in backticks: `'Hi ' ${data.name}`";
            self.findings.warning(Code::ShownAsItStands, span, "the reference inside this text is not replaced", help);
        } else if whole || matches!(first, "data" | "form" | "screen") {
            let help = "a reference is `${data.NAME}`, `${form.NAME}` or `${screen.ID.form.NAME}`";
            self.findings.warning(Code::ShownAsItStands, span, "this is no reference, and is shown as it stands", help);
        }
    }

    fn refuse(&mut self, span: Span, error: &SyntaxError) {
        let place = place(self.text, span, error.at);
        self.findings.error(Code::InvalidPropertyValue, place, error.to_string(), "");
    }
}

/// The place of a byte of a string's value; the whole string where escapes have moved it.
pub(crate) fn place(text: &str, span: Span, at: usize) -> Span {
    let raw = text.get(span.start as usize..span.end as usize).unwrap_or_default();
    let at = span.start as usize + 1 + at;
    let end = (span.end as usize).saturating_sub(1);
    if raw.contains('\\') || at >= end || !text.is_char_boundary(at) {
        return span;
    }
    Span::new(at, end)
}
