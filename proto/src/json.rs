//! `google.protobuf.Struct` to and from JSON, as both sides of the contract read it.
//!
//! A Struct holds every number as a double, JSON tells `7` from `7.0`. Whole numbers within ±2^53 are written as integers,
//! since screens declare integers more often than floats and the client refuses `7.0` for one.

use prost_types::{ListValue, Struct, Value, value::Kind};
use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::{Map, Number, Value as Json};

/// The largest magnitude up to which every whole number has a double of its own: 2^53.
const MAX_EXACT_INTEGER: f64 = 9_007_199_254_740_992.0;

/// A Struct that serialises as the JSON object which [`from_struct`] would read it as, without being read first.
#[derive(Clone, PartialEq, Default)]
pub struct AsJson(pub Struct);

/// Without what is in it, which is a user's.
impl fmt::Debug for AsJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AsJson({} fields)", self.0.fields.len())
    }
}

impl Serialize for AsJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_fields(&self.0, serializer)
    }
}

/// A value of one, likewise.
struct ValueAsJson<'a>(&'a Value);

impl Serialize for ValueAsJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0.kind {
            None | Some(Kind::NullValue(_)) => serializer.serialize_unit(),
            Some(Kind::BoolValue(flag)) => serializer.serialize_bool(*flag),
            Some(Kind::StringValue(text)) => serializer.serialize_str(text),
            Some(Kind::NumberValue(number)) => from_number(*number).serialize(serializer),
            Some(Kind::StructValue(fields)) => serialize_fields(fields, serializer),
            Some(Kind::ListValue(list)) => serializer.collect_seq(list.values.iter().map(ValueAsJson)),
        }
    }
}

fn serialize_fields<S: Serializer>(fields: &Struct, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(fields.fields.iter().map(|(key, value)| (key, ValueAsJson(value))))
}

/// Reads a Struct as a JSON object.
///
/// JSON has no NaN and no infinity: such a number, and a `Value` without a kind, reads as `null`, as protobuf's own JSON
/// mapping has no better word for them either.
pub fn from_struct(fields: Struct) -> Map<String, Json> {
    fields.fields.into_iter().map(|(key, value)| (key, from_value(value))).collect()
}

fn from_value(value: Value) -> Json {
    match value.kind {
        None | Some(Kind::NullValue(_)) => Json::Null,
        Some(Kind::BoolValue(flag)) => Json::Bool(flag),
        Some(Kind::StringValue(text)) => Json::String(text),
        Some(Kind::NumberValue(number)) => from_number(number),
        Some(Kind::StructValue(fields)) => Json::Object(from_struct(fields)),
        Some(Kind::ListValue(list)) => Json::Array(list.values.into_iter().map(from_value).collect()),
    }
}

fn from_number(number: f64) -> Json {
    if number.fract() == 0.0 && number.abs() <= MAX_EXACT_INTEGER {
        // Exact: the check above keeps it inside i64. Minus zero becomes 0.
        Json::from(number as i64)
    } else {
        Number::from_f64(number).map_or(Json::Null, Json::Number)
    }
}

/// Writes a JSON object as a Struct; a number that no double holds exactly becomes the nearest one.
pub fn to_struct(object: Map<String, Json>) -> Struct {
    Struct { fields: object.into_iter().map(|(key, value)| (key, to_value(value))).collect() }
}

/// Any JSON value.
pub fn to_value(value: Json) -> Value {
    let kind = match value {
        Json::Null => Kind::NullValue(0),
        Json::Bool(flag) => Kind::BoolValue(flag),
        // Without serde_json's arbitrary precision every number has a double.
        Json::Number(number) => Kind::NumberValue(number.as_f64().unwrap_or(f64::NAN)),
        Json::String(text) => Kind::StringValue(text),
        Json::Array(values) => Kind::ListValue(ListValue { values: values.into_iter().map(to_value).collect() }),
        Json::Object(fields) => Kind::StructValue(to_struct(fields)),
    };
    Value { kind: Some(kind) }
}

/// Whole numbers of an object that no double holds exactly. [`to_struct`] makes each the nearest one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inexact {
    /// How many there are.
    pub count: usize,
    /// Where the first one is: a JSON pointer (RFC 6901), of which each key is cut after 32 characters.
    pub pointer: String,
}

/// The whole numbers of an object that no double holds exactly; `None` where there is none.
pub fn inexact_integers(object: &Map<String, Json>) -> Option<Inexact> {
    let mut found = Found::default();
    found.look_into_object(object);
    // From the number outwards, as it was left.
    let pointer = found.path.iter().rev().map(|token| format!("/{token}")).collect();
    (found.count > 0).then_some(Inexact { count: found.count, pointer })
}

