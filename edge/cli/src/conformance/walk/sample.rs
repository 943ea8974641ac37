//! Values that a user could put into a field: a plain one, and those at the edges of what the phone lets in.
//!
//! What is made here was held against the phone's own rules; a field for which nothing fits has none.

use chrono::{Days as Step, Local, NaiveDate};
use prost_types::Value;
use regex::Regex;

use super::moves::{Edge, Pick};
use crate::phone::value::{of_object, of_texts};
use crate::phone::{Choice, Days, Field, Input, Rules, admit, problem};

/// The value of this kind; `None` where the field has none that a phone lets in and lets go on with.
pub(super) fn value(field: &Field, pick: Pick) -> Option<Value> {
    if pick.edge == Edge::Empty {
        return Some(crate::phone::value::null());
    }
    let candidates = match &field.rules {
        Rules::Text { input, least, most, pattern } => texts(*input, *least, *most, pattern.as_deref(), pick),
        Rules::One { options } => one(options, pick).into_iter().collect(),
        Rules::Several { options, least, most } => vec![several(options, *least, *most, pick)],
        Rules::Flag => vec![Value::from(true)],
        Rules::Day(days) => day(days, pick).map(|date| days.written.write(date).into()).into_iter().collect(),
        Rules::Range { days, least, most, .. } => range(days, least.unwrap_or(1), *most, pick).into_iter().collect(),
        Rules::Files { least, most } => vec![files(*least, *most, pick)],
    };
    candidates.into_iter().find(|value| admit(field, value).is_ok() && problem(field, Some(value)).is_none())
}

fn texts(input: Input, least: usize, most: usize, pattern: Option<&str>, pick: Pick) -> Vec<Value> {
    let cut = |text: &str, length: usize| text.chars().take(length).collect::<String>();
    let repeat = |unit: &str, length: usize| unit.chars().cycle().take(length).collect::<String>();
    let fit = |text: &str| {
        let length = text.chars().count();
        if length < least { format!("{text}{}", repeat("a", least - length)) } else { cut(text, most) }
    };
    let digits = |length: usize| repeat("1234567890", length.clamp(least.max(1), most.max(1)));
    let made: Vec<String> = match (input, pick.edge) {
        (Input::Number, Edge::Longest) => vec![repeat("9", most.min(15)), repeat("9", most)],
        (Input::Number, Edge::Shortest) => vec![digits(least.max(1)), "0".to_owned()],
        (Input::Number, Edge::Unusual) => vec!["-1".to_owned(), "1.5".to_owned(), "0".to_owned()],
        (Input::Number, Edge::Odd) => vec!["-99999".to_owned(), "0".to_owned(), "00".to_owned()],
        (Input::Number, _) => vec!["7".to_owned(), "42".to_owned(), digits(least)],
        (Input::Passcode, Edge::Longest) => vec![digits(most)],
        (Input::Passcode, Edge::Shortest) => vec![digits(least)],
        (Input::Passcode, _) => vec![digits(6), digits(4), digits(least)],
        (Input::Phone, Edge::Longest) => vec!["+123456789012345".to_owned(), digits(15)],
        (Input::Phone, Edge::Shortest) => vec!["1234567".to_owned(), digits(7)],
        (Input::Phone, Edge::Unusual) => vec!["+44 (20) 7946-0000".to_owned()],
        (Input::Phone, Edge::Odd) => vec!["12".to_owned(), digits(least.max(1))],
        (Input::Phone, _) => vec!["+442079460000".to_owned(), "2079460000".to_owned(), digits(10)],
        (Input::Email, Edge::Longest) => {
            vec![format!("{}@example.com", repeat("abcdefgh", most.saturating_sub(12).max(1)))]
        }
        (Input::Email, Edge::Shortest) => vec!["a@b.cd".to_owned()],
        (Input::Email, Edge::Unusual) => vec!["o'neil+flow@mail.example.co.uk".to_owned()],
        (Input::Email, Edge::Odd) => vec!["a..b@-.example".to_owned(), "a@b.c".to_owned()],
        (Input::Email, _) => vec!["ada@example.com".to_owned()],
        (Input::Lines, Edge::Unusual) => vec![fit("Zoë Ångström\n李小龙 🐢 \"quoted\" \\ <b>")],
        (_, Edge::Unusual) => vec![fit("Zoë O'Ångström 李 🐢"), fit("Zoe O'Neil")],
        (_, Edge::Longest) => vec![repeat("abcdefghi ", most.saturating_sub(1)) + "z", repeat("a", most)],
        (_, Edge::Shortest) => vec![repeat("a", least.max(1)), "A".to_owned()],
        (_, Edge::Odd) => vec![fit("12345"), fit("-")],
        (_, Edge::Padded) => vec![fit("  Ada  ")],
        _ => vec![fit("Ada Lovelace"), fit("Ada")],
    };
    let mut all = made;
    if let Some(pattern) = pattern {
        // The shapes that patterns are mostly written for.
        let shapes = [
            digits(4),
            digits(5),
            digits(6),
            digits(8),
            digits(10),
            repeat("A", least.max(3)),
            repeat("a", least.max(3)),
        ];
        all.extend(shapes);
        all.extend(["A1", "AB12", "ABC123", "AB-1234", "2025-01-31", "12/2030", "ada_1"].map(str::to_owned));
        all.extend(made_for(pattern));
    }
    all.into_iter().map(Value::from).collect()
}

