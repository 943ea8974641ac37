//! `examples/flows/appointment.json` and the code agree: screens, their data, the ways between them, and what they submit.

use std::collections::BTreeSet;

use flow_logic_sdk::testing::{Answer, Conversation};
use rust_appointment::Appointments;
use rust_appointment::bookings::Memory;
use serde_json::{Map, Value, json};

/// The Flow JSON.
struct Flow(Value);

/// An action that calls the endpoint: the screen it is on, and the payload with its placeholders.
struct Submission<'a> {
    screen: &'a str,
    payload: &'a Map<String, Value>,
}

impl Flow {
    fn read() -> Self {
        Self(serde_json::from_str(include_str!("../../../flows/appointment.json")).unwrap())
    }

    fn screen(&self, id: &str) -> &Value {
        self.0["screens"].as_array().unwrap().iter().find(|screen| screen["id"] == id).expect("a declared screen")
    }

    fn submissions(&self) -> Vec<Submission<'_>> {
        let mut found = Vec::new();
        for screen in self.0["screens"].as_array().unwrap() {
            let mut stack = vec![&screen["layout"]];
            while let Some(node) = stack.pop() {
                if node["name"] == "data_exchange" {
                    let screen = screen["id"].as_str().unwrap();
                    found.push(Submission { screen, payload: node["payload"].as_object().unwrap() });
                }
                match node {
                    Value::Array(items) => stack.extend(items),
                    Value::Object(fields) => stack.extend(fields.values()),
                    _ => {}
                }
            }
        }
        found
    }

    /// What the client checks of an answer before it shows it.
    fn check(&self, from: Option<&str>, answer: &Answer) {
        let Answer::Screen { name, data, .. } = answer else { return };
        let declared = self.screen(name)["data"].as_object().unwrap();
        let sent = data.as_object().unwrap();
        let keys = |object: &Map<String, Value>| object.keys().cloned().collect::<BTreeSet<_>>();
        assert_eq!(keys(sent), keys(declared), "{name}");
        for (key, model) in declared {
            assert!(fits(model, &sent[key]), "{name}.{key}: {} is no {model}", sent[key]);
        }

        let routes = &self.0["routing_model"];
        let leads = |from: &str, to: &str| routes[from].as_array().unwrap().iter().any(|screen| screen == to);
        match from {
            Some(from) => assert!(from == name || leads(from, name) || leads(name, from), "{from} to {name}"),
            None => assert!(!routes.as_object().unwrap().keys().any(|from| leads(from, name)), "{name} at INIT"),
        }
    }
}

fn fits(model: &Value, value: &Value) -> bool {
    match model["type"].as_str().unwrap() {
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "array" => value.as_array().is_some_and(|items| items.iter().all(|item| fits(&model["items"], item))),
        "object" => {
            let properties = model["properties"].as_object().unwrap();
            let fits_property =
                |(key, model): (&String, &Value)| value.get(key).is_some_and(|value| fits(model, value));
            value.as_object().is_some_and(|fields| fields.len() == properties.len())
                && properties.iter().all(fits_property)
        }
        other => panic!("a type that the flow did not have: {other}"),
    }
}

#[test]
fn the_flow_is_of_the_version_that_signs_its_token() {
    let Flow(flow) = Flow::read();
    assert_eq!((&flow["version"], &flow["data_api_version"]), (&json!("7.3"), &json!("4.0")));
    let screens = flow["screens"].as_array().unwrap().iter().map(|screen| screen["id"].as_str().unwrap());
    let routes = flow["routing_model"].as_object().unwrap().keys().map(String::as_str);
    assert_eq!(screens.collect::<BTreeSet<_>>(), routes.collect());
}

#[test]
fn each_example_is_what_its_model_says() {
    let Flow(flow) = Flow::read();
    for screen in flow["screens"].as_array().unwrap() {
        for (key, model) in screen["data"].as_object().unwrap() {
            assert!(fits(model, &model["__example__"]), "{key}");
        }
    }
}

/// Fills the payload of each action that calls the endpoint as the client would, and holds every answer against the models.
#[tokio::test]
async fn every_payload_is_understood_and_every_answer_is_what_the_flow_declares() {
    let flow = Flow::read();
    let shop = Appointments::new(Memory::default());
    let user = Conversation::new(&shop, "token");
    let opened = user.init().await.unwrap();
    flow.check(None, &opened);
    flow.check(Some("DETAILS"), &user.back("DETAILS").await.unwrap());

    // What the user chose or typed so far, by the names of the fields.
    let mut known = json!({
        "department": "home", "location": "kings_cross", "name": "Ada", "email": "ada@example.com",
        "phone": "1234567", "more_details": "Hello", "terms": true,
    });
    let submissions = flow.submissions();
    let order = ["department_selected", "location_selected", "date_selected"].map(Some).into_iter().chain([None, None]);
    let mut submitted = Vec::new();
    for (trigger, screen) in order.zip(["APPOINTMENT", "APPOINTMENT", "APPOINTMENT", "DETAILS", "SUMMARY"]) {
        let is_next = |submission: &&Submission<'_>| {
            submission.screen == screen && submission.payload.get("trigger").and_then(Value::as_str) == trigger
        };
        let submission = submissions.iter().find(is_next).expect("an action of the flow");
        let fill = |(key, value): (&String, &Value)| {
            let text = value.as_str().unwrap();
            let name = text.strip_prefix("${data.").or(text.strip_prefix("${form.")).and_then(|t| t.strip_suffix('}'));
            (key.clone(), name.map_or_else(|| value.clone(), |name| known[name].clone()))
        };
        let payload: Map<_, _> = submission.payload.iter().map(fill).collect();
        let mut wrong = payload.clone();
        if wrong.contains_key("email") {
            wrong.insert("email".to_owned(), "no address".into());
            flow.check(Some(screen), &user.submit(screen, wrong).await.unwrap());
        }
        let answer = user.submit(screen, payload).await.unwrap();
        flow.check(Some(screen), &answer);
        for field in ["date", "time"] {
            if let Some(id) = answer.data()[field].get(0) {
                known[field] = id["id"].clone();
            }
        }
        submitted.push((screen, trigger, answer));
    }
    assert_eq!(submitted.len(), submissions.len(), "each action of the flow was tried");
    assert!(submitted.last().unwrap().2.params()["reference"].is_string());

    // Somebody else wants the same time: from SUMMARY back to APPOINTMENT.
    let late = Conversation::new(&shop, "late").submit("SUMMARY", &known).await.unwrap();
    assert_eq!(late.screen(), Some("APPOINTMENT"));
    flow.check(Some("SUMMARY"), &late);
}
