//! What an operator does to a running edge: change its configuration, look at its metrics.

use std::fs;

use serde_json::Value;
use tokio::time::timeout;

use crate::{Edge, PATIENCE};

impl Edge {
    /// Changes the configuration file, all at once as a careful operator does.
    pub fn change(&self, change: impl FnOnce(&mut Value)) {
        let file = self.folder().join("flow-edge.yaml");
        let mut config = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        change(&mut config);
        self.write("flow-edge.yaml", &config.to_string());
    }

    /// Puts a file into the edge's folder, in place of one that may be there.
    pub fn write(&self, name: &str, content: &str) {
        let new = self.folder().join(format!("{name}.new"));
        fs::write(&new, content).unwrap();
        fs::rename(new, self.folder().join(name)).unwrap();
    }

    /// The metrics, in Prometheus' text format.
    pub async fn metrics(&self) -> String {
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        http.get(self.admin_url("/metrics")).send().await.unwrap().text().await.unwrap()
    }

    /// The value of one series, written as in the text format; there must be such a series.
    pub async fn metric(&self, series: &str) -> u64 {
        let metrics = self.metrics().await;
        let value = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("no {series} in\n{metrics}")).parse().unwrap()
    }

    /// How often a `private_key` or an `app_secret` of the endpoint `flow` was of use.
    pub async fn uses(&self, what: &str, fingerprint: &str) -> u64 {
        // Labels stand in the order of their names.
        let mut labels = [format!("flow_{what}=\"{fingerprint}\""), "flow_endpoint=\"flow\"".to_owned()];
        labels.sort();
        self.metric(&format!("flow_{what}_uses_total{{{}}}", labels.join(","))).await
    }

    /// Whether the edge says that it is ready.
    pub async fn is_ready(&self) -> bool {
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        http.get(self.admin_url("/readyz")).send().await.unwrap().status() == 200
    }

    /// Waits until the edge says that it is ready.
    pub async fn ready(&self) {
        let ready = async { while !self.is_ready().await {} };
        timeout(PATIENCE, ready).await.expect("the edge gets ready");
    }

    /// How many reloads have ended like this.
    pub async fn reload_count(&self, outcome: &str) -> u64 {
        self.metric(&format!("flow_reloads_total{{flow_outcome=\"{outcome}\"}}")).await
    }

    /// Waits until so many reloads have ended like this.
    pub async fn reloads(&self, outcome: &str, count: u64) {
        let counted = async { while self.reload_count(outcome).await < count {} };
        timeout(PATIENCE, counted).await.unwrap_or_else(|_| panic!("no {count} reloads were {outcome}"));
    }
}
