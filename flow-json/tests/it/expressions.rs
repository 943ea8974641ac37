//! Conditions and backtick expressions: precedence, types, values, and every mistake by its name.

use flow_json::expression::{Evaluated, Expression, Mistake, Reference, Scope, Source, Type};
use prost_types::{Struct, Value};
use serde_json::{Value as Json, json};

use crate::flow::{object, to_value};

fn form() -> Struct {
    object(
        json!({"name": "Ada", "empty": "", "agree": true, "refuse": false, "age": 36, "two": 2, "zero": 0, "text": "41", "list": ["a"]}),
    )
}

fn data() -> Struct {
    object(json!({"user": {"name": "Lovelace", "age": 7.5}, "shown": true}))
}

fn lookup(reference: &Reference) -> Type {
    match (reference.source, reference.name()) {
        (Source::Form, "name" | "empty") => Type::Text,
        (Source::Form, "agree" | "refuse") | (Source::Data, "shown") => Type::Boolean,
        (Source::Form, "age" | "two" | "zero") => Type::Number,
        (Source::Form, "text") => Type::NumberOrText,
        (Source::Form, "list") => Type::List,
        _ => Type::Unknown,
    }
}

fn value(text: &str) -> Value {
    let (form, data, empty) = (form(), data(), Struct::default());
    let screens = [("FIRST", &form, &empty)];
    let scope = Scope { form: Some(&form), data: Some(&data), screens: &screens };
    let expression = Expression::parse_dynamic(text).unwrap().unwrap();
    expression.type_of(&lookup).unwrap_or_else(|error| panic!("{text}: {error}"));
    expression.evaluate(&scope).to_value()
}

fn holds(condition: &str) -> bool {
    let (form, data) = (form(), data());
    let scope = Scope { form: Some(&form), data: Some(&data), screens: &[] };
    let expression = Expression::parse_condition(condition).unwrap_or_else(|error| panic!("{condition}: {error}"));
    expression.type_of(&lookup).unwrap_or_else(|error| panic!("{condition}: {error}"));
    expression.evaluate(&scope).as_bool()
}

fn mistake(condition: &str) -> (usize, Mistake) {
    let error = match Expression::parse_condition(condition) {
        Ok(expression) => expression.type_of(&lookup).expect_err(condition),
        Err(error) => error,
    };
    (error.at, error.mistake)
}

#[test]
fn expressions_come_to_their_values() {
    let table: &[(&str, Json)] = &[
        ("${form.name}", json!("Ada")),
        ("${form.list}", json!(["a"])),
        ("${data.user.age}", json!(7.5)),
        ("${screen.FIRST.form.name}", json!("Ada")),
        ("`${form.name}`", json!("Ada")),
        // Strings are put together by standing in a row.
        ("`'Hello ' ${form.name} ' ' ${data.user.name}`", json!("Hello Ada Lovelace")),
        ("`${form.name} ' is ' ${form.age}`", json!("Ada is 36")),
        ("`'It\\'s ' ${form.name}`", json!("It's Ada")),
        ("`'\\`' ${form.name} '\\`'`", json!("`Ada`")),
        ("`'Next year: ' ${form.age} + 1`", json!("Next year: 37")),
        ("`${data.user.age} ' years'`", json!("7.5 years")),
        // `/` and `%` bind before `+` and `-`; the same from left to right; parentheses before all.
        ("`${form.age} + 4 / ${form.two}`", json!(38)),
        ("`(${form.age} + 4) / ${form.two}`", json!(20)),
        ("`${form.age} - 6 - ${form.two}`", json!(28)),
        ("`${form.age} - (6 - ${form.two})`", json!(32)),
        ("`${form.age} / 6 / ${form.two}`", json!(3)),
        ("`${form.age} % 5 + 1`", json!(2)),
        ("`${form.age} * ${form.two}`", json!(72)),
        ("`${form.age} -1`", json!(35)),
        ("`${form.age} + -1`", json!(35)),
        ("`-1.5 + ${form.two}`", json!(0.5)),
        ("`${form.text} + 1`", json!(42)),
        // By nothing comes to nothing.
        ("`${form.age} / ${form.zero}`", json!(0)),
        ("`${form.age} % ${form.zero}`", json!(0)),
        ("`${form.age} / ${screen.LATER.form.count}`", json!(0)),
        ("`1 / (${form.age} - 36)`", json!(0)),
        // What is further on is empty.
        ("${screen.LATER.form.name}", json!(null)),
        ("`'Dear ' ${screen.LATER.form.name} '!'`", json!("Dear !")),
        ("`${screen.LATER.form.count} + 1`", json!(1)),
        ("`${form.agree} && !${form.refuse}`", json!(true)),
        ("`${form.age} >= 18`", json!(true)),
    ];
    for (text, wanted) in table {
        assert_eq!(value(text), to_value(wanted), "{text}");
    }
}

