//! `serve` as a process: the address from the environment, the log line that names it, and SIGTERM.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test's helpers may panic as its tests do")]

use flow_logic_sdk::{DataExchange, Error, FlowLogic, Reply, serve, start_telemetry};
use flow_proto::v1::{self, HandleDataExchangeRequest, flow_service_client::FlowServiceClient};
use serde_json::json;
use std::process::Stdio;
use std::{env, io};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

#[path = "../../src/tls/authority.rs"]
mod authority;
mod tls;
mod unix;

/// Set for the copy of this test binary that serves.
const SERVING: &str = "FLOW_LOGIC_SDK_TEST_SERVES";

/// Answers once there is a line on standard input, or panics without asking for one.
struct Prompted;

impl FlowLogic for Prompted {
    async fn data_exchange(&self, request: DataExchange) -> Result<Reply, Error> {
        assert_ne!(request.screen, "PANIC", "typed by a user");
        tracing::info!("call in flight");
        let line = tokio::task::spawn_blocking(|| io::stdin().read_line(&mut String::new()));
        line.await.unwrap().unwrap();
        Ok(Reply::screen("ORDER", json!({})))
    }
}

/// Runs one test of this binary as the process that serves; the test sees `SERVING` and calls `serve`.
fn spawn(test: &str, listen: &str) -> Child {
    spawn_with(test, &[("FLOW_LOGIC_LISTEN", listen)])
}

