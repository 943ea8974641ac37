//! JSON to read, with each value marked so that a switch can hide it.

use maud::{Markup, html};
use serde_json::Value;

/// What says where a message belongs and nothing of the user; at the top of one it stays readable.
const PROTOCOL: [&str; 7] = ["action", "screen", "version", "endpoint", "nextScreen", "next_screen", "status"];

/// An image in base64 is one line of a hundred thousand characters, which nobody reads and a browser lays out slowly.
const MOST_OF_A_TEXT: usize = 2000;

/// Indented by two.
pub(super) fn pretty(value: &Value) -> Markup {
    html! { pre.json tabindex="0" { (node(value, 0)) } }
}

fn node(value: &Value, depth: usize) -> Markup {
    let (inner, outer) = ("  ".repeat(depth + 1), "  ".repeat(depth));
    match value {
        Value::Object(members) if !members.is_empty() => html! {
            "{"
            @for (place, (key, value)) in members.iter().enumerate() {
                @if place > 0 { "," }
                "\n" (inner) span.key { (Value::from(key.as_str()).to_string()) } ": "
                @if depth == 0 && value.is_string() && PROTOCOL.contains(&key.as_str()) {
                    span.word { (value.to_string()) }
                } @else {
                    (node(value, depth + 1))
                }
            }
            "\n" (outer) "}"
        },
        Value::Array(elements) if !elements.is_empty() => html! {
            "["
            @for (place, element) in elements.iter().enumerate() {
                @if place > 0 { "," }
                "\n" (inner) (node(element, depth + 1))
            }
            "\n" (outer) "]"
        },
        Value::Object(_) => html! { "{}" },
        Value::Array(_) => html! { "[]" },
        Value::String(text) => html! { span.value { (long(text)) } },
        scalar => html! { span.value { (scalar.to_string()) } },
    }
}

fn long(text: &str) -> Markup {
    match text.char_indices().nth(MOST_OF_A_TEXT) {
        None => html! { (Value::from(text).to_string()) },
        Some((place, _)) => {
            let more = text.chars().count() - MOST_OF_A_TEXT;
            html! { (Value::from(&text[..place]).to_string()) span.cut { "… " (more) " more characters" } }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_value_is_marked_and_the_protocol_stays() {
        let value = json!({"action": "INIT", "data": {"name": "<Ada> \"A\"", "tags": [1, null]}, "none": {}});
        let drawn = pretty(&value).into_string();
        assert!(drawn.contains("<span class=\"word\">&quot;INIT&quot;</span>"), "{drawn}");
        assert!(drawn.contains("<span class=\"value\">&quot;&lt;Ada&gt; \\&quot;A\\&quot;&quot;</span>"), "{drawn}");
        assert_eq!(drawn.matches("class=\"value\"").count(), 3);
    }

    #[test]
    fn what_is_read_is_the_same_json() {
        let value = json!({"a": [{"b": "<&>\"'\\ \n"}, [], {}], "screen": {"deep": true}});
        let drawn = pretty(&value).into_string();
        let text = regex::Regex::new("<[^>]*>").unwrap().replace_all(&drawn, "").into_owned();
        let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }

    #[test]
    fn a_text_that_nobody_reads_is_cut() {
        let drawn = pretty(&json!({"image": "ä".repeat(MOST_OF_A_TEXT + 7)})).into_string();
        assert_eq!(drawn.matches('ä').count(), MOST_OF_A_TEXT);
        assert!(drawn.contains("… 7 more characters"), "{drawn}");
    }
}
