//! `flowctl simulate`: be the messaging client against a running endpoint, for one exchange or a whole conversation.

use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgGroup, Args};
use flow_json::Verdict;
use flow_json::verdict::Severity;
use flow_wire::text;
use serde_json::{Value, json};

use crate::client::{self, Answer, Client, Object, fresh_flow_token};
use crate::endpoint::{self, Access, Endpoint};
use crate::play::{Played, not_played, play};
use crate::screens::{self, Screens};
use crate::script::{self, Script, Step};

const AFTER_HELP: &str = "\
A REQUEST is the plaintext, such as '{\"action\":\"INIT\"}'. Like a step of a script it gets a `version` and, but for a
ping, a fresh `flow_token` and its signature where it has none; null leaves them out. The builder's preview and flows of
data API 3.0 sign no token, as with \"flow_token_signature\":null; with `flow_token_signature: require` an endpoint answers
427, at which a phone disables the message's button for good.

In the folder of a running `flowctl dev` no further option is needed.

The exit code is 0 where the answer has status 200, or where every step of the script was as expected, and a phone would
refuse none by --flow.";

const SCRIPT_HELP: &str = "\
A script:

  name: book a table
  steps:
    - name: open the flow
      send: { action: INIT }
      expect: { screen: TABLE, data: { dates: { $length: 3 } } }
      keep: { date: /data/dates/0/id }           # JSON Pointer into the answer
    - name: choose a date
      send: { action: data_exchange, screen: TABLE, data: { date: '${date}' } }
      expect: { screen: SUCCESS }
    - name: the same form comes again, as after a lost answer
      send: { action: data_exchange, screen: TABLE, data: { date: '${date}' } }
      expect: { screen: SUCCESS }
    - name: open the finished flow again
      send: { action: INIT }
      expect: { status: 427, error_msg: { $regex: booked } }

