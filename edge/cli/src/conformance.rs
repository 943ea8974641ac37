//! `flowctl conformance`: hold a FlowService against the contract, or an endpoint against the platform's protocol.
//!
//! The cases are YAML files in the binary. `logic` and `edge` know how a case is put to either; a conversation of the
//! user's own comes by `--script`.

mod cases;
mod edge;
mod forge;
mod logic;
mod outcome;
mod play;
mod report;
mod walk;

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{ArgGroup, Args};

use self::cases::{Case, Suite};
use self::edge::Endpoint;
use self::logic::Service;
use self::outcome::Outcome;
use self::report::{Entry, Report};
use self::walk::{Plan, Walked};
use crate::endpoint::Access;
use crate::logic::{Error as LogicError, Logic};
use crate::script::{self as conversation, Script};
use crate::{client, endpoint, files};

#[derive(Debug, Args)]
#[command(after_help = "\
A case is passed, failed or skipped; a warning counts as passed. The exit code is 0 where every case is as expected.

With --flow a phone without a window walks through the flow: walk/INIT, walk/SCREEN and walk/FROM->TO are cases too. What goes wrong
is printed as the shortest conversation that shows it, for --script here and in `flowctl simulate`. The walks end the flow many times
over, so what it books should be nobody's.")]
#[command(group(ArgGroup::new("target").required(true).args(["logic", "edge"])))]
pub(crate) struct Arguments {
    #[command(flatten)]
    logic: Logic,
    #[command(flatten)]
    edge: endpoint::Edge,
    /// File with another secret that the endpoint should accept, as while secrets are rotated.
    #[arg(long, value_name = "FILE", requires = "edge", conflicts_with = "logic")]
    old_app_secret_file: Option<PathBuf>,
    /// Another public key, PEM, that the endpoint should open, as while keys are rotated.
    #[arg(long, value_name = "FILE", requires = "edge", conflicts_with = "logic")]
    old_public_key: Option<PathBuf>,
    /// The endpoint that requests name, where a service tells several flows apart by it.
    #[arg(long, value_name = "NAME", default_value = "appointments", conflicts_with = "edge")]
    endpoint: String,
    #[command(flatten)]
    walk: walk::Walk,
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
    #[error(transparent)]
    Walk(#[from] walk::Error),
    #[error(transparent)]
    Logic(#[from] LogicError),
    #[error(transparent)]
    LogicNotReached(#[from] logic::NotReached),
    #[error("{0} is for --edge; with --logic nothing is sealed, signed or sent over HTTPS")]
    OfEdge(&'static str),
    #[error("--edge needs --public-key and --app-secret-file: without them nothing can be sealed and signed")]
    NoKeys,
    #[error(transparent)]
    EdgeNotReached(#[from] edge::NotReached),
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

impl Error {
    /// Whether it is the command line that makes no sense.
    pub(crate) fn is_usage(&self) -> bool {
        matches!(self, Self::OfEdge(_))
    }
}

/// What is held against its suite.
#[derive(Debug)]
enum Subject {
    Logic(Box<Service>),
    Edge(Box<Endpoint>),
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
    let cases = only(edge::SUITE.load()?, &names, &[])?;
    let endpoint = Endpoint::new(access, None, None)?;
    let entries = edge::hold(&endpoint, cases, None).await;
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
    let plan = arguments.walk.plan()?;
    let of_edge = edge.given().filter(|_| edge.edge.is_none());
    if let Some(option) = of_edge {
        return Err(Error::OfEdge(option));
    }
    let subject = match (logic.open()?, edge.open()?) {
        (Some(target), _) => Subject::Logic(Box::new(Service { target, endpoint })),
        (None, Some(access)) => {
            let old_secret = arguments.old_app_secret_file.as_deref().map(files::read_app_secret).transpose()?;
            let old_key = arguments.old_public_key.as_deref().map(files::read_public_key).transpose()?;
            Subject::Edge(Box::new(Endpoint::new(access, old_secret, old_key)?))
        }
        (None, None) => return Err(Error::NoKeys),
    };
    let cases = subject.suite().load()?;
    let walks = plan.as_ref().map(Plan::names).unwrap_or_default();
    let is_asked = |name: &String| arguments.only.is_empty() || arguments.only.contains(name);
    let plan = plan.filter(|_| walks.iter().any(is_asked));
    let cases = if arguments.only.is_empty() { cases } else { only(cases, &arguments.only, &walks)? };
    let script = script.as_deref().map(Script::load).transpose()?;
    let names = cases.iter().map(|case| case.name.as_str()).chain(walks.iter().map(String::as_str));
    let names = names.chain(script.iter().flat_map(|script| &script.steps).map(|step| step.name.as_str()));
    let known_failing = match &known_failing {
        Some(file) => report::known_failing(file, &files::read_text(file)?, &names.collect())?,
        None => BTreeSet::new(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Runtime)?;
    let script = script.as_ref();
    let mut seen = None;
    let entries = match &subject {
        Subject::Logic(service) => runtime.block_on(async {
            let mut entries = logic::hold(service, require_mode, cases, script).await?;
            if let Some(plan) = &plan {
                let Walked { entries: walked, words, json } = plan.walk(service).await;
                entries.extend(walked.into_iter().filter(|entry| is_asked(&entry.name)));
                seen = Some((words, json));
            }
            Ok::<_, Error>(entries)
        })?,
        Subject::Edge(endpoint) => runtime.block_on(async {
            edge::reach(endpoint).await?;
            Ok::<_, Error>(edge::hold(endpoint, cases, script).await)
        })?,
    };
    let report = Report::new(entries, known_failing, seen);
    if let Some(file) = junit {
        std::fs::write(&file, report.junit()).map_err(|source| Error::Junit { file, source })?;
    }
    report.print(json).map_err(Error::Print)?;
    Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The cases with these names; `others` are asked elsewhere.
fn only(mut cases: Vec<Case>, names: &[String], others: &[String]) -> Result<Vec<Case>, Error> {
    let known: BTreeSet<_> = cases.iter().map(|case| &case.name).chain(others).cloned().collect();
    if let Some(name) = names.iter().find(|name| !known.contains(*name)) {
        let nearest = conversation::nearest(name, known.iter().map(String::as_str)).map(str::to_owned);
        return Err(Error::NoSuchCase { name: name.clone(), nearest });
    }
    cases.retain(|case| names.contains(&case.name));
    Ok(cases)
}

impl Subject {
    fn suite(&self) -> Suite {
        match self {
            Self::Logic(_) => logic::SUITE,
            Self::Edge(_) => edge::SUITE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::cases::Question;
    use super::*;

    #[test]
    fn every_case_of_a_suite_can_be_read_and_has_a_name_of_its_own() {
        for suite in [logic::SUITE, edge::SUITE] {
            let cases = suite.load().unwrap();
            let names: BTreeSet<_> = cases.iter().map(|case| &case.name).collect();
            assert_eq!(names.len(), cases.len());
            let is_name =
                |name: &str| name.chars().all(|letter| letter.is_ascii_lowercase() || "-0123456789".contains(letter));
            assert!(names.iter().all(|name| is_name(name)), "{names:?}");
        }
    }

    #[test]
    fn every_check_is_used() {
        for suite in [logic::SUITE, edge::SUITE] {
            let cases = suite.load().unwrap();
            let used: BTreeSet<_> = cases
                .iter()
                .filter_map(|case| match &case.question {
                    Question::Check { name, .. } => Some(name.as_str()),
                    _ => None,
                })
                .collect();
            assert_eq!(used, suite.checks.iter().copied().collect());
        }
    }

    /// A user of the messaging client sees what an endpoint does wrong, so every case says what.
    #[test]
    fn every_case_for_an_endpoint_says_what_a_user_would_see() {
        assert!(edge::SUITE.load().unwrap().iter().all(|case| case.user.is_some()));
    }
}
