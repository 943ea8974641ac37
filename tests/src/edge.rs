//! The edge as a process, from the configuration file to the exit code.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output, Stdio};
use std::sync::{Arc, LazyLock};
use std::thread::{self, JoinHandle};

use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::sync::{Mutex, OwnedMutexGuard, watch};
use tokio::time::timeout;

use crate::private::Private;
use crate::{APP_SECRET, Client, Logic, OTHER_APP_SECRET, PATIENCE, Tls, is_there, key_file};

/// Where an edge listens that is told nothing else: a port that the system chooses.
pub const ADDRESS: &str = "127.0.0.1:0";

/// The name that resolves as [`EdgeBuilder::resolving`] says.
pub const NAME: &str = "logic.test";

/// Puts the edge in a mount namespace where a file of its folder is the system's `hosts`, and becomes the edge: the way to a name
/// with several addresses that leaves the machine as it is.
const WITH_HOSTS: &str = r#"mount --bind "$1" /etc/hosts && shift && exec "$@""#;

/// Whether an edge can have a [`NAME`] resolved: it takes root. See [`is_there`] for what becomes of a test otherwise.
pub async fn can_resolve() -> bool {
    is_there(&["unshare", "--mount", "true"]).await
}

/// The folder with the binaries of this very source: stale ones would test yesterday's edge. Built as the tests of the whole
/// workspace are, so that nothing is compiled twice.
static BINARIES: LazyLock<PathBuf> = LazyLock::new(|| {
    let mut build = std::process::Command::new(env!("CARGO"));
    build.args([
        "build",
        "--quiet",
        "--workspace",
        "--bin",
        "flow-edge",
        "--bin",
        "flowctl",
        "--bin",
        "rust-appointment",
        "--tests",
    ]);
    build.arg("--manifest-path").arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"));
    if !cfg!(debug_assertions) {
        build.arg("--release");
    }
    assert!(build.status().unwrap().success(), "cargo builds the binaries");
    // This test lies in `deps` beside it.
    std::env::current_exe().unwrap().parent().and_then(Path::parent).unwrap().to_owned()
});

/// A binary of the workspace, built.
pub fn binary(name: &str) -> PathBuf {
    BINARIES.join(name)
}

/// Runs `flow-edge` to its end.
pub async fn run(arguments: &[&str], folder: &Path) -> Output {
    run_binary("flow-edge", arguments, folder).await
}

/// Runs `flowctl` to its end.
pub async fn flowctl(arguments: &[&str], folder: &Path) -> Output {
    run_binary("flowctl", arguments, folder).await
}

async fn run_binary(name: &str, arguments: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(BINARIES.join(name));
    let output = command.args(arguments).current_dir(folder).kill_on_drop(true).output();
    timeout(PATIENCE, output).await.expect("the binary ends").unwrap()
}

/// An edge to be: one endpoint on `/flow` unless told otherwise, HTTPS, any port.
#[derive(Debug)]
pub struct EdgeBuilder {
    tls: Option<Tls>,
    listen: Value,
    endpoints: Vec<Value>,
    sections: Map<String, Value>,
    files: Vec<(String, String)>,
    hosts: Option<String>,
    variables: Vec<(String, String)>,
    under: Vec<String>,
    arguments: Vec<String>,
    log_level: &'static str,
}

/// A running edge. It logs everything there is unless told otherwise, and when it ends, nothing of that may be private.
#[derive(Debug)]
pub struct Edge {
    process: Child,
    address: SocketAddr,
    admin_address: SocketAddr,
    tls: Option<Tls>,
    /// Every line so far; closed when the process has closed its end.
    log: watch::Receiver<Vec<String>>,
    log_reader: Option<JoinHandle<()>>,
    log_gate: Arc<Mutex<()>>,
    private: Private,
    folder: TempDir,
}

/// An edge that ended.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// Every line that it logged.
    pub log: Vec<String>,
}

impl Edge {
    /// An edge in front of one logic.
    pub fn before(logic: &Logic) -> EdgeBuilder {
        Self::before_url(&logic.url())
    }

    /// An edge in front of whatever is or is not at this URL.
    pub fn before_url(url: &str) -> EdgeBuilder {
        Self::without_endpoints().endpoint(json!({ "logic": { "url": url } }))
    }

    /// An edge that still needs its endpoints.
    pub fn without_endpoints() -> EdgeBuilder {
        EdgeBuilder {
            tls: Some(Tls::new()),
            listen: json!({}),
            endpoints: Vec::new(),
            sections: Map::new(),
            files: Vec::new(),
            hosts: None,
            variables: Vec::new(),
            under: Vec::new(),
            arguments: Vec::new(),
            log_level: "trace",
        }
    }

