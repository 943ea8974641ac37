//! Where an answer is another than the one that the same step got before.

use serde_json::Value;

use super::timeline::{Exchange, Outcome};

/// More than anybody reads.
const MOST: usize = 20;

/// Pointers into the answer, or `status`; empty where both came to the same.
pub(crate) fn differences(before: &Exchange, now: &Exchange) -> Vec<String> {
    let mut found = Vec::new();
    if before.status() != now.status() {
        found.push("status".to_owned());
    }
    let body = |exchange: &Exchange| match &exchange.outcome {
        Outcome::Answered { body, .. } => body.clone().map(Value::Object).unwrap_or_default(),
        Outcome::NoAnswer(_) => Value::Null,
    };
    // Another conversation has another token.
    let (one, other) = (body(before), body(now));
    let token = |exchange: &Exchange| exchange.request.get("flow_token").cloned().unwrap_or_default();
    compare(&one, &other, "", &(token(before), token(now)), &mut found);
    found
}

fn compare(one: &Value, other: &Value, way: &str, tokens: &(Value, Value), found: &mut Vec<String>) {
    if found.len() == MOST || one == other || (one, other) == (&tokens.0, &tokens.1) {
        return;
    }
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            for key in one.keys().chain(other.keys().filter(|key| !one.contains_key(*key))) {
                let [one, other] = [one, other].map(|fields| fields.get(key).unwrap_or(&Value::Null));
                compare(one, other, &format!("{way}/{}", key.replace('~', "~0").replace('/', "~1")), tokens, found);
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (place, (one, other)) in one.iter().zip(other).enumerate() {
                compare(one, other, &format!("{way}/{place}"), tokens, found);
            }
        }
        _ => found.push(if way.is_empty() { "the answer".to_owned() } else { way.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(one: Value, other: Value) -> Vec<String> {
        let mut found = Vec::new();
        compare(&one, &other, "", &(json!("token one"), json!("token two")), &mut found);
        found
    }

    #[test]
    fn what_is_different_is_named_by_its_place_and_the_token_is_not() {
        let one =
            json!({ "screen": "A", "data": { "list": [1, 2], "a/b": 1, "gone": true, "flow_token": "token one" } });
        let other = json!({ "screen": "B", "data": { "list": [1, 3], "a/b": 2, "new": 0, "flow_token": "token two" } });
        let expected = ["/screen", "/data/list/1", "/data/a~1b", "/data/gone", "/data/new"];
        let mut found = found(one.clone(), other);
        found.sort();
        let mut expected = expected.map(str::to_owned).to_vec();
        expected.sort();
        assert_eq!(found, expected);
        assert_eq!(self::found(one.clone(), one), [""; 0]);
        assert_eq!(self::found(Value::Null, json!({})), ["the answer"]);
    }
}