/// Longest key in a pointer, in characters.
const MAX_KEY: usize = 32;

/// What was found so far.
#[derive(Default)]
struct Found {
    count: usize,
    /// Keys and indices from the first one outwards.
    path: Vec<String>,
}

impl Found {
    /// Each of these tells whether the first one is inside.
    fn look_into_object(&mut self, object: &Map<String, Json>) -> bool {
        let escaped = |key: &str| key.chars().take(MAX_KEY).collect::<String>().replace('~', "~0").replace('/', "~1");
        object.iter().fold(false, |found, (key, value)| self.look_into(value, &|| escaped(key)) || found)
    }

    fn look_into(&mut self, value: &Json, token: &dyn Fn() -> String) -> bool {
        let is_first = match value {
            Json::Number(number) => {
                let exact = number.as_i64().is_none_or(|integer| i128::from(integer) == integer as f64 as i128)
                    && number.as_u64().is_none_or(|integer| i128::from(integer) == integer as f64 as i128);
                self.count += usize::from(!exact);
                !exact && self.count == 1
            }
            Json::Array(values) => values
                .iter()
                .enumerate()
                .fold(false, |found, (index, value)| self.look_into(value, &|| index.to_string()) || found),
            Json::Object(fields) => self.look_into_object(fields),
            Json::Null | Json::Bool(_) | Json::String(_) => false,
        };
        if is_first {
            self.path.push(token());
        }
        is_first
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(value: Json) -> Map<String, Json> {
        match value {
            Json::Object(fields) => fields,
            other => panic!("not an object: {other}"),
        }
    }

    fn number(value: f64) -> String {
        from_number(value).to_string()
    }

    #[test]
    fn every_kind_of_json_survives_the_round_trip() {
        let sent = object(json!({
            "null": null, "true": true, "text": "żółw 🐢", "zero": 0, "negative": -7, "fraction": 0.1,
            "list": [1, "two", [3], {"four": 4}, null], "empty": {}, "nested": {"a": {"b": []}},
        }));
        assert_eq!(from_struct(to_struct(sent.clone())), sent);
    }

    #[test]
    fn whole_numbers_within_2_to_the_53_are_integers() {
        assert_eq!(number(7.0), "7");
        assert_eq!(number(-0.0), "0");
        assert_eq!(number(9_007_199_254_740_992.0), "9007199254740992");
        assert_eq!(number(-9_007_199_254_740_992.0), "-9007199254740992");
    }

    #[test]
    fn other_numbers_are_not() {
        assert_eq!(number(7.5), "7.5");
        assert_eq!(number(9_007_199_254_740_994.0), "9007199254740994.0");
        assert_eq!(number(f64::NAN), "null");
        assert_eq!(number(f64::INFINITY), "null");
    }

    #[test]
    fn a_value_without_a_kind_is_null() {
        let fields = [("odd".to_owned(), Value { kind: None })].into();
        assert_eq!(Json::Object(from_struct(Struct { fields })), json!({"odd": null}));
    }

    #[test]
    fn a_number_beyond_a_double_becomes_the_nearest() {
        let back = from_struct(to_struct(object(json!({"id": 9_007_199_254_740_993_i64}))));
        assert_eq!(Json::Object(back), json!({"id": 9_007_199_254_740_992_i64}));
    }

    #[test]
    fn integers_that_change_on_the_way_are_counted() {
        let count = |value: Json| inexact_integers(&object(value)).map_or(0, |inexact| inexact.count);
        assert_eq!(count(json!({"a": 9_007_199_254_740_992_i64, "b": [0.1, 7, -1, "9007199254740993"]})), 0);
        // 2^60 is beyond ±2^53, and still exact.
        assert_eq!(count(json!({"a": 1_152_921_504_606_846_976_i64})), 0);
        assert_eq!(
            count(json!({"a": 9_007_199_254_740_993_i64, "b": {"c": [u64::MAX, -9_007_199_254_740_993_i64]}})),
            3
        );
    }

    #[test]
    fn the_first_of_them_is_named_by_its_place() {
        let pointer = |value: Json| inexact_integers(&object(value)).map(|inexact| inexact.pointer);
        assert_eq!(pointer(json!({"a": 1})), None);
        assert_eq!(pointer(json!({"a": u64::MAX})).as_deref(), Some("/a"));
        assert_eq!(
            pointer(json!({"a": [1, {"of b/c~": [0, u64::MAX]}, u64::MAX], "d": u64::MAX})).as_deref(),
            Some("/a/1/of b~1c~0/1")
        );
        assert_eq!(pointer(json!({"ż".repeat(100): u64::MAX})), Some(format!("/{}", "ż".repeat(32))));
    }
}
