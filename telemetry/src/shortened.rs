//! What somebody outside wrote, for a log line: not longer than it may be, and on one line.

use std::fmt::{self, Write as _};

/// A text that is printed up to so many characters. What a terminal would obey or hide is printed as an escape.
#[derive(Clone, Copy)]
pub struct Shortened<'a>(
    /// The text.
    pub &'a str,
    /// Most characters of it.
    pub usize,
);

impl fmt::Display for Shortened<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(text, limit) = *self;
        let mut rest = text.chars();
        for char in rest.by_ref().take(limit) {
            match char {
                '"' | '\'' => f.write_char(char)?,
                char => write!(f, "{}", char.escape_debug())?,
            }
        }
        if rest.next().is_some() { f.write_char('…') } else { Ok(()) }
    }
}

/// As it is printed: nobody's text is longer in a debug line.
impl fmt::Debug for Shortened<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shortened(text: &str) -> String {
        Shortened(text, 5).to_string()
    }

    #[test]
    fn what_fits_stays_as_it_is() {
        assert_eq!(shortened(""), "");
        assert_eq!(shortened("Größe"), "Größe");
        assert_eq!(shortened("it's "), "it's ");
    }

    #[test]
    fn what_does_not_is_cut_between_characters() {
        assert_eq!(shortened("Größen"), "Größe…");
        assert_eq!(shortened(&"🐢".repeat(1000)), "🐢🐢🐢🐢🐢…");
    }

    #[test]
    fn nothing_controls_a_terminal_or_hides_in_a_line() {
        assert_eq!(shortened("a\u{1b}[2J"), r"a\u{1b}[2J");
        assert_eq!(shortened("\r\n\0\\"), r"\r\n\0\\");
        assert_eq!(shortened("a\u{202e}b\u{200b}"), r"a\u{202e}b\u{200b}");
    }
}
