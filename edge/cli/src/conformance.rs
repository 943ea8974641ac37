//! `flowctl conformance`: hold a FlowService, in whatever language, against the contract.
//!
//! The cases are YAML files in the binary. Those that need a certain answer use the conformance mode, which a service may
//! have (`proto/CONFORMANCE.md`). It refuses to know any flow; a conversation of the service's own comes by `--script`.

mod cases;
mod checks;
mod mode;
mod report;
mod script;
mod service;

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{ArgGroup, Args};
use serde_json::Value;

use self::cases::{CANARY, Case, Question};
use self::report::{Entry, Report};
use self::service::{CallError, Connection, Target};
use crate::files;
use crate::script::{self as conversation, Script};

/// Every check that a case may name.
const CHECKS: &[&str] = &[
    "ping",
    "health",
    "reflection",
    "unknown-method",
    "concurrent-calls",
    "unknown-fields",
    "handle-error",
    "borne",
    "large-data",
    "deep-data",
    "malformed-message",
    "canary",
    "short-deadline",
    "after-cancelled-calls",
    "mode-echo-large",
    "mode-status-codes",
    "mode-status-reason",
    "mode-panic",
    "mode-sleep",
    "mode-sleep-together",
    "mode-deadline",
    "mode-cancellation",
    "mode-metadata",
];

/// No case takes so long, however slow the service.
const CASE_LIMIT: Duration = Duration::from_secs(60);

#[derive(Debug, Args)]
#[command(after_help = "\
A case is passed, failed or skipped; a warning counts as passed. The exit code is 0 where every case is as expected.")]
#[command(group(ArgGroup::new("target").required(true).args(["logic"])))]
pub(crate) struct Arguments {
    /// Where the FlowService listens: http://HOST:PORT or unix:///PATH.
    #[arg(long, value_name = "URL", value_parser = Target::parse)]
    logic: Option<Target>,
    /// The endpoint that requests name, where a service tells several flows apart by it.
    #[arg(long, value_name = "NAME", default_value = "appointments")]
    endpoint: String,
    /// Play the conversation in this file as well, in the format of `simulate`, without an edge.
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
    /// Fail the cases that need the conformance mode, in place of skipping them, where the service does not have it.
    #[arg(long)]
    require_mode: bool,
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
    NotReached(String),
    #[error(transparent)]
    Known(#[from] report::KnownError),
    #[error("{}: cannot be written: {source}", file.display())]
    Junit { file: PathBuf, source: io::Error },
    #[error("cannot start: {0}")]
    Runtime(io::Error),
    #[error("cannot print: {0}")]
    Print(io::Error),
}

/// The service that is held against the suite.
#[derive(Debug)]
struct Service {
    target: Target,
    endpoint: String,
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

pub(crate) fn run(arguments: Arguments) -> Result<ExitCode, Error> {
    let cases = cases::load()?;
    let script = arguments.script.as_deref().map(Script::load).transpose()?;
    let names = cases.iter().map(|case| case.name.as_str());
    let names = names.chain(script.iter().flat_map(|script| &script.steps).map(|step| step.name.as_str()));
    let known_failing = match &arguments.known_failing {
        Some(file) => report::known_failing(file, &files::read_text(file)?, &names.collect())?,
        None => BTreeSet::new(),
    };
    // The group of targets is required, and this is all there is in it.
    let Some(target) = arguments.logic else { return Ok(ExitCode::FAILURE) };
    let service = Service { target, endpoint: arguments.endpoint };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Runtime)?;
    let entries = runtime.block_on(async {
        service.connect().await.map_err(|error| Error::NotReached(error.to_string()))?;
        let mut entries = play(&service, cases, arguments.require_mode).await;
        if let Some(script) = script {
            entries.extend(script::play(&service, &script).await);
        }
        Ok::<_, Error>(entries)
    })?;
    let report = Report::new(entries, known_failing);
    if let Some(file) = arguments.junit {
        std::fs::write(&file, report.junit()).map_err(|source| Error::Junit { file, source })?;
    }
    report.print(arguments.json).map_err(Error::Print)?;
    Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn play(service: &Service, cases: Vec<Case>, require_mode: bool) -> Vec<Entry> {
    let has_mode = mode::is_there(service).await;
    let mut entries = Vec::new();
    for case in cases {
        let started = Instant::now();
        let outcome = match tokio::time::timeout(CASE_LIMIT, ask(service, &case, has_mode, require_mode)).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(failure)) => Outcome::Failed(failure),
            Err(_) => Outcome::Failed(Failure::came(format!("no end within {} s", CASE_LIMIT.as_secs()))),
        };
        entries.push(Entry {
            topic: case.topic,
            name: case.name,
            should: case.should,
            mend: case.mend,
            outcome,
            time: started.elapsed(),
        });
    }
    entries
}

async fn ask(service: &Service, case: &Case, has_mode: bool, require_mode: bool) -> Result<Outcome, Failure> {
    if case.needs_mode && !has_mode {
        let why = "the service has no conformance mode";
        return if require_mode { Err(Failure::came(why)) } else { Ok(Outcome::Skipped(why.to_owned())) };
    }
    let variables = cases::variables();
    match &case.question {
        Question::Check { name, with } => {
            let canary = variables.text(CANARY);
            check(service, name, &with.resolve(&variables), &canary).await
        }
        Question::Command { command, status, expect } => {
            let command = command.resolve(&variables);
            mode::command(service, command, *status, expect, &variables).await.map(|()| Outcome::Passed)
        }
        Question::Echo(object) => mode::echo(service, &object.resolve(&variables)).await.map(|()| Outcome::Passed),
    }
}

async fn check(service: &Service, name: &str, with: &Value, canary: &str) -> Result<Outcome, Failure> {
    match name {
        "ping" => checks::ping(service).await,
        "health" => checks::health(service).await,
        "reflection" => return checks::reflection(service).await,
        "unknown-method" => checks::unknown_method(service, with).await,
        "concurrent-calls" => checks::concurrent_calls(service, with).await,
        "unknown-fields" => checks::unknown_fields(service).await,
        "handle-error" => checks::handle_error(service, with).await,
        "borne" => checks::borne(service, with).await,
        "large-data" => checks::large_data(service, with).await,
        "deep-data" => checks::deep_data(service, with).await,
        "malformed-message" => checks::malformed_message(service).await,
        "canary" => checks::canary(service, with, canary).await,
        "short-deadline" => checks::short_deadline(service, with).await,
        "after-cancelled-calls" => checks::after_cancelled_calls(service, with).await,
        "mode-echo-large" => mode::echo_large(service, with).await,
        "mode-status-codes" => mode::status_codes(service, with).await,
        "mode-status-reason" => mode::status_reason(service).await,
        "mode-panic" => mode::panic(service, canary).await,
        "mode-sleep" => mode::sleep(service, with).await,
        "mode-sleep-together" => mode::sleep_together(service, with).await,
        "mode-deadline" => mode::deadline(service, with).await,
        "mode-cancellation" => mode::cancellation(service).await,
        "mode-metadata" => mode::metadata(service).await,
        _ => return Ok(Outcome::Skipped(format!("this flowctl has no check `{name}`"))),
    }
    .map(|()| Outcome::Passed)
}

impl Service {
    /// Each case has a connection of its own, so that one that it breaks is no other's.
    async fn connect(&self) -> Result<Connection, CallError> {
        self.target.connect().await
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

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        Self::came(error.to_string())
    }
}