    /// A client for the endpoint on `/flow`, with the right key and secret.
    pub fn client(&self) -> Client {
        Client::new(self, "/flow")
    }

    /// The public listener.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// URL of a path on the public listener.
    pub fn url(&self, path: &str) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}{path}", self.address)
    }

    /// URL of a path on the admin listener.
    pub fn admin_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.admin_address)
    }

    /// PEM of the certificate that clients should trust.
    pub fn certificate(&self) -> &str {
        &self.tls.as_ref().expect("an edge with TLS").certificate
    }

    /// The edge's folder: `tls.crt`, `app-secret`, `other-app-secret`.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Sends a signal.
    pub async fn signal(&self, name: &str) {
        let process = self.process.id().expect("a running edge").to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &process]).status().await.unwrap().success());
    }

    /// The process.
    pub fn process(&self) -> u32 {
        self.process.id().expect("a running edge")
    }

    /// Whether the process still runs.
    pub fn is_running(&mut self) -> bool {
        self.process.try_wait().unwrap().is_none()
    }

    /// Waits until the log has a line with this text.
    pub async fn wait_for_log(&mut self, text: &str) {
        wait_for_line(&mut self.log, |line| line.contains(text).then_some(())).await;
    }

    /// Every line so far.
    pub fn log(&self) -> Vec<String> {
        self.log.borrow().clone()
    }

    /// Lets nobody read the log until what this returns is dropped.
    pub async fn hold_log(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.log_gate).lock_owned().await
    }

    /// Waits for the end of the process.
    pub async fn wait(mut self) -> Finished {
        let status = timeout(PATIENCE, self.process.wait()).await.expect("the edge ends").unwrap();
        self.log_reader.take().unwrap().join().unwrap();
        Finished { status, log: self.log.borrow().clone() }
    }

    /// Gives [`NAME`] other addresses.
    pub fn resolve(&self, addresses: &[IpAddr]) {
        // Written in place: another file of that name would not be the one that the edge sees.
        fs::write(self.folder().join("hosts"), hosts(addresses)).unwrap();
    }

    /// Stops the edge as Kubernetes does.
    pub async fn stop(self) -> Finished {
        self.private.assert_absent(&[self.metrics().await]);
        self.signal("TERM").await;
        self.wait().await
    }

    /// Fails the test where a line holds what this edge's clients sealed or got, or a secret or key of it.
    pub fn assert_nothing_private(&self, lines: &[String]) {
        self.private.assert_absent(lines);
    }

    pub(crate) fn private(&self) -> &Private {
        &self.private
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.start_kill();
        if let Some(reader) = self.log_reader.take() {
            let _ = reader.join();
        }
        if !thread::panicking() {
            self.private.assert_absent(&self.log.borrow());
        }
    }
}

impl EdgeBuilder {
    /// One more endpoint; what it leaves out is as in [`Edge::before`].
    pub fn endpoint(mut self, endpoint: Value) -> Self {
        let mut complete = json!({
            "name": "flow",
            "path": "/flow",
            "private_keys": [{ "file": key_file("current.pem") }],
            "app_secrets": [{ "file": "app-secret" }],
        });
        merge(&mut complete, endpoint);
        self.endpoints.push(complete);
        self
    }

    /// Changes the last endpoint.
    pub fn with(mut self, change: Value) -> Self {
        merge(self.endpoints.last_mut().expect("an endpoint"), change);
        self
    }

    /// Changes the section `listen`.
    pub fn listen(mut self, change: Value) -> Self {
        merge(&mut self.listen, change);
        self
    }

    /// A section beside `listen` and `endpoints`, such as `limits`.
    pub fn section(mut self, name: &str, section: Value) -> Self {
        self.sections.insert(name.to_owned(), section);
        self
    }

    /// One more file in the edge's folder.
    pub fn file(mut self, name: &str, content: &str) -> Self {
        self.files.push((name.to_owned(), content.to_owned()));
        self
    }

    /// Lets [`NAME`] have these addresses. Wants [`can_resolve`].
    pub fn resolving(mut self, addresses: &[IpAddr]) -> Self {
        self.hosts = Some(hosts(addresses));
        self
    }