`status` is 200 unless a step says otherwise. An object may have more keys than listed, an array may not have more elements.
Matchers: { $regex: R }, { $length: N }, { $contains: X }, { $absent: true }, { $present: true }. A string that is nothing
but ${name} takes the kept value with its type; ${flow_token} is the conversation's token, random unless `flow_token` beside
`name` says otherwise. `flow: FILE` beside `name`, from the script's folder, is the Flow JSON that every answer is held against.";

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP, after_long_help = format!("{AFTER_HELP}\n\n{SCRIPT_HELP}"))]
#[command(group(ArgGroup::new("what").required(true).args(["request", "script"])))]
pub(crate) struct Arguments {
    #[command(flatten)]
    endpoint: Endpoint,
    /// Play the conversation in this file, YAML.
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
    /// Hold every answer against this Flow JSON, as a phone does; a script may name one by itself.
    #[arg(long, value_name = "FILE")]
    flow: Option<PathBuf>,
    /// Send this JSON object, or the one on standard input for `-`.
    request: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Endpoint(#[from] endpoint::Error),
    #[error(transparent)]
    Script(#[from] script::FileError),
    #[error("the request is no JSON object, such as {{\"action\":\"INIT\"}}: {0}")]
    Request(serde_json::Error),
    #[error("standard input cannot be read: {0}")]
    Input(io::Error),
    #[error("the request: {0}")]
    Text(#[from] text::Error),
    #[error("cannot print: {0}")]
    Print(#[from] io::Error),
    #[error("cannot start: {0}")]
    Runtime(io::Error),
    #[error(transparent)]
    Client(#[from] client::Error),
    #[error(transparent)]
    Flow(#[from] screens::Error),
}

impl Error {
    /// Whether it is the command line that makes no sense.
    pub(crate) fn is_usage(&self) -> bool {
        matches!(self, Self::Endpoint(error) if error.is_usage())
    }
}

/// What to send.
enum Task {
    Script(Script),
    Request(Object, Option<Screens>),
}

pub(crate) fn run(arguments: Arguments) -> Result<ExitCode, Error> {
    let screens = arguments.flow.as_deref().map(Screens::load).transpose()?;
    let task = match (&arguments.script, &arguments.request) {
        (Some(file), _) => {
            let script = Script::load(file)?;
            let screens = screens.or(script.screens);
            Task::Script(Script { screens, ..script })
        }
        (None, request) => Task::Request(read_request(request.as_deref().unwrap_or("-"))?, screens),
    };
    let Access { url, trusted, public_key, app_secret } = arguments.endpoint.open()?;
    let client = Client::new(url, trusted, public_key, app_secret)?;

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Runtime)?;
    let is_good = runtime.block_on(async {
        match task {
            Task::Script(script) if arguments.json => play_to_json(&client, &script).await,
            Task::Script(script) => Ok(play_to_lines(&client, &script).await),
            Task::Request(request, screens) => exchange(&client, request, screens.as_ref(), arguments.json).await,
        }
    })?;
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn read_request(argument: &str) -> Result<Object, Error> {
    let mut bytes = argument.as_bytes().to_vec();
    if argument == "-" {
        bytes.clear();
        io::stdin().read_to_end(&mut bytes).map_err(Error::Input)?;
    }
    serde_json::from_str(text::read(&bytes)?).map_err(Error::Request)
}

async fn exchange(client: &Client, request: Object, screens: Option<&Screens>, json: bool) -> Result<bool, Error> {
    let request = client.complete(request, &fresh_flow_token());
    let answer = client.exchange(&request).await?;
    let verdicts = screens.map_or_else(Vec::new, |screens| screens.judge(&request, &answer));
    let mut out = io::stdout().lock();
    if json {
        writeln!(out, "{}", to_json(&answer, &verdicts))?;
    } else {
        eprintln!("status {} in {}", answer.status, milliseconds(&answer));
        if let Some(body) = &answer.body {
            // With line breaks, which makes a large answer readable.
            writeln!(out, "{:#}", Value::Object(body.clone()))?;
        }
    }
    if answer.status != 200 {
        eprintln!("{}", answer.explanation(&request));
    }
    for verdict in verdicts.iter().filter(|_| !json) {
        eprintln!("{}", screens::sentence(verdict));
    }
    Ok(answer.status == 200 && !verdicts.iter().any(|verdict| verdict.severity == Severity::Refused))
}

fn to_json(answer: &Answer, verdicts: &[Verdict]) -> Value {
    json!({
        "status": answer.status,
        "verdicts": verdicts.iter().map(screens::to_json).collect::<Value>(),
        "time_ms": answer.time.as_secs_f64() * 1000.0,
        "request_id": answer.request_id,
        "answer": answer.body,
    })
}

async fn play_to_lines(client: &Client, script: &Script) -> bool {
    let width = script.steps.iter().map(|step| step.name.chars().count()).max().unwrap_or_default();
    let mut out = io::stdout().lock();
    // A reader that has gone away, as `head` does, is no reason to stop: the exit code still tells.
    let _ = writeln!(out, "{}", script.name);
    let mut good_steps = 0;
    let is_good = play(client, script, |step, played| {
        good_steps += usize::from(played.is_good());
        let _ = writeln!(out, "{}", line(step, played, width));
        for complaint in played.complaints() {
            let _ = writeln!(out, "        {complaint}");
        }
        for doubt in played.doubts() {
            let _ = writeln!(out, "        warning: {doubt}");
        }
        let _ = out.flush();
    })
    .await;
    let _ = match script.steps.len() - good_steps {
        0 => writeln!(out, "passed: {good_steps} of {good_steps} steps as expected"),
        // The one that failed was the last to be played.
        others => {
            let steps = script.steps.len();
            writeln!(out, "failed: {good_steps} of {steps} steps as expected; {}", not_played(others - 1))
        }
    };
    is_good
}

fn line(step: &Step, played: &Played, width: usize) -> String {
    let verdict = if played.is_good() { "ok  " } else { "FAIL" };
    let answer = played.answer().map_or("no answer".to_owned(), |answer| {
        // Whatever an endpoint sends must not control the terminal.
        let screen = answer.screen().unwrap_or("-").escape_debug();
        format!("{}  {:>8}  {screen}", answer.status, milliseconds(answer))
    });
    format!("  {verdict}  {:width$}  {answer}", step.name)
}

async fn play_to_json(client: &Client, script: &Script) -> Result<bool, Error> {
    let mut steps = Vec::new();
    let passed = play(client, script, |step, played| {
        let answer = played.answer();
        steps.push(json!({
            "name": step.name,
            "passed": played.is_good(),
            "status": answer.map(|answer| answer.status),
            "screen": answer.and_then(Answer::screen),
            "time_ms": answer.map(|answer| answer.time.as_secs_f64() * 1000.0),
            "request_id": answer.and_then(|answer| answer.request_id.as_deref()),
            "complaints": played.complaints(),
            "warnings": played.doubts(),
        }));
    })
    .await;
    let not_played = script.steps.len() - steps.len();
    let report = json!({"name": script.name, "passed": passed, "steps": steps, "not_played": not_played});
    writeln!(io::stdout().lock(), "{report}")?;
    Ok(passed)
}

fn milliseconds(answer: &Answer) -> String {
    format!("{:.1} ms", answer.time.as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_in_the_help_can_be_played() {
        let lines: Vec<_> = SCRIPT_HELP.lines().filter_map(|line| line.strip_prefix("  ")).collect();
        let script = Script::parse(&lines.join("\n")).unwrap();
        assert_eq!(script.steps.len(), 4);
    }
}
