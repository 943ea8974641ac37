//! The data of an answer against the model of its screen: what is declared must be there, in its type.

use prost_types::value::Kind;
use prost_types::{Struct, Value};

use super::compile::Screen;
use crate::code::Code;
use crate::expression::Type;
use crate::limits::Path;
use crate::model::DataType;
use crate::verdict::{Severity, Verdicts};

/// The key of an answer's data that the client shows by itself.
const ERROR_MESSAGE: &str = "error_message";

pub(super) fn check(screen: &Screen, data: &Struct, verdicts: &mut Verdicts) {
    let root = Path::root("/data");
    let Some(declared) = &screen.declared else {
        if data.fields.keys().any(|key| key != ERROR_MESSAGE) {
            refuse(verdicts, &root, "the screen declares no data".to_owned());
        }
        return;
    };
    for key in declared {
        let path = root.key(&key.name.text);
        match data.fields.get(&key.name.text) {
            None => refuse(verdicts, &path, format!("declared as {}, and missing", key.data_type.kind)),
            Some(value) => data_type(&key.data_type, value, &path, verdicts),
        }
    }
    for name in data.fields.keys().filter(|name| *name != ERROR_MESSAGE) {
        if screen.names.contains(name) {
            continue;
        }
        if screen.bound_undeclared.contains(name) {
            let message = "shown by a component, and not declared".to_owned();
            verdicts.add(Code::UndeclaredData, Severity::ShownWrongly, root.key(name).pointer(), message);
            continue;
        }
        // A key that is no word may itself be somebody's data.
        let word = name.len() <= 64
            && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let pointer = if word { root.key(name).pointer() } else { root.pointer() };
        verdicts.add(Code::UndeclaredData, Severity::Note, pointer, "not declared by the screen".to_owned());
    }
}

fn refuse(verdicts: &mut Verdicts, path: &Path<'_>, message: String) {
    verdicts.add(Code::PayloadSchemaError, Severity::Refused, path.pointer(), message);
}

fn data_type(wanted: &DataType, value: &Value, path: &Path<'_>, verdicts: &mut Verdicts) {
    if verdicts.is_full() {
        return;
    }
    match (wanted.kind, &value.kind) {
        (Type::Unknown, _)
        | (Type::Text | Type::NumberOrText, Some(Kind::StringValue(_)))
        | (Type::Number | Type::NumberOrText, Some(Kind::NumberValue(_)))
        | (Type::Boolean, Some(Kind::BoolValue(_))) => {}
        (Type::Object, Some(Kind::StructValue(fields))) => object(wanted, fields, path, verdicts),
        (Type::List, Some(Kind::ListValue(list))) => {
            let Some(items) = &wanted.items else { return };
            let mut more = false;
            for (place, item) in list.values.iter().enumerate() {
                data_type(items, item, &path.place(place), verdicts);
                more |= has_more(items, item);
            }
            if more {
                note_more(path, verdicts);
            }
        }
        (wanted, kind) => {
            let found = match kind {
                None | Some(Kind::NullValue(_)) => "null",
                Some(Kind::NumberValue(_)) => "a number",
                Some(Kind::StringValue(_)) => "a string",
                Some(Kind::BoolValue(_)) => "a boolean",
                Some(Kind::StructValue(_)) => "an object",
                Some(Kind::ListValue(_)) => "an array",
            };
            refuse(verdicts, path, format!("declared as {wanted}, and this is {found}"));
        }
    }
}

fn object(wanted: &DataType, fields: &Struct, path: &Path<'_>, verdicts: &mut Verdicts) {
    for (name, inner) in &wanted.properties {
        let path = path.key(name);
        match fields.fields.get(name) {
            None => refuse(verdicts, &path, format!("declared as {}, and missing", inner.kind)),
            Some(value) => data_type(inner, value, &path, verdicts),
        }
    }
    // Of the entries of an array the array tells, once.
    if !path.is_place() && has_more_fields(wanted, fields) {
        note_more(path, verdicts);
    }
}

fn has_more(wanted: &DataType, value: &Value) -> bool {
    matches!(&value.kind, Some(Kind::StructValue(fields)) if has_more_fields(wanted, fields))
}

fn has_more_fields(wanted: &DataType, fields: &Struct) -> bool {
    // An object without properties takes what comes.
    wanted.kind == Type::Object
        && !wanted.properties.is_empty()
        && fields.fields.keys().any(|name| wanted.get(name).is_none())
}

/// Without the names, which may be data themselves down here.
fn note_more(path: &Path<'_>, verdicts: &mut Verdicts) {
    let message = "holds keys that the screen does not declare".to_owned();
    verdicts.add(Code::UndeclaredData, Severity::Note, path.pointer(), message);
}
