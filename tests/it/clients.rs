//! Messaging clients that share no code with `flow-wire`, on the cryptography and HTTPS of three other languages, through
//! a whole conversation.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use flow_proto::v1::{Action, HandleDataExchangeRequest, HandleDataExchangeResponse};
use flow_tests::{Call, Edge, Logic, PATIENCE, completion, invalid_token, is_there, key_file, screen};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::time::timeout;
use tonic::Status;

#[tokio::test]
async fn python() {
    converse(Language { check: &["python3", "-c", "import cryptography"], run: &["python3", "python/client.py"] })
        .await;
}

#[tokio::test]
async fn node() {
    converse(Language { check: &["node", "--version"], run: &["node", "node/client.mjs"] }).await;
}

#[tokio::test]
async fn java() {
    converse(Language { check: &["javac", "--version"], run: &["java", "java/Client.java"] }).await;
}

struct Language {
    /// Succeeds where the toolchain is there.
    check: &'static [&'static str],
    run: &'static [&'static str],
}

/// What a client makes of an answer.
#[derive(Debug, PartialEq)]
struct Answered {
    status: u16,
    content_type: String,
    opened: Option<Value>,
}

async fn converse(language: Language) {
    if !is_there(language.check).await {
        return;
    }
    let logic = Logic::handling(|request| async { conversation(request) }).await;
    let edge = Edge::before(&logic).start().await;

    let message = |action: &str, screen: &str, token: &str, data: Value| json!({ "version": "4.0", "action": action, "screen": screen, "flow_token": token, "data": data });
    let error = json!({ "error": "invalid-screen-transition", "error_message": "text" });
    let finished = json!({ "reference": "R-1", "flow_token": "token" });
    let conversation = [
        (json!({ "version": "3.0", "action": "ping" }), 200, Some(json!({ "data": { "status": "active" } }))),
        (
            message("INIT", "", "token", json!({})),
            200,
            Some(json!({ "screen": "DETAILS", "data": { "greeting": "Grüße \u{1f44b}", "count": 7 } })),
        ),
        (
            message("data_exchange", "DETAILS", "token", json!({ "name": "Zoë / \"quoted\" \u{1f600}" })),
            200,
            Some(json!({ "screen": "SUMMARY", "data": { "name": "Zoë / \"quoted\" \u{1f600}" } })),
        ),
        (message("BACK", "SUMMARY", "token", json!({})), 200, Some(json!({ "screen": "DETAILS", "data": {} }))),
        (message("data_exchange", "DETAILS", "token", error), 200, Some(json!({ "data": { "acknowledged": true } }))),
        (
            message("data_exchange", "SUMMARY", "token", json!({})),
            200,
            Some(json!({
                "screen": "SUCCESS", "data": { "extension_message_response": { "params": finished } },
            })),
        ),
        (message("INIT", "", "dead", json!({})), 427, Some(json!({ "error_msg": "This form has expired." }))),
        (message("INIT", "", "dead without text", json!({})), 427, None),
    ];
    let (messages, expected): (Vec<_>, Vec<_>) = conversation
        .into_iter()
        .map(|(message, status, opened)| (message, Answered { status, content_type: "text/plain".to_owned(), opened }))
        .unzip();

    assert_eq!(language.send(&edge, "current.pub", "app-secret", &messages).await, expected);
    assert_eq!(logic.calls().iter().filter(|call| matches!(call, Call::Error(_))).count(), 1);

    let refused = |status| [Answered { status, content_type: "text/plain".to_owned(), opened: None }];
    let calls = logic.calls().len();
    assert_eq!(language.send(&edge, "current.pub", "other-app-secret", &messages[..1]).await, refused(432));
    assert_eq!(language.send(&edge, "previous.pub", "app-secret", &messages[..1]).await, refused(421));
    assert_eq!(logic.calls().len(), calls);
}

/// The logic behind the conversation.
fn conversation(request: HandleDataExchangeRequest) -> Result<HandleDataExchangeResponse, Status> {
    match (request.flow_token.as_str(), request.action(), request.screen.as_str()) {
        ("dead", ..) => Ok(invalid_token("This form has expired.")),
        ("dead without text", ..) => Ok(invalid_token("")),
        (_, Action::Init, "") => Ok(screen("DETAILS", json!({ "greeting": "Grüße \u{1f44b}", "count": 7 }))),
        (_, Action::DataExchange, "DETAILS") => {
            let data = flow_proto::json::from_struct(request.data.unwrap_or_default());
            Ok(screen("SUMMARY", data.into()))
        }
        (_, Action::Back, "SUMMARY") => Ok(screen("DETAILS", json!({}))),
        (_, Action::DataExchange, "SUMMARY") => Ok(completion(json!({ "reference": "R-1" }))),
        _ => Err(Status::invalid_argument("no such step")),
    }
}

impl Language {
    /// Sends the messages one after the other.
    async fn send(&self, edge: &Edge, public_key: &str, app_secret: &str, messages: &[Value]) -> Vec<Answered> {
        let certificate = edge.folder().join("ca.pem");
        fs::write(&certificate, edge.certificate()).unwrap();
        let (program, arguments) = self.run.split_first().unwrap();
        let mut process = Command::new(program)
            .args(arguments)
            .arg("--url")
            .arg(edge.url("/flow"))
            .arg("--ca")
            .arg(certificate)
            .arg("--public-key")
            .arg(key_file(public_key))
            .arg("--app-secret-file")
            .arg(edge.folder().join(app_secret))
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("clients"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines: String = messages.iter().map(|message| format!("{message}\n")).collect();
        let mut stdin = process.stdin.take().unwrap();
        stdin.write_all(lines.as_bytes()).await.unwrap();
        drop(stdin);
        let output = timeout(PATIENCE, process.wait_with_output()).await.expect("the client ends").unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap().lines().map(Answered::read).collect()
    }
}

impl Answered {
    /// Reads `STATUS<TAB>CONTENT-TYPE<TAB>OPENED`; `-` where nothing is sealed.
    fn read(line: &str) -> Self {
        let [status, content_type, opened] = line.splitn(3, '\t').collect::<Vec<_>>().try_into().expect(line);
        let opened = (opened != "-").then(|| serde_json::from_str(opened).expect(line));
        Self { status: status.parse().expect(line), content_type: content_type.to_owned(), opened }
    }
}
