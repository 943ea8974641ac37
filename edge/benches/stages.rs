//! What each step of a request costs: `cargo bench -p flow-edge --bench stages`.
//!
//! `tests/bench/cost` holds the whole process against the RSA operation measured here.

mod line;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use flow_json::{Action, Answer, Judge, Request, check};
use flow_proto::json::{AsJson, to_struct};
use serde_json::{Value, json};

use self::line::{Line, key};

fn stages(criterion: &mut Criterion) {
    let line = Line::new();
    let mut group = criterion.benchmark_group("stage");
    group.bench_function("signature", |bencher| bencher.iter(|| line.verify()));
    group.bench_function("parse", |bencher| bencher.iter_batched(|| line.verify(), Line::parse, BatchSize::SmallInput));
    let envelope = || Line::parse(line.verify());
    let wrapped = envelope();
    group.bench_function("rsa", |bencher| bencher.iter(|| line.unwrap(&wrapped)));
    group.bench_function("gcm", |bencher| {
        bencher.iter_batched(envelope, |envelope| Line::open(envelope, key()), BatchSize::SmallInput);
    });
    let opened = || Line::open(envelope(), key());
    let (plaintext, _) = opened();
    group.bench_function("decode", |bencher| bencher.iter(|| Line::decode(&plaintext)));
    group.bench_function("to_logic", |bencher| {
        bencher.iter_batched(|| Line::decode(&plaintext), Line::to_logic, BatchSize::SmallInput);
    });
    group.bench_function("read_answer", |bencher| bencher.iter(|| line.read_answer()));
    group.bench_function("judge", |bencher| {
        let input = || line.read_answer();
        bencher.iter_batched(input, |(asked, answer)| line.judge(asked, &answer), BatchSize::SmallInput);
    });
    group.bench_function("encode", |bencher| {
        bencher.iter_batched(|| line.read_answer().1, Line::encode, BatchSize::SmallInput);
    });
    group.bench_function("seal", |bencher| {
        let input = || (opened().1, Line::encode(line.read_answer().1));
        bencher.iter_batched(input, |(session, plaintext)| Line::seal(session, plaintext), BatchSize::SmallInput);
    });
    for (name, options, image) in [("judge_200_options", 200, 0), ("judge_990_kb", 100, 9_850)] {
        let (judge, AsJson(data)) = options_with_images(options, image);
        let request = Request { action: Action::Init, screen: "" };
        let answer = Answer { screen: "OPTIONS", data: &data };
        assert_eq!(judge.judge(&request, &answer), []);
        group.bench_function(name, |bencher| bencher.iter(|| judge.judge(&request, &answer)));
    }
    group.bench_function("all_but_rsa", |bencher| bencher.iter(|| line.all_but_rsa()));
    group.finish();
}

/// A list as long as a phone shows, with images of so many bytes.
fn options_with_images(count: usize, image: usize) -> (Judge, AsJson) {
    let mut flow = json!({
        "version": "7.3", "data_api_version": "4.0", "routing_model": { "OPTIONS": [] },
        "screens": [{
            "id": "OPTIONS", "terminal": true,
            "data": { "options": {
                "type": "array",
                "items": { "type": "object", "properties": {
                    "id": { "type": "string" }, "title": { "type": "string" }, "image": { "type": "string" },
                } },
                "__example__": [],
            } },
            "layout": { "type": "SingleColumnLayout", "children": [
                { "type": "Dropdown", "name": "option", "label": "Option", "data-source": "${data.options}" },
                { "type": "Footer", "label": "Done", "on-click-action": { "name": "complete", "payload": {} } },
            ] },
        }],
    });
    let option = |number: usize| {
        let (id, title) = (format!("option-{number:03}"), format!("The title of {number}"));
        let mut option = json!({ "id": id, "title": title });
        if image > 0 {
            option["image"] = "a".repeat(image).into();
        }
        option
    };
    if image == 0 {
        // What is declared must be there.
        let declared = flow.pointer_mut("/screens/0/data/options/items/properties");
        declared.and_then(Value::as_object_mut).and_then(|declared| declared.remove("image"));
    }
    let judge = Judge::new(check(&flow.to_string()).flow.as_ref());
    let data = json!({ "options": (0..count).map(option).collect::<Value>() });
    (judge, AsJson(to_struct(data.as_object().cloned().unwrap_or_default())))
}

criterion_group!(benches, stages);
criterion_main!(benches);
