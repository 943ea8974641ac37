//! `flowctl dev`: an edge, a logic service and the messaging client on one machine, with nothing to prepare.
//!
//! All three are the real ones: the edge is `flow-edge`'s own server over HTTPS, the sample flow is served over gRPC, and the
//! client checks the certificate. Only the files in `.flow-dev` are made here.

mod show;
mod state;

use std::convert::Infallible;
use std::future;
use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use flow_edge::config::{Config, LogicTarget};
use flow_edge::server::shutdown::Signals;
use flow_edge::server::{BindError, Drained, Server};
use flow_logic_sdk::ServeError;
use flow_telemetry::{Service, Telemetry};
use reqwest::Url;
use rust_appointment::Appointments;
use rust_appointment::bookings::Memory;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::timeout;
use tracing::level_filters::LevelFilter;

use self::state::State;
use crate::client::{self, Answer, Client, Object, fresh_flow_token};
use crate::http;
use crate::logic::{self, Logic, Target, Unreachable};
use crate::play::play;
use crate::script::{self, Script};

/// The conversation that is played, the same that ships with the sample flow.
const CONVERSATION: &str = include_str!("../../../examples/flows/appointment.conversation.yaml");

/// One process has one name: that of the edge, though the sample flow runs in it as well.
const SERVICE: Service =
    Service { name: "flow-edge", version: env!("CARGO_PKG_VERSION"), level: LevelFilter::WARN, tracing_spans: true };

