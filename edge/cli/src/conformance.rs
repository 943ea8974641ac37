//! `flowctl conformance`: hold a FlowService against the contract, or an endpoint against the platform's protocol.
//!
//! The cases are YAML files in the binary. `logic` and `edge` know how a case is put to either; a conversation of the
//! user's own comes by `--script`.

mod cases;
mod edge;
mod logic;
mod report;
mod script;

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{ArgGroup, Args};

use self::cases::{Case, Suite};
use self::edge::Edge;
use self::logic::{Service, Target};
use self::report::{Entry, Report};
use crate::endpoint::Access;
use crate::script::{self as conversation, Script};
use crate::{client, endpoint, files};

/// No case takes so long, however slow the service.
const CASE_LIMIT: Duration = Duration::from_secs(60);

#[derive(Debug, Args)]
#[command(after_help = "\
A case is passed, failed or skipped; a warning counts as passed. The exit code is 0 where every case is as expected.")]
#[command(group(ArgGroup::new("target").required(true).args(["logic", "edge"])))]
pub(crate) struct Arguments {
    /// Where the FlowService listens: http://HOST:PORT or unix:///PATH.
    #[arg(long, value_name = "URL", value_parser = Target::parse)]
    logic: Option<Target>,
    #[command(flatten)]
    edge: endpoint::Edge,
    /// File with another secret that the endpoint should accept, as while secrets are rotated.
    #[arg(long, value_name = "FILE", requires = "edge")]
    old_app_secret_file: Option<PathBuf>,
    /// Another public key, PEM, that the endpoint should open, as while keys are rotated.
    #[arg(long, value_name = "FILE", requires = "edge")]
    old_public_key: Option<PathBuf>,
    /// The endpoint that requests name, where a service tells several flows apart by it.
    #[arg(long, value_name = "NAME", default_value = "appointments", conflicts_with = "edge")]
    endpoint: String,
    /// Play the conversation in this file as well, in the format of `simulate`.
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
    /// Fail the cases that need the conformance mode, in place of skipping them, where the service does not have it.
    #[arg(long, conflicts_with = "edge")]
    require_mode: bool,
    /// Ask this case alone; may be given several times.
    #[arg(long, value_name = "CASE")]
    only: Vec<String>,
    /// Cases that must fail, one name a line, # before a comment; one of them that passes is an error.
    #[arg(long, value_name = "FILE")]
    known_failing: Option<PathBuf>,
    /// Write a JUnit report as well.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    File(#[from] files::Error),
    #[error(transparent)]
    Script(#[from] conversation::FileError),
    #[error(transparent)]
    Suite(#[from] cases::Error),
    #[error("the service cannot be reached: {0}; start it, and see that --logic names its address")]
    LogicNotReached(String),
    #[error("--edge needs --public-key and --app-secret-file: without them nothing can be sealed and signed")]
    NoKeys,
    #[error("the endpoint cannot be reached: {0}; see that --edge is its URL")]
    EdgeNotReached(String),
    #[error("--only: there is no case `{name}`{}", report::hint(.nearest))]
    NoSuchCase { name: String, nearest: Option<String> },
    #[error(transparent)]
    Client(#[from] client::Error),
    #[error(transparent)]
    Known(#[from] report::KnownError),
    #[error("{}: cannot be written: {source}", file.display())]
    Junit { file: PathBuf, source: io::Error },
    #[error("cannot start: {0}")]
    Runtime(io::Error),
    #[error("cannot print: {0}")]
    Print(io::Error),
}

/// What is held against its suite.
#[derive(Debug)]
enum Subject {
    Logic(Box<Service>),
    Edge(Box<Edge>),
}

/// How a case ended.
#[derive(Debug)]
enum Outcome {
    Passed,
    /// Passed, with something that would be better.
    Warned(String),
    Failed(Failure),
    Skipped(String),
}

/// What came in place of what should have come.
#[derive(Debug)]
struct Failure {
    came: String,
    /// More exact than the case's own sentence, where there is something more exact.
    expected: Option<String>,
}

/// What a case of the endpoint's suite came to.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) case: String,
    pub(crate) should: String,
    /// In place of what should have come.
    pub(crate) came: Option<String>,
    pub(crate) mend: String,
    pub(crate) time: Duration,
}

/// Asks an endpoint these cases of its suite.
pub(crate) async fn ask_edge(access: Access, names: &[&str]) -> Result<Vec<Verdict>, Error> {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let cases = only(edge::SUITE.load()?, &names)?;
    let entries = Edge::new(access, None, None)?.hold(cases, None).await?;
    let verdict = |entry: Entry| {
        let Entry { name: case, should, outcome, mend, time, .. } = entry;
        let came = match outcome {
            Outcome::Failed(failure) => Some(failure.came),
            _ => None,
        };
        Verdict { case, should, came, mend, time }
    };
    Ok(entries.into_iter().map(verdict).collect())
}

pub(crate) fn run(arguments: Arguments) -> Result<ExitCode, Error> {
    let Arguments { logic, edge, endpoint, require_mode, script, known_failing, junit, json, .. } = arguments;
    let subject = match (logic, edge.open()?) {
        (Some(target), _) => Subject::Logic(Box::new(Service { target, endpoint, require_mode })),
        (None, Some(access)) => {
            let old_secret = arguments.old_app_secret_file.as_deref().map(files::read_app_secret).transpose()?;
            let old_key = arguments.old_public_key.as_deref().map(files::read_public_key).transpose()?;
            Subject::Edge(Box::new(Edge::new(access, old_secret, old_key)?))
        }
        (None, None) => return Err(Error::NoKeys),
    };
    let cases = subject.suite().load()?;
    let cases = if arguments.only.is_empty() { cases } else { only(cases, &arguments.only)? };
    let script = script.as_deref().map(Script::load).transpose()?;
    let names = cases.iter().map(|case| case.name.as_str());
    let names = names.chain(script.iter().flat_map(|script| &script.steps).map(|step| step.name.as_str()));
    let known_failing = match &known_failing {
        Some(file) => report::known_failing(file, &files::read_text(file)?, &names.collect())?,
        None => BTreeSet::new(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Runtime)?;
    let entries = runtime.block_on(async {
        match &subject {
            Subject::Logic(service) => service.hold(cases, script.as_ref()).await,
            Subject::Edge(edge) => edge.hold(cases, script.as_ref()).await,
        }
    })?;
    let report = Report::new(entries, known_failing);
    if let Some(file) = junit {
        std::fs::write(&file, report.junit()).map_err(|source| Error::Junit { file, source })?;
    }
    report.print(json).map_err(Error::Print)?;
    Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The cases with these names.
fn only(mut cases: Vec<Case>, names: &[String]) -> Result<Vec<Case>, Error> {
    let known: BTreeSet<_> = cases.iter().map(|case| case.name.clone()).collect();
    if let Some(name) = names.iter().find(|name| !known.contains(*name)) {
        let nearest = conversation::nearest(name, known.iter().map(String::as_str)).map(str::to_owned);
        return Err(Error::NoSuchCase { name: name.clone(), nearest });
    }
    cases.retain(|case| names.contains(&case.name));
    Ok(cases)
}

/// Asks every case, in order.
async fn play(cases: Vec<Case>, ask: impl AsyncFn(&Case) -> Result<Outcome, Failure>) -> Vec<Entry> {
    let mut entries = Vec::new();
    for case in cases {
        let started = Instant::now();
        let outcome = match tokio::time::timeout(CASE_LIMIT, ask(&case)).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(failure)) => Outcome::Failed(failure),
            Err(_) => Outcome::Failed(Failure::came(format!("no end within {} s", CASE_LIMIT.as_secs()))),
        };
        entries.push(Entry {
            topic: case.topic,
            name: case.name,
            should: case.should,
            user: case.user,
            mend: case.mend,
            outcome,
            time: started.elapsed(),
        });
    }
    entries
}

impl Subject {
    fn suite(&self) -> Suite {
        match self {
            Self::Logic(_) => logic::SUITE,
            Self::Edge(_) => edge::SUITE,
        }
    }
}

impl Failure {
    fn new(came: impl Into<String>, expected: impl Into<String>) -> Self {
        Self { came: came.into(), expected: Some(expected.into()) }
    }

    fn came(came: impl Into<String>) -> Self {
        Self { came: came.into(), expected: None }
    }
}