    /// Variables of its environment, such as those of OpenTelemetry.
    pub fn variables(mut self, variables: &[(&str, String)]) -> Self {
        self.variables.extend(variables.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        self
    }

    /// Started by another program, which becomes the edge.
    pub fn under(mut self, command: &[&str]) -> Self {
        self.under = command.iter().map(|&word| word.to_owned()).collect();
        self
    }

    /// Further arguments of `serve`.
    pub fn arguments(mut self, arguments: &[&str]) -> Self {
        self.arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        self
    }

    /// Plain HTTP, as behind a proxy that terminates TLS.
    pub fn without_tls(mut self) -> Self {
        self.tls = None;
        self
    }

    /// Logs as in production: under load, writing the level `trace` would be what is measured.
    pub fn quiet(mut self) -> Self {
        self.log_level = "info";
        self
    }

    /// Starts the process and waits until it listens.
    pub async fn start(self) -> Edge {
        let folder = TempDir::new().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("app-secret", &format!("{APP_SECRET}\n"));
        write("other-app-secret", OTHER_APP_SECRET);
        for (name, content) in &self.files {
            write(name, content);
        }
        let mut listen = self.listen;
        listen["address"] = ADDRESS.into();
        if let Some(tls) = &self.tls {
            write("tls.crt", &tls.certificate);
            write("tls.key", &tls.private_key);
            listen["tls"] = json!({ "certificate_file": "tls.crt", "private_key_file": "tls.key" });
        }
        let private = Private::default();
        for endpoint in &self.endpoints {
            let files =
                ["private_keys", "app_secrets"].map(|key| endpoint[key].as_array().unwrap()).into_iter().flatten();
            let names = files.flat_map(|files| [&files["file"], &files["passphrase_file"]]).filter_map(Value::as_str);
            names.for_each(|name| private.add_file(&fs::read_to_string(folder.path().join(name)).unwrap()));
        }
        private.add_file(self.tls.as_ref().map_or("", |tls| &tls.private_key));
        let mut config = self.sections;
        config.insert("listen".to_owned(), listen);
        config.insert("endpoints".to_owned(), self.endpoints.into());
        config.entry("admin").or_insert(json!({ "address": ADDRESS }));
        // Every JSON document is a YAML document.
        write("flow-edge.yaml", &Value::Object(config).to_string());

        let mut words: Vec<OsString> = self.under.into_iter().map(Into::into).collect();
        if let Some(hosts) = &self.hosts {
            write("hosts", hosts);
            words.extend(["unshare", "--mount", "sh", "-c", WITH_HOSTS, "sh"].map(Into::into));
            words.push(folder.path().join("hosts").into());
        }
        words.push(BINARIES.join("flow-edge").into());
        let mut process = Command::new(&words[0])
            .args(&words[1..])
            .args(["serve", "--config"])
            .arg(folder.path().join("flow-edge.yaml"))
            .args(self.arguments)
            .env("RUST_LOG", self.log_level)
            .envs(self.variables)
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let log_gate = Arc::default();
        let (mut log, log_reader) =
            collect(Arc::clone(&log_gate), process.stderr.take().unwrap().into_owned_fd().unwrap().into());
        let (address, admin_address) = wait_for_line(&mut log, |line| {
            let event: Value = serde_json::from_str(line).unwrap_or_default();
            let address = |field: &str| event[field].as_str().unwrap().parse().unwrap();
            (event["message"] == "listening").then(|| (address("address"), address("admin_address")))
        })
        .await;
        Edge {
            process,
            address,
            admin_address,
            tls: self.tls,
            log,
            log_reader: Some(log_reader),
            log_gate,
            private,
            folder,
        }
    }
}

/// Collects the log line by line, on a thread: a test must be able to wait for its end where nothing async runs any more.
fn collect(gate: Arc<Mutex<()>>, stderr: File) -> (watch::Receiver<Vec<String>>, JoinHandle<()>) {
    let (sender, log) = watch::channel(Vec::new());
    let reader = thread::spawn(move || {
        for line in BufReader::new(stderr).lines() {
            let line = line.unwrap();
            drop(gate.blocking_lock());
            sender.send_modify(|log: &mut Vec<String>| log.push(line));
        }
    });
    (log, reader)
}

async fn wait_for_line<T>(log: &mut watch::Receiver<Vec<String>>, wanted: impl Fn(&str) -> Option<T>) -> T {
    let (mut found, mut looked_at) = (None, 0);
    let look = log.wait_for(|lines| {
        found = lines[looked_at..].iter().find_map(|line| wanted(line));
        looked_at = lines.len();
        found.is_some()
    });
    let missing = match timeout(PATIENCE, look).await {
        Ok(Ok(_)) => return found.expect("the line that was waited for"),
        Ok(Err(_)) => "the edge ended without the line",
        Err(_) => "the edge did not log the line",
    };
    panic!("{missing}: {:#?}", *log.borrow());
}

fn hosts(addresses: &[IpAddr]) -> String {
    let lines = addresses.iter().map(|address| format!("{address} {NAME}\n"));
    lines.chain(["127.0.0.1 localhost\n".to_owned()]).collect()
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}
