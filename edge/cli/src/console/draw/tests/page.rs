//! The page: exchanges, one of them opened, findings, and what the document may hold.

use std::time::{Duration, SystemTime};

use flow_json::verdict::Severity;
use serde_json::{Value as Json, json};

use super::super::{Face, Page, detail, entry, findings, page};
use super::{assert_sound, attribute, tags, verdict};
use crate::console::timeline::{Call, Exchange, Outcome};

const EVIL: &str = "\"'><script>alert(1)</script>";

fn object(json: Json) -> crate::client::Object {
    json.as_object().unwrap().clone()
}

fn exchange(number: usize, text: &str) -> Exchange {
    Exchange {
        number,
        at: SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000),
        request: object(json!({"action": "data_exchange", "screen": "NAME", "data": {"who": text}, "version": "3.0"})),
        outcome: Outcome::Answered {
            status: 200,
            body: Some(object(json!({"screen": "DAY", "data": {"greeting": text}}))),
            request_id: Some("0197".to_owned()),
            explanation: String::new(),
        },
        took: Duration::from_millis(42),
        calls: vec![Call {
            method: "HandleDataExchange".to_owned(),
            code: "OK".to_owned(),
            text: text.to_owned(),
            after: Duration::from_millis(3),
            took: Duration::from_millis(35),
            request: json!({"flowToken": text}),
            response: json!({"nextScreen": {"screen": "DAY"}}),
        }],
        verdicts: Vec::new(),
        fault: None,
        trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".to_owned(),
        differences: Vec::new(),
    }
}

#[test]
fn an_entry_says_all_at_a_glance() {
    let html = entry(&exchange(7, "Ada")).into_string();
    assert_sound(&html);
    assert!(html.starts_with("<li class=\"entry\" id=\"exchange-7\""), "{html}");
    for words in ["#7", "data_exchange", "NAME", "DAY", "200 answered", "42.0 ms", "href=\"/exchanges/7\"", "<svg"] {
        assert!(html.contains(words), "{words}");
    }
    assert!(!html.contains("Ada") && !html.contains("class=\"marks\""));

    let mut bad = exchange(8, "Ada");
    bad.verdicts = vec![verdict(Severity::Refused), verdict(Severity::Refused)];
    bad.fault = Some("slow");
    bad.differences = vec!["/data/a".to_owned(), "/data/b".to_owned()];
    let html = entry(&bad).into_string();
    for words in ["class=\"entry bad\"", "made wrong: slow", "refused: invalid-screen-transition × 2", "2 differences"]
    {
        assert!(html.contains(words), "{words}: {html}");
    }
    bad.outcome = Outcome::NoAnswer("the connection broke off".to_owned());
    assert!(entry(&bad).into_string().contains("no answer"));
}

#[test]
fn an_exchange_opens() {
    let mut whole = exchange(7, "Ada");
    whole.verdicts = vec![verdict(Severity::ShownWrongly)];
    let html = detail(&whole).into_string();
    assert_sound(&html);
    for (what, value) in
        [("data-copy", "simulate"), ("data-copy", "grpcurl"), ("data-copy", "curl"), ("data-move", "back-to")]
    {
        let buttons = tags(&html, "button");
        let found =
            buttons.iter().find(|(_, tag)| attribute(tag, what) == Some(value)).unwrap_or_else(|| panic!("{value}"));
        assert_eq!(attribute(found.1, "data-number"), Some("7"));
    }
    assert!(html.contains("4bf92f3577b34da6a3ce929d0e0e4736") && html.contains("0197"));
    assert!(html.contains("shown wrongly") && html.contains("HandleDataExchange"));
    // In the request, in the answer, in the call's text and its request.
    assert_eq!(html.matches("<span class=\"value\">&quot;Ada&quot;</span>").count(), 3, "{html}");
    // What is edited is the request as it was sent.
    let text = html.split("<textarea").nth(1).unwrap().split("</textarea>").next().unwrap().split_once('>').unwrap().1;
    let text = text.replace("&quot;", "\"");
    assert_eq!(serde_json::from_str::<Json>(&text).unwrap(), Json::Object(whole.request.clone()));
    assert_eq!(tags(&html, "form").len(), 1);

    whole.outcome = Outcome::NoAnswer("the connection broke off".to_owned());
    whole.calls.clear();
    let html = detail(&whole).into_string();
    assert_sound(&html);
    assert!(html.contains("the connection broke off"));
}

#[test]
fn a_finding_has_its_place_and_its_line() {
    let text = "{\n  \"version\": \"7.3\",\n  \"screens\": \"<b>\"\n}";
    let found = flow_json::check(text).findings;
    let first = &found[0];
    let html = findings(&found, Some(text)).into_string();
    assert_sound(&html);
    assert!(html.contains(&format!("line {}, column {}", first.start.line, first.start.column)));
    assert!(html.contains(first.code.as_str()));
    assert!(html.contains("<pre>&quot;screens&quot;: &quot;&lt;b&gt;&quot;</pre>"), "{html}");
    assert!(!findings(&found, None).into_string().contains("<pre>"));
    assert!(findings(&[], None).into_string().contains("nothing found"));
}

#[test]
fn the_page_holds_one_script_and_one_style_and_none_inline() {
    let exchanges = [exchange(1, EVIL), exchange(2, EVIL)];
    let screens = [EVIL.to_owned()];
    let html = page(&Page {
        flow_name: EVIL,
        screens: &screens,
        face: Face::default(),
        exchanges: &exchanges,
        findings: &[],
        file_text: None,
        selected: Some(&exchanges[1]),
    });
    let html = html.into_string();
    assert_sound(&html);
    assert_eq!(html.matches("<script").count(), 1);
    assert!(html.contains("<script src=\"/script.js\" defer></script>"));
    assert!(html.contains("<link rel=\"stylesheet\" href=\"/style.css\">") && !html.contains("<style"));
    assert!(html.contains("href=\"/exchanges/1\"") && html.contains("id=\"detail\""));
    for id in ["phone", "timeline", "exchanges", "findings"] {
        assert!(html.contains(&format!(" id=\"{id}\"")), "{id}");
    }
    let looks: Vec<_> = tags(&html, "select|input").iter().filter_map(|(_, tag)| attribute(tag, "data-look")).collect();
    assert_eq!(looks, ["os", "theme", "width"]);
    let faults: Vec<_> = tags(&html, "button").iter().filter_map(|(_, tag)| attribute(tag, "data-fault")).collect();
    assert_eq!(
        faults,
        [
            "wrong-key",
            "wrong-signature",
            "dead-token",
            "lost-answer",
            "slow",
            "logic-gone",
            "error-notification",
            "back",
            "reopen"
        ]
    );
    assert_eq!(html.matches(" data-filter").count(), 1);
    assert_eq!(html.matches(" data-redact").count(), 1);
}
