//! The value of an expression, from what the caller lends: the form, the data, the other screens.

use std::borrow::Cow;

use prost_types::value::Kind;
use prost_types::{Struct, Value};

use super::reference::{Reference, Source};
use super::term::{Operator, Term, TermKind};

/// What references read from. What is not there is empty, as on a phone.
#[derive(Debug, Clone, Copy, Default)]
pub struct Scope<'a> {
    pub form: Option<&'a Struct>,
    pub data: Option<&'a Struct>,
    /// The other screens that were shown: id, form, data. A screen further on is not among them, and its values are empty.
    pub screens: &'a [(&'a str, &'a Struct, &'a Struct)],
}

impl<'a> Scope<'a> {
    /// The value that a reference leads to.
    pub fn get(&self, reference: &Reference) -> Option<&'a Value> {
        let (form, data) = match &reference.screen {
            None => (self.form, self.data),
            Some(id) => {
                let (_, form, data) = self.screens.iter().find(|(screen, ..)| screen == id)?;
                (Some(*form), Some(*data))
            }
        };
        let fields = match reference.source {
            Source::Form => form?,
            Source::Data => data?,
        };
        at(fields, &reference.path)
    }
}

/// The value at the end of a path.
pub(crate) fn at<'a>(fields: &'a Struct, path: &[String]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(fields.fields.get(first)?, |value, step| match &value.kind {
        Some(Kind::StructValue(fields)) => fields.fields.get(step),
        _ => None,
    })
}

/// What an expression comes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Evaluated<'a> {
    /// Nothing is there: the empty string, 0 or false, as its neighbour wants it.
    Missing,
    Boolean(bool),
    Number(f64),
    Text(Cow<'a, str>),
    /// An array or an object, to which only a lone reference comes.
    Other(&'a Value),
}

impl<'a> Evaluated<'a> {
    fn of(value: Option<&'a Value>) -> Self {
        match value.and_then(|value| value.kind.as_ref().map(|kind| (kind, value))) {
            None | Some((Kind::NullValue(_), _)) => Self::Missing,
            Some((Kind::BoolValue(value), _)) => Self::Boolean(*value),
            Some((Kind::NumberValue(value), _)) => Self::Number(*value),
            Some((Kind::StringValue(value), _)) => Self::Text(Cow::Borrowed(value)),
            Some((Kind::StructValue(_) | Kind::ListValue(_), value)) => Self::Other(value),
        }
    }

    /// True where it is the boolean `true`.
    pub fn as_bool(&self) -> bool {
        *self == Self::Boolean(true)
    }

    /// As an answer or a payload carries it; what is missing is `null`.
    pub fn to_value(&self) -> Value {
        match self {
            Self::Missing => Value { kind: Some(Kind::NullValue(0)) },
            Self::Boolean(value) => Value::from(*value),
            Self::Number(value) => Value::from(*value),
            Self::Text(text) => Value::from(text.as_ref()),
            Self::Other(value) => (*value).clone(),
        }
    }

    /// A TextInput for numbers holds text on some clients.
    fn number(&self) -> f64 {
        match self {
            Self::Number(value) => *value,
            Self::Text(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()).unwrap_or(0.0),
            Self::Missing | Self::Boolean(_) | Self::Other(_) => 0.0,
        }
    }

    fn push_to(&self, text: &mut String) {
        match self {
            Self::Missing | Self::Other(_) => {}
            Self::Boolean(value) => text.push_str(if *value { "true" } else { "false" }),
            // Rust writes 7.0 as `7`, as JavaScript does.
            Self::Number(value) => text.push_str(&value.to_string()),
            Self::Text(part) => text.push_str(part),
        }
    }

    fn equals(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Missing, Self::Missing) => true,
            (Self::Boolean(left), Self::Boolean(right)) => left == right,
            (Self::Text(left), Self::Text(right)) => left == right,
            (Self::Missing, present) | (present, Self::Missing) => match present {
                Self::Boolean(value) => !value,
                Self::Number(value) => *value == 0.0,
                Self::Text(text) => text.is_empty(),
                Self::Missing | Self::Other(_) => false,
            },
            (Self::Number(left), Self::Number(right)) => left == right,
            (Self::Number(number), text @ Self::Text(_)) | (text @ Self::Text(_), Self::Number(number)) => {
                text.number() == *number
            }
            _ => false,
        }
    }
}

/// Never fails: what has another type than the operator wants counts as missing.
pub(super) fn evaluate<'a>(term: &'a Term, scope: &Scope<'a>) -> Evaluated<'a> {
    match &term.kind {
        TermKind::Text(text) => Evaluated::Text(Cow::Borrowed(text)),
        TermKind::Number(number) => Evaluated::Number(*number),
        TermKind::Boolean(value) => Evaluated::Boolean(*value),
        TermKind::Reference(reference) => Evaluated::of(scope.get(reference)),
        TermKind::Not(inner) => Evaluated::Boolean(!evaluate(inner, scope).as_bool()),
        TermKind::Join(parts) => {
            let mut text = String::new();
            parts.iter().for_each(|part| evaluate(part, scope).push_to(&mut text));
            Evaluated::Text(Cow::Owned(text))
        }
        TermKind::Binary { operator, left, right, .. } => {
            let left = evaluate(left, scope);
            match operator {
                Operator::Or => Evaluated::Boolean(left.as_bool() || evaluate(right, scope).as_bool()),
                Operator::And => Evaluated::Boolean(left.as_bool() && evaluate(right, scope).as_bool()),
                operator => binary(*operator, &left, &evaluate(right, scope)),
            }
        }
    }
}

fn binary<'a>(operator: Operator, left: &Evaluated<'a>, right: &Evaluated<'a>) -> Evaluated<'a> {
    let (a, b) = (left.number(), right.number());
    match operator {
        Operator::Equal => Evaluated::Boolean(left.equals(right)),
        Operator::Unequal => Evaluated::Boolean(!left.equals(right)),
        Operator::Less => Evaluated::Boolean(a < b),
        Operator::LessOrEqual => Evaluated::Boolean(a <= b),
        Operator::Greater => Evaluated::Boolean(a > b),
        Operator::GreaterOrEqual => Evaluated::Boolean(a >= b),
        Operator::Plus => number(a + b),
        Operator::Minus => number(a - b),
        Operator::Times => number(a * b),
        Operator::Divide => number(a / b),
        Operator::Modulo => number(a % b),
        // Both are evaluated where they stand, since the right side may not count.
        Operator::Or | Operator::And => Evaluated::Missing,
    }
}

/// Divided by nothing a number comes to 0, as the platform defines it; so does one that no double holds.
fn number<'a>(result: f64) -> Evaluated<'a> {
    Evaluated::Number(if result.is_finite() { result } else { 0.0 })
}
