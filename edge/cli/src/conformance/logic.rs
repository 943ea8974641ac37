//! A FlowService, in whatever language, against the contract.
//!
//! Cases that need a certain answer use the conformance mode, which a service may have (`proto/CONFORMANCE.md`). It refuses
//! to know any flow.

mod checks;
mod mode;
mod service;

use serde_json::Value;

pub(super) use self::service::Service;
use super::cases::{self, CANARY, Case, Question, Suite};
use super::outcome::{Failure, Outcome};
use super::play;
use super::report::Entry;
use crate::call::CallError;
use crate::client::{Object, complete, completion, has_foreign_token};
use crate::logic::Unreachable;
use crate::script::Script;
use crate::tls::Words;

pub(super) const SUITE: Suite = Suite {
    files: &[
        ("service.yaml", include_str!("cases/logic/service.yaml")),
        ("requests.yaml", include_str!("cases/logic/requests.yaml")),
        ("privacy.yaml", include_str!("cases/logic/privacy.yaml")),
        ("time.yaml", include_str!("cases/logic/time.yaml")),
        ("values.yaml", include_str!("cases/logic/values.yaml")),
        ("outcomes.yaml", include_str!("cases/logic/outcomes.yaml")),
        ("failures.yaml", include_str!("cases/logic/failures.yaml")),
        ("calls.yaml", include_str!("cases/logic/calls.yaml")),
    ],
    checks: &[
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
        "within-a-second",
        "short-deadline",
        "after-cancelled-calls",
        "mode-echo-large",
        "mode-status-codes",
        "mode-status-reason",
        "mode-unknown-command",
        "mode-panic",
        "mode-sleep",
        "mode-sleep-together",
        "mode-deadline",
        "mode-cancellation",
        "mode-metadata",
    ],
};

/// There is nothing to hold against the suite.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotReached {
    #[error("the service cannot be reached: {0}; start it, and see that --logic names its address")]
    Nobody(CallError),
    #[error("the service cannot be reached: {0}.")]
    Tls(Words),
}

/// Every case, and the script step by step. `require_mode` is whether a case that needs the conformance mode fails, or is
/// skipped, where the service does not have it.
pub(super) async fn hold(
    service: &Service,
    require_mode: bool,
    cases: Vec<Case>,
    script: Option<&Script>,
) -> Result<Vec<Entry>, NotReached> {
    match service.connect().await {
        Ok(_) => {}
        Err(CallError::NotConnected(Unreachable::Tls(words))) => return Err(NotReached::Tls(words)),
        Err(error) => return Err(NotReached::Nobody(error)),
    }
    let ping = match service.connect().await {
        Ok(connection) => connection.ping(&service.endpoint).await,
        Err(error) => Err(error),
    };
    // A service may break a call off as well; a case says that.
    if let Err(CallError::Broken(_)) = ping
        && let Some(words) = service.target.misunderstanding().await
    {
        return Err(NotReached::Tls(words));
    }
    let lacks_mode = mode::is_there(service).await.err().map(|failure| {
        let came = failure.came;
        format!("the service has no conformance mode; to the command {{\"echo\":{{}}}} there came {came}")
    });
    let mut entries =
        play::cases(cases, async |case| ask(service, case, lacks_mode.as_deref(), require_mode).await).await;
    if let Some(script) = script {
        let mend = "Answer as the script says, or mend the script. A step's `status` is what the edge would answer.";
        let complete = |send, flow_token: &str| complete(send, flow_token, |_| "verified by the edge".to_owned());
        let exchange = async |message: &Object| {
            let answer = service.connect().await?.exchange(&service.endpoint, message).await?;
            let flow_token = message.get("flow_token").and_then(Value::as_str).unwrap_or_default();
            match answer.body.as_ref().and_then(completion) {
                Some(params) if has_foreign_token(params, flow_token) => {
                    Err(Failure::came("a completion with another conversation's flow_token"))
                }
                _ => Ok(answer),
            }
        };
        entries.extend(play::script(script, mend, complete, exchange).await);
    }
    Ok(entries)
}

async fn ask(service: &Service, case: &Case, lacks_mode: Option<&str>, require_mode: bool) -> Result<Outcome, Failure> {
    if let Some(why) = lacks_mode.filter(|_| case.needs_mode) {
        return if require_mode { Err(Failure::came(why)) } else { Ok(Outcome::Skipped(why.to_owned())) };
    }
    match put(service, case).await {
        Err(failure) if case.warns => Ok(Outcome::Warned(failure.came)),
        outcome => outcome,
    }
}

async fn put(service: &Service, case: &Case) -> Result<Outcome, Failure> {
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
        Question::Post { .. } => Ok(Outcome::Skipped("a FlowService takes no POST".to_owned())),
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
        "within-a-second" => checks::within_limit(service, with).await,
        "short-deadline" => checks::short_deadline(service, with).await,
        "after-cancelled-calls" => checks::after_cancelled_calls(service, with).await,
        "mode-echo-large" => mode::echo_large(service, with).await,
        "mode-status-codes" => mode::status_codes(service, with).await,
        "mode-status-reason" => mode::status_reason(service).await,
        "mode-unknown-command" => mode::unknown_command(service).await,
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
