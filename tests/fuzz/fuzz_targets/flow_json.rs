//! A Flow JSON: every finding has its place in the text, what another reader refuses has no flow, and any answer can be judged.

#![no_main]

use flow_json::{Action, Answer, Code, Judge, Request, check, verdict};
use libfuzzer_sys::fuzz_target;
use prost_types::Struct;
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let checked = check(&text);
    let lines = text.split('\n').count();
    for finding in &checked.findings {
        assert!((1..=lines).contains(&finding.start.line) && (1..=lines).contains(&finding.end.line), "{finding:?}");
        assert!(finding.start <= finding.end && finding.start.column >= 1, "{finding:?}");
        assert!(finding.span.end as usize <= text.len().max(1), "{finding:?}");
        assert!(!finding.message.is_empty() && finding.message.len() < 2000, "{finding:?}");
    }
    let read = serde_json::from_str::<Value>(&text);
    let Some(flow) = checked.flow else {
        assert!(checked.findings.iter().any(|finding| finding.severity == flow_json::Severity::Error));
        return;
    };
    // The other reader holds numbers to the range of a double.
    let read = match read {
        Err(error) if error.to_string().starts_with("number out of range") => return,
        read => read.expect("what is not JSON has no flow"),
    };
    let twice = checked.findings.iter().any(|finding| finding.code == Code::DuplicateKey);
    for finding in checked.findings.iter().filter(|_| !twice) {
        assert!(finding.pointer.is_empty() || read.pointer(&finding.pointer).is_some(), "{finding:?}");
    }
    let judge = Judge::new([&flow]);
    for screen in &flow.screens {
        // The examples of its own model.
        let keys = screen.data.iter().flat_map(|data| &data.keys);
        let fields = keys.filter_map(|key| Some((key.name.text.clone(), key.example.as_ref()?.0.clone())));
        let data = Struct { fields: fields.collect() };
        let answer = Answer { screen: &screen.id.text, data: &data };
        for action in [Action::Init, Action::Back, Action::DataExchange] {
            for verdict in judge.judge(&Request { action, screen: judge.screens()[0] }, &answer) {
                assert!(verdict.pointer.starts_with("/data") || verdict.pointer == "/screen", "{verdict:?}");
                assert!(
                    verdict.severity != verdict::Severity::Note || verdict.pointer.starts_with("/data"),
                    "{verdict:?}"
                );
            }
        }
    }
});