/// A text for a pattern of classes and counts, such as `^[A-Z]{2}[0-9]{4}$`; anything else makes nothing that fits.
fn made_for(pattern: &str) -> Option<String> {
    let part = Regex::new(r"(\[[^\]]+\]|\\[dws]|\\.|[^\\\[\]{}()*+?.^$|])(?:\{(\d+)(?:,\d*)?\}|([*+?]))?").ok()?;
    let mut text = String::new();
    for found in part.captures_iter(pattern) {
        let letters = found.get(1)?.as_str();
        let class = Regex::new(&format!("^{letters}$")).ok()?;
        let letter = ('a'..='z').chain('A'..='Z').chain('0'..='9').chain(" -_.,/@+#".chars());
        let letter = letter.into_iter().find(|letter| class.is_match(&letter.to_string()))?;
        let count = found.get(2).and_then(|count| count.as_str().parse().ok()).unwrap_or(1_usize);
        text.extend(std::iter::repeat_n(letter, count.min(200)));
    }
    Some(text)
}

fn one(options: &[Choice], pick: Pick) -> Option<Value> {
    let enabled: Vec<_> = options.iter().filter(|option| option.is_enabled).collect();
    let chosen = match pick.edge {
        Edge::Shortest => enabled.first(),
        Edge::Longest => enabled.last(),
        _ => enabled.get(pick.at.checked_rem(enabled.len())?),
    };
    chosen.map(|option| option.id.as_str().into())
}

fn several(options: &[Choice], least: usize, most: usize, pick: Pick) -> Value {
    let enabled: Vec<_> = options.iter().filter(|option| option.is_enabled).map(|option| option.id.as_str()).collect();
    let count = match pick.edge {
        Edge::Longest => most.min(enabled.len()),
        _ => least.max(1).min(enabled.len()),
    };
    let from = pick.at.checked_rem(enabled.len()).unwrap_or(0);
    of_texts(enabled.iter().cycle().skip(from).take(count).copied())
}

fn day(days: &Days, pick: Pick) -> Option<NaiveDate> {
    let today = Local::now().date_naive();
    let near = || {
        let from = days.min.filter(|min| *min > today).unwrap_or(today);
        days.nearest(from, true).or_else(|| days.nearest(days.max?, false))
    };
    match pick.edge {
        Edge::Shortest => days.min.map_or_else(near, |min| days.nearest(min, true)),
        Edge::Longest => days.max.map_or_else(near, |max| days.nearest(max, false)),
        Edge::Unusual => days.nearest(NaiveDate::from_ymd_opt(2028, 2, 29)?, true).or_else(near),
        _ => {
            let later = near()?.checked_add_days(Step::new(pick.at as u64 % 28))?;
            days.nearest(later, true).or_else(near)
        }
    }
}

fn range(days: &Days, least: u64, most: Option<u64>, pick: Pick) -> Option<Value> {
    let start = day(days, Pick { edge: if pick.edge == Edge::Longest { Edge::Typical } else { pick.edge }, ..pick })?;
    let length = match pick.edge {
        Edge::Longest => most.unwrap_or(least + 30),
        _ => least.max(1),
    };
    let ends = (0..60).filter_map(|more| start.checked_add_days(Step::new(length.saturating_sub(1) + more)));
    let end = ends.into_iter().find(|end| days.read(&days.written.write(*end)).is_ok())?;
    let write = |date| Value::from(days.written.write(date));
    Some(of_object([("start-date", write(start)), ("end-date", write(end))]))
}

