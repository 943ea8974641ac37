//! `flowctl keys upload` and `keys status`: the public key of each phone number, as the platform has it.
//!
//! Each number is a task of its own, so that one that fails stops no other. Reports come in the order of the command line.

use std::env;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use flow_wire::keys::PublicKey;
use reqwest::Url;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinError;

use crate::files;
use crate::graph::{self, Graph, Held, PhoneNumberId, SignatureStatus, Token, TokenError, graph_url};

/// Holds the token where no file does.
const TOKEN_VARIABLE: &str = "FLOWCTL_ACCESS_TOKEN";
/// More numbers than this wait: the platform limits calls.
const CONCURRENT: usize = 4;

const AFTER_HELP: &str = "\
The access token is read from --token-file, or from the variable FLOWCTL_ACCESS_TOKEN where that is not given.

The exit code is 0 where all is well with every number.";

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Upload {
    /// The public key, PEM. Of a private key the public half is sent.
    #[arg(long, value_name = "FILE")]
    public_key: PathBuf,
    #[command(flatten)]
    platform: Platform,
}

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Status {
    /// The key that the platform should have, PEM; either half of the pair.
    #[arg(long, value_name = "FILE")]
    public_key: Option<PathBuf>,
    #[command(flatten)]
    platform: Platform,
}

#[derive(Debug, Args)]
struct Platform {
    /// File with the passphrase, where the key is an encrypted private one.
    #[arg(long, value_name = "FILE", requires = "public_key")]
    passphrase_file: Option<PathBuf>,
    /// The platform's id of a phone number; give it once for each number.
    #[arg(long = "phone-number-id", value_name = "ID", required = true)]
    numbers: Vec<PhoneNumberId>,
    /// File with an access token that may manage the numbers' account.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// The Graph API with its version; https, or http on this machine.
    #[arg(long, value_name = "URL", value_parser = graph_url, default_value = graph::DEFAULT_URL)]
    graph_url: Url,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    File(#[from] files::Error),
    #[error("{}: {source}; the file should hold the token as one line", file.display())]
    TokenFile { file: PathBuf, source: TokenError },
    #[error("{TOKEN_VARIABLE}: {0}")]
    TokenVariable(TokenError),
    #[error("there is no access token: --token-file FILE or the variable {TOKEN_VARIABLE} should give one")]
    NoToken,
    #[error(transparent)]
    Graph(#[from] graph::Error),
    #[error("cannot start: {0}")]
    Runtime(io::Error),
    #[error("cannot print: {0}")]
    Print(#[from] io::Error),
    #[error("a task broke down: {0}")]
    Task(#[from] JoinError),
}

/// What is wrong with a number.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error(transparent)]
    Graph(#[from] graph::Error),
    #[error("uploaded, but not read back: {0}")]
    ReadBack(graph::Error),
    #[error(
        "the platform took the upload, but gives no key back, or another one; another upload may be at work, so look \
         again in a minute with `flowctl keys status --phone-number-id {number}`"
    )]
    NotKept { number: PhoneNumberId },
    #[error("no key is uploaded, so no flow can call an endpoint; upload one: {}", advice(.number))]
    NoKey { number: PhoneNumberId },
    #[error(
        "the platform's signature over the key does not match, so clients refuse it, as happens when a number is \
         registered again or moved; upload it again: {}",
        advice(.number)
    )]
    Mismatch { number: PhoneNumberId },
    #[error("this is another key than the given one; where the given one is right: {}", advice(.number))]
    OtherKey { number: PhoneNumberId },
    #[error(
        "the platform's signature is VALID, but it does not say over which key, so the given one cannot be compared; try \
         again later, or ask without --public-key"
    )]
    KeyNotTold,
    #[error("the platform does not say VALID or MISMATCH of its signature over the key; try again later")]
    StatusNotTold,
}

/// One number.
struct Report {
    number: PhoneNumberId,
    /// `None` where nothing was to be uploaded.
    uploaded: Option<bool>,
    held: Option<Held>,
    /// Whether the platform has the given key, where both are known.
    is_given_key: Option<bool>,
    problem: Option<Problem>,
}

pub(super) fn upload(arguments: Upload) -> Result<ExitCode, Error> {
    let platform = arguments.platform;
    let key = files::read_either_key(&arguments.public_key, platform.passphrase_file.as_deref())?;
    eprintln!("uploading {}", key.fingerprint());
    run(platform, Some(key), true)
}

pub(super) fn status(arguments: Status) -> Result<ExitCode, Error> {
    let platform = arguments.platform;
    let read = |file: &Path| files::read_either_key(file, platform.passphrase_file.as_deref());
    let key = arguments.public_key.as_deref().map(read).transpose()?;
    run(platform, key, false)
}

