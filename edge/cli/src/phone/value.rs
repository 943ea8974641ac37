//! Small questions to a value of a form, of data or of a payload.

use prost_types::value::Kind;
use prost_types::{ListValue, Struct, Value};

pub(crate) fn text(value: &Value) -> Option<&str> {
    match &value.kind {
        Some(Kind::StringValue(text)) => Some(text),
        _ => None,
    }
}

pub(crate) fn flag(value: &Value) -> Option<bool> {
    match value.kind {
        Some(Kind::BoolValue(flag)) => Some(flag),
        _ => None,
    }
}

pub(crate) fn number(value: &Value) -> Option<f64> {
    match value.kind {
        Some(Kind::NumberValue(number)) => Some(number),
        _ => None,
    }
}

pub(crate) fn list(value: &Value) -> Option<&[Value]> {
    match &value.kind {
        Some(Kind::ListValue(list)) => Some(&list.values),
        _ => None,
    }
}

pub(crate) fn object(value: &Value) -> Option<&Struct> {
    match &value.kind {
        Some(Kind::StructValue(fields)) => Some(fields),
        _ => None,
    }
}

/// The texts of a list; what is no text in it is passed over.
pub(crate) fn texts(value: &Value) -> Vec<&str> {
    list(value).unwrap_or_default().iter().filter_map(text).collect()
}

pub(crate) fn get<'a>(fields: &'a Struct, key: &str) -> Option<&'a Value> {
    fields.fields.get(key).filter(|value| !is_null(value))
}

pub(crate) fn is_null(value: &Value) -> bool {
    matches!(value.kind, None | Some(Kind::NullValue(_)))
}

/// Nothing was put in: no value, no text, no option, no file. An OptIn that is off is not empty.
pub(crate) fn is_empty(value: &Value) -> bool {
    match &value.kind {
        None | Some(Kind::NullValue(_)) => true,
        Some(Kind::StringValue(text)) => text.is_empty(),
        Some(Kind::ListValue(list)) => list.values.is_empty(),
        Some(Kind::StructValue(fields)) => fields.fields.values().all(is_empty),
        Some(Kind::BoolValue(_) | Kind::NumberValue(_)) => false,
    }
}

pub(crate) fn null() -> Value {
    Value { kind: Some(Kind::NullValue(0)) }
}

pub(crate) fn of_texts<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Value {
    let values = texts.into_iter().map(|text| Value::from(text.into())).collect();
    Value { kind: Some(Kind::ListValue(ListValue { values })) }
}

pub(crate) fn of_object<K: Into<String>>(members: impl IntoIterator<Item = (K, Value)>) -> Value {
    let fields = members.into_iter().map(|(key, value)| (key.into(), value)).collect();
    Value { kind: Some(Kind::StructValue(Struct { fields })) }
}

/// Without the keys that hold nothing, which JavaScript does not write either.
pub(crate) fn without_nulls(fields: Struct) -> Struct {
    let kept = fields.fields.into_iter().filter(|(_, value)| !is_null(value));
    Struct { fields: kept.map(|(key, value)| (key, prune(value))).collect() }
}

fn prune(value: Value) -> Value {
    match value.kind {
        Some(Kind::StructValue(fields)) => Value { kind: Some(Kind::StructValue(without_nulls(fields))) },
        Some(Kind::ListValue(list)) => {
            let values = list.values.into_iter().map(prune).collect();
            Value { kind: Some(Kind::ListValue(ListValue { values })) }
        }
        kind => Value { kind },
    }
}
