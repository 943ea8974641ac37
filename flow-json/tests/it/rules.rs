//! Every rule by the examples of its own page: it finds each bad one, and lets each good one pass.

use flow_json::{Code, Judge, Severity, check, explain};
use serde_json::{Value as Json, json};

use crate::flow::{around, flow, judge};

/// What stands between fences in a page.
struct Example<'a> {
    page: Code,
    bad: bool,
    /// The version, or what else it is.
    of: &'a str,
    text: &'a str,
}

fn examples(code: Code) -> Vec<Example<'static>> {
    let mut found = Vec::new();
    let mut parts = code.page().split("\n```");
    parts.next();
    while let (Some(block), Some(_)) = (parts.next(), parts.next()) {
        let (info, text) = block.split_once('\n').unwrap();
        let mut words = info.split(' ');
        let language = words.next().unwrap();
        let bad = match words.next() {
            Some("bad") => true,
            Some("good") => false,
            other => panic!("{code}: an example is bad or good, not {other:?}"),
        };
        let of = if language == "text" { "text" } else { words.next().unwrap_or("7.3") };
        found.push(Example { page: code, bad, of, text });
    }
    found
}

/// The codes that an example brings, those of errors first.
fn run(example: &Example<'_>) -> (Vec<Code>, Vec<Code>) {
    let text = match example.of {
        "answer" => return (verdicts(example), Vec::new()),
        "whole" => example.text.to_owned(),
        "text" => described(example.text),
        // Read and written again, a key that comes twice would come once.
        version if example.page == Code::DuplicateKey => {
            let mark = around(json!([{"type": "TextBody", "text": "MARK"}]), version).to_string();
            mark.replace("{\"text\":\"MARK\",\"type\":\"TextBody\"}", example.text.trim_matches(['[', ']', '\n']))
        }
        version => around(serde_json::from_str(example.text).unwrap(), version).to_string(),
    };
    let findings = check(&text).findings;
    let of = |severity| findings.iter().filter(|it| it.severity == severity).map(|it| it.code).collect();
    (of(Severity::Error), of(Severity::Warning))
}

fn verdicts(example: &Example<'_>) -> Vec<Code> {
    let exchange: Json = serde_json::from_str(example.text).unwrap();
    let flow = flow(&around(exchange["start"].clone(), "7.3"));
    judge(&Judge::new([&flow]), &exchange).into_iter().map(|verdict| verdict.code).collect()
}

/// What would fill the page if it were printed.
fn described(text: &str) -> String {
    let number: usize = text.split(' ').next().unwrap().parse().unwrap();
    if text.ends_with("screens") {
        let mut flow = around(json!([]), "7.3");
        for place in 2..number {
            let letters = format!("S{}", "ABCDEFGHIJ".chars().nth(place / 10 % 10).unwrap());
            let id = format!("{letters}{}{}", (b'A' + (place % 10) as u8) as char, if place >= 100 { "_" } else { "" });
            let mut screen = flow["screens"][1].clone();
            screen["id"] = json!(id);
            flow["screens"].as_array_mut().unwrap().push(screen);
            flow["routing_model"][id] = json!(["END"]);
        }
        return flow.to_string();
    }
    if text.ends_with("texts and a Footer") {
        let texts: Vec<Json> = (0..number).map(|_| json!({"type": "TextBody", "text": "Hello"})).collect();
        return around(json!(texts), "7.3").to_string();
    }
    if text.ends_with("arrays, one in the other") {
        return format!("{}{}", "[".repeat(number), "]".repeat(number));
    }
    assert!(text.ends_with("bytes of an image"), "{text}");
    around(json!([{"type": "Image", "src": "A".repeat(number / 3 * 4)}]), "7.3").to_string()
}

#[test]
fn every_rule_finds_its_bad_examples() {
    let mut wrong = Vec::new();
    for code in Code::ALL {
        let bad: Vec<Example> = examples(*code).into_iter().filter(|example| example.bad).collect();
        assert!(!bad.is_empty(), "{code}: no bad example");
        for example in bad {
            let (errors, warnings) = run(&example);
            // What else is wrong would hide what the page is about.
            let alone = errors.iter().all(|other| other == code);
            if !alone || !errors.contains(code) && !warnings.contains(code) {
                wrong.push(format!("{code}: {errors:?} {warnings:?} in {}", example.text));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_rule_lets_its_good_examples_pass() {
    for code in Code::ALL {
        let good: Vec<Example> = examples(*code).into_iter().filter(|example| !example.bad).collect();
        assert!(!good.is_empty(), "{code}: no good example");
        for example in good {
            let (errors, warnings) = run(&example);
            assert_eq!(errors, [], "{code}: {}", example.text);
            assert!(!warnings.contains(code), "{code}: {}", example.text);
        }
    }
}

#[test]
fn every_code_has_a_page_of_its_name() {
    for code in Code::ALL {
        let page = explain(code.as_str()).unwrap();
        assert!(page.starts_with(&format!("# {code}\n\n")), "{code}");
        assert_eq!(page, code.page());
        let metas = code.as_str().bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
        assert_eq!(metas, code.is_metas());
    }
    assert_eq!(std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/rules")).unwrap().count(), Code::ALL.len());
}
