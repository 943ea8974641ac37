//! What a user sees of an exchange, in a few lines of text.
//!
//! It knows no flow: of any screen it shows the name and the data that a person would read.

use std::env;
use std::ffi::OsStr;

use reqwest::Url;
use serde_json::Value;

use super::state::State;
use crate::client::{Answer, Object};
use crate::folder::{APP_SECRET, FOLDER, PUBLIC_KEY};

/// Longest text shown of one value, in characters.
const LONGEST: usize = 90;
/// Most items shown of one list.
const MOST_ITEMS: usize = 4;

/// One exchange: what the user did and what the screen shows then.
pub(super) fn exchange(number: usize, name: &str, request: &Object, answer: Option<&Answer>) -> String {
    let mut lines = vec![format!("{number:>4}  {name}"), format!("      > {}", did(request))];
    if let Some(answer) = answer {
        lines.extend(saw(answer).into_iter().map(|line| format!("      {line}")));
    }
    lines.join("\n")
}

fn did(request: &Object) -> String {
    let text = |field| request.get(field).and_then(Value::as_str).unwrap_or_default();
    let words = [text("action"), text("screen")];
    let mut line = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let fields: Vec<_> = readable(request.get("data")).iter().map(|(key, value)| format!("{key}={value}")).collect();
    if !fields.is_empty() {
        line = format!("{line}: {}", fields.join(", "));
    }
    line
}

fn saw(answer: &Answer) -> Vec<String> {
    let facts = format!("{}, {:.1} ms", answer.status, answer.time.as_secs_f64() * 1000.0);
    let Some(body) = &answer.body else { return vec![format!("< no message  ({facts})")] };
    let (head, data) = match (answer.status, answer.screen()) {
        (427, _) => ("this message can no longer be used".to_owned(), body.get("error_msg")),
        (_, Some("SUCCESS")) => (
            "the flow is finished".to_owned(),
            body.get("data").and_then(|data| data.pointer("/extension_message_response/params")),
        ),
        (_, Some(screen)) => (shortened(screen), body.get("data")),
        (_, None) => ("no screen".to_owned(), body.get("data")),
    };
    let mut lines = vec![format!("< {head}  ({facts})")];
    if let Some(Value::String(message)) = data {
        lines.push(format!("    ! {}", shortened(message)));
    }
    let mut fields = readable(data);
    // What is wrong is what the user sees first.
    fields.sort_by_key(|(key, _)| *key != "error_message");
    let width = fields.iter().map(|(key, _)| key.len()).max().unwrap_or_default();
    lines.extend(fields.into_iter().map(|(key, value)| match key {
        "error_message" => format!("    ! {value}"),
        _ => format!("    {key:width$}  {value}"),
    }));
    lines
}

/// The fields that a person would read: not what is empty, nor switches for components, nor the flow token.
fn readable(data: Option<&Value>) -> Vec<(&str, String)> {
    let Some(Value::Object(fields)) = data else { return Vec::new() };
    let fields = fields.iter().filter(|(key, _)| *key != "flow_token");
    fields.filter_map(|(key, value)| Some((key.as_str(), shortened(&in_words(value)?)))).collect()
}

fn in_words(value: &Value) -> Option<String> {
    match value {
        Value::Null | Value::Bool(_) => None,
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        Value::Array(items) if items.is_empty() => None,
        Value::Array(items) => {
            let mut shown: Vec<_> = items.iter().take(MOST_ITEMS).map(title).collect();
            if items.len() > MOST_ITEMS {
                shown.push(format!("and {} more", items.len() - MOST_ITEMS));
            }
            Some(shown.join(", "))
        }
        Value::Object(_) => Some(value.to_string()),
    }
}

/// An item of a dropdown or a list, as the user reads it.
fn title(item: &Value) -> String {
    let title = item.get("title").unwrap_or(item).as_str().map_or_else(|| item.to_string(), str::to_owned);
    let is_disabled = item.get("enabled").is_some_and(|enabled| enabled == false);
    if is_disabled { format!("({title})") } else { title }
}