#[test]
fn conditions_hold_or_not() {
    for condition in [
        "${form.agree}",
        "!${form.refuse}",
        "!!${form.agree}",
        "${form.name} == 'Ada'",
        "'Ada' == ${form.name}",
        "${form.name} != 'Bob'",
        "${form.age} == 36",
        "${form.agree} == true",
        "${form.refuse} != true",
        "${form.age} > 35 && ${form.age} < 37",
        "${form.age} >= 36 && ${form.age} <= 36",
        // `&&` binds before `||`.
        "${form.agree} || ${form.refuse} && ${form.refuse}",
        "${form.refuse} && ${form.refuse} || ${form.agree}",
        "(${form.agree})",
        "((${form.refuse} || ${form.agree}) && (${form.name} == 'Ada'))",
        "${form.name}=='Ada'&&${form.agree}",
        "${screen.LATER.form.name} == ''",
        "!${screen.LATER.form.agree}",
        "${form.text} > 40",
    ] {
        assert!(holds(condition), "{condition}");
    }
    for condition in [
        "${form.refuse}",
        "(${form.agree} || ${form.refuse}) && ${form.refuse}",
        "${form.refuse} && (${form.refuse} || ${form.agree})",
        "!${form.agree} || ${form.name} == ''",
        "!(${form.agree} || ${form.refuse})",
        "${screen.LATER.form.name} == 'Ada'",
        "${screen.LATER.form.agree}",
        "${form.name} == 'ada'",
    ] {
        assert!(!holds(condition), "{condition}");
    }
}

#[test]
fn every_mistake_has_its_name_and_its_place() {
    let wrong = |operator, wanted, found| Mistake::WrongOperand { operator, wanted, found };
    let table = [
        ("", 0, Mistake::Blank),
        ("  ", 0, Mistake::Blank),
        ("()", 0, Mistake::EmptyParentheses),
        ("${form.agree} && ()", 17, Mistake::EmptyParentheses),
        ("'a' == 'a'", 4, Mistake::LiteralsOnBothSides("==")),
        ("${form.agree} && 1 < 2", 19, Mistake::LiteralsOnBothSides("<")),
        ("(${form.agree}", 0, Mistake::UnclosedParenthesis),
        ("${form.agree})", 13, Mistake::UnopenedParenthesis),
        (")", 0, Mistake::UnopenedParenthesis),
        ("${form.name} == 'Ada", 16, Mistake::UnclosedQuote),
        ("${form.agree} ${form.refuse}", 14, Mistake::MissingOperator),
        ("${form.agree} !${form.refuse}", 14, Mistake::MissingOperator),
        ("${form.agree} (${form.refuse})", 14, Mistake::MissingOperator),
        ("(${form.agree} ${form.refuse})", 15, Mistake::MissingOperator),
        ("${form.age} === 36", 12, Mistake::UnknownOperator("===".to_owned())),
        ("${form.age} = 36", 12, Mistake::UnknownOperator("=".to_owned())),
        ("${form.age} =< 36", 12, Mistake::UnknownOperator("=<".to_owned())),
        ("${form.agree} & ${form.agree}", 14, Mistake::UnknownOperator("&".to_owned())),
        ("${form.agree} and ${form.agree}", 14, Mistake::UnknownOperator("and".to_owned())),
        ("${form.agree", 0, Mistake::MalformedReference),
        ("${form}", 0, Mistake::MalformedReference),
        ("${user.name}", 0, Mistake::MalformedReference),
        ("${form.age} > 036", 14, Mistake::MalformedNumber),
        ("${form.age} > 3x", 14, Mistake::MalformedNumber),
        ("${form.age} > 3.", 14, Mistake::MalformedNumber),
        ("form.agree", 0, Mistake::UnexpectedCharacter('f')),
        ("${form.name} == \"Ada\"", 16, Mistake::UnexpectedCharacter('"')),
        ("${form.agree} && \u{7}", 17, Mistake::UnexpectedCharacter('\u{7}')),
        ("&& ${form.agree}", 0, Mistake::MissingOperand("&&")),
        ("${form.agree} && || ${form.agree}", 17, Mistake::MissingOperand("||")),
        ("${form.agree} &&", 16, Mistake::EndsWithOperator("&&")),
        ("(${form.agree} &&)", 17, Mistake::EndsWithOperator("&&")),
        ("!", 1, Mistake::EndsWithOperator("!")),
        ("${form.age} > -", 14, Mistake::MinusWithoutNumber),
        ("${form.age} > -x", 14, Mistake::MinusWithoutNumber),
        ("${form.name} || ${form.agree}", 0, wrong("||", "booleans", Type::Text)),
        ("${form.agree} && 'a'", 17, wrong("&&", "booleans", Type::Text)),
        ("${form.name} > 3", 0, wrong(">", "numbers", Type::Text)),
        ("!${form.name}", 1, wrong("!", "a boolean", Type::Text)),
        ("${form.list} == 'a'", 0, wrong("==", "a boolean, a number or a string", Type::List)),
        ("${form.age} == '36'", 12, Mistake::TypesDiffer { left: Type::Number, right: Type::Text }),
        ("${form.agree} == 'true'", 14, Mistake::TypesDiffer { left: Type::Boolean, right: Type::Text }),
        ("!true", 0, Mistake::LiteralNotAllowed("!")),
        ("${form.name}", 0, Mistake::NotBoolean(Type::Text)),
        ("${form.age}", 0, Mistake::NotBoolean(Type::Number)),
        ("'Ada'", 0, Mistake::OnlyLiterals),
        ("true", 0, Mistake::OnlyLiterals),
        ("(1)", 0, Mistake::OnlyLiterals),
    ];
    for (condition, at, wanted) in table {
        assert_eq!(mistake(condition), (at, wanted), "{condition:?}");
    }
}

