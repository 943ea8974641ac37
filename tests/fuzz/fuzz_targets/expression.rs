//! A condition or an expression: it is read or has a mistake within it, its type and its value are found, whatever the scope.

#![no_main]

use flow_json::expression::{Evaluated, Expression, Reference, Scope, SyntaxError, Type};
use libfuzzer_sys::fuzz_target;
use prost_types::{Struct, Value};

const TYPES: [Type; 6] = [Type::Text, Type::Number, Type::Boolean, Type::List, Type::NumberOrText, Type::Unknown];

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    match Expression::parse_condition(&text) {
        Ok(expression) => whole(&expression, &text),
        Err(error) => within(&error, &text),
    }
    let quoted = format!("`{text}`");
    for dynamic in [text.as_ref(), &quoted] {
        match Expression::parse_dynamic(dynamic) {
            Ok(Some(expression)) => whole(&expression, dynamic),
            Ok(None) => assert!(Reference::parse(dynamic).is_none()),
            Err(error) => within(&error, dynamic),
        }
    }
});

fn within(error: &SyntaxError, text: &str) {
    assert!(error.at <= text.len() && text.is_char_boundary(error.at), "{error:?}");
}

fn whole(expression: &Expression, text: &str) {
    for reference in expression.references() {
        assert_eq!(Reference::parse(&reference.to_string()).as_ref(), Some(reference));
    }
    for found in TYPES {
        if let Err(error) = expression.type_of(&|_| found) {
            within(&error, text);
        }
    }
    let mut form = Struct::default();
    for (place, reference) in expression.references().into_iter().enumerate() {
        let values =
            [Value::from("a"), Value::from(place as f64), Value::from(true), Value::from(vec![Value::from("b")])];
        form.fields.insert(reference.name().to_owned(), values[place % values.len()].clone());
    }
    let scope = Scope { form: Some(&form), data: Some(&form), screens: &[("A", &form, &form)] };
    if let Evaluated::Number(number) = expression.evaluate(&scope) {
        assert!(number.is_finite(), "{number}");
    }
    // Where nothing is there, everything is empty.
    if let Evaluated::Other(value) = expression.evaluate(&Scope::default()) {
        panic!("{value:?} out of nothing");
    }
}
