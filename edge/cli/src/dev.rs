//! `flowctl dev`: an edge, a logic service and the messaging client on one machine, with nothing to prepare.
//!
//! All three are the real ones: the edge is `flow-edge`'s own server over HTTPS, the sample flow is served over gRPC, and the
//! client checks the certificate. Only the files in `.flow-dev` are made here.

mod flow_file;
mod show;
mod stage;
mod state;

use std::convert::Infallible;
use std::future;
use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use flow_edge::config::{Config, LogicTarget};
use flow_edge::server::shutdown::Signals;
use flow_edge::server::{BindError, Drained, Server};
use flow_telemetry::{Service, Telemetry};
use reqwest::Url;
use serde_json::json;
use tokio::sync::oneshot;
use tokio::task::JoinError;
use tokio::time::timeout;
use tracing::level_filters::LevelFilter;

use self::flow_file::FlowFile;
use self::stage::Stage;
use self::state::State;
use crate::call::Connection;
use crate::client::{self, Answer, Client, Object, fresh_flow_token};
use crate::console::line::{Access, Line};
use crate::console::recorder::Recorder;
use crate::console::{self, Console, Session};
use crate::folder::FOLDER;
use crate::logic::{self, Logic, Target, Unreachable};
use crate::play::{not_played, play};
use crate::screens::Screens;
use crate::script::{self, Script};
use crate::tls::Words;
use crate::{files, http};

/// The conversation that is played, the same that ships with the sample flow.
const FLOW: &str = include_str!("../../../examples/flows/appointment.json");
const CONVERSATION: &str = include_str!("../../../examples/flows/appointment.conversation.yaml");

/// One process has one name: that of the edge, though the sample flow runs in it as well.
const SERVICE: Service =
    Service { name: "flow-edge", version: env!("CARGO_PKG_VERSION"), level: LevelFilter::WARN, tracing_spans: true };

#[derive(Debug, Args)]
#[command(after_help = "\
Without --logic the edge stands before a sample flow. Keys, app secret, certificate and configuration are made in .flow-dev \
where they are missing, and used again. The log shows warnings; RUST_LOG changes that.