#[derive(Debug, Args)]
#[command(after_help = "\
Without --logic the edge stands before a sample flow. Keys, app secret, certificate and configuration are made in .flow-dev \
where they are missing, and used again. The log shows warnings; RUST_LOG changes that.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    logic: Logic,
    /// Port of the edge, 0 for any free one [default: 8443, or a free one where that is taken]
    #[arg(long)]
    port: Option<u16>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Logic(#[from] logic::Error),
    #[error(transparent)]
    State(#[from] state::Error),
    #[error("cannot start: {0}")]
    Start(io::Error),
    #[error("the sample flow cannot be served: {0}")]
    Sample(#[from] ServeError),
    #[error("the sample flow's conversation cannot be played: {0}")]
    Script(#[from] script::Error),
    #[error("{address} is taken; another --port, or none, would do")]
    PortTaken { address: SocketAddr },
    #[error(transparent)]
    Telemetry(#[from] flow_telemetry::TelemetryError),
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error("{}: listen.tls is missing; `flowctl dev` plays over HTTPS", file.display())]
    NoTls { file: PathBuf },
    #[error("the endpoint's path {path} cannot be part of a URL")]
    Path { path: String },
    #[error(transparent)]
    Client(#[from] client::Error),
    #[error("the conversation failed at step {number}, \"{name}\"")]
    Conversation { number: usize, name: String },
    #[error("a ping does not get through to {logic}: {source}")]
    Exchange { logic: String, source: client::Error },
    #[error(
        "a ping does not get through to {logic}: {explanation}\nStart the FlowService first; it should listen there."
    )]
    Ping { logic: String, explanation: String },
    #[error("a ping does not get through to {logic}: {source}")]
    Unreachable { logic: String, source: Unreachable },
    #[error("cannot print: {0}")]
    Print(io::Error),
    #[error("a server broke down: {0}")]
    Task(#[from] JoinError),
}

pub(crate) fn run(arguments: Arguments) -> Result<ExitCode, Error> {
    let logic = arguments.logic.open()?;
    let state = State::open(Path::new(state::FOLDER))?;
    if !state.made.is_empty() {
        talk(&format!("made in {}: {}", state::FOLDER, state.made.join(", ")));
    }
    let runtime = tokio::runtime::Runtime::new().map_err(Error::Start)?;
    let _in_runtime = runtime.enter();
    let telemetry = flow_telemetry::start(SERVICE)?;
    runtime.block_on(dev(logic.as_ref(), arguments.port, &state, &telemetry))
}

async fn dev(
    logic: Option<&Target>,
    port: Option<u16>,
    state: &State,
    telemetry: &Telemetry,
) -> Result<ExitCode, Error> {
    let signals = Signals::listen().map_err(Error::Start)?;
    let (target, sample) = match logic {
        Some(logic) => (logic.configured(), None),
        None => {
            let sample = Sample::start().await?;
            (LogicTarget { url: sample.url.clone(), tls: None }, Some(sample))
        }
    };
    let (server, path) = bind(state, port, &target, telemetry).await?;
    let url =
        Url::parse(&format!("https://{}{path}", reachable(server.address()))).map_err(|_| Error::Path { path })?;
    talk(&format!("logic: {}", if sample.is_some() { "the sample flow, in this process" } else { &target.url }));
    talk(&format!("edge:  {url}"));
    let client =
        Client::new(url.clone(), Some(state.certificates.clone()), state.public_key.clone(), state.app_secret.clone())?;

    let (stop_edge, edge_stops) = oneshot::channel::<()>();
    let edge = tokio::spawn(server.serve_until(async { drop(edge_stops.await) }));
    let ended = tokio::select! {
        Err(error) = session(logic, state, &client, &url) => Err(error),
        () = signals.stop() => Ok(()),
    };
    // The edge first: what it still answers needs the logic.
    drop(client);
    drop(stop_edge);
    let drained = edge.await?;
    if let Some(sample) = sample {
        sample.stop().await?;
    }
    ended.map(|()| if drained == Drained::Clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Plays, says that all is ready, and waits for ever; it returns only where something failed.
async fn session(logic: Option<&Target>, state: &State, client: &Client, url: &Url) -> Result<Infallible, Error> {
    match logic {
        Some(logic) => greet(client, logic).await?,
        None => play_sample(client).await?,
    }
    let mut out = io::stdout().lock();
    writeln!(out, "ready: {url}").and_then(|()| out.flush()).map_err(Error::Print)?;
    drop(out);
    talk(&show::next_steps(state, url));
    future::pending().await
}

/// Plays the sample's own conversation, as its user sees it.
async fn play_sample(client: &Client) -> Result<(), Error> {
    let script = Script::parse(CONVERSATION)?;
    talk(&format!("\n{}, as its user sees it:\n", script.name));
    let mut number = 0;
    let mut failed = None;
    play(client, &script, |step, played| {
        number += 1;
        talk(&show::exchange(number, &step.name, &played.request, played.answer()));
        for complaint in played.complaints() {
            talk(&format!("      {complaint}"));
            failed = Some(Error::Conversation { number, name: step.name.clone() });
        }
    })
    .await;
    failed.map_or(Ok(()), Err)
}

/// One ping and one INIT: whatever the logic is, it should answer the first. The second is only shown, since logic may well
/// refuse a token that it never sent.
async fn greet(client: &Client, logic: &Target) -> Result<(), Error> {
    talk("");
    for (number, name, action) in [(1, "ping", "ping"), (2, "open the flow", "INIT")] {
        let request = client.complete(Object::from_iter([("action".to_owned(), action.into())]), &fresh_flow_token());
        let answer = match client.exchange(&request).await {
            Ok(answer) => answer,
            Err(source) => return Err(Error::Exchange { logic: logic.url().to_owned(), source }),
        };
        if action == "ping" && answer.status != 200 {
            return Err(why_no_ping(logic, &answer).await);
        }
        talk(&show::exchange(number, name, &request, Some(&answer)));
        if answer.status != 200 {
            talk(&format!("      {}", answer.explanation()));
        }
    }
    Ok(())
}

/// The edge says to the client no more than that logic is not there; a connection of our own tells why.
async fn why_no_ping(target: &Target, answer: &Answer) -> Error {
    let logic = target.url().to_owned();
    match timeout(http::TIMEOUT, target.connect()).await {
        Ok(Err(Unreachable::Socket(error))) => Error::Ping { logic, explanation: error.to_string() },
        Ok(Err(source)) => Error::Unreachable { logic, source },
        Ok(Ok(_)) | Err(_) => Error::Ping { logic, explanation: answer.explanation() },
    }
}

/// The sample flow, served over gRPC in this process, its bookings in memory.
struct Sample {
    url: String,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), ServeError>>,
}

impl Sample {
    async fn start() -> Result<Self, Error> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(Error::Start)?;
        let url = format!("http://{}", listener.local_addr().map_err(Error::Start)?);
        let (stop, stops) = oneshot::channel::<()>();
        let task = tokio::spawn(flow_logic_sdk::serve_until(Appointments::new(Memory::default()), listener, async {
            drop(stops.await)
        }));
        Ok(Self { url, stop, task })
    }

    async fn stop(self) -> Result<(), Error> {
        drop(self.stop);
        Ok(self.task.await??)
    }
}

/// Binds the edge and gives the path of its endpoint. Where nobody asked for a certain port, a taken one is no obstacle.
async fn bind(
    state: &State,
    port: Option<u16>,
    logic: &LogicTarget,
    telemetry: &Telemetry,
) -> Result<(Server, String), Error> {
    let (config, path) = config(state, port, logic)?;
    match Server::bind(config, telemetry).await {
        Ok(server) => Ok((server, path)),
        Err(BindError::Listen { address, field: "listen.address", source })
            if source.kind() == io::ErrorKind::AddrInUse =>
        {
            if port.is_some() {
                return Err(Error::PortTaken { address });
            }
            talk(&format!("{address} is taken; using a free port this time"));
            let (config, path) = self::config(state, Some(0), logic)?;
            Ok((Server::bind(config, telemetry).await?, path))
        }
        Err(error) => Err(error.into()),
    }
}

/// The configuration in the folder, with this start's port and logic in place of its own.
fn config(state: &State, port: Option<u16>, logic: &LogicTarget) -> Result<(Config, String), Error> {
    let mut config = state.config()?;
    if config.listen.tls.is_none() {
        return Err(Error::NoTls { file: state.config_file() });
    }
    if let Some(port) = port {
        config.listen.address.set_port(port);
    }
    // A configuration has at least one endpoint; further ones are the user's own.
    let path = config.endpoints.first_mut().map_or_else(String::new, |endpoint| {
        endpoint.logic.target = logic.clone();
        endpoint.path.clone()
    });
    Ok((config, path))
}

/// The address to connect to, where the server listens on every interface.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        IpAddr::V4(_) | IpAddr::V6(_) => {}
    }
    address
}

/// Says something to the person at the terminal. Whoever closes that stops nothing.
fn talk(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}
