//! Traces, metrics and log lines of the running edge, as others read them.

mod alerts;
mod blame;
mod log;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use flow_tests::{
    Call, Collector, Edge, EdgeBuilder, ExampleService, Logic, PATIENCE, Span, binary, is_there, run, screen,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::time::timeout;

const SERVER: u64 = 2;
const CLIENT: u64 = 3;
const EXCHANGE: &str = "flow.v1.FlowService/HandleDataExchange";
const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn init() -> Value {
    json!({ "version": "4.0", "action": "INIT", "flow_token": "a token of somebody" })
}

fn submission() -> Value {
    let data = json!({ "name": "Ada Lovelace", "email": "ada@example.com" });
    json!({ "version": "4.0", "action": "data_exchange", "screen": "DETAILS", "flow_token": "a token", "data": data })
}

/// The span of this name and kind that one process made; there must be one.
fn one<'a>(spans: &'a [Span], service: &str, name: &str, kind: u64) -> &'a Span {
    let found: Vec<_> =
        spans.iter().filter(|span| (&*span.service, &*span.name, span.kind) == (service, name, kind)).collect();
    let [span] = found[..] else { panic!("{service}, {name}: {spans:#?}") };
    span
}

/// The line of a request.
fn access_line(log: &[String], request_id: &str) -> Value {
    let lines = log.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut lines = lines.filter(|line| line["message"] == "request");
    lines.find(|line| line["flow.request_id"] == request_id).expect("the access line")
}

/// Logic in Rust, on the SDK.
async fn rust_logic(folder: &TempDir, variables: &[(&str, String)]) -> ExampleService {
    ExampleService::start(&binary("rust-appointment"), folder.path(), variables).await
}

/// Logic in Go, with that language's own gRPC and OpenTelemetry.
async fn go_logic(folder: &TempDir, variables: &[(&str, String)]) -> ExampleService {
    let program = folder.path().join("go-appointment");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/go-appointment");
    let mut build = Command::new("go");
    build.args(["build", "-o"]).arg(&program).arg(".").current_dir(source).env("GOTOOLCHAIN", "auto");
    assert!(build.status().await.unwrap().success());
    ExampleService::start(&program, folder.path(), variables).await
}

