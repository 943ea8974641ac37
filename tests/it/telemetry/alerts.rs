//! A real Prometheus that watches a running edge: the rules fire, and the dashboard has data.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use flow_tests::{Edge, Load, LogicBuilder, PATIENCE, is_there, screen};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::{interval, sleep, timeout};

const DEPLOY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy");
/// Long enough for a scrape, a rule and the next scrape, many times over.
const LONG: Duration = Duration::from_secs(120);

/// A running Prometheus with the rules that ship; it ends with this.
struct Prometheus {
    url: String,
    http: reqwest::Client,
    _folder: TempDir,
    _process: Child,
}

impl Prometheus {
    async fn watching(edge: &Edge) -> Self {
        let folder = TempDir::new().unwrap();
        let target = edge.admin_url("").trim_start_matches("http://").to_owned();
        let rules = ["platform.yaml", "slo.yaml", "edge.yaml"].map(|file| format!("{DEPLOY}/prometheus/{file}"));
        // Every JSON document is a YAML document.
        let config = json!({
            "global": { "scrape_interval": "1s", "evaluation_interval": "1s" },
            "rule_files": rules,
            "scrape_configs": [{ "job_name": "flow-edge", "static_configs": [{ "targets": [target] }] }],
        });
        fs::write(folder.path().join("prometheus.yaml"), config.to_string()).unwrap();
        let mut process = Command::new("prometheus")
            .args(["--config.file=prometheus.yaml", "--storage.tsdb.path=data", "--web.listen-address=127.0.0.1:0"])
            .current_dir(folder.path())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap()).lines();
        let mut address = None;
        let started = async {
            while let Some(line) = log.next_line().await.unwrap() {
                // "Listening on" has the port that the system chose.
                if let Some((_, rest)) = line.split_once("msg=\"Listening on\" address=") {
                    address = Some(rest.trim_matches('"').to_owned());
                }
                if line.contains("Server is ready") {
                    return;
                }
            }
            panic!("Prometheus ended");
        };
        timeout(PATIENCE, started).await.expect("Prometheus starts");
        tokio::spawn(async move { while let Ok(Some(_)) = log.next_line().await {} });
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        Self { url: format!("http://{}", address.unwrap()), http, _folder: folder, _process: process }
    }

    async fn get(&self, path: &str) -> Value {
        let text = self.http.get(format!("{}{path}", self.url)).send().await.unwrap().text().await.unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// Names of the alerts that fire.
    async fn firing(&self) -> Vec<String> {
        let alerts = self.get("/api/v1/alerts").await;
        let alerts = alerts["data"]["alerts"].as_array().cloned().unwrap_or_default();
        let firing = alerts.iter().filter(|alert| alert["state"] == "firing");
        firing.map(|alert| alert["labels"]["alertname"].as_str().unwrap().to_owned()).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slowed_logic_fires_the_latency_alert_and_the_dashboard_has_data() {
    if !is_there(&["prometheus", "--version"]).await {
        return;
    }
    let (slow, is_slow) = watch::channel(false);
    let logic = LogicBuilder::handling(move |_| {
        let is_slow = *is_slow.borrow();
        async move {
            if is_slow {
                // What is asserted is that somebody notices.
                sleep(Duration::from_millis(1500)).await;
            }
            Ok(screen("NEXT", json!({})))
        }
    });
    let logic = logic.start().await;
    let edge = Edge::before(&logic).quiet().start().await;
    edge.ready().await;
    let prometheus = Prometheus::watching(&edge).await;

    let load = Load::start((0..8).map(|_| edge.client()));
    load.rounds(20).await;
    edge.client().send(json!({ "version": "3.0", "action": "ping" })).await;
    edge.client().app_secret("another").send(json!({ "action": "ping" })).await;
    assert!(!prometheus.firing().await.iter().any(|name| name.contains("Latency")));
    slow.send_replace(true);
    let mut looks = interval(Duration::from_millis(500));
    let fires = async {
        loop {
            looks.tick().await;
            let firing = prometheus.firing().await;
            if firing.iter().any(|name| name == "FlowEdgeLatency") {
                break;
            }
        }
    };
    timeout(LONG, fires).await.expect("FlowEdgeLatency fires");

    let check = Path::new(DEPLOY).join("grafana/check");
    let mut command = Command::new("python3");
    let output = command.arg(check).arg(&prometheus.url).kill_on_drop(true).output();
    let output = timeout(LONG, output).await.expect("the check ends").unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    slow.send_replace(false);
    load.stop().await.assert_flawless();
}
