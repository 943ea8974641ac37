//! What the endpoint answers: a row for each condition, in the order checked, and for what is to be told apart within one.
//!
//! Each group of rows is a test. Every row also holds the answer to what all have in common: its type, its identifier, and no call to logic but the one it
//! names.

mod messages;
mod outcomes;
mod repeats;
mod requests;
mod tokens;
mod words;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flow_proto::json::from_struct;
use flow_proto::v1::HandleDataExchangeResponse;
use flow_tests::{Answer, Call, Client, Edge, Exchange, Logic, screen};
use serde_json::{Value, json};
use tonic::{Code, Status};

use self::words::{GREETING, envelope, with};

const MALFORMED: &str = "malformed request\n";
const FALLBACK: &str = "that did not work, please try again";

/// One condition and what it leads to.
struct Row {
    name: String,
    path: &'static str,
    client: fn(Client) -> Client,
    plaintext: Vec<u8>,
    change: Box<dyn Fn(Exchange) -> Exchange>,
    logic: Result<HandleDataExchangeResponse, Status>,
    status: u16,
    answer: Answered,
    call: Option<Value>,
}

#[derive(Debug, PartialEq)]
enum Answered {
    /// As it is, not sealed.
    Text(String),
    Sealed(Value),
}

/// A row whose message is refused before logic sees it, unless it says otherwise.
fn row(name: impl Into<String>, message: impl ToString) -> Row {
    Row {
        name: name.into(),
        path: "/flow",
        client: |client| client,
        plaintext: message.to_string().into_bytes(),
        change: Box::new(|exchange| exchange),
        logic: Ok(screen("NEXT", json!({ "text": GREETING }))),
        status: 0,
        answer: Answered::Text(String::new()),
        call: None,
    }
}

impl Row {
    fn at(self, path: &'static str) -> Self {
        Self { path, ..self }
    }

    fn by(self, client: fn(Client) -> Client) -> Self {
        Self { client, ..self }
    }

    fn changed(self, change: impl Fn(Exchange) -> Exchange + 'static) -> Self {
        Self { change: Box::new(change), ..self }
    }

    /// With one field of the envelope replaced, and signed again.
    fn envelope(self, field: &'static str, value: Value) -> Self {
        self.changed(move |exchange| {
            let mut envelope = envelope(&exchange);
            envelope[field] = value.clone();
            exchange.body(envelope.to_string())
        })
    }

    /// With one bit of a field of the envelope turned over, and signed again.
    fn flipped(self, field: &'static str) -> Self {
        self.changed(move |exchange| {
            let mut envelope = envelope(&exchange);
            let mut bytes = STANDARD.decode(envelope[field].as_str().unwrap()).unwrap();
            *bytes.last_mut().unwrap() ^= 1;
            envelope[field] = STANDARD.encode(bytes).into();
            exchange.body(envelope.to_string())
        })
    }

    fn logic(self, answer: HandleDataExchangeResponse) -> Self {
        Self { logic: Ok(answer), ..self }
    }

    fn logic_fails(self, code: Code) -> Self {
        Self { logic: Err(Status::new(code, "the text of a status is nobody's business")), ..self }
    }

    fn calls(self, call: Value) -> Self {
        Self { call: Some(call), ..self }
    }

    fn is(self, status: u16, text: &str) -> Self {
        Self { status, answer: Answered::Text(text.to_owned()), ..self }
    }

    fn opens(self, status: u16, answer: Value) -> Self {
        Self { status, answer: Answered::Sealed(answer), ..self }
    }

    /// Logic sees this, and its answer reaches the client.
    fn passes(self, call: Value) -> Self {
        self.calls(call).opens(200, json!({ "screen": "NEXT", "data": { "text": GREETING } }))
    }

    async fn check(self, edge: &Edge, client: &Client, logic: &Logic) -> Result<(), String> {
        let before = logic.calls().len();
        logic.answer(self.logic);
        let client = (self.client)(client.clone().path(edge, self.path));
        let answer = (self.change)(client.seal(self.plaintext)).send().await;
        let got = (answer.status, answered(&answer), logic.calls()[before..].iter().map(meaning).collect::<Vec<_>>());
        let endpoint = self.path.trim_start_matches('/');
        let calls = self.call.into_iter().map(|call| with(call, json!({ "endpoint": endpoint }))).collect();
        let expected = (self.status, self.answer, calls);
        if got != expected {
            return Err(format!("{}: {} where it should be {}", self.name, brief(&got), brief(&expected)));
        }
        let identifier = answer.header("x-request-id");
        let identifiers = logic.request_ids().split_off(before);
        let allow = if self.status == 405 { "POST" } else { "" };
        let retry_after = if self.status == 503 { "1" } else { "" };
        let alike = !identifier.is_empty()
            && identifiers.iter().all(|both| both == &[identifier, identifier])
            && answer.header("content-type") == "text/plain"
            && answer.header("allow") == allow
            && answer.header("retry-after") == retry_after;
        if alike { Ok(()) } else { Err(format!("{}: {:?}, {identifiers:?}", self.name, answer.headers)) }
    }
}

fn answered(answer: &Answer) -> Answered {
    match &answer.opened {
        Value::Null => Answered::Text(answer.body.clone()),
        opened => Answered::Sealed(opened.clone()),
    }
}

fn brief(it: &impl std::fmt::Debug) -> String {
    format!("{it:?}").chars().take(500).collect()
}

/// Checks the rows one after the other, and names every one that does not hold.
async fn assert_all(rows: impl IntoIterator<Item = Vec<Row>>) {
    let logic = Logic::answering(screen("NEXT", json!({}))).await;
    let unreachable = "http://127.0.0.1:1";
    let edge = Edge::before(&logic)
        .endpoint(at("ignore", logic.url()))
        .with(json!({ "flow_token_signature": "ignore" }))
        .endpoint(at("require", logic.url()))
        .with(json!({ "flow_token_signature": "require" }))
        .endpoint(at("fallback", logic.url()))
        .with(json!({ "logic": { "fallback_message": FALLBACK } }))
        .endpoint(at("unreachable", unreachable))
        .endpoint(at("unreachable-fallback", unreachable))
        .with(json!({ "logic": { "fallback_message": FALLBACK } }))
        .endpoint(at("ping-edge", logic.url()))
        .with(json!({ "ping": "edge" }))
        .start()
        .await;
    let (client, mut wrong) = (edge.client(), Vec::new());
    for row in rows.into_iter().flatten() {
        wrong.extend(row.check(&edge, &client, &logic).await.err());
    }
    assert!(wrong.is_empty(), "{} rows:\n{}", wrong.len(), wrong.join("\n"));
    edge.stop().await;
}

fn at(name: &str, logic: impl Into<String>) -> Value {
    json!({ "name": name, "path": format!("/{name}"), "logic": { "url": logic.into() } })
}

/// A call in the words of the rows.
fn meaning(call: &Call) -> Value {
    match call {
        Call::DataExchange(request, _) => json!({
            "call": "HandleDataExchange", "endpoint": request.endpoint, "version": request.version,
            "action": request.action().as_str_name(), "screen": request.screen,
            "data": request.data.clone().map(from_struct), "flow_token": request.flow_token,
            "flow_token_verified": request.flow_token_verified,
        }),
        Call::Error(request) => json!({
            "call": "HandleError", "endpoint": request.endpoint, "version": request.version,
            "action": request.action().as_str_name(), "screen": request.screen, "flow_token": request.flow_token,
            "error": request.error, "error_message": request.error_message,
        }),
        Call::Ping(request) => json!({ "call": "Ping", "endpoint": request.endpoint, "version": request.version }),
    }
}
