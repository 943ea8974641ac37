//! Text to terms. By precedence, from what binds least: `||`, `&&`, comparison, strings in a row, `+ -`, `* / %`, `!`.

use super::mistake::{MAX_DEPTH, MAX_OPERANDS, Mistake, SyntaxError};
use super::reference::Reference;
use super::term::{Grammar, Operator, Term, TermKind};

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Open,
    Close,
    Not,
    Operator(Operator),
    Text(String),
    Number(f64),
    Boolean(bool),
    Reference(Reference),
}

pub(super) fn parse(text: &str, grammar: Grammar) -> Result<Term, SyntaxError> {
    if text.trim().is_empty() {
        return Err(SyntaxError { at: 0, mistake: Mistake::Blank });
    }
    let mut parser = Parser { lexer: Lexer { text, at: 0 }, next: None, grammar, operands: 0, depth: 0, last: None };
    parser.advance()?;
    let root = parser.binary(0)?;
    match parser.next {
        None => Ok(root),
        Some((at, Token::Close)) => Err(SyntaxError { at, mistake: Mistake::UnopenedParenthesis }),
        Some((at, _)) => Err(SyntaxError { at, mistake: Mistake::MissingOperator }),
    }
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    next: Option<(usize, Token)>,
    grammar: Grammar,
    operands: usize,
    depth: usize,
    /// The operator that was read last, while no value followed it.
    last: Option<&'static str>,
}

/// From what binds least to what binds most. Strings in a row stand between the third and the fourth.
const LEVELS: [&[Operator]; 5] = [
    &[Operator::Or],
    &[Operator::And],
    &[
        Operator::Equal,
        Operator::Unequal,
        Operator::Less,
        Operator::LessOrEqual,
        Operator::Greater,
        Operator::GreaterOrEqual,
    ],
    &[Operator::Plus, Operator::Minus],
    &[Operator::Times, Operator::Divide, Operator::Modulo],
];
const JOIN: usize = 3;

impl Parser<'_> {
    fn advance(&mut self) -> Result<Option<(usize, Token)>, SyntaxError> {
        let after_value = matches!(
            self.next,
            Some((_, Token::Close | Token::Text(_) | Token::Number(_) | Token::Boolean(_) | Token::Reference(_)))
        );
        let next = self.lexer.next(after_value)?;
        Ok(std::mem::replace(&mut self.next, next))
    }

    fn binary(&mut self, level: usize) -> Result<Term, SyntaxError> {
        let Some(operators) = LEVELS.get(level) else { return self.unary() };
        let operand = |parser: &mut Self| {
            if level + 1 == JOIN { parser.join() } else { parser.binary(level + 1) }
        };
        let mut left = operand(self)?;
        while let Some((at, Token::Operator(operator))) = &self.next
            && operators.contains(operator)
        {
            let (at, operator) = (*at, *operator);
            self.advance()?;
            self.last = Some(operator.symbol());
            let right = operand(self)?;
            if left.is_constant() && right.is_constant() {
                return Err(SyntaxError { at, mistake: Mistake::LiteralsOnBothSides(operator.symbol()) });
            }
            let start = left.at;
            let kind = TermKind::Binary { operator, at, left: Box::new(left), right: Box::new(right) };
            left = Term { at: start, kind };
        }
        Ok(left)
    }

    fn join(&mut self) -> Result<Term, SyntaxError> {
        let first = self.binary(JOIN)?;
        let mut parts = vec![first];
        while let Some((at, token)) = &self.next {
            if matches!(token, Token::Close | Token::Operator(_)) {
                break;
            }
            if self.grammar == Grammar::Condition || *token == Token::Not {
                return Err(SyntaxError { at: *at, mistake: Mistake::MissingOperator });
            }
            parts.push(self.binary(JOIN)?);
        }
        if parts.len() > 1 {
            return Ok(Term { at: parts[0].at, kind: TermKind::Join(parts) });
        }
        parts.pop().ok_or(SyntaxError { at: 0, mistake: Mistake::Blank })
    }

    fn unary(&mut self) -> Result<Term, SyntaxError> {
        let Some((at, token)) = self.advance()? else {
            let mistake = self.last.map_or(Mistake::UnclosedParenthesis, Mistake::EndsWithOperator);
            return Err(SyntaxError { at: self.lexer.text.len(), mistake });
        };
        self.operands += 1;
        if self.operands > MAX_OPERANDS {
            return Err(SyntaxError { at, mistake: Mistake::TooLong });
        }
        let kind = match token {
            Token::Text(text) => TermKind::Text(text),
            Token::Number(number) => TermKind::Number(number),
            Token::Boolean(value) => TermKind::Boolean(value),
            Token::Reference(reference) => TermKind::Reference(reference),
            Token::Not => {
                self.last = Some("!");
                let inner = self.nested(at, Self::unary)?;
                if inner.is_constant() {
                    return Err(SyntaxError { at, mistake: Mistake::LiteralNotAllowed("!") });
                }
                TermKind::Not(Box::new(inner))
            }
            Token::Open => return self.parentheses(at),
            Token::Close if self.last.is_some() => {
                return Err(SyntaxError { at, mistake: Mistake::EndsWithOperator(self.last.unwrap_or_default()) });
            }
            Token::Close => return Err(SyntaxError { at, mistake: Mistake::UnopenedParenthesis }),
            Token::Operator(operator) => {
                return Err(SyntaxError { at, mistake: Mistake::MissingOperand(operator.symbol()) });
            }
        };
        self.last = None;
        Ok(Term { at, kind })
    }

    fn parentheses(&mut self, at: usize) -> Result<Term, SyntaxError> {
        if matches!(self.next, Some((_, Token::Close))) {
            return Err(SyntaxError { at, mistake: Mistake::EmptyParentheses });
        }
        self.last = None;
        let inner = self.nested(at, |parser| parser.binary(0))?;
        match self.advance()? {
            Some((_, Token::Close)) => Ok(Term { at, kind: inner.kind }),
            Some((at, _)) => Err(SyntaxError { at, mistake: Mistake::MissingOperator }),
            None => Err(SyntaxError { at, mistake: Mistake::UnclosedParenthesis }),
        }
    }

    fn nested(
        &mut self,
        at: usize,
        parse: impl FnOnce(&mut Self) -> Result<Term, SyntaxError>,
    ) -> Result<Term, SyntaxError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(SyntaxError { at, mistake: Mistake::TooDeep });
        }
        let term = parse(self);
        self.depth -= 1;
        term
    }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl Lexer<'_> {
    fn next(&mut self, after_value: bool) -> Result<Option<(usize, Token)>, SyntaxError> {
        let rest = &self.text[self.at..];
        let trimmed = rest.trim_start();
        self.at += rest.len() - trimmed.len();
        let at = self.at;
        let Some(first) = trimmed.chars().next() else { return Ok(None) };
        let (token, length) = match first {
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            '$' => reference_token(trimmed).ok_or(SyntaxError { at, mistake: Mistake::MalformedReference })?,
            '\'' => text_token(trimmed).ok_or(SyntaxError { at, mistake: Mistake::UnclosedQuote })?,
            '0'..='9' => number_token(trimmed, at)?,
            '-' if !after_value && trimmed[1..].starts_with(|c: char| c.is_ascii_digit()) => number_token(trimmed, at)?,
            '-' if !after_value => return Err(SyntaxError { at, mistake: Mistake::MinusWithoutNumber }),
            first if first.is_alphabetic() => word_token(trimmed, at)?,
            _ => operator_token(trimmed, at)?,
        };
        self.at += length;
        Ok(Some((at, token)))
    }
}