fn run(platform: Platform, key: Option<PublicKey>, upload: bool) -> Result<ExitCode, Error> {
    let token = read_token(platform.token_file.as_deref())?;
    let graph = Graph::new(platform.graph_url, token, graph::TIMEOUT)?;
    let mut numbers: Vec<PhoneNumberId> = Vec::new();
    for number in platform.numbers {
        if !numbers.contains(&number) {
            numbers.push(number);
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Runtime)?;
    let reports = runtime.block_on(work(&graph, numbers, key.as_ref(), upload, |report| {
        if !platform.json {
            // A reader that has gone away is no reason to stop: the exit code still tells.
            let _ = write!(io::stdout().lock(), "{}", lines(report));
        }
    }))?;
    let ok = reports.iter().all(|report| report.problem.is_none());
    if platform.json {
        let numbers: Vec<Value> = reports.iter().map(to_json).collect();
        writeln!(io::stdout().lock(), "{}", json!({"ok": ok, "numbers": numbers}))?;
    }
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Shows each report to `watch` as soon as it and those before it are there.
async fn work(
    graph: &Graph,
    numbers: Vec<PhoneNumberId>,
    key: Option<&PublicKey>,
    upload: bool,
    watch: impl Fn(&Report),
) -> Result<Vec<Report>, Error> {
    let permits = Arc::new(Semaphore::new(CONCURRENT));
    let start = |number| {
        let (graph, key, permits) = (graph.clone(), key.cloned(), Arc::clone(&permits));
        tokio::spawn(async move {
            // Nobody closes the semaphore.
            let _permit = permits.acquire().await.ok();
            one(&graph, number, key.as_ref(), upload).await
        })
    };
    let tasks: Vec<_> = numbers.into_iter().map(start).collect();
    let mut reports = Vec::new();
    for task in tasks {
        let report = task.await?;
        watch(&report);
        reports.push(report);
    }
    Ok(reports)
}

async fn one(graph: &Graph, number: PhoneNumberId, key: Option<&PublicKey>, upload: bool) -> Report {
    let mut report =
        Report { number, uploaded: upload.then_some(false), held: None, is_given_key: None, problem: None };
    if let (Some(key), true) = (key, upload) {
        match graph.upload(&report.number, key).await {
            Ok(()) => report.uploaded = Some(true),
            Err(error) => {
                report.problem = Some(error.into());
                return report;
            }
        }
    }
    match graph.read(&report.number).await {
        Ok(held) => {
            let held_key = held.key.as_ref();
            report.is_given_key = key.zip(held_key).map(|(given, held)| given.fingerprint() == held.fingerprint());
            report.problem = judge(&report, &held, key.is_some()).err();
            report.held = Some(held);
        }
        Err(error) if upload => report.problem = Some(Problem::ReadBack(error)),
        Err(error) => report.problem = Some(error.into()),
    }
    report
}

/// `is_compared` is whether a key was given to hold the platform's against.
fn judge(report: &Report, held: &Held, is_compared: bool) -> Result<(), Problem> {
    let number = || report.number.clone();
    match (&held.key, &held.status) {
        (None, None) if report.uploaded == Some(true) => Err(Problem::NotKept { number: number() }),
        (None, None) => Err(Problem::NoKey { number: number() }),
        // Another key matters more than the signature over it: to upload that one again would not help.
        _ if report.is_given_key == Some(false) && report.uploaded == Some(true) => {
            Err(Problem::NotKept { number: number() })
        }
        _ if report.is_given_key == Some(false) => Err(Problem::OtherKey { number: number() }),
        (_, Some(SignatureStatus::Mismatch)) => Err(Problem::Mismatch { number: number() }),
        (_, None | Some(SignatureStatus::Unknown(_))) => Err(Problem::StatusNotTold),
        (None, Some(SignatureStatus::Valid)) if is_compared => Err(Problem::KeyNotTold),
        (_, Some(SignatureStatus::Valid)) => Ok(()),
    }
}

fn read_token(file: Option<&Path>) -> Result<Token, Error> {
    match (file, env::var(TOKEN_VARIABLE)) {
        (Some(file), _) => {
            Token::new(&files::read_text(file)?).map_err(|source| Error::TokenFile { file: file.to_owned(), source })
        }
        (None, Ok(text)) => Token::new(&text).map_err(Error::TokenVariable),
        (None, Err(env::VarError::NotPresent)) => Err(Error::NoToken),
        (None, Err(env::VarError::NotUnicode(_))) => Err(Error::TokenVariable(TokenError::NotToken)),
    }
}

fn advice(number: &PhoneNumberId) -> String {
    format!("`flowctl keys upload --public-key FILE --phone-number-id {number}`")
}

fn lines(report: &Report) -> String {
    let verdict = if report.problem.is_none() { "ok  " } else { "FAIL" };
    let held = report.held.as_ref();
    let status = held.and_then(|held| held.status.as_ref()).map_or("-".to_owned(), SignatureStatus::to_string);
    let fingerprint = held.and_then(|held| held.key.as_ref()).map_or("-", PublicKey::fingerprint);
    let whose = match report.is_given_key {
        Some(true) => "  the given key",
        Some(false) => "  another key",
        None => "",
    };
    let mut text = format!("{}  {verdict}  {status:8}  {fingerprint}{whose}\n", report.number);
    if let Some(problem) = &report.problem {
        text += &format!("    {problem}\n");
    }
    text
}

fn to_json(report: &Report) -> Value {
    let held = report.held.as_ref();
    json!({
        "phone_number_id": report.number.to_string(),
        "ok": report.problem.is_none(),
        "uploaded": report.uploaded,
        "signature_status": held.and_then(|held| held.status.as_ref()).map(SignatureStatus::to_string),
        "fingerprint": held.and_then(|held| held.key.as_ref()).map(PublicKey::fingerprint),
        "is_given_key": report.is_given_key,
        "problem": report.problem.as_ref().map(Problem::to_string),
    })
}
