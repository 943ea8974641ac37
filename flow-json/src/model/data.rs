//! The data model of a screen: which keys it is given, and of which types.

use std::collections::HashMap;

use prost_types::Value;

use super::name::Name;
use crate::expression::Type;
use crate::json::{Kind, Member, Node};
use crate::span::Span;

/// `data` of a screen.
#[derive(Debug, Clone, PartialEq)]
pub struct DataModel {
    pub span: Span,
    pub keys: Vec<Declared>,
    /// Into `keys`, by name.
    places: HashMap<String, usize>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Declared {
    pub name: Name,
    pub data_type: DataType,
    /// `__example__`, and its place.
    pub example: Option<(Value, Span)>,
}

/// The type of a key, with what is inside.
#[derive(Debug, Clone, PartialEq)]
pub struct DataType {
    pub kind: Type,
    /// Of an object.
    pub properties: Vec<(String, DataType)>,
    /// Of an array; none where any element will do.
    pub items: Option<Box<DataType>>,
}

impl DataModel {
    pub(crate) fn lower(node: &Node<'_>) -> Option<Self> {
        let Kind::Object(members) = &node.kind else { return None };
        // The last of two with one key counts.
        let last: HashMap<&str, u32> = members.iter().map(|member| (&*member.key, member.key_span.start)).collect();
        let counts = |member: &&Member| last.get(&*member.key) == Some(&member.key_span.start);
        let keys: Vec<Declared> = members.iter().filter(counts).map(Declared::lower).collect();
        let places = keys.iter().enumerate().map(|(place, key)| (key.name.text.clone(), place)).collect();
        Some(Self { span: node.span, keys, places })
    }

    /// Of a screen that declares none.
    pub(crate) fn empty(span: Span) -> Self {
        Self { span, keys: Vec::new(), places: HashMap::new() }
    }

    pub fn get(&self, name: &str) -> Option<&Declared> {
        self.keys.get(*self.places.get(name)?)
    }

    /// The type at the end of a path; an error says at which step it ends too early.
    pub(crate) fn at(&self, path: &[String]) -> Result<&DataType, PathError> {
        let (first, rest) = path.split_first().ok_or(PathError::Unknown(0))?;
        let mut found = &self.get(first).ok_or(PathError::Unknown(0))?.data_type;
        for (place, step) in rest.iter().enumerate() {
            found = match found.kind {
                Type::List => return Err(PathError::ThroughArray(place)),
                Type::Unknown => return Ok(found),
                _ => found.get(step).ok_or(PathError::Unknown(place + 1))?,
            };
        }
        Ok(found)
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PathError {
    /// Nothing is declared under this step.
    Unknown(usize),
    /// This step is an array, into which no path leads.
    ThroughArray(usize),
}

impl Declared {
    fn lower(member: &Member<'_>) -> Self {
        Self {
            name: Name { text: member.key.to_string(), span: member.key_span },
            data_type: DataType::lower(&member.value),
            example: member.value.get("__example__").map(|example| (example.to_value(), example.span)),
        }
    }
}

impl DataType {
    fn lower(node: &Node<'_>) -> Self {
        let kind = match node.get("type").and_then(Node::text) {
            Some("string") => Type::Text,
            Some("number" | "integer") => Type::Number,
            Some("boolean") => Type::Boolean,
            Some("object") => Type::Object,
            Some("array") => Type::List,
            _ => Type::Unknown,
        };
        let properties = node.get("properties").map(Node::members).unwrap_or_default();
        Self {
            kind,
            properties: properties.iter().map(|member| (member.key.to_string(), Self::lower(&member.value))).collect(),
            items: node.get("items").filter(|items| items.is_object()).map(|items| Box::new(Self::lower(items))),
        }
    }

    pub fn get(&self, name: &str) -> Option<&DataType> {
        self.properties.iter().find(|(key, _)| key == name).map(|(_, found)| found)
    }
}
