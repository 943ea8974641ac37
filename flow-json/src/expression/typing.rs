//! The type of an expression, and the mistakes that only types show.

use super::mistake::{Mistake, SyntaxError, Type};
use super::reference::Reference;
use super::term::{Grammar, Operator, Term, TermKind};

/// The type of the whole, given those of the references.
pub(super) fn type_of(root: &Term, grammar: Grammar, lookup: &dyn Fn(&Reference) -> Type) -> Result<Type, SyntaxError> {
    let typing = Typing { grammar };
    if root.is_constant() {
        return Err(SyntaxError { at: typing.offset(root), mistake: Mistake::OnlyLiterals });
    }
    let found = typing.term(root, lookup)?;
    if grammar == Grammar::Condition && !found.fits(Type::Boolean) {
        return Err(SyntaxError { at: typing.offset(root), mistake: Mistake::NotBoolean(found) });
    }
    Ok(found)
}

struct Typing {
    grammar: Grammar,
}

impl Typing {
    /// In the string, backtick included.
    fn offset(&self, term: &Term) -> usize {
        term.at + usize::from(self.grammar == Grammar::Backticks)
    }

    fn term(&self, term: &Term, lookup: &dyn Fn(&Reference) -> Type) -> Result<Type, SyntaxError> {
        match &term.kind {
            TermKind::Text(_) => Ok(Type::Text),
            TermKind::Number(_) => Ok(Type::Number),
            TermKind::Boolean(_) => Ok(Type::Boolean),
            TermKind::Reference(reference) => Ok(lookup(reference)),
            TermKind::Not(inner) => {
                self.wants(inner, Type::Boolean, "!", "a boolean", lookup)?;
                Ok(Type::Boolean)
            }
            TermKind::Join(parts) => {
                for part in parts {
                    let found = self.term(part, lookup)?;
                    if matches!(found, Type::Object | Type::List) {
                        let mistake = Mistake::WrongOperand { operator: " ", wanted: "strings and numbers", found };
                        return Err(SyntaxError { at: self.offset(part), mistake });
                    }
                }
                Ok(Type::Text)
            }
            TermKind::Binary { operator, at, left, right } => self.binary(*operator, *at, left, right, lookup),
        }
    }

    fn binary(
        &self,
        operator: Operator,
        at: usize,
        left: &Term,
        right: &Term,
        lookup: &dyn Fn(&Reference) -> Type,
    ) -> Result<Type, SyntaxError> {
        let symbol = operator.symbol();
        match operator {
            Operator::Or | Operator::And => {
                self.wants(left, Type::Boolean, symbol, "booleans", lookup)?;
                self.wants(right, Type::Boolean, symbol, "booleans", lookup)?;
                Ok(Type::Boolean)
            }
            Operator::Equal | Operator::Unequal => {
                let (left_type, right_type) = (self.term(left, lookup)?, self.term(right, lookup)?);
                for (side, found) in [(left, left_type), (right, right_type)] {
                    if matches!(found, Type::Object | Type::List) {
                        let wanted = "a boolean, a number or a string";
                        let mistake = Mistake::WrongOperand { operator: symbol, wanted, found };
                        return Err(SyntaxError { at: self.offset(side), mistake });
                    }
                }
                if !left_type.fits(right_type) {
                    let at = at + usize::from(self.grammar == Grammar::Backticks);
                    return Err(SyntaxError {
                        at,
                        mistake: Mistake::TypesDiffer { left: left_type, right: right_type },
                    });
                }
                Ok(Type::Boolean)
            }
            Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual => {
                self.wants(left, Type::Number, symbol, "numbers", lookup)?;
                self.wants(right, Type::Number, symbol, "numbers", lookup)?;
                Ok(Type::Boolean)
            }
            Operator::Plus | Operator::Minus | Operator::Times | Operator::Divide | Operator::Modulo => {
                self.wants(left, Type::Number, symbol, "numbers", lookup)?;
                self.wants(right, Type::Number, symbol, "numbers", lookup)?;
                Ok(Type::Number)
            }
        }
    }

    fn wants(
        &self,
        term: &Term,
        wanted: Type,
        operator: &'static str,
        words: &'static str,
        lookup: &dyn Fn(&Reference) -> Type,
    ) -> Result<(), SyntaxError> {
        let found = self.term(term, lookup)?;
        if found.fits(wanted) {
            return Ok(());
        }
        let mistake = Mistake::WrongOperand { operator, wanted: words, found };
        Err(SyntaxError { at: self.offset(term), mistake })
    }
}
