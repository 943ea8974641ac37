//! Values with references in them: what properties and payloads hold.

use prost_types::value::Kind;
use prost_types::{ListValue, Struct, Value};

use super::name::Name;
use crate::expression::{Expression, Scope};
use crate::span::Span;

/// A value of the file, of which any part may come from elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    pub span: Span,
    pub kind: TemplateKind,
}

#[derive(Debug, Clone, PartialEq)]
pub enum TemplateKind {
    Null,
    Boolean(bool),
    Number(f64),
    Text(Name),
    /// A reference or a backtick expression.
    Expression(Expression),
    List(Vec<Template>),
    Object(Vec<(Name, Template)>),
}

impl Template {
    /// The value, with what the references lead to.
    pub fn resolve(&self, scope: &Scope<'_>) -> Value {
        let kind = match &self.kind {
            TemplateKind::Null => Kind::NullValue(0),
            TemplateKind::Boolean(value) => Kind::BoolValue(*value),
            TemplateKind::Number(value) => Kind::NumberValue(*value),
            TemplateKind::Text(text) => Kind::StringValue(text.text.clone()),
            TemplateKind::Expression(expression) => return expression.evaluate(scope).to_value(),
            TemplateKind::List(elements) => {
                Kind::ListValue(ListValue { values: elements.iter().map(|element| element.resolve(scope)).collect() })
            }
            TemplateKind::Object(members) => Kind::StructValue(Struct {
                fields: members.iter().map(|(key, value)| (key.text.clone(), value.resolve(scope))).collect(),
            }),
        };
        Value { kind: Some(kind) }
    }

    pub fn expression(&self) -> Option<&Expression> {
        match &self.kind {
            TemplateKind::Expression(expression) => Some(expression),
            _ => None,
        }
    }

    pub fn members(&self) -> &[(Name, Template)] {
        match &self.kind {
            TemplateKind::Object(members) => members,
            _ => &[],
        }
    }

    pub fn elements(&self) -> &[Template] {
        match &self.kind {
            TemplateKind::List(elements) => elements,
            _ => &[],
        }
    }

    pub fn get(&self, key: &str) -> Option<&Template> {
        self.members().iter().rev().find(|(name, _)| name.text == key).map(|(_, value)| value)
    }

    /// Every expression in it with its place, and how deep it stands.
    pub(crate) fn expressions<'a>(&'a self, depth: usize, found: &mut Vec<(&'a Expression, Span, usize)>) {
        match &self.kind {
            TemplateKind::Expression(expression) => found.push((expression, self.span, depth)),
            TemplateKind::List(elements) => {
                elements.iter().for_each(|element| element.expressions(depth + 1, found));
            }
            TemplateKind::Object(members) => {
                members.iter().for_each(|(_, value)| value.expressions(depth + 1, found));
            }
            TemplateKind::Null | TemplateKind::Boolean(_) | TemplateKind::Number(_) | TemplateKind::Text(_) => {}
        }
    }
}
