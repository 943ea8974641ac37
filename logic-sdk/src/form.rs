//! Form data into a type of the logic's, with errors that never quote what the user typed.
//!
//! `serde_json::from_value` would do the reading, but its errors quote the value (`invalid type: string "Ada"`), and an
//! error ends up in logs. serde lets the deserialiser choose the error type, so this one keeps the kind of the value and the
//! path to it, and drops the rest.

use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, Expected, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Value, map};
use std::{fmt, slice};

pub(crate) fn read<T: DeserializeOwned>(data: &Value) -> Result<T, FormError> {
    T::deserialize(Field(data))
}

/// Form data that does not fit the type it was to be read into. Says which field and what was wrong, never the value.
///
/// It usually means that the Flow JSON and the code disagree. `?` turns it into an [`Error`](crate::Error).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormError {
    path: String,
    problem: String,
}

impl FormError {
    /// Where in the data: `email`, `guests[2].age`; empty for the data as a whole.
    pub fn field(&self) -> &str {
        &self.path
    }

    fn new(problem: impl Into<String>) -> Self {
        Self { path: String::new(), problem: problem.into() }
    }

    /// Called on the way out of a value: the innermost step of the path is known first.
    fn inside(mut self, step: &str) -> Self {
        let joint = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("{step}{joint}{}", self.path);
        self
    }
}

impl fmt::Display for FormError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            write!(f, "form data: {}", self.problem)
        } else {
            write!(f, "form data, field `{}`: {}", self.path, self.problem)
        }
    }
}

impl std::error::Error for FormError {}

impl de::Error for FormError {
    fn custom<T: fmt::Display>(_: T) -> Self {
        // The text is that of a type's own check, and such texts like to quote.
        Self::new("refused by the type that it is read into")
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("expected {expected}, found {}", kind(found)))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("expected {expected}, found {} that does not fit", kind(found)))
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        Self::new(format!("expected {expected}, found {length} elements"))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::new(format!("expected {}, found another text", one_of(expected)))
    }

    fn unknown_field(_: &str, expected: &'static [&'static str]) -> Self {
        Self::new(format!("expected no field but {}", one_of(expected)))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new("missing").inside(field)
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::new("given twice").inside(field)
    }
}

fn kind(found: Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Bool(_) => "a boolean",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) => "a whole number",
        Unexpected::Float(_) => "a number",
        Unexpected::Char(_) | Unexpected::Str(_) => "a string",
        Unexpected::Unit | Unexpected::Option => "null",
        Unexpected::Seq => "an array",
        Unexpected::Map => "an object",
        _ => "something else",
    }
}

fn one_of(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// One value being read, by whichever of serde's visits fits its kind.
#[derive(Clone, Copy)]
struct Field<'a>(&'a Value);