fn files(least: usize, most: usize, pick: Pick) -> Value {
    let count = if pick.edge == Edge::Longest { most } else { least.max(1) };
    let hash = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    let file = |place: usize| {
        let metadata = ["encrypted_hash", "iv", "encryption_key", "hmac_key", "plaintext_hash"];
        of_object([
            ("media_id", Value::from(format!("{}", 790_000_000_000_000_usize + place))),
            ("cdn_url", Value::from(format!("https://mmg.whatsapp.net/v/stand-in-{place}"))),
            ("file_name", Value::from(format!("stand-in-{place}.jpg"))),
            ("encryption_metadata", of_object(metadata.map(|key| (key, Value::from(hash))))),
        ])
    };
    Value::from((0..count).map(file).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use flow_json::Kind;

    use super::*;
    use crate::phone::value::text;

    fn field(rules: Rules) -> Field {
        let (name, label) = ("it".to_owned(), "It".to_owned());
        Field { name, label, kind: Kind::TextInput, is_enabled: true, is_required: true, rules }
    }

    fn made(rules: &Rules, edge: Edge) -> Option<Value> {
        value(&field(rules.clone()), Pick { edge, at: 3 })
    }

    fn typed(input: Input, least: usize, most: usize, pattern: Option<&str>) -> Rules {
        Rules::Text { input, least, most, pattern: pattern.map(str::to_owned) }
    }

    #[test]
    fn every_kind_of_text_has_a_plain_value_and_its_bounds() {
        let all =
            [Input::Line, Input::Lines, Input::Number, Input::Email, Input::Password, Input::Passcode, Input::Phone];
        for input in all {
            let rules = typed(input, 0, 80, None);
            for edge in [Edge::Typical, Edge::Shortest, Edge::Longest, Edge::Unusual] {
                assert!(made(&rules, edge).is_some(), "{input:?} {edge:?}");
            }
        }
        for (input, length) in [(Input::Line, 80), (Input::Lines, 600), (Input::Email, 80), (Input::Password, 12)] {
            let longest = made(&typed(input, 0, length, None), Edge::Longest).unwrap();
            assert_eq!(text(&longest).map(|text| text.chars().count()), Some(length), "{input:?}");
        }
        let shortest = made(&typed(Input::Line, 5, 8, None), Edge::Shortest).unwrap();
        assert_eq!(text(&shortest).map(str::len), Some(5));
    }

    #[test]
    fn a_pattern_of_classes_and_counts_is_met() {
        for pattern in [
            "^[A-Z]{2}-[0-9]{3,4}$",
            "^\\d{11}$",
            "^[a-z]+_[0-9]$",
            "^[A-Z0-9]{8}$",
            "^\\d{2}/\\d{4}$",
            "^#[0-9a-f]{6}$",
        ] {
            assert!(made(&typed(Input::Line, 0, 80, Some(pattern)), Edge::Typical).is_some(), "{pattern}");
        }
        // Nothing is better than what the phone would not take.
        assert_eq!(made(&typed(Input::Line, 0, 80, Some("^(yes|no)!$")), Edge::Typical), None);
    }

    #[test]
    fn what_is_disabled_or_unavailable_is_never_chosen() {
        let option = |id: &str, is_enabled| Choice {
            id: id.to_owned(),
            title: id.to_owned(),
            is_enabled,
            content: prost_types::Struct::default(),
        };
        let options = vec![option("a", false), option("b", true), option("c", true), option("d", false)];
        let edges = [Edge::Typical, Edge::Shortest, Edge::Longest];
        let one = Rules::One { options: options.clone() };
        assert_eq!(edges.map(|edge| made(&one, edge)), ["c", "b", "c"].map(|id| Some(id.into())));
        assert_eq!(made(&Rules::One { options: vec![option("a", false)] }, Edge::Typical), None);
        let several = Rules::Several { options, least: 1, most: 2 };
        assert_eq!(
            edges.map(|edge| made(&several, edge)),
            [vec!["c"], vec!["c"], vec!["c", "b"]].map(|ids| Some(of_texts(ids)))
        );
        let at = |day| NaiveDate::from_ymd_opt(2030, 1, day);
        let days = Days {
            written: crate::phone::Written::Iso,
            min: at(5),
            max: at(20),
            unavailable: [5, 20].into_iter().filter_map(at).collect(),
            weekdays: None,
        };
        let dates = edges.map(|edge| made(&Rules::Day(days.clone()), edge));
        assert_eq!(dates, ["2030-01-09", "2030-01-06", "2030-01-19"].map(|date| Some(date.into())));
    }
}
