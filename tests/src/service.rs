//! A logic service of an example, as a process.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::PATIENCE;

/// A running service that logs JSON lines on standard error. It ends with this.
#[derive(Debug)]
pub struct ExampleService {
    address: SocketAddr,
    log: watch::Receiver<Vec<String>>,
    _process: Child,
}

impl ExampleService {
    /// Starts a program on a port that the system chooses, in this folder and with these variables.
    pub async fn start(program: &Path, folder: &Path, variables: &[(&str, String)]) -> Self {
        let mut process = Command::new(program)
            .current_dir(folder)
            .env("FLOW_LOGIC_LISTEN", "127.0.0.1:0")
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let (keep, mut log) = watch::channel(Vec::new());
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                keep.send_modify(|log: &mut Vec<String>| log.push(line));
            }
        });
        let mut address = None;
        let listens = log.wait_for(|log| {
            address = log.iter().find_map(|line| {
                let said: Value = serde_json::from_str(line).ok()?;
                said["address"].as_str()?.parse().ok()
            });
            address.is_some()
        });
        timeout(PATIENCE, listens).await.expect("the service listens").expect("the service runs");
        Self { address: address.unwrap(), log, _process: process }
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it has logged so far.
    pub fn log(&self) -> Vec<String> {
        self.log.borrow().clone()
    }
}