/// One INIT through an edge and this logic, and what both say of it.
async fn assert_one_trace(collector: &Collector, logic: &ExampleService, service: &str, protocol: &str) {
    let edge = Edge::before_url(&logic.url()).variables(&collector.variables(protocol)).start().await;
    edge.ready().await;
    let answer = edge.client().send(init()).await;
    assert_eq!(answer.status, 200);
    let request_id = answer.header("x-request-id").to_owned();
    let is_of_edge = |span: &Span| span.service == "flow-edge" && span.kind == SERVER;
    let is_of_logic = |span: &Span| span.service == service && span.name == EXCHANGE;
    collector.wait_for_spans(1, is_of_edge).await;
    collector.wait_for_spans(1, is_of_logic).await;
    let log = edge.stop().await.log;

    let spans = collector.wait_for_spans(7, |span| span.service == "flow-edge").await;
    let server = one(&spans, "flow-edge", "POST /flow", SERVER);
    assert_eq!((&*server.parent, server.status), ("", 0));
    for (name, value) in [
        ("http.request.method", json!("POST")),
        ("http.route", json!("/flow")),
        ("http.response.status_code", json!(200)),
        ("url.scheme", json!("https")),
        ("flow.endpoint", json!("flow")),
        ("flow.action", json!("INIT")),
        ("flow.outcome", json!("next_screen")),
        ("flow.request_id", json!(request_id)),
    ] {
        assert_eq!(server.attribute(name), &value, "{name}");
    }
    let children: BTreeSet<_> =
        spans.iter().filter(|span| span.parent == server.span_id).map(|span| &*span.name).collect();
    assert_eq!(children, BTreeSet::from(["receive", "verify", "wait", "open", EXCHANGE, "seal"]));

    let client = one(&spans, "flow-edge", EXCHANGE, CLIENT);
    assert_eq!(client.attribute("rpc.system.name"), "grpc");
    assert_eq!(client.attribute("rpc.method"), EXCHANGE);
    assert_eq!(client.attribute("rpc.response.status_code"), "OK");
    assert_eq!(client.attribute("server.address"), "127.0.0.1");
    let of_logic = one(&spans, service, EXCHANGE, SERVER);
    assert_eq!((&of_logic.parent, &of_logic.trace_id), (&client.span_id, &server.trace_id));
    // The edge asked for health before, which belongs to no trace.
    let of_logic: Vec<_> = spans.iter().filter(|span| span.service == service && span.name != EXCHANGE).collect();
    assert!(of_logic.iter().all(|span| span.trace_id == server.trace_id), "{of_logic:#?}");
    let health = spans.iter().filter(|span| span.name.contains("ealth")).collect::<Vec<_>>();
    assert!(health.is_empty(), "a health probe makes no span: {health:#?}");

    let line = access_line(&log, &request_id);
    assert_eq!((&line["trace_id"], &line["span_id"]), (&json!(server.trace_id), &json!(server.span_id)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_trace_crosses_edge_and_rust_logic() {
    if !is_there(&["go", "version"]).await {
        return;
    }
    for protocol in ["grpc", "http/protobuf"] {
        let collector = Collector::start().await;
        let folder = TempDir::new().unwrap();
        let logic = rust_logic(&folder, &collector.variables(protocol)).await;
        assert_one_trace(&collector, &logic, "rust-appointment", protocol).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_trace_crosses_edge_and_go_logic() {
    if !is_there(&["go", "version"]).await {
        return;
    }
    let collector = Collector::start().await;
    let folder = TempDir::new().unwrap();
    let logic = go_logic(&folder, &collector.variables("grpc")).await;
    assert_one_trace(&collector, &logic, "go-appointment", "grpc").await;
}

#[tokio::test]
async fn failures_are_marked_with_whose_fault_they_are_and_nothing_private_is_in_a_span_or_metric() {
    if !is_there(&["go", "version"]).await {
        return;
    }
    let collector = Collector::start().await;
    let logic = Logic::always(|| async { Err(tonic::Status::internal("ada@example.com is nobody")) }).await;
    let edge = Edge::before(&logic).variables(&collector.variables("http/protobuf")).start().await;
    edge.ready().await;
    let client = edge.client();
    assert_eq!(client.send(submission()).await.status, 500);
    assert_eq!(client.clone().app_secret("another secret").send(submission()).await.status, 432);
    assert_eq!(client.clone().public_key("previous.pub").send(submission()).await.status, 421);
    assert_eq!(client.path(&edge, "/Lovelace").send(submission()).await.status, 404);
    let is_server = |span: &Span| span.kind == SERVER;
    let spans = collector.wait_for_spans(4, is_server).await;
    collector
        .wait_until(|collector| collector.metrics().iter().any(|name| name == "http.server.request.duration"))
        .await;

    let of = |status: u16| {
        let span = spans.iter().find(|span| span.attribute("http.response.status_code") == status);
        let span = span.unwrap_or_else(|| panic!("{status}: {spans:#?}"));
        (&*span.name, span.attribute("flow.fault").clone(), span.attribute("error.type").clone(), span.status)
    };
    assert_eq!(of(500), ("POST /flow", json!("logic"), json!("logic_failed"), 2));
    assert_eq!(of(432), ("POST /flow", json!("client"), json!("signature"), 0));
    assert_eq!(of(421), ("POST /flow", json!("client"), json!("undecryptable"), 0));
    assert_eq!(of(404), ("POST", json!("client"), json!("not_found"), 0));
    let call = one(&spans, "flow-edge", EXCHANGE, CLIENT);
    assert_eq!(call.attribute("rpc.response.status_code"), "INTERNAL");
    assert_eq!(call.status, 2);
    edge.assert_nothing_private(&[collector.text()]);
    assert!(!collector.text().contains("is nobody"));
}

/// `traceparent` of the call that logic got.
async fn traceparent_at_logic(edge: EdgeBuilder, logic: &Logic) -> Option<String> {
    let edge = edge.start().await;
    edge.ready().await;
    let exchange = edge.client().seal(init().to_string()).header("traceparent", TRACEPARENT);
    assert_eq!(exchange.send().await.status, 200);
    let calls = logic.calls();
    let Some(Call::DataExchange(_, metadata)) = calls.last() else { panic!("{calls:?}") };
    metadata.get("traceparent").map(|value| value.to_str().unwrap().to_owned())
}

#[tokio::test]
async fn trace_headers_count_where_a_proxy_of_ours_sets_them() {
    let logic = Logic::answering(screen("NEXT", json!({}))).await;
    let edge = || Edge::before(&logic);
    let trusting = || edge().listen(json!({ "trust_trace_headers": true }));
    let exporting = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1".to_owned())];
    let (trace_id, span_id) = (&TRACEPARENT[3..35], &TRACEPARENT[36..52]);

    assert_eq!(traceparent_at_logic(edge(), &logic).await, None);
    let own = traceparent_at_logic(edge().variables(&exporting), &logic).await.unwrap();
    assert!(!own.contains(trace_id), "{own}");
    let continued = traceparent_at_logic(trusting().variables(&exporting), &logic).await.unwrap();
    assert!(continued.contains(trace_id) && !continued.contains(span_id), "{continued}");
    // What makes no spans passes on what it got.
    assert_eq!(traceparent_at_logic(trusting(), &logic).await.as_deref(), Some(TRACEPARENT));
    let disabled = [&exporting[..], &[("OTEL_SDK_DISABLED", "true".to_owned())]].concat();
    assert_eq!(traceparent_at_logic(edge().variables(&disabled), &logic).await, None);
    let none_sampled = [&exporting[..], &[("OTEL_TRACES_SAMPLER", "always_off".to_owned())]].concat();
    let unsampled = traceparent_at_logic(edge().variables(&none_sampled), &logic).await.unwrap();
    assert!(unsampled.ends_with("-00"), "{unsampled}");
}

/// A collector that takes connections and nothing else, and counts them.
async fn broken_collector(holds: bool) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::Relaxed);
            if holds {
                held.push(stream);
            }
        }
    });
    (url, count)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_fails_costs_no_request_and_one_line() {
    let logic = Logic::answering(screen("NEXT", json!({}))).await;
    for (protocol, holds) in [("grpc", false), ("http/protobuf", false), ("grpc", true), ("http/protobuf", true)] {
        let (url, connections) = broken_collector(holds).await;
        let variables = [
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", url),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol.to_owned()),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "200".to_owned()),
            ("OTEL_BSP_SCHEDULE_DELAY", "20".to_owned()),
        ];
        let mut edge = Edge::before(&logic).variables(&variables).quiet().start().await;
        edge.ready().await;
        edge.client().send(init()).await;
        edge.wait_for_log("the collector does not take it").await;
        // More of them fail; what does not answer is asked again on the same connection by gRPC.
        let goal = if holds && protocol == "grpc" { 1 } else { 3 };
        let again = async {
            while connections.load(Ordering::Relaxed) < goal {
                assert_eq!(edge.client().send(init()).await.status, 200);
            }
        };
        timeout(PATIENCE, again).await.expect("it is tried again");
        let log = edge.stop().await.log;
        let lines = log.iter().filter(|line| line.contains("collector")).count();
        assert_eq!(lines, 1, "{protocol}, {holds}: {log:#?}");
    }
}

#[tokio::test]
async fn a_variable_that_says_what_cannot_be_ends_the_start() {
    let logic = Logic::answering(screen("NEXT", json!({}))).await;
    let edge = Edge::before(&logic).start().await;
    let config = edge.folder().join("flow-edge.yaml");
    let arguments = ["OTEL_TRACES_EXPORTER=zipkin", "flow-edge", "serve", "--config", config.to_str().unwrap()];
    let program = binary("flow-edge");
    let mut command = Command::new("env");
    command.arg(arguments[0]).arg(program).args(&arguments[2..]).kill_on_drop(true);
    let output = timeout(PATIENCE, command.output()).await.expect("it ends").unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("OTEL_TRACES_EXPORTER is `zipkin`; it should be `otlp` or `none`"), "{text}");
    assert!(run(&["check", "--config", "flow-edge.yaml"], edge.folder()).await.status.success());
}

