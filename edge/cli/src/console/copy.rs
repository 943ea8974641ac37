//! An exchange as a command, a conversation as a script.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::line::quoted;
use super::timeline::{Exchange, Outcome};
use crate::client::Object;

/// As the messaging client; in the folder of a running `flowctl dev` no option is needed.
pub(crate) fn simulate(exchange: &Exchange) -> String {
    format!("flowctl simulate {}", quoted(&Value::Object(without_signature(&exchange.request))))
}

/// Past the edge.
pub(crate) fn grpcurl(exchange: &Exchange, logic: &str) -> String {
    let (method, request) = match exchange.calls.first() {
        Some(call) => (call.method.as_str(), call.request.clone()),
        None => ("Ping", json!({})),
    };
    let (plain, address) = match (logic.strip_prefix("http://"), logic.strip_prefix("https://")) {
        (Some(address), _) => ("-plaintext ", address),
        (None, Some(address)) => ("", address),
        (None, None) => ("-plaintext -unix ", logic.strip_prefix("unix://").unwrap_or(logic)),
    };
    format!("grpcurl {plain}-d {} {} flow.v1.FlowService/{method}", quoted(&request), address.trim_end_matches('/'))
}

/// A script that `flowctl simulate --script` plays, without the token and what follows from it.
pub(crate) fn script(name: &str, exchanges: &[&Exchange]) -> String {
    let mut text = format!("name: {}\nsteps:\n", json!(name));
    for exchange in exchanges {
        let mut send = without_signature(&exchange.request);
        send.remove("flow_token");
        send.remove("version");
        let mut expect = Object::new();
        match (exchange.status(), exchange.next_screen()) {
            (Some(200) | None, Some(screen)) => drop(expect.insert("screen".to_owned(), screen.into())),
            (Some(200) | None, None) => {}
            (Some(status), _) => drop(expect.insert("status".to_owned(), status.into())),
        }
        let step = match exchange.screen() {
            "" => exchange.action().to_owned(),
            screen => format!("{} on {screen}", exchange.action()),
        };
        // Writing to a String does not fail.
        let _ = writeln!(text, "  - name: {}", json!(step));
        if let Outcome::NoAnswer(why) = &exchange.outcome {
            let _ = writeln!(text, "    # no answer came: {}", why.replace('\n', " "));
        }
        let _ = writeln!(text, "    send: {}", Value::Object(send));
        let _ = writeln!(text, "    expect: {}", Value::Object(expect));
    }
    text
}

/// Who sends it signs it anew.
fn without_signature(request: &Object) -> Object {
    let mut request = request.clone();
    request.remove("flow_token_signature");
    request
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::timeline::Call;
    use crate::script::Script;
    use std::time::{Duration, SystemTime};

    fn exchange(request: Value, status: u16, answer: Value) -> Exchange {
        let object = |value: Value| value.as_object().cloned().unwrap_or_default();
        Exchange {
            number: 1,
            at: SystemTime::UNIX_EPOCH,
            request: object(request),
            outcome: Outcome::Answered {
                status,
                body: Some(object(answer)),
                request_id: None,
                explanation: String::new(),
            },
            took: Duration::ZERO,
            calls: vec![Call {
                method: "HandleDataExchange".to_owned(),
                code: "OK".to_owned(),
                text: String::new(),
                after: Duration::ZERO,
                took: Duration::ZERO,
                request: json!({ "screen": "it's" }),
                response: json!({}),
            }],
            verdicts: Vec::new(),
            fault: None,
            trace_id: String::new(),
            differences: Vec::new(),
        }
    }

    fn submitted() -> Value {
        json!({ "version": "4.0", "action": "data_exchange", "screen": "NAME", "data": { "name": "O'Hara: 'x'" },
            "flow_token": "t", "flow_token_signature": "s" })
    }

    #[test]
    fn a_script_can_be_played_and_holds_no_token() {
        let exchanges = [
            exchange(json!({ "action": "INIT", "flow_token": "t" }), 200, json!({ "screen": "NAME", "data": {} })),
            exchange(submitted(), 427, json!({ "error_msg": "over" })),
        ];
        let text = script("a: name", &exchanges.iter().collect::<Vec<_>>());
        assert!(!text.contains("\"t\"") && !text.contains("\"s\""), "{text}");
        let script = Script::parse(&text).unwrap();
        assert_eq!(script.name, "a: name");
        let steps: Vec<_> = script.steps.iter().map(|step| (step.name.as_str(), step.status)).collect();
        assert_eq!(steps, [("INIT", 200), ("data_exchange on NAME", 427)]);
    }

    #[test]
    fn commands_are_quoted_for_a_shell() {
        let exchange = exchange(submitted(), 200, json!({}));
        let command = simulate(&exchange);
        assert!(command.starts_with("flowctl simulate '{") && command.contains(r"O'\''Hara"), "{command}");
        let command = grpcurl(&exchange, "http://127.0.0.1:50051");
        let expected =
            r#"grpcurl -plaintext -d '{"screen":"it'\''s"}' 127.0.0.1:50051 flow.v1.FlowService/HandleDataExchange"#;
        assert_eq!(command, expected);
        assert!(grpcurl(&exchange, "unix:///run/logic.sock").contains("-unix"));
    }
}