#[test]
fn the_place_of_a_mistake_between_backticks_counts_the_backtick() {
    let error = Expression::parse_dynamic("`${form.name} == 'Ada`").unwrap_err();
    assert_eq!((error.at, error.mistake), (17, Mistake::UnclosedQuote));
    let typed = Expression::parse_dynamic("`${form.name} + 1`").unwrap().unwrap().type_of(&lookup).unwrap_err();
    assert_eq!(typed.at, 1);
    assert_eq!(
        Expression::parse_dynamic("`'a' 'b'`").unwrap().unwrap().type_of(&lookup).unwrap_err().mistake,
        Mistake::OnlyLiterals
    );
}

#[test]
fn only_the_whole_string_is_a_reference() {
    for text in [
        "Hello ${form.name}",
        "${form.name} ",
        "$form.name",
        "{form.name}",
        "${form.}",
        "${form.a b}",
        "${data}",
        "",
        "`",
        "`text",
    ] {
        assert_eq!(Expression::parse_dynamic(text), Ok(None), "{text:?}");
    }
    let reference = Reference::parse("${screen.START.data.user.name}").unwrap();
    assert_eq!(reference.screen.as_deref(), Some("START"));
    assert_eq!((reference.source, reference.path.join("/")), (Source::Data, "user/name".to_owned()));
    assert_eq!(reference.to_string(), "${screen.START.data.user.name}");
}

#[test]
fn length_and_depth_are_bounded() {
    let deep = format!("{}${{form.agree}}{}", "(".repeat(100_000), ")".repeat(100_000));
    assert_eq!(mistake(&deep).1, Mistake::TooDeep);
    let nots = format!("{}${{form.agree}}", "!".repeat(100_000));
    assert_eq!(mistake(&nots).1, Mistake::TooDeep);
    let long = vec!["${form.agree}"; 100_000].join(" && ");
    assert_eq!(mistake(&long).1, Mistake::TooLong);
}

#[test]
fn a_value_of_another_type_than_the_operator_wants_counts_as_missing() {
    let form = object(json!({"name": "Ada", "list": [1]}));
    let scope = Scope { form: Some(&form), ..Scope::default() };
    let evaluate = |text: &str| Expression::parse_dynamic(text).unwrap().unwrap().evaluate(&scope).to_value();
    assert_eq!(evaluate("`${form.name} + 1`"), Value::from(1.0));
    assert_eq!(evaluate("`${form.list} ' x'`"), Value::from(" x"));
    assert_eq!(evaluate("`${form.name} && ${form.name}`"), Value::from(false));
    assert_eq!(Expression::parse_dynamic("${form.none}").unwrap().unwrap().evaluate(&scope), Evaluated::Missing);
}