fn reference_token(text: &str) -> Option<(Token, usize)> {
    let end = text.find('}')?;
    let reference = Reference::between(text.get(2..end).filter(|_| text.starts_with("${"))?)?;
    Some((Token::Reference(reference), end + 1))
}

/// A backslash makes a quote, a backtick or a backslash a character like any other.
fn text_token(text: &str) -> Option<(Token, usize)> {
    let mut value = String::new();
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            '\'' => return Some((Token::Text(value), at + 1)),
            '\\' => match characters.next_if(|(_, next)| matches!(next, '\'' | '`' | '\\')) {
                Some((_, escaped)) => value.push(escaped),
                None => value.push('\\'),
            },
            _ => value.push(character),
        }
    }
    None
}

fn number_token(text: &str, at: usize) -> Result<(Token, usize), SyntaxError> {
    let body = text.strip_prefix('-').unwrap_or(text);
    let end = body.find(|c: char| !(c.is_alphanumeric() || matches!(c, '.' | '_'))).unwrap_or(body.len());
    let (digits, length) = (&body[..end], text.len() - body.len() + end);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !plain(whole) || !plain(fraction) || (whole.len() > 1 && whole.starts_with('0')) {
        return Err(SyntaxError { at, mistake: Mistake::MalformedNumber });
    }
    match text[..length].parse::<f64>() {
        Ok(number) if number.is_finite() => Ok((Token::Number(number), length)),
        _ => Err(SyntaxError { at, mistake: Mistake::MalformedNumber }),
    }
}

fn word_token(text: &str, at: usize) -> Result<(Token, usize), SyntaxError> {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    match &text[..end] {
        "true" => Ok((Token::Boolean(true), end)),
        "false" => Ok((Token::Boolean(false), end)),
        word if matches!(word.to_lowercase().as_str(), "and" | "or" | "not") => {
            Err(SyntaxError { at, mistake: Mistake::UnknownOperator(word.to_owned()) })
        }
        word => {
            let first = word.chars().next().unwrap_or(' ');
            Err(SyntaxError { at, mistake: Mistake::UnexpectedCharacter(first) })
        }
    }
}

fn operator_token(text: &str, at: usize) -> Result<(Token, usize), SyntaxError> {
    const OPERATORS: [(&str, Operator); 13] = [
        ("||", Operator::Or),
        ("&&", Operator::And),
        ("==", Operator::Equal),
        ("!=", Operator::Unequal),
        ("<=", Operator::LessOrEqual),
        (">=", Operator::GreaterOrEqual),
        ("<", Operator::Less),
        (">", Operator::Greater),
        ("+", Operator::Plus),
        ("-", Operator::Minus),
        ("*", Operator::Times),
        ("/", Operator::Divide),
        ("%", Operator::Modulo),
    ];
    let end = text.find(|c| !"|&=!<>+-*/%^~?:".contains(c)).unwrap_or(text.len());
    let written = &text[..end];
    if written.is_empty() {
        let first = text.chars().next().unwrap_or(' ');
        return Err(SyntaxError { at, mistake: Mistake::UnexpectedCharacter(first) });
    }
    // `===` and `=<` are no operators, `==-` and `&&!` are two.
    let found = OPERATORS.iter().find(|(symbol, _)| written.starts_with(symbol));
    let rest_is_unary = |symbol: &str| written[symbol.len()..].chars().all(|c| c == '!' || c == '-');
    match found {
        Some((symbol, operator)) if rest_is_unary(symbol) => Ok((Token::Operator(*operator), symbol.len())),
        None if written.bytes().all(|byte| byte == b'!' || byte == b'-') && written.starts_with('!') => {
            Ok((Token::Not, 1))
        }
        _ => Err(SyntaxError { at, mistake: Mistake::UnknownOperator(written.chars().take(8).collect()) }),
    }
}