fn spawn_with(test: &str, variables: &[(&str, &str)]) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(SERVING, "1")
        .envs(variables.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// The log of a process and, read from it, the address that it listens on.
async fn listening(child: &mut Child) -> (Lines<BufReader<ChildStderr>>, String) {
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    loop {
        let line = log.next_line().await.unwrap().unwrap();
        let said: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
        if let Some(address) = said["address"].as_str().filter(|_| said["message"] == "listening") {
            return (log, address.to_owned());
        }
    }
}

async fn connect(address: &str) -> Channel {
    Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap()
}

fn client(channel: Channel) -> FlowServiceClient<Channel> {
    FlowServiceClient::new(channel)
}

async fn terminate(child: &Child) {
    let kill = format!("kill -TERM {}", child.id().unwrap());
    assert!(Command::new("sh").args(["-c", &kill]).status().await.unwrap().success());
}

async fn serve_here() {
    let _telemetry = start_telemetry("prompted", "0.0.0").unwrap();
    // As a `main` that returns it would.
    if let Err(error) = serve(Prompted).await {
        eprintln!("Error: {error:?}");
        std::process::exit(1);
    }
}

#[tokio::test]
async fn a_process_logs_its_address_and_on_sigterm_finishes_the_call_in_flight() {
    if env::var_os(SERVING).is_some() {
        return serve_here().await;
    }
    let mut child = spawn("a_process_logs_its_address_and_on_sigterm_finishes_the_call_in_flight", "127.0.0.1:0");
    let (mut log, address) = listening(&mut child).await;
    let channel = connect(&address).await;
    let mut watch = HealthClient::new(channel.clone()).watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    let mut client = client(channel);
    let request = exchange_request("ORDER");
    let call = tokio::spawn(async move { client.handle_data_exchange(request).await });
    while !log.next_line().await.unwrap().expect("a log line of the call").contains("call in flight") {}

    terminate(&child).await;
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    assert!(!call.is_finished());
    child.stdin.take().unwrap().write_all(b"answer\n").await.unwrap();
    call.await.unwrap().unwrap();
    assert!(child.wait().await.unwrap().success());
}

fn exchange_request(screen: &str) -> HandleDataExchangeRequest {
    HandleDataExchangeRequest {
        request_id: "request-1".to_owned(),
        action: v1::Action::DataExchange.into(),
        screen: screen.to_owned(),
        ..Default::default()
    }
}

#[tokio::test]
async fn a_panic_is_logged_with_its_place_and_call_but_not_its_message() {
    if env::var_os(SERVING).is_some() {
        return serve_here().await;
    }
    let mut child = spawn("a_panic_is_logged_with_its_place_and_call_but_not_its_message", "127.0.0.1:0");
    let (mut log, address) = listening(&mut child).await;
    let channel = connect(&address).await;
    let status = client(channel).handle_data_exchange(exchange_request("PANIC")).await.unwrap_err();
    assert_eq!(status.message(), "the logic panicked");

    terminate(&child).await;
    let mut lines = Vec::new();
    while let Some(line) = log.next_line().await.unwrap() {
        lines.push(line);
    }
    let of_call: Vec<_> = lines.iter().filter(|line| line.contains(r#""flow.request_id":"request-1""#)).collect();
    let [place, outcome] = of_call[..] else { panic!("{lines:#?}") };
    assert!(place.contains("tests/process/main.rs:"), "{place}");
    assert!(outcome.contains("the logic panicked"), "{outcome}");
    let output = child.wait_with_output().await.unwrap().stdout;
    for text in [lines.concat(), String::from_utf8(output).unwrap()] {
        assert!(!text.contains("typed by a user"), "{text}");
    }
}

#[tokio::test]
async fn what_a_client_wrote_is_cut_before_it_is_logged() {
    if env::var_os(SERVING).is_some() {
        return serve_here().await;
    }
    let mut child = spawn("what_a_client_wrote_is_cut_before_it_is_logged", "127.0.0.1:0");
    let (mut log, address) = listening(&mut child).await;
    let channel = connect(&address).await;
    let mut client = client(channel);
    let long = format!("\u{1b}{}", "a".repeat(100_000));
    let notification = v1::HandleErrorRequest {
        action: v1::Action::DataExchange.into(),
        screen: long.clone(),
        error: long.clone(),
        error_message: long.clone(),
        ..Default::default()
    };
    client.handle_error(notification).await.unwrap();
    // A request that breaks the contract, and an error that says so.
    let unknown = HandleDataExchangeRequest { screen: long, action: 99, ..Default::default() };
    client.handle_data_exchange(unknown).await.unwrap_err();

    terminate(&child).await;
    let mut said = Vec::new();
    while let Some(line) = log.next_line().await.unwrap() {
        assert!(line.len() < 2000, "{} bytes: {}…", line.len(), &line[..200]);
        said.push(serde_json::from_str::<serde_json::Value>(&line).unwrap());
    }
    let refused = said.iter().find(|line| line["message"] == "the client refused an answer").unwrap();
    let cut = format!(r"\u{{1b}}{}…", "a".repeat(199));
    assert_eq!((refused["screen"].as_str(), refused["error"].as_str()), (Some(&*cut), Some(&*cut)));
    assert!(said.iter().any(|line| line["message"] == "the call failed"), "{said:#?}");
}

#[tokio::test]
async fn a_bad_address_ends_the_process_and_says_what_would_be_right() {
    if env::var_os(SERVING).is_some() {
        return serve_here().await;
    }
    let child = spawn("a_bad_address_ends_the_process_and_says_what_would_be_right", "localhost:50051");
    let output = child.wait_with_output().await.unwrap();
    assert!(!output.status.success());
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.contains("FLOW_LOGIC_LISTEN is `localhost:50051`; it must be an IP address and a port, such as"),
        "{text}"
    );
}

#[tokio::test]
async fn the_conformance_mode_is_off_unless_its_variable_is_1() {
    if env::var_os(SERVING).is_some() {
        return serve_here().await;
    }
    for (value, is_on) in [("", false), ("0", false), ("true", false), ("1", true)] {
        let variables = [("FLOW_LOGIC_LISTEN", "127.0.0.1:0"), ("FLOW_CONFORMANCE_MODE", value)];
        let mut child = spawn_with("the_conformance_mode_is_off_unless_its_variable_is_1", &variables);
        let (_log, address) = listening(&mut child).await;
        let mut client = client(connect(&address).await);
        // The logic of this test panics on this screen, and so shows that it was asked.
        let told = json!({"conformance": {"echo": {"a": 1}}});
        let told = flow_proto::json::to_struct(told.as_object().unwrap().clone());
        let request = HandleDataExchangeRequest {
            endpoint: "conformance".to_owned(),
            data: Some(told),
            ..exchange_request("PANIC")
        };
        let answered = client.handle_data_exchange(request.clone()).await;
        assert_eq!(answered.is_ok(), is_on, "{value}: {answered:?}");
        let elsewhere = HandleDataExchangeRequest { endpoint: "orders".to_owned(), ..request };
        assert!(client.handle_data_exchange(elsewhere).await.is_err(), "another endpoint is the logic's own");
    }
}
