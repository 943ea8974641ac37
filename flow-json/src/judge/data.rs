//! The data of an answer against the model of its screen: what is declared must be there, in its type.

use std::collections::BTreeMap;

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
    align(declared, &data.fields, |name, data_type_of, value| {
        let path = root.key(name);
        match (data_type_of, value) {
            (Some(declared), Some(value)) => {
                if data_type(declared, value, &path, verdicts) {
                    note_more(&path, verdicts);
                }
            }
            (Some(declared), None) => missing(declared, &path, verdicts),
            (None, _) => undeclared(screen, name, &root, verdicts),
        }
    });
}

fn undeclared(screen: &Screen, name: &str, root: &Path<'_>, verdicts: &mut Verdicts) {
    if name == ERROR_MESSAGE {
        return;
    }
    if screen.bound_undeclared.iter().any(|bound| bound == name) {
        let message = "shown by a component, and not declared".to_owned();
        verdicts.add(Code::UndeclaredData, Severity::ShownWrongly, root.key(name).pointer(), message);
        return;
    }
    // A key that is no word may itself be somebody's data.
    let word = name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let pointer = if word { root.key(name).pointer() } else { root.pointer() };
    verdicts.add(Code::UndeclaredData, Severity::Note, pointer, "not declared by the screen".to_owned());
}

fn refuse(verdicts: &mut Verdicts, path: &Path<'_>, message: String) {
    verdicts.add(Code::PayloadSchemaError, Severity::Refused, path.pointer(), message);
}

/// Whether it is of its type, and nothing is inside.
fn is_simple(wanted: &DataType, value: &Value) -> bool {
    matches!(
        (wanted.kind, &value.kind),
        (Type::Unknown, _)
            | (Type::Text | Type::NumberOrText, Some(Kind::StringValue(_)))
            | (Type::Number | Type::NumberOrText, Some(Kind::NumberValue(_)))
            | (Type::Boolean, Some(Kind::BoolValue(_)))
    )
}

/// Whether it is an object that holds keys which are not declared. Of the entries of an array the array tells, once.
fn data_type(wanted: &DataType, value: &Value, path: &Path<'_>, verdicts: &mut Verdicts) -> bool {
    if verdicts.is_full() {
        return false;
    }
    match (wanted.kind, &value.kind) {
        _ if is_simple(wanted, value) => {}
        (Type::Object, Some(Kind::StructValue(fields))) => return object(wanted, fields, path, verdicts),
        (Type::List, Some(Kind::ListValue(list))) => {
            let Some(items) = &wanted.items else { return false };
            let mut more = false;
            for (place, item) in list.values.iter().enumerate() {
                more |= data_type(items, item, &path.place(place), verdicts);
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
    false
}

/// Whether it holds keys that are not declared.
fn object(wanted: &DataType, fields: &Struct, path: &Path<'_>, verdicts: &mut Verdicts) -> bool {
    let mut more = false;
    align(&wanted.properties, &fields.fields, |name, inner, value| match (inner, value) {
        (Some(inner), Some(value)) if is_simple(inner, value) => {}
        (Some(inner), Some(value)) => {
            let path = path.key(name);
            if data_type(inner, value, &path, verdicts) {
                note_more(&path, verdicts);
            }
        }
        (Some(inner), None) => missing(inner, &path.key(name), verdicts),
        (None, _) => more = true,
    });
    // An object without properties takes what comes.
    more && !wanted.properties.is_empty()
}

/// What is declared and what is there, name by name. Both are in the order of names.
fn align<'a>(
    declared: &'a [(String, DataType)],
    fields: &'a BTreeMap<String, Value>,
    mut each: impl FnMut(&'a str, Option<&'a DataType>, Option<&'a Value>),
) {
    let mut declared = declared.iter().peekable();
    for (name, value) in fields {
        let mut found = None;
        while let Some((wanted, data_type)) = declared.next_if(|(wanted, _)| wanted <= name) {
            if wanted == name {
                found = Some(data_type);
                break;
            }
            each(wanted, Some(data_type), None);
        }
        each(name, found, Some(value));
    }
    declared.for_each(|(name, lacking)| each(name, Some(lacking), None));
}

fn missing(wanted: &DataType, path: &Path<'_>, verdicts: &mut Verdicts) {
    refuse(verdicts, path, format!("declared as {}, and missing", wanted.kind));
}

/// Without the names, which may be data themselves down here.
fn note_more(path: &Path<'_>, verdicts: &mut Verdicts) {
    let message = "holds keys that the screen does not declare".to_owned();
    verdicts.add(Code::UndeclaredData, Severity::Note, path.pointer(), message);
}