/// One line of bounded length; what controls a terminal becomes a space.
fn shortened(text: &str) -> String {
    let text: String = text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// What to try next, as commands to paste. `logic` is the URL of the user's own, `console` that of the page.
pub(super) fn next_steps(state: &State, url: &Url, logic: Option<&str>, console: Option<&str>) -> String {
    // As the user called it: not everyone has it on the path.
    let program = env::args_os().next();
    let program = quoted(program.as_deref().unwrap_or(OsStr::new("flowctl")));
    let played = match console {
        Some(console) => format!("play it in a browser, and read every exchange\n    {console}"),
        None => format!("play it in a browser, and read every exchange\n    {program} dev --logic URL --flow FILE"),
    };
    let logic = match logic {
        None => format!(
            "  put your own FlowService, in any language, in place of the sample
    {program} dev --logic http://127.0.0.1:50051 --flow FILE"
        ),
        Some(logic) => format!(
            "  play a conversation of your own; `simulate --help` shows its format, and `dev --script FILE` plays it at each start
    {program} simulate --script FILE

  see whether your FlowService keeps the contract
    {program} conformance --logic {logic}",
            logic = quoted(OsStr::new(logic)),
        ),
    };
    let (host, port) = (url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default());
    // ngrok takes a bare port for plain HTTP, and checks no certificate.
    let (cloudflared, ngrok) = match url.scheme() {
        "http" => (format!("--url http://{host}:{port}"), format!("{port}")),
        _ => (format!("--url https://{host}:{port} --no-tls-verify"), format!("https://{host}:{port}")),
    };
    let path = url.path();
    let [app_secret, public_key] = [APP_SECRET, PUBLIC_KEY].map(|name| format!("{FOLDER}/{name}"));
    let config = state.config_file();
    format!(
        "
serving until ctrl-c. To try:

  {played}

and in another terminal, in this folder:

  be the messaging client
    {program} simulate '{{\"action\":\"INIT\"}}'

{logic}

  let the platform in through a tunnel; the endpoint's URL is the tunnel's with {path} on its end. Before, write your app's
  secret into {app_secret}, and upload the public key: {program} keys upload --public-key {public_key} --phone-number-id ID
    cloudflared tunnel {cloudflared}
    ngrok http {ngrok}

{FOLDER} holds the key pair, the app secret, the certificate, and what the edge was told: {config}",
        config = config.display(),
    )
}

/// A word for a POSIX shell.
fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-:".contains(&byte);
    if word.bytes().all(is_plain) { word.into_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::time::Duration;

    fn seen(status: u16, body: Value) -> String {
        let body = body.as_object().cloned();
        let answer = Answer { status, body, time: Duration::from_millis(5), request_id: None, said: None };
        saw(&answer).join("\n")
    }

    #[test]
    fn a_screen_shows_what_a_person_would_read() {
        let department = json!([{"id": "a", "title": "Garden"}, {"id": "b", "title": "Beauty", "enabled": false}]);
        let data =
            json!({"department": department, "is_date_enabled": false, "location": [], "error_message": "Taken."});
        assert_eq!(
            seen(200, json!({"screen": "APPOINTMENT", "data": data})),
            "< APPOINTMENT  (200, 5.0 ms)\n    ! Taken.\n    department     Garden, (Beauty)"
        );
    }

    #[test]
    fn the_end_shows_the_parameters_without_the_token() {
        let params = json!({"flow_token": "secret", "reference": "R-1"});
        let body = json!({"screen": "SUCCESS", "data": {"extension_message_response": {"params": params}}});
        assert_eq!(seen(200, body), "< the flow is finished  (200, 5.0 ms)\n    reference  R-1");
    }

    #[test]
    fn a_dead_token_shows_its_text() {
        let text = seen(427, json!({"error_msg": "Booked already."}));
        assert_eq!(text, "< this message can no longer be used  (427, 5.0 ms)\n    ! Booked already.");
    }

    #[test]
    fn nothing_long_or_controlling_reaches_the_terminal() {
        let items = json!(["a", "b", "c", "d", "e", "f"]);
        assert_eq!(in_words(&items).unwrap(), "a, b, c, d, and 2 more");
        assert_eq!(shortened("a\u{1b}[2Jb\n"), "a [2Jb ");
        assert_eq!(shortened(&"ä".repeat(200)).chars().count(), LONGEST + 1);
    }

    #[test]
    fn paths_can_be_pasted() {
        assert_eq!(quoted(OsStr::new(".flow-dev/app-secret")), ".flow-dev/app-secret");
        assert_eq!(quoted(OsStr::new("my dir/it's")), r"'my dir/it'\''s'");
    }
}