It says `ready: URL` where what it played went well, and `serving: URL` where logic failed: it goes on serving either way.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    logic: Logic,
    /// Play this Flow JSON in the console; without --logic each screen shows the examples of the file.
    #[arg(long, value_name = "FILE")]
    flow: Option<PathBuf>,
    /// Port of the edge, 0 for any free one [default: 8443, or a free one where that is taken]
    #[arg(long)]
    port: Option<u16>,
    /// Play the conversation in this file first, in the format of `simulate`.
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
    /// Serve plain HTTP, for a tunnel or a proxy on this machine that ends TLS itself.
    #[arg(long)]
    plain: bool,
    /// Print each exchange of the console as a line of JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Logic(#[from] logic::Error),
    #[error(transparent)]
    State(#[from] state::Error),
    #[error("cannot start: {0}")]
    Start(io::Error),
    #[error("logic: {0}")]
    Stage(#[from] stage::Error),
    #[error(transparent)]
    Flow(#[from] flow_file::Error),
    #[error("the console: {0}")]
    Console(#[from] console::line::Error),
    #[error("the sample flow's conversation cannot be played: {0}")]
    Script(#[from] script::Error),
    #[error("{address} is taken; another --port, or none, would do")]
    PortTaken { address: SocketAddr },
    #[error(transparent)]
    Telemetry(#[from] flow_telemetry::TelemetryError),
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error("{}: listen.tls is missing; --plain serves without TLS", file.display())]
    NoTls { file: PathBuf },
    #[error("the endpoint's path {path} cannot be part of a URL")]
    Path { path: String },
    #[error(transparent)]
    Client(#[from] client::Error),
    #[error("the conversation failed at step {number}, \"{name}\"; {not_played}")]
    Conversation { number: usize, name: String, not_played: String },
    #[error("a ping does not get through to {logic}: {source}")]
    Exchange { logic: String, source: client::Error },
    #[error("a ping does not get through to {logic}: {source}\nStart the FlowService first; it should listen there.")]
    NotThere { logic: String, source: io::Error },
    #[error("a ping does not get through to {logic}: {source}")]
    Unreachable { logic: String, source: Unreachable },
    #[error("a ping does not get through to {logic}: {words}.")]
    Misunderstood { logic: String, words: Words },
    #[error(transparent)]
    File(#[from] files::Error),
    #[error(transparent)]
    ScriptFile(#[from] script::FileError),
    #[error("cannot print: {0}")]
    Print(io::Error),
    #[error("a server broke down: {0}")]
    Task(#[from] JoinError),
}

pub(crate) fn run(arguments: Arguments) -> Result<ExitCode, Error> {
    let logic = arguments.logic.open()?;
    let script = arguments.script.as_deref().map(Script::load).transpose()?;
    let flow = match (&arguments.flow, &logic) {
        (Some(file), _) => Some(FlowFile::open(file)?),
        (None, None) => Some(FlowFile::sample("appointment", FLOW)?),
        (None, Some(_)) => None,
    };
    let is_sample = logic.is_none() && arguments.flow.is_none();
    let state = State::open(Path::new(FOLDER), is_sample)?;
    if !state.made.is_empty() {
        talk(&format!("made in {FOLDER}: {}", state.made.join(", ")));
    }
    let runtime = tokio::runtime::Runtime::new().map_err(Error::Start)?;
    let _in_runtime = runtime.enter();
    let telemetry = flow_telemetry::start(SERVICE)?;
    let how =
        How { port: arguments.port, is_plain: arguments.plain, is_played: flow.is_some(), prints: arguments.json };
    let played = Played { logic: logic.as_ref(), script: script.as_ref(), flow, is_sample };
    runtime.block_on(dev(played, how, &state, &telemetry))
}

/// How the edge serves, where that is not as its configuration says.
#[derive(Clone, Copy)]
struct How {
    port: Option<u16>,
    is_plain: bool,
    /// There is a console, which sets the trace of each request.
    is_played: bool,
    prints: bool,
}

/// What is played on it.
struct Played<'a> {
    logic: Option<&'a Target>,
    script: Option<&'a Script>,
    flow: Option<FlowFile>,
    is_sample: bool,
}

async fn dev(played: Played<'_>, how: How, state: &State, telemetry: &Telemetry) -> Result<ExitCode, Error> {
    let Played { logic, script, flow, is_sample } = played;
    let signals = Signals::listen().map_err(Error::Start)?;
    let mut stage = Stage::start(logic, flow.as_ref(), is_sample).await?;
    let (server, Place { name, path }) = bind(state, how, &stage.target, telemetry).await?;
    let scheme = if how.is_plain { "http" } else { "https" };
    let url = Url::parse(&format!("{scheme}://{}{path}", reachable(server.address())));
    let url = url.map_err(|_| Error::Path { path })?;
    talk(&format!("logic: {}", stage.words));
    talk(&format!("edge:  {url}"));
    let trusted = (!how.is_plain).then(|| state.certificates.clone());
    let client = Client::new(url.clone(), trusted.clone(), state.public_key.clone(), state.app_secret.clone())?;

    let (stop_edge, edge_stops) = oneshot::channel::<()>();
    let edge = tokio::spawn(server.serve_until(async { drop(edge_stops.await) }));
    let access = Access {
        url: url.clone(),
        trusted,
        public_key: state.public_key.clone(),
        app_secret: state.app_secret.clone(),
    };
    let console = match (flow, stage.recorder.take()) {
        (Some(flow), Some(recorder)) => Some(console(flow, recorder, access, &stage, state, how).await?),
        _ => None,
    };
    let own = logic.map(|target| Own { target, endpoint: &name });
    let ended = tokio::select! {
        Err(error) = session(own, script, is_sample, state, &client, &url, console.as_deref()) => Err(error),
        () = signals.stop() => Ok(()),
    };
    // The edge first: what it still answers needs the logic.
    drop(client);
    drop(stop_edge);
    let drained = edge.await?;
    stage.stop().await?;
    ended.map(|()| if drained == Drained::Clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Serves the console, which takes over what changes in the file.
async fn console(
    flow: FlowFile,
    recorder: Recorder,
    access: Access,
    stage: &Stage,
    state: &State,
    how: How,
) -> Result<Arc<Console>, Error> {
    if let Some(summary) = flow.summary() {
        talk(&summary);
    }
    let session = Session::new(Arc::clone(&flow.flow), Line::new(access, recorder)?);
    let place = console::Place {
        flow_name: flow.name.clone(),
        logic: stage.url.clone(),
        certificate: state.certificate_file(),
        prints: how.prints,
    };
    let file = console::File { text: flow.text.clone(), findings: flow.findings.clone() };
    let console = Console::start(session, file, place).await.map_err(Error::Start)?;
    let (of_changes, examples) = (Arc::clone(&console), stage.examples.clone());
    tokio::spawn(flow.watch(async move |flow, file| {
        let flow = flow.map(Arc::new);
        if let (Some(examples), Some(flow)) = (&examples, &flow) {
            examples.renew(Arc::clone(flow));
        }
        of_changes.renew(flow, file).await;
    }));
    Ok(console)
}

/// Logic of the user's own.
#[derive(Clone, Copy)]
struct Own<'a> {
    target: &'a Target,
    /// The endpoint that requests name.
    endpoint: &'a str,
}

/// Plays, says what came of it, and waits for ever; it returns only where something failed.
async fn session(
    logic: Option<Own<'_>>,
    script: Option<&Script>,
    is_sample: bool,
    state: &State,
    client: &Client,
    url: &Url,
    console: Option<&Console>,
) -> Result<Infallible, Error> {
    let is_well = match (script, logic) {
        (Some(script), logic) => play_script(client, script, logic).await.is_none(),
        (None, Some(logic)) => greet(client, logic, state).await?,
        (None, None) if !is_sample => true,
        (None, None) => {
            let screens = Screens::read(FLOW).ok();
            let script = Script { screens, ..Script::parse(CONVERSATION)? };
            let failed = play_script(client, &script, None).await;
            failed.map_or(Ok(true), Err)?
        }
    };
    let _announced = state.announce(url)?;
    let mut out = io::stdout().lock();
    let word = if is_well { "ready" } else { "serving" };
    let lines = match console {
        Some(console) if console.prints() => {
            format!("{}\n", json!({ "ready": url.as_str(), "console": console.url() }))
        }
        Some(console) => format!("{word}: {url}\nconsole: {}\n", console.url()),
        None => format!("{word}: {url}\n"),
    };
    write!(out, "{lines}").and_then(|()| out.flush()).map_err(Error::Print)?;
    drop(out);
    if !is_well {
        talk(
            "\nnot all was well, as said above: mend the logic, start it again, and try again. The edge goes on serving.",
        );
    }
    let console_url = console.map(Console::url);
    talk(&show::next_steps(state, url, logic.map(|logic| logic.target.url()), console_url.as_deref()));
    if let Some(console) = console {
        // So that the page opens with the flow's first screen.
        console.act(console::Move::Restart).await;
    }
    future::pending().await
}

/// Plays a conversation, as its user sees it, and says at which step it failed.
async fn play_script(client: &Client, script: &Script, logic: Option<Own<'_>>) -> Option<Error> {
    talk(&format!("\n{}, as its user sees it:\n", script.name));
    let mut number = 0;
    let mut failed = None;
    play(client, script, |step, played| {
        number += 1;
        talk(&show::exchange(number, &step.name, &played.request, played.answer()));
        for complaint in played.complaints() {
            talk(&format!("      {complaint}"));
        }
        for doubt in played.doubts() {
            talk(&format!("      warning: {doubt}"));
        }
        if !played.is_good() {
            let is_of_logic = played.answer().is_none_or(|answer| answer.status >= 500);
            failed = Some((step.name.clone(), is_of_logic.then(|| played.request.clone())));
        }
    })
    .await;
    let (name, request) = failed?;
    if let (Some(logic), Some(request)) = (logic, request) {
        talk(&format!("      {}", ask_again(logic, &request).await));
    }
    let not_played = not_played(script.steps.len() - number);
    let error = Error::Conversation { number, name, not_played };
    if logic.is_some() {
        talk(&format!("      {error}"));
    }
    Some(error)
}

/// One ping and one INIT: whatever the logic is, it should answer the first, and not fail at the second; it may well refuse a
/// token that it never sent. Whether it did.
async fn greet(client: &Client, logic: Own<'_>, state: &State) -> Result<bool, Error> {
    talk("");
    let mut is_well = true;
    for (number, name, action) in [(1, "ping", "ping"), (2, "open the flow", "INIT")] {
        let request = client.complete(Object::from_iter([("action".to_owned(), action.into())]), &fresh_flow_token());
        let answer = match client.exchange(&request).await {
            Ok(answer) => answer,
            Err(source) => return Err(Error::Exchange { logic: logic.target.url().to_owned(), source }),
        };
        if action == "ping" && answer.status != 200 {
            reach(logic.target).await?;
        }
        talk(&show::exchange(number, name, &request, Some(&answer)));
        if answer.status != 200 {
            talk(&format!("      {}", answer.explanation(&request)));
        }
        if !matches!(answer.status, 200 | 427) {
            is_well = false;
            talk(&format!("      {}", ask_again(logic, &request).await));
            if action == "ping" {
                let config = state.config_file();
                talk(&format!(
                    "      The platform pings the endpoint to see whether it is there, so Ping should answer with an empty \
                     PingResponse; `ping: edge` in {} answers without logic.",
                    config.display()
                ));
            }
        }
    }
    Ok(is_well)
}

/// Sees that a FlowService listens and is understood: the edge says to the client no more than that it is not there.
async fn reach(target: &Target) -> Result<(), Error> {
    let logic = target.url().to_owned();
    match timeout(http::TIMEOUT, target.connect()).await {
        Ok(Err(Unreachable::Socket(source))) => return Err(Error::NotThere { logic, source }),
        Ok(Err(source)) => return Err(Error::Unreachable { logic, source }),
        Ok(Ok(_)) | Err(_) => {}
    }
    target.misunderstanding().await.map_or(Ok(()), |words| Err(Error::Misunderstood { logic, words }))
}

/// What logic says to a request that the edge's answer did not explain, asked again without the edge: its log and its answers
/// keep logic's own words out, since in production they may hold what users filled in. Here all of it is the developer's.
async fn ask_again(logic: Own<'_>, request: &Object) -> String {
    let asked = async { Connection::make(logic.target).await?.exchange(logic.endpoint, request).await };
    match asked.await {
        Ok(Answer { said: Some(said), .. }) => format!("Asked again without the edge, logic says: {said}"),
        Ok(Answer { status: 504, .. }) => "Asked again without the edge, logic is as slow".to_owned(),
        Ok(Answer { status, .. }) => {
            format!(
                "Asked again without the edge, logic answers what the edge makes {status} of: it fails now and then"
            )
        }
        Err(error) => format!("Asked again without the edge: {error}"),
    }
}

/// Where the endpoint is.
struct Place {
    name: String,
    path: String,
}

/// Binds the edge. Where nobody asked for a certain port, a taken one is no obstacle.
async fn bind(state: &State, how: How, logic: &LogicTarget, telemetry: &Telemetry) -> Result<(Server, Place), Error> {
    let (config, place) = config(state, how, logic)?;
    match Server::bind(config, telemetry).await {
        Ok(server) => Ok((server, place)),
        Err(BindError::Listen { address, field: "listen.address", source })
            if source.kind() == io::ErrorKind::AddrInUse =>
        {
            if how.port.is_some() {
                return Err(Error::PortTaken { address });
            }
            talk(&format!("{address} is taken; using a free port this time"));
            let (config, place) = self::config(state, How { port: Some(0), ..how }, logic)?;
            Ok((Server::bind(config, telemetry).await?, place))
        }
        Err(error) => Err(error.into()),
    }
}

/// The configuration in the folder, with what is particular to this start in place of its own.
fn config(state: &State, how: How, logic: &LogicTarget) -> Result<(Config, Place), Error> {
    let mut config = state.config()?;
    if how.is_plain {
        config.listen.tls = None;
    } else if config.listen.tls.is_none() {
        return Err(Error::NoTls { file: state.config_file() });
    }
    config.listen.trust_trace_headers |= how.is_played;
    if let Some(port) = how.port {
        config.listen.address.set_port(port);
    }
    // A configuration has at least one endpoint; further ones are the user's own.
    let place = config.endpoints.first_mut().map(|endpoint| {
        endpoint.logic.target = logic.clone();
        Place { name: endpoint.name.clone(), path: endpoint.path.clone() }
    });
    Ok((config, place.unwrap_or(Place { name: String::new(), path: String::new() })))
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