/// How many series there are.
async fn series(edge: &Edge) -> usize {
    edge.metrics().await.lines().filter(|line| !line.starts_with('#')).count()
}

#[tokio::test]
async fn no_client_can_make_a_series() {
    let logic = Logic::answering(screen("NEXT", json!({}))).await;
    let edge = Edge::before(&logic).start().await;
    edge.ready().await;
    let client = edge.client();
    let attack = async |word: &str| {
        let on = json!({ "version": word, "action": "data_exchange", "screen": word, "flow_token": word, "data": {} });
        assert_eq!(client.send(on).await.status, 200);
        let unknown = json!({ "version": "4.0", "action": word, "flow_token": word });
        assert_eq!(client.send(unknown).await.status, 400);
        // The log says which path was asked for, and tokens are in no line.
        let path = format!("/{}", word.to_lowercase());
        assert_eq!(client.clone().path(&edge, &path).send(init()).await.status, 404);
        let odd = client.seal(init().to_string()).method(word);
        assert_eq!(odd.send().await.status, 405);
    };
    attack("FIRST").await;
    let before = series(&edge).await;
    for number in 0..20 {
        attack(&format!("WORD{number}")).await;
    }
    assert_eq!(series(&edge).await, before, "{}", edge.metrics().await);
}

#[tokio::test]
async fn each_way_to_break_the_contract_is_counted_by_its_kind() {
    use flow_proto::v1::HandleDataExchangeResponse;
    let answers: [(&str, HandleDataExchangeResponse); 4] = [
        ("logic_contract_no_outcome", HandleDataExchangeResponse::default()),
        ("logic_contract_no_screen", screen("", json!({}))),
        ("logic_contract_reserved_screen", screen("SUCCESS", json!({}))),
        ("logic_contract_too_large", screen("NEXT", json!({ "text": "a".repeat(1_000_001) }))),
    ];
    for (kind, answer) in answers {
        let logic = Logic::answering(answer).await;
        let edge = Edge::before(&logic).quiet().start().await;
        edge.ready().await;
        assert_eq!(edge.client().send(init()).await.status, 500);
        let metrics = edge.metrics().await;
        let counts = metrics.lines().filter(|line| line.starts_with("http_server_request_duration_seconds_count"));
        let of_kind: Vec<_> = counts.filter(|line| line.contains(&format!("error_type=\"{kind}\""))).collect();
        let [line] = of_kind[..] else { panic!("{kind}: {metrics}") };
        assert!(line.contains("flow_fault=\"logic\"") && line.ends_with(" 1"), "{line}");
    }
}

#[tokio::test]
async fn a_number_that_logic_cannot_get_exactly_is_counted() {
    let logic = Logic::answering(screen("NEXT", json!({}))).await;
    let edge = Edge::before(&logic).start().await;
    let data = json!({ "exact": 9_007_199_254_740_992_i64, "inexact": [9_007_199_254_740_993_i64] });
    edge.client().send(json!({ "action": "INIT", "data": data })).await;
    assert_eq!(edge.metric("flow_inexact_numbers_total").await, 1);
}
