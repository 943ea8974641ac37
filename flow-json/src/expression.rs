//! References, backtick expressions and the conditions of `If`: read, typed and evaluated.
//!
//! One language, written in two ways: a condition stands as it is, an expression between backticks. Only the latter puts
//! strings together. This module knows no screen: the types of references are asked of the caller, and so are their values.
//!
//! ```
//! use flow_json::expression::{Expression, Scope};
//! use prost_types::{Struct, Value};
//!
//! let form = Struct { fields: [("name".to_owned(), Value::from("Ada"))].into() };
//! let scope = Scope { form: Some(&form), ..Scope::default() };
//!
//! let greeting = Expression::parse_dynamic("`'Hello ' ${form.name}`")?.ok_or("only text")?;
//! assert_eq!(greeting.evaluate(&scope).to_value(), Value::from("Hello Ada"));
//!
//! let condition = Expression::parse_condition("${form.name} == 'Ada' && !(${form.age} > 17)")?;
//! assert!(condition.evaluate(&scope).as_bool());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod evaluate;
mod parse;
mod typing;

use std::fmt;

pub(crate) use evaluate::at;
pub use evaluate::{Evaluated, Scope};
pub use parse::{Mistake, SyntaxError};

/// The type of a value, as far as a file tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    Text,
    Number,
    Boolean,
    Object,
    List,
    /// A number that some clients hold as text: the value of a TextInput for numbers.
    NumberOrText,
    /// Not to be known from the file.
    Unknown,
}

impl Type {
    /// May one stand where the other is wanted?
    pub fn fits(self, wanted: Self) -> bool {
        self == wanted
            || matches!(self, Self::Unknown)
            || matches!(wanted, Self::Unknown)
            || matches!((self, wanted), (Self::NumberOrText, Self::Number | Self::Text))
            || matches!((self, wanted), (Self::Number | Self::Text, Self::NumberOrText))
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "string",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Object => "object",
            Self::List => "array",
            Self::NumberOrText => "number or string",
            Self::Unknown => "unknown",
        })
    }
}

/// `${form.name}`, `${data.user.name}`, `${screen.START.form.name}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The other screen that it reads from; none for its own.
    pub screen: Option<String>,
    pub source: Source,
    /// At least one step.
    pub path: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// What the user has put in.
    Form,
    /// What the screen was given.
    Data,
}

impl Reference {
    /// Reads a whole string as a reference.
    pub fn parse(text: &str) -> Option<Self> {
        parse::reference(text.strip_prefix("${")?.strip_suffix('}')?)
    }

    /// The first step of the path: the field of the form, or the key of the data.
    pub fn name(&self) -> &str {
        self.path.first().map_or("", String::as_str)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("${")?;
        if let Some(screen) = &self.screen {
            write!(f, "screen.{screen}.")?;
        }
        f.write_str(if self.source == Source::Form { "form" } else { "data" })?;
        for step in &self.path {
            write!(f, ".{step}")?;
        }
        f.write_str("}")
    }
}

/// An expression that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    root: Term,
    grammar: Grammar,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Grammar {
    Condition,
    Backticks,
    Reference,
}

#[derive(Debug, Clone, PartialEq)]
struct Term {
    /// The byte of the expression at which it begins.
    at: usize,
    kind: TermKind,
}

#[derive(Debug, Clone, PartialEq)]
enum TermKind {
    Text(String),
    Number(f64),
    Boolean(bool),
    Reference(Reference),
    Not(Box<Term>),
    Binary {
        operator: Operator,
        at: usize,
        left: Box<Term>,
        right: Box<Term>,
    },
    /// Strings one after the other.
    Join(Vec<Term>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Or,
    And,
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Plus,
    Minus,
    Times,
    Divide,
    Modulo,
}

impl Expression {
    /// The condition of an `If`.
    pub fn parse_condition(text: &str) -> Result<Self, SyntaxError> {
        Ok(Self { root: parse::parse(text, Grammar::Condition)?, grammar: Grammar::Condition })
    }

    /// The value of a property: an expression where backticks surround the whole, a reference where the whole is one, and
    /// nothing where it is just text. Offsets of errors are those in `text`.
    pub fn parse_dynamic(text: &str) -> Result<Option<Self>, SyntaxError> {
        if let Some(inside) = text.strip_prefix('`').and_then(|rest| rest.strip_suffix('`')) {
            let root = parse::parse(inside, Grammar::Backticks)
                .map_err(|error| SyntaxError { at: error.at + 1, mistake: error.mistake })?;
            return Ok(Some(Self { root, grammar: Grammar::Backticks }));
        }
        let reference = Reference::parse(text);
        Ok(reference.map(|reference| Self {
            root: Term { at: 0, kind: TermKind::Reference(reference) },
            grammar: Grammar::Reference,
        }))
    }

    /// The reference, where it is nothing else.
    pub fn as_reference(&self) -> Option<&Reference> {
        match &self.root.kind {
            TermKind::Reference(reference) => Some(reference),
            _ => None,
        }
    }

    /// Stands between backticks.
    pub fn has_backticks(&self) -> bool {
        self.grammar == Grammar::Backticks
    }

    /// Every reference in it, from left to right.
    pub fn references(&self) -> Vec<&Reference> {
        let mut found = Vec::new();
        self.root.walk(&mut |term| {
            if let TermKind::Reference(reference) = &term.kind {
                found.push(reference);
            }
        });
        found
    }

    /// What Meta's table of operators does not have for the place, though tools write it: `*`, and arithmetic in conditions.
    pub fn uncertain_operator(&self) -> Option<&'static str> {
        let mut found = None;
        self.root.walk(&mut |term| {
            if let TermKind::Binary { operator, .. } = &term.kind {
                let arithmetic = operator.is_arithmetic() && self.grammar == Grammar::Condition;
                if arithmetic || *operator == Operator::Times {
                    found = Some(operator.symbol());
                }
            }
        });
        found
    }
}

impl Term {
    fn walk<'a>(&'a self, visit: &mut dyn FnMut(&'a Term)) {
        visit(self);
        match &self.kind {
            TermKind::Text(_) | TermKind::Number(_) | TermKind::Boolean(_) | TermKind::Reference(_) => {}
            TermKind::Not(inner) => inner.walk(visit),
            TermKind::Binary { left, right, .. } => {
                left.walk(visit);
                right.walk(visit);
            }
            TermKind::Join(parts) => parts.iter().for_each(|part| part.walk(visit)),
        }
    }

    /// Without any reference.
    fn is_constant(&self) -> bool {
        match &self.kind {
            TermKind::Text(_) | TermKind::Number(_) | TermKind::Boolean(_) => true,
            TermKind::Reference(_) => false,
            TermKind::Not(inner) => inner.is_constant(),
            TermKind::Binary { left, right, .. } => left.is_constant() && right.is_constant(),
            TermKind::Join(parts) => parts.iter().all(Term::is_constant),
        }
    }
}

impl Operator {
    fn is_arithmetic(self) -> bool {
        matches!(self, Self::Plus | Self::Minus | Self::Times | Self::Divide | Self::Modulo)
    }

    fn symbol(self) -> &'static str {
        match self {
            Self::Or => "||",
            Self::And => "&&",
            Self::Equal => "==",
            Self::Unequal => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Plus => "+",
            Self::Minus => "-",
            Self::Times => "*",
            Self::Divide => "/",
            Self::Modulo => "%",
        }
    }
}