impl<'de> Deserializer<'de> for Field<'_> {
    type Error = FormError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FormError> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(flag) => visitor.visit_bool(*flag),
            Value::String(text) => visitor.visit_str(text),
            Value::Array(values) => {
                let mut elements = Elements { rest: values.iter(), index: 0 };
                let value = visitor.visit_seq(&mut elements)?;
                // A tuple stops where it is full.
                if elements.rest.len() == 0 {
                    Ok(value)
                } else {
                    Err(FormError::new(format!("expected {} elements, found {}", elements.index, values.len())))
                }
            }
            Value::Object(fields) => visitor.visit_map(Fields { rest: fields.iter(), value: None }),
            Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(whole), _, _) => visitor.visit_u64(whole),
                (_, Some(whole), _) => visitor.visit_i64(whole),
                (_, _, Some(number)) => visitor.visit_f64(number),
                (None, None, None) => Err(FormError::new("a number out of range")),
            },
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FormError> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, FormError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FormError> {
        match self.0 {
            Value::String(text) => visitor.visit_enum(name(text)),
            // A variant with content, in serde's usual shape: {"variant": content}.
            Value::Object(fields) if fields.len() == 1 => {
                visitor.visit_enum(MapAccessDeserializer::new(Fields { rest: fields.iter(), value: None }))
            }
            _ => Err(FormError::new(format!("expected {}", one_of(variants)))),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

struct Fields<'a> {
    rest: map::Iter<'a>,
    value: Option<(&'a str, &'a Value)>,
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = FormError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, FormError> {
        let Some((key, value)) = self.rest.next() else { return Ok(None) };
        self.value = Some((key, value));
        seed.deserialize(name(key)).map(Some).map_err(|error| error.inside(key))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, FormError> {
        let (key, value) = self.value.take().ok_or_else(|| FormError::new("a value was read before its name"))?;
        seed.deserialize(Field(value)).map_err(|error| error.inside(key))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

struct Elements<'a> {
    rest: slice::Iter<'a, Value>,
    index: usize,
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = FormError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, FormError> {
        let Some(value) = self.rest.next() else { return Ok(None) };
        let index = self.index;
        self.index += 1;
        seed.deserialize(Field(value)).map(Some).map_err(|error| error.inside(&format!("[{index}]")))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

/// The name of a field or a variant.
fn name(text: &str) -> StrDeserializer<'_, FormError> {
    text.into_deserializer()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::json;
    use std::collections::BTreeMap;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Booking {
        name: String,
        guests: u8,
        deposit: f64,
        balance: i64,
        remark: Option<String>,
        #[serde(default)]
        newsletter: bool,
        slot: Slot,
        days: Vec<Day>,
        contact: Contact,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Slot(String);

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Day {
        Monday,
        Tuesday,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Contact {
        Phone(String),
        Post { street: String, number: u16 },
    }

    fn booking() -> Value {
        json!({
            "name": "Ada", "guests": 2, "deposit": 10, "balance": -3, "slot": "9:30", "days": ["monday", "tuesday"],
            "contact": {"post": {"street": "Main Street", "number": 7}}, "unknown": [1],
        })
    }

    /// The error of reading a booking with one field replaced.
    fn error(field: &str, value: Value) -> String {
        let mut data = booking();
        data[field] = value;
        read::<Booking>(&data).unwrap_err().to_string()
    }

    #[test]
    fn every_shape_of_a_form_reads() {
        let expected = Booking {
            name: "Ada".to_owned(),
            guests: 2,
            deposit: 10.0,
            balance: -3,
            remark: None,
            newsletter: false,
            slot: Slot("9:30".to_owned()),
            days: vec![Day::Monday, Day::Tuesday],
            contact: Contact::Post { street: "Main Street".to_owned(), number: 7 },
        };
        assert_eq!(read::<Booking>(&booking()).unwrap(), expected);
    }

    #[test]
    fn maps_tuples_values_and_tagged_enums_read_too() {
        #[derive(Debug, PartialEq, Deserialize)]
        #[serde(tag = "trigger", rename_all = "snake_case")]
        enum Trigger {
            DateSelected { date: String, extra: Option<u8> },
        }
        let counts: BTreeMap<String, u32> = read(&json!({"a": 1, "b": 2})).unwrap();
        assert_eq!(counts, [("a".to_owned(), 1), ("b".to_owned(), 2)].into());
        let pairs: BTreeMap<String, (u8, String)> = read(&json!({"pair": [1, "one"]})).unwrap();
        assert_eq!(pairs["pair"], (1, "one".to_owned()));
        assert_eq!(read::<Value>(&booking()).unwrap(), booking());
        let trigger = read::<Trigger>(&json!({"trigger": "date_selected", "date": "2025-01-31", "extra": 3})).unwrap();
        assert_eq!(trigger, Trigger::DateSelected { date: "2025-01-31".to_owned(), extra: Some(3) });
    }

    #[test]
    fn null_is_an_absent_option() {
        let mut data = booking();
        data["remark"] = Value::Null;
        assert_eq!(read::<Booking>(&data).unwrap().remark, None);
        data["remark"] = json!("vegan");
        assert_eq!(read::<Booking>(&data).unwrap().remark.as_deref(), Some("vegan"));
    }

    #[test]
    fn an_error_names_the_field_and_what_it_should_be() {
        assert_eq!(error("name", json!(7)), "form data, field `name`: expected a string, found a whole number");
        assert_eq!(error("deposit", json!(null)), "form data, field `deposit`: expected f64, found null");
        assert_eq!(error("guests", json!(1.5)), "form data, field `guests`: expected u8, found a number");
        assert_eq!(
            error("guests", json!(300)),
            "form data, field `guests`: expected u8, found a whole number that does not fit"
        );
        assert_eq!(
            error("days", json!(["monday", "someday"])),
            "form data, field `days[1]`: expected `monday`, `tuesday`, found another text"
        );
        assert_eq!(
            error("contact", json!({"post": {"street": "Main Street"}})),
            "form data, field `contact.post.number`: missing"
        );
        assert_eq!(error("contact", json!([])), "form data, field `contact`: expected `phone`, `post`");
        let missing = read::<Booking>(&json!({})).unwrap_err();
        assert_eq!(missing.to_string(), "form data, field `name`: missing");
        assert_eq!(missing.field(), "name");
    }

    #[test]
    fn a_tuple_takes_no_more_than_its_elements() {
        let data = json!({"pair": [1, 2, 3]});
        let error = read::<BTreeMap<String, (u8, u8)>>(&data).unwrap_err();
        assert_eq!(error.to_string(), "form data, field `pair`: expected 2 elements, found 3");
    }

    #[test]
    fn no_error_quotes_a_value() {
        #[derive(Debug)]
        struct Picky;
        impl<'de> Deserialize<'de> for Picky {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Err(de::Error::custom(format!("cannot parse {text}")))
            }
        }
        let secret = json!({"field": "Lovelace"});
        let errors = [
            read::<BTreeMap<String, u8>>(&secret).unwrap_err(),
            read::<BTreeMap<String, char>>(&secret).unwrap_err(),
            read::<BTreeMap<String, Day>>(&secret).unwrap_err(),
            read::<BTreeMap<String, Contact>>(&secret).unwrap_err(),
            read::<BTreeMap<String, std::net::IpAddr>>(&secret).unwrap_err(),
            read::<BTreeMap<String, Picky>>(&secret).unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.field(), "field");
            assert!(!format!("{error} {error:?}").contains("Lovelace"), "{error:?}");
        }
    }
}
