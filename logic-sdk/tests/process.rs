//! `serve` as a process: the address from the environment, the log line that names it, and SIGTERM.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test's helpers may panic as its tests do")]

use flow_logic_sdk::{DataExchange, Error, FlowLogic, Reply, serve};
use flow_proto::v1::{PingRequest, flow_service_client::FlowServiceClient};
use serde_json::json;
use std::env;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tonic::transport::Endpoint;

/// Set for the copy of this test binary that serves.
const SERVING: &str = "FLOW_LOGIC_SDK_TEST_SERVES";

struct Empty;

impl FlowLogic for Empty {
    async fn data_exchange(&self, _request: DataExchange) -> Result<Reply, Error> {
        Ok(Reply::screen("ORDER", json!({})))
    }
}

/// Runs one test of this binary as the process that serves; the test sees `SERVING` and calls `serve`.
fn spawn(test: &str, listen: &str) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(SERVING, "1")
        .env("FLOW_LOGIC_LISTEN", listen)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

async fn serve_here() {
    tracing_subscriber::fmt().with_ansi(false).init();
    serve(Empty).await.unwrap();
}

#[tokio::test]
async fn a_process_logs_its_address_and_stops_on_sigterm() {
    if env::var_os(SERVING).is_some() {
        return serve_here().await;
    }
    let mut child = spawn("a_process_logs_its_address_and_stops_on_sigterm", "127.0.0.1:0");
    let mut log = BufReader::new(child.stdout.take().unwrap()).lines();
    let address = loop {
        let line = log.next_line().await.unwrap().expect("a log line with the address");
        if let Some((_, address)) = line.split_once("listening address=") {
            break address.to_owned();
        }
    };
    let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
    FlowServiceClient::new(channel).ping(PingRequest::default()).await.unwrap();

    let kill = format!("kill -TERM {}", child.id().unwrap());
    assert!(Command::new("sh").args(["-c", &kill]).status().await.unwrap().success());
    assert!(child.wait().await.unwrap().success());
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
