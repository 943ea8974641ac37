//! What the Graph API says when it refuses, whose fault that is and what would help.

use std::fmt;

use serde_json::Value;

use super::token::Token;

/// Longer texts of the platform are cut.
const MAX_TEXT_CHARS: usize = 300;
/// A piece of a token that is shorter could be anything.
const MIN_PIECE_BYTES: usize = 8;

/// An answer that is an error.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: u16,
    /// Of the Graph API; `None` where something else answered.
    code: Option<i64>,
    /// The platform's own words and its id of the request, made harmless.
    words: Vec<String>,
}

/// Why the platform refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    Token,
    Permission,
    Number,
    RateLimit,
    Platform,
    NotGraph,
    Other,
}

impl Refusal {
    /// Reads the `error` of an answer with this status.
    pub(super) fn new(status: u16, error: Option<&Value>, token: &Token) -> Self {
        let text = |pointer| error.and_then(|error| error.pointer(pointer)).and_then(Value::as_str);
        let mut words = Vec::new();
        // What code 100 is about stands in the details since v16.0.
        for (name, pointer) in [("", "/message"), ("", "/error_data/details"), ("fbtrace_id ", "/fbtrace_id")] {
            if let Some(text) = text(pointer) {
                words.push(format!("{name}{}", harmless(text, token)));
            }
        }
        Self { status, code: error.and_then(|error| error.get("code")).and_then(Value::as_i64), words }
    }

    /// The code tells more than the status, which is 400 or 500 for much.
    fn reason(&self) -> Reason {
        match (self.code, self.status) {
            (Some(0 | 102 | 190), _) => Reason::Token,
            (Some(3 | 10 | 200..=299), _) => Reason::Permission,
            (Some(100), _) => Reason::Number,
            (Some(4 | 17 | 32 | 613 | 80007 | 130429), _) | (_, 429) => Reason::RateLimit,
            (_, 401) => Reason::Token,
            (_, 403) => Reason::Permission,
            (Some(1 | 2), _) | (_, 500..=599) => Reason::Platform,
            (Some(_), 404) => Reason::Number,
            (None, _) => Reason::NotGraph,
            _ => Reason::Other,
        }
    }
}

impl Reason {
    fn explain(self) -> &'static str {
        match self {
            Self::Token => {
                "the platform does not accept the token: it has expired, was revoked, or is no access token. Make a \
                 new one, for a system user"
            }
            Self::Permission => {
                "the token may not do this: it needs the permission whatsapp_business_management, and its user the \
                 account that the number belongs to"
            }
            Self::Number => {
                "the platform does not know the number, or this token may not see it: --phone-number-id should be the \
                 id under which the app lists the number, not the number itself, and the token one for its account"
            }
            Self::RateLimit => "there were too many calls for this app or account: wait some minutes and try again",
            Self::Platform => "the platform failed, which is its own fault: try again later",
            Self::NotGraph => {
                "this is no answer of the Graph API: --graph-url is another server's, or a proxy answered"
            }
            Self::Other => "the platform refuses",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (HTTP {}", self.reason().explain(), self.status)?;
        if let Some(code) = self.code {
            write!(f, ", code {code}")?;
        }
        for words in &self.words {
            write!(f, "; {words}")?;
        }
        f.write_str(")")
    }
}

impl std::error::Error for Refusal {}

/// A text of the platform without the token, which it quotes when it finds it malformed, without what would control the
/// terminal, and not too long.
pub(super) fn harmless(text: &str, token: &Token) -> String {
    let text = text.replace(token.text(), "[token]");
    let mut words = String::new();
    for word in text.split_inclusive(|character: char| !character.is_ascii_alphanumeric()) {
        let piece = word.trim_end_matches(|character: char| !character.is_ascii_alphanumeric());
        // The platform may have cut it.
        let is_of_token = piece.len() >= MIN_PIECE_BYTES && token.text().contains(piece);
        words.push_str(&if is_of_token { word.replace(piece, "[token]") } else { word.to_owned() });
    }
    let mut harmless = String::new();
    let mut characters = words.chars();
    for character in characters.by_ref().take(MAX_TEXT_CHARS) {
        match character {
            '\'' | '"' | '\\' => harmless.push(character),
            _ => harmless.extend(character.escape_debug()),
        }
    }
    if characters.next().is_some() {
        harmless.push('…');
    }
    harmless
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn reason(status: u16, code: i64) -> Reason {
        let token = Token::new("EAAGm0PX4ZCps").unwrap();
        Refusal::new(status, Some(&json!({"code": code})), &token).reason()
    }

    #[test]
    fn the_code_counts_more_than_the_status() {
        assert_eq!(reason(400, 190), Reason::Token);
        assert_eq!(reason(400, 10), Reason::Permission);
        assert_eq!(reason(400, 200), Reason::Permission);
        assert_eq!(reason(500, 3), Reason::Permission);
        assert_eq!(reason(403, 4), Reason::RateLimit);
        assert_eq!(reason(400, 80007), Reason::RateLimit);
        assert_eq!(reason(401, 100), Reason::Number);
        assert_eq!(reason(400, 2), Reason::Platform);
        assert_eq!(reason(400, 368), Reason::Other);
    }

    #[test]
    fn where_there_is_no_code_the_status_counts() {
        let token = Token::new("EAAGm0PX4ZCps").unwrap();
        let reason = |status| Refusal::new(status, None, &token).reason();
        assert_eq!(reason(401), Reason::Token);
        assert_eq!(reason(403), Reason::Permission);
        assert_eq!(reason(429), Reason::RateLimit);
        assert_eq!(reason(503), Reason::Platform);
        assert_eq!(reason(404), Reason::NotGraph);
    }

    #[test]
    fn words_of_the_platform_are_harmless() {
        let token = Token::new("EAAGm0PX4ZCps").unwrap();
        let harmless = |text| harmless(text, &token);
        assert_eq!(harmless("Object with ID '12' does \"not\" exist"), "Object with ID '12' does \"not\" exist");
        assert_eq!(harmless("a\u{1b}[2Jb\r\n\u{202e}c"), "a\\u{1b}[2Jb\\r\\n\\u{202e}c");
        assert_eq!(harmless("Malformed access token EAAGm0PX4ZCps"), "Malformed access token [token]");
        assert_eq!(harmless("Malformed access_token=EAAGm0PX4..."), "Malformed access_token=[token]...");
        assert_eq!(harmless("AccessTokenEAAGm0PX4ZCpsIsMalformed"), "AccessToken[token]IsMalformed");
        assert_eq!(harmless(&"é".repeat(301)), "é".repeat(300) + "…");
    }
}
