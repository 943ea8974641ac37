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
mod mistake;
mod parse;
mod reference;
mod term;
mod typing;

pub(crate) use evaluate::at;
pub use evaluate::{Evaluated, Scope};
pub use mistake::{Mistake, SyntaxError, Type};
pub use reference::{Reference, Source};
use term::{Grammar, Operator, Term, TermKind};

/// An expression that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    root: Term,
    grammar: Grammar,
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

    /// The type of the whole, given those of the references.
    pub fn type_of(&self, lookup: &dyn Fn(&Reference) -> Type) -> Result<Type, SyntaxError> {
        typing::type_of(&self.root, self.grammar, lookup)
    }

    /// Never fails: what has another type than the operator wants counts as missing.
    pub fn evaluate<'a>(&'a self, scope: &Scope<'a>) -> Evaluated<'a> {
        evaluate::evaluate(&self.root, scope)
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
