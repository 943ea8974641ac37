//! The access token, which no text of ours contains.

use std::fmt;

use reqwest::header::HeaderValue;

/// An access token. Its `Debug` does not print it, and it has no `Display`.
#[derive(Clone)]
pub(crate) struct Token {
    text: String,
    header: HeaderValue,
}

/// The text is no access token. It is not quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenError {
    #[error("there is no access token in it")]
    Empty,
    #[error(
        "it holds more than an access token, which is letters and digits alone: without white space, quotes, `Bearer` or a \
         name and `=`"
    )]
    NotToken,
}

impl Token {
    /// White space around a token is no part of it.
    pub(crate) fn new(text: &str) -> Result<Self, TokenError> {
        // The mark may stand in a variable too, which a shell filled from a file.
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.is_empty() {
            return Err(TokenError::Empty);
        }
        // Those of an app have a `|` in them.
        if !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"|._-".contains(&byte)) {
            return Err(TokenError::NotToken);
        }
        let mut header = HeaderValue::from_str(&format!("Bearer {text}")).map_err(|_| TokenError::NotToken)?;
        header.set_sensitive(true);
        Ok(Self { text: text.to_owned(), header })
    }

    /// What stands in `Authorization`.
    pub(super) fn header(&self) -> &HeaderValue {
        &self.header
    }

    /// For whoever takes it out of a text.
    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_one_word_and_prints_as_none() {
        assert_eq!(format!("{:?}", Token::new(" EAAGm0PX4ZCps\n").unwrap()), "Token");
        assert_eq!(Token::new(" \n").unwrap_err(), TokenError::Empty);
        for text in ["Bearer EAAG", "EAAG\nEAAG", "EAAG\u{e9}", "\"EAAG\"", "TOKEN=EAAG"] {
            assert_eq!(Token::new(text).unwrap_err(), TokenError::NotToken);
        }
    }
}
