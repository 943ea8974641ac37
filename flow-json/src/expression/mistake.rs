//! Types, and what is wrong with an expression.

use std::fmt;

/// More operands than anybody writes; what recurses over the terms goes no deeper.
pub(super) const MAX_OPERANDS: usize = 256;
pub(super) const MAX_DEPTH: usize = 32;

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

/// What is wrong with an expression, and at which byte of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{mistake}")]
pub struct SyntaxError {
    pub at: usize,
    pub mistake: Mistake,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mistake {
    Blank,
    EmptyParentheses,
    /// `)` without `(`.
    UnopenedParenthesis,
    UnclosedParenthesis,
    UnclosedQuote,
    /// Two values, and no operator between them.
    MissingOperator,
    UnknownOperator(String),
    MalformedReference,
    MalformedNumber,
    UnexpectedCharacter(char),
    /// An operator where a value should be.
    MissingOperand(&'static str),
    EndsWithOperator(&'static str),
    MinusWithoutNumber,
    LiteralsOnBothSides(&'static str),
    OnlyLiterals,
    LiteralNotAllowed(&'static str),
    /// The operator wants another type.
    WrongOperand {
        operator: &'static str,
        wanted: &'static str,
        found: Type,
    },
    TypesDiffer {
        left: Type,
        right: Type,
    },
    NotBoolean(Type),
    TooLong,
    TooDeep,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blank => f.write_str("the expression is empty"),
            Self::EmptyParentheses => f.write_str("nothing stands between the parentheses"),
            Self::UnopenedParenthesis => f.write_str("`)` without `(`"),
            Self::UnclosedParenthesis => f.write_str("`(` without `)`"),
            Self::UnclosedQuote => f.write_str("the closing `'` is missing"),
            Self::MissingOperator => f.write_str("two values, and no operator between them"),
            Self::UnknownOperator(operator) => write!(f, "there is no operator `{operator}`"),
            Self::MalformedReference => {
                f.write_str("not a reference: `${form.NAME}`, `${data.NAME}` or `${screen.ID.form.NAME}`")
            }
            Self::MalformedNumber => f.write_str("not a number: digits, without leading zeros"),
            Self::UnexpectedCharacter(character) => write!(f, "unexpected `{}`", character.escape_debug()),
            Self::MissingOperand(operator) => write!(f, "`{operator}` stands where a value should be"),
            Self::EndsWithOperator(operator) => write!(f, "the expression ends with `{operator}`"),
            Self::MinusWithoutNumber => f.write_str("no number follows the minus sign"),
            Self::LiteralsOnBothSides(operator) => write!(f, "constants on both sides of `{operator}`"),
            Self::OnlyLiterals => f.write_str("nothing here can change: no reference"),
            Self::LiteralNotAllowed(operator) => write!(f, "`{operator}` of a constant"),
            Self::WrongOperand { operator, wanted, found } => {
                write!(f, "`{operator}` takes {wanted}, and this is {found}")
            }
            Self::TypesDiffer { left, right } => write!(f, "{left} and {right} cannot be compared"),
            Self::NotBoolean(found) => write!(f, "a condition must be boolean, and this is {found}"),
            Self::TooLong => write!(f, "more than {MAX_OPERANDS} operands"),
            Self::TooDeep => write!(f, "nested deeper than {MAX_DEPTH}"),
        }
    }
}
