//! `flowctl dev`: from nothing to a running endpoint, and again.

use std::collections::BTreeMap;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::Path;
use std::process::Command;

use flow_edge::config::Config;
use flow_logic_sdk::{DataExchange, Error, FlowLogic, Reply};
use flow_proto::v1::flow_service_server::{FlowService, FlowServiceServer};
use flow_proto::v1::{
    HandleDataExchangeRequest, HandleDataExchangeResponse, HandleErrorRequest, HandleErrorResponse, PingRequest,
    PingResponse,
};
use serde_json::json;
use tempfile::tempdir;
use tokio::runtime::Runtime;
use tonic::{Request, Response, Status};

use crate::front;
use crate::process::{Finished, Process, flowctl};

/// Starts in this folder on a free port, waits until all is ready, and stops.
fn start_and_stop(folder: &Path) -> Finished {
    let mut dev = Process::start(folder, &["dev", "--port", "0"]);
    dev.stdout.wait_for("ready: ");
    dev.terminate()
}

fn files(folder: &Path) -> BTreeMap<String, String> {
    let entry = |entry: fs::DirEntry| {
        let name = entry.file_name().to_str().unwrap().to_owned();
        (name, fs::read_to_string(entry.path()).unwrap())
    };
    fs::read_dir(folder.join(".flow-dev")).unwrap().map(|file| entry(file.unwrap())).collect()
}

#[test]
fn from_nothing_it_plays_a_conversation_and_serves_until_sigterm() {
    let folder = tempdir().unwrap();
    let dev = start_and_stop(folder.path());
    assert_eq!(dev.code, Some(0), "{dev:?}");
    let lines: Vec<_> = dev.stdout.lines().collect();
    let [ready, console] = lines[..] else { panic!("{}", dev.stdout) };
    assert!(ready.starts_with("ready: https://127.0.0.1:") && ready.ends_with("/flows/appointments"), "{ready}");
    assert!(console.starts_with("console: http://127.0.0.1:"), "{console}");

    assert!(dev.stderr.contains("< APPOINTMENT  (200"), "{}", dev.stderr);
    assert!(dev.stderr.contains("< the flow is finished"), "{}", dev.stderr);
    let secret = &files(folder.path())["app-secret"];
    assert!(!dev.stderr.contains(secret.trim()), "the app secret was printed");
}

#[test]
fn what_it_says_to_try_next_works_as_it_stands() {
    let folder = tempdir().unwrap();
    let mut dev = Process::start(folder.path(), &["dev", "--port", "0"]);
    let command = dev.stderr.wait_for(env!("CARGO_BIN_EXE_flowctl"));
    let command = format!("{}{command}", env!("CARGO_BIN_EXE_flowctl"));
    let tried = Process::spawn(Command::new("sh").args(["-c", &command]).current_dir(folder.path()), "").finish();
    assert_eq!(tried.code, Some(0), "{command}\n{tried:?}");
    assert!(tried.stdout.contains("APPOINTMENT"), "{}", tried.stdout);
}

#[test]
fn a_second_start_uses_the_same_files() {
    let folder = tempdir().unwrap();
    let first = start_and_stop(folder.path());
    assert!(first.stderr.contains("made in .flow-dev: "), "{}", first.stderr);
    let made = files(folder.path());
    let second = start_and_stop(folder.path());
    assert_eq!(second.code, Some(0), "{second:?}");
    assert!(!second.stderr.contains("made in .flow-dev"), "{}", second.stderr);
    assert_eq!(files(folder.path()), made);
}

