//! What an expression is made of.

use super::reference::Reference;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grammar {
    Condition,
    Backticks,
    Reference,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Term {
    /// The byte of the expression at which it begins.
    pub(super) at: usize,
    pub(super) kind: TermKind,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum TermKind {
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
pub(super) enum Operator {
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

impl Term {
    pub(super) fn walk<'a>(&'a self, visit: &mut dyn FnMut(&'a Term)) {
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
    pub(super) fn is_constant(&self) -> bool {
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
    pub(super) fn is_arithmetic(self) -> bool {
        matches!(self, Self::Plus | Self::Minus | Self::Times | Self::Divide | Self::Modulo)
    }

    pub(super) fn symbol(self) -> &'static str {
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
