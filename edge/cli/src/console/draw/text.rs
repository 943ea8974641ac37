//! Texts as a phone shows them: cut off where it cuts them off, with a mark that says so.

use maud::{Markup, html};
use prost_types::{Struct, Value};

use crate::phone::{Shown, value};

/// A text of which a phone shows so many characters.
pub(super) fn cut(text: &str, most: Option<usize>) -> Markup {
    let place = most.and_then(|most| text.char_indices().nth(most));
    let Some((place, _)) = place else { return html! { (text) } };
    let said = said(text, most);
    html! { (&text[..place]) span.cut title=(said) { "…" span.unseen { " (" (said) ")" } } }
}

/// The same where there can be no markup, as in the options of a `select`.
pub(super) fn cut_plain(text: &str, most: Option<usize>) -> String {
    match most.and_then(|most| text.char_indices().nth(most)) {
        None => text.to_owned(),
        Some((place, _)) => format!("{}… ({})", &text[..place], said(text, most)),
    }
}

fn said(text: &str, most: Option<usize>) -> String {
    format!("a phone shows {} of {} characters", most.unwrap_or_default(), text.chars().count())
}

/// A property of a component, cut off; nothing where it is no text or an empty one.
pub(super) fn property(shown: &Shown, name: &str) -> Option<Markup> {
    let text = plain(&shown.properties, name)?;
    Some(cut(text, shown.kind.most_shown(&[name])))
}

/// A property for the start or the end of a range, where it may be one for each.
pub(super) fn part(shown: &Shown, name: &str, part: &str) -> Option<Markup> {
    let parts = value::get(&shown.properties, name).and_then(value::object)?;
    Some(cut(plain(parts, part)?, shown.kind.most_shown(&[name])))
}

/// A text that is there and not empty.
pub(super) fn plain<'a>(fields: &'a Struct, name: &str) -> Option<&'a str> {
    value::get(fields, name).and_then(value::text).filter(|text| !text.is_empty())
}

/// A text, or several below one another.
pub(super) fn lines(fields: &Struct, name: &str) -> String {
    let Some(found) = value::get(fields, name) else { return String::new() };
    match value::text(found) {
        Some(text) => text.to_owned(),
        None => value::texts(found).join("\n"),
    }
}

/// A value as one line: a text as it is, anything else as JSON.
pub(super) fn one_line(found: &Value) -> String {
    match value::text(found) {
        Some(text) => text.to_owned(),
        None => {
            let whole = Struct { fields: [(String::new(), found.clone())].into() };
            flow_proto::json::from_struct(whole).remove("").unwrap_or_default().to_string()
        }
    }
}

/// The id of an element. In a list of ids, as `aria-describedby` has it, a blank would end it.
pub(super) fn id(prefix: &str, parts: &[&str]) -> String {
    let mut id = prefix.to_owned();
    for part in parts {
        id.push('-');
        id.extend(part.chars().map(|letter| if letter.is_whitespace() { '_' } else { letter }));
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_by_characters_and_says_so() {
        assert_eq!(cut("äöü", Some(3)).into_string(), "äöü");
        assert_eq!(cut("äöü", None).into_string(), "äöü");
        let cut = cut("äöüß", Some(3)).into_string();
        assert!(cut.starts_with("äöü<span class=\"cut\""), "{cut}");
        assert!(cut.contains("a phone shows 3 of 4 characters"), "{cut}");
    }

    #[test]
    fn an_id_has_no_blanks() {
        assert_eq!(id("f", &["first name", "a\tb"]), "f-first_name-a_b");
    }
}
