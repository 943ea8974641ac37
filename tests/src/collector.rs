//! The OpenTelemetry Collector, and what has come in at it.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Map, Value};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{interval, timeout};

use crate::PATIENCE;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/collector");
/// Building it for the first time takes minutes.
const BUILD: Duration = Duration::from_secs(15 * 60);

/// A running collector. It ends with this.
#[derive(Debug)]
pub struct Collector {
    grpc: String,
    http: String,
    folder: TempDir,
    _process: Child,
}

/// A span as the collector got it.
#[derive(Debug, Clone)]
pub struct Span {
    /// Its name.
    pub name: String,
    /// `service.name` of the process that made it.
    pub service: String,
    /// 1 internal, 2 server, 3 client.
    pub kind: u64,
    /// In hexadecimal.
    pub trace_id: String,
    /// In hexadecimal.
    pub span_id: String,
    /// In hexadecimal; empty where it has none.
    pub parent: String,
    /// 2 for an error.
    pub status: u64,
    /// Strings as they are, whole numbers as numbers.
    pub attributes: Map<String, Value>,
}

impl Collector {
    /// Builds the collector where it is not there yet, and starts it. Wants Go.
    pub async fn start() -> Self {
        let build = Command::new(format!("{FOLDER}/build")).stderr(Stdio::inherit()).output();
        let built = timeout(BUILD, build).await.expect("the collector is built").unwrap();
        assert!(built.status.success(), "the collector is built");
        let program = String::from_utf8(built.stdout).unwrap();
        let folder = TempDir::new().unwrap();
        let mut process = Command::new(program.trim())
            .args(["--config", &format!("{FOLDER}/collector.yaml")])
            .env("OTLP_FILE", folder.path().join("otlp.jsonl"))
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap()).lines();
        let (mut grpc, mut http) = (None, None);
        let started = async {
            while let Some(line) = log.next_line().await.unwrap() {
                let said: Value = serde_json::from_str(&line).unwrap_or_default();
                let url = || said["endpoint"].as_str().map(|address| format!("http://{address}"));
                match said["msg"].as_str() {
                    Some("Starting GRPC server") => grpc = url(),
                    Some("Starting HTTP server") => http = url(),
                    Some(text) if text.starts_with("Everything is ready") => return,
                    _ => {}
                }
            }
            panic!("the collector ended");
        };
        timeout(PATIENCE, started).await.expect("the collector starts");
        // Read on, so that it never waits for a full pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = log.next_line().await {} });
        Self { grpc: grpc.unwrap(), http: http.unwrap(), folder, _process: process }
    }

    /// The variables that make a process send here, by gRPC or by HTTP.
    pub fn variables(&self, protocol: &str) -> [(&'static str, String); 4] {
        let endpoint = if protocol == "grpc" { &self.grpc } else { &self.http };
        [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.clone()),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol.to_owned()),
            ("OTEL_BSP_SCHEDULE_DELAY", "50".to_owned()),
            ("OTEL_METRIC_EXPORT_INTERVAL", "100".to_owned()),
        ]
    }

    /// Everything that has come in, as it was written.
    pub fn text(&self) -> String {
        fs::read_to_string(self.file()).unwrap_or_default()
    }

    fn file(&self) -> std::path::PathBuf {
        Path::new(self.folder.path()).join("otlp.jsonl")
    }

    /// The spans that have come in.
    pub fn spans(&self) -> Vec<Span> {
        let text = self.text();
        // The last line may be half written.
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.flat_map(|line| items(&line["resourceSpans"])).flat_map(spans_of).collect()
    }

    /// Names of the metrics that have come in.
    pub fn metrics(&self) -> Vec<String> {
        let text = self.text();
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let scopes = lines.flat_map(|line| items(&line["resourceMetrics"])).flat_map(|one| items(&one["scopeMetrics"]));
        scopes.flat_map(|scope| items(&scope["metrics"])).map(|metric| text_of(&metric["name"])).collect()
    }

    /// Waits until what has come in is as wanted.
    pub async fn wait_until(&self, wanted: impl Fn(&Self) -> bool) {
        let mut looks = interval(Duration::from_millis(20));
        let come = async {
            while !wanted(self) {
                looks.tick().await;
            }
        };
        if timeout(PATIENCE, come).await.is_err() {
            panic!("what was wanted has not come in: {:#?}", self.spans());
        }
    }

    /// Waits until so many of the spans count, and gives all.
    pub async fn wait_for_spans(&self, count: usize, is_counted: impl Fn(&Span) -> bool) -> Vec<Span> {
        self.wait_until(|collector| collector.spans().iter().filter(|span| is_counted(span)).count() >= count).await;
        self.spans()
    }
}

impl Span {
    /// An attribute; null where there is none.
    pub fn attribute(&self, name: &str) -> &Value {
        self.attributes.get(name).unwrap_or(&Value::Null)
    }
}

fn spans_of(resource: Value) -> Vec<Span> {
    let service = text_of(&attributes(&resource["resource"])["service.name"]);
    let spans = items(&resource["scopeSpans"]).into_iter().flat_map(|scope| items(&scope["spans"]));
    let span = |span: Value| Span {
        name: text_of(&span["name"]),
        service: service.clone(),
        kind: span["kind"].as_u64().unwrap_or_default(),
        trace_id: text_of(&span["traceId"]),
        span_id: text_of(&span["spanId"]),
        parent: text_of(&span["parentSpanId"]),
        status: span["status"]["code"].as_u64().unwrap_or_default(),
        attributes: attributes(&span),
    };
    spans.map(span).collect()
}

fn attributes(of: &Value) -> Map<String, Value> {
    let value = |attribute: &Value| match &attribute["value"] {
        // OTLP writes whole numbers as strings.
        value if value["intValue"].is_string() => value["intValue"].as_str().unwrap().parse::<i64>().unwrap().into(),
        value => value.as_object().and_then(|value| value.values().next().cloned()).unwrap_or_default(),
    };
    items(&of["attributes"]).iter().map(|attribute| (text_of(&attribute["key"]), value(attribute))).collect()
}

fn items(list: &Value) -> Vec<Value> {
    list.as_array().cloned().unwrap_or_default()
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