#[test]
fn what_it_makes_is_private_and_a_configuration_for_flow_edge() {
    let folder = tempdir().unwrap();
    start_and_stop(folder.path());
    let made = folder.path().join(".flow-dev");
    for name in ["private-key.pem", "tls-private-key.pem", "app-secret"] {
        let mode = fs::metadata(made.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    assert_eq!(fs::read_to_string(made.join(".gitignore")).unwrap(), "*\n");
    let config = Config::load(&made.join("flow-edge.yaml")).unwrap();
    assert_eq!(config.listen.address, "127.0.0.1:8443".parse().unwrap());
    assert!(config.listen.tls.is_some());
    assert_eq!(config.endpoints[0].path, "/flows/appointments");
    assert_eq!(config.endpoints[0].logic.target.url, "http://127.0.0.1:50051");
}

#[test]
fn a_taken_port_is_said_and_only_an_explicit_one_is_an_error() {
    let folder = tempdir().unwrap();
    start_and_stop(folder.path());
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    // The default is what the configuration says.
    let config_file = folder.path().join(".flow-dev/flow-edge.yaml");
    let config = fs::read_to_string(&config_file).unwrap().replace("127.0.0.1:8443", &address);
    fs::write(&config_file, &config).unwrap();

    let mut dev = Process::start(folder.path(), &["dev"]);
    dev.stderr.wait_for(&format!("{address} is taken"));
    let url = dev.stdout.wait_for("ready: ");
    assert!(!url.contains(&address), "{url}");
    assert_eq!(dev.terminate().code, Some(0));
    assert_eq!(fs::read_to_string(&config_file).unwrap(), config, "the configuration is the user's");

    let port = taken.local_addr().unwrap().port().to_string();
    let refused = flowctl(folder.path(), &["dev", "--port", &port]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains(&format!("{address} is taken")), "{}", refused.stderr);
    assert_eq!(refused.stdout, "");
}

#[test]
fn a_conversation_that_fails_says_at_which_step() {
    let folder = tempdir().unwrap();
    start_and_stop(folder.path());
    let config_file = folder.path().join(".flow-dev/flow-edge.yaml");
    let config = fs::read_to_string(&config_file).unwrap();
    fs::write(&config_file, config + "limits:\n  max_body: 1B\n").unwrap();
    let failed = flowctl(folder.path(), &["dev", "--port", "0"]);
    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert!(failed.stderr.contains("status: expected 200, came 413"), "{}", failed.stderr);
    assert!(failed.stderr.contains("the conversation failed at step 1, \""), "{}", failed.stderr);
    assert_eq!(failed.stdout, "");
}

#[test]
fn a_broken_file_is_named_and_left_alone() {
    for name in ["private-key.pem", "public-key.pem", "app-secret", "tls-certificate.pem", "flow-edge.yaml"] {
        let folder = tempdir().unwrap();
        start_and_stop(folder.path());
        let file = folder.path().join(".flow-dev").join(name);
        let broken = if name == "app-secret" { "\n" } else { "broken: yes\n" };
        fs::write(&file, broken).unwrap();
        let refused = flowctl(folder.path(), &["dev", "--port", "0"]);
        assert_eq!(refused.code, Some(1), "{name}: {refused:?}");
        assert!(refused.stderr.contains(name), "{name}: {}", refused.stderr);
        assert_eq!(fs::read_to_string(&file).unwrap(), broken);
    }
}

#[test]
fn a_public_key_of_another_pair_is_found_out() {
    let folder = tempdir().unwrap();
    start_and_stop(folder.path());
    flowctl(folder.path(), &["keys", "generate", "--out", "other"]);
    let public_key = folder.path().join(".flow-dev/public-key.pem");
    fs::copy(folder.path().join("other/public-key.pem"), &public_key).unwrap();
    let refused = flowctl(folder.path(), &["dev", "--port", "0"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("public-key.pem: it is not the other half"), "{}", refused.stderr);
}

#[test]
fn a_folder_that_is_a_link_is_refused_and_gets_nothing() {
    for there in [true, false] {
        let (folder, elsewhere) = (tempdir().unwrap(), tempdir().unwrap());
        let target = elsewhere.path().join("target");
        if there {
            fs::create_dir(&target).unwrap();
        }
        symlink(&target, folder.path().join(".flow-dev")).unwrap();
        let refused = flowctl(folder.path(), &["dev", "--port", "0"]);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.stderr.contains(".flow-dev: it is a symbolic link"), "{}", refused.stderr);
        assert!(refused.stderr.contains("remove it"), "{}", refused.stderr);
        let got = fs::read_dir(&target).map_or(0, Iterator::count);
        assert_eq!((got, target.exists()), (0, there));
    }
}

#[test]
fn a_folder_of_another_user_is_refused() {
    let folder = tempdir().unwrap();
    let state = folder.path().join(".flow-dev");
    fs::create_dir(&state).unwrap();
    if chown(&state, Some(12345), None).is_err() {
        // Only root can give a folder away.
        let missing = "not root, so a folder of another user is not tested";
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{missing}");
        return eprintln!("{missing}");
    }
    let refused = flowctl(folder.path(), &["dev", "--port", "0"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains(".flow-dev: it belongs to another user (uid 12345)"), "{}", refused.stderr);
    assert_eq!(fs::read_dir(&state).unwrap().count(), 0);
}

/// A logic that is not the sample.
struct Other;

impl FlowLogic for Other {
    async fn data_exchange(&self, _: DataExchange) -> Result<Reply, Error> {
        Ok(Reply::screen("SOMEWHERE_ELSE", json!({"greeting": "hello"})))
    }
}

impl Other {
    /// Serves until the runtime is dropped.
    fn serve() -> (Runtime, SocketAddr) {
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(flow_logic_sdk::serve_until(Self, listener, std::future::pending()));
        (runtime, address)
    }
}

/// Starts with this logic, and sees that its answers come through.
fn play_with(folder: &Path, logic: &[&str]) {
    let mut dev = Process::start(folder, &[&["dev", "--port", "0"], logic].concat());
    let url = dev.stdout.wait_for("ready: ");
    assert!(url.ends_with("/flows/flow"), "the name of the sample says nothing true of another flow: {url}");
    let dev = dev.terminate();
    assert_eq!(dev.code, Some(0), "{dev:?}");
    assert!(!dev.stderr.contains("dev --logic http"), "what was just done is no advice: {}", dev.stderr);
    assert!(dev.stderr.contains("conformance --logic"), "{}", dev.stderr);
    assert!(dev.stderr.contains("< SOMEWHERE_ELSE"), "{}", dev.stderr);
    assert!(dev.stderr.contains("hello"), "{}", dev.stderr);
}

#[test]
fn logic_of_ones_own_takes_the_place_of_the_sample() {
    let folder = tempdir().unwrap();
    let (_runtime, address) = Other::serve();
    play_with(folder.path(), &["--logic", &format!("http://{address}")]);
}

#[test]
fn logic_over_https_is_known_by_the_authority_that_is_given() {
    let folder = tempdir().unwrap();
    let (_runtime, address) = Other::serve();
    let logic = front::https(folder.path(), address, &["h2"]);
    play_with(folder.path(), &["--logic", &logic, "--logic-ca", "ca.pem"]);

    let untrusted = flowctl(folder.path(), &["dev", "--port", "0", "--logic", &logic]);
    assert_eq!(untrusted.code, Some(1), "{untrusted:?}");
    let said = format!("a ping does not get through to {logic}: the certificate is signed by nobody");
    assert!(untrusted.stderr.contains(&said), "{}", untrusted.stderr);
    assert!(untrusted.stderr.contains("--logic-ca FILE names the certificate"), "{}", untrusted.stderr);
    assert!(!untrusted.stderr.contains("Start the FlowService first"), "{}", untrusted.stderr);
    assert_eq!(untrusted.stdout, "");
}

#[test]
fn logic_may_listen_on_a_unix_socket() {
    let folder = tempdir().unwrap();
    let (_runtime, address) = Other::serve();
    play_with(folder.path(), &["--logic", &front::unix(folder.path(), address)]);
}

#[test]
fn logic_that_is_not_there_is_said() {
    let folder = tempdir().unwrap();
    let logic = format!("unix://{}", folder.path().join("nobody-listens-here").display());
    let refused = flowctl(folder.path(), &["dev", "--port", "0", "--logic", &logic]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let said = format!("a ping does not get through to {logic}");
    assert!(refused.stderr.contains(&said), "{}", refused.stderr);
    assert!(refused.stderr.contains("Start the FlowService first"), "{}", refused.stderr);
    assert_eq!(refused.stdout, "");
}

/// A logic that has no Ping, or fails at the opening of the flow.
#[derive(Clone, Copy)]
struct Failing {
    has_ping: bool,
}

#[tonic::async_trait]
impl FlowService for Failing {
    async fn handle_data_exchange(
        &self,
        _: Request<HandleDataExchangeRequest>,
    ) -> Result<Response<HandleDataExchangeResponse>, Status> {
        Err(Status::internal("the table is \u{1b}[2Jgone"))
    }

    async fn handle_error(&self, _: Request<HandleErrorRequest>) -> Result<Response<HandleErrorResponse>, Status> {
        Ok(Response::new(HandleErrorResponse::default()))
    }

    async fn ping(&self, _: Request<PingRequest>) -> Result<Response<PingResponse>, Status> {
        if self.has_ping { Ok(Response::new(PingResponse::default())) } else { Err(Status::unimplemented("")) }
    }
}

impl Failing {
    fn serve(self) -> (Runtime, SocketAddr) {
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move {
            let (health, service) = tonic_health::server::health_reporter();
            health.set_serving::<FlowServiceServer<Self>>().await;
            let router = tonic::transport::Server::builder().add_service(service);
            let incoming = tonic::transport::server::TcpIncoming::from(listener);
            router.add_service(FlowServiceServer::new(self)).serve_with_incoming(incoming).await
        });
        (runtime, address)
    }
}

#[test]
fn logic_that_fails_is_not_ready_and_its_own_words_are_shown() {
    let folder = tempdir().unwrap();
    let (_runtime, address) = Failing { has_ping: true }.serve();
    let mut dev = Process::start(folder.path(), &["dev", "--port", "0", "--logic", &format!("http://{address}")]);
    dev.stdout.wait_for("serving: ");
    let dev = dev.terminate();
    assert_eq!(dev.code, Some(0), "{dev:?}");
    assert!(!dev.stdout.contains("ready"), "{}", dev.stdout);
    assert!(dev.stderr.contains("logic says: status INTERNAL \"the table is \\u{1b}[2Jgone\""), "{}", dev.stderr);
    assert!(dev.stderr.contains("not all was well"), "{}", dev.stderr);
}

#[test]
fn logic_without_ping_that_runs_is_not_to_be_started() {
    let folder = tempdir().unwrap();
    let (_runtime, address) = Failing { has_ping: false }.serve();
    let mut dev = Process::start(folder.path(), &["dev", "--port", "0", "--logic", &format!("http://{address}")]);
    dev.stdout.wait_for("serving: ");
    let dev = dev.terminate();
    assert!(!dev.stderr.contains("Start the FlowService"), "{}", dev.stderr);
    assert!(dev.stderr.contains("logic says: status UNIMPLEMENTED"), "{}", dev.stderr);
    assert!(dev.stderr.contains("Ping should answer with an empty PingResponse"), "{}", dev.stderr);
}

#[test]
fn a_conversation_of_ones_own_is_played_in_place_of_the_other() {
    let folder = tempdir().unwrap();
    let script = "name: mine\nsteps:\n  - { name: only, send: { action: INIT }, expect: { screen: SOMEWHERE_ELSE } }\n";
    fs::write(folder.path().join("mine.yaml"), script).unwrap();
    let (_runtime, address) = Other::serve();
    let logic = format!("http://{address}");
    let arguments = ["dev", "--port", "0", "--logic", &logic, "--script", "mine.yaml"];
    let mut dev = Process::start(folder.path(), &arguments);
    dev.stdout.wait_for("ready: ");
    let dev = dev.terminate();
    assert!(dev.stderr.contains("mine, as its user sees it:") && dev.stderr.contains("1  only"), "{}", dev.stderr);

    let more = "  - { name: wrong, send: { action: INIT }, expect: { screen: NOWHERE } }\n  - { name: never, send: { action: INIT } }\n";
    fs::write(folder.path().join("mine.yaml"), format!("{script}{more}")).unwrap();
    let mut dev = Process::start(folder.path(), &arguments);
    dev.stdout.wait_for("serving: ");
    let dev = dev.terminate();
    assert!(dev.stderr.contains("failed at step 2, \"wrong\"; 1 step was not played"), "{}", dev.stderr);
}

#[test]
fn plain_serves_without_tls_for_a_tunnel() {
    let folder = tempdir().unwrap();
    let mut dev = Process::start(folder.path(), &["dev", "--port", "0", "--plain"]);
    let url = dev.stdout.wait_for("ready: ");
    assert!(url.starts_with("http://127.0.0.1:"), "{url}");
    let ran = flowctl(folder.path(), &["simulate", r#"{"action":"ping"}"#]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let port = url.split(['/', ':']).nth(4).unwrap().to_owned();
    let dev = dev.terminate();
    assert!(dev.stderr.contains(&format!("ngrok http {port}\n")), "{}", dev.stderr);
    assert!(dev.stderr.contains(&format!("cloudflared tunnel --url http://127.0.0.1:{port}\n")), "{}", dev.stderr);

    // As `config/tunnel-notes.txt` of somebody who tried says what each needs.
    let dev = start_and_stop(folder.path());
    assert!(dev.stderr.contains(" --no-tls-verify\n") && dev.stderr.contains("ngrok http https://"), "{}", dev.stderr);
}
