//! A FlowService, in whatever language, against the contract.
//!
//! Cases that need a certain answer use the conformance mode, which a service may have (`proto/CONFORMANCE.md`). It refuses
//! to know any flow.

mod checks;
mod mode;
mod service;

use serde_json::Value;

pub(super) use self::service::Target;
use self::service::{CallError, Connection};
use super::cases::{self, CANARY, Case, Question, Suite};
use super::report::Entry;
use super::script;
use super::{Error, Failure, Outcome, play};
use crate::client::{complete, completion, has_foreign_token};
use crate::script::Script;

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

/// The service that is held against the suite.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) target: Target,
    /// The endpoint that requests name.
    pub(super) endpoint: String,
    /// Whether a case that needs the conformance mode fails, or is skipped, where the service does not have it.
    pub(super) require_mode: bool,
}

impl Service {
    /// Every case, and the script step by step.
    pub(super) async fn hold(&self, cases: Vec<Case>, script: Option<&Script>) -> Result<Vec<Entry>, Error> {
        self.connect().await.map_err(|error| Error::LogicNotReached(error.to_string()))?;
        let lacks_mode = mode::is_there(self).await.err().map(|failure| {
            let came = failure.came;
            format!("the service has no conformance mode; to the command {{\"echo\":{{}}}} there came {came}")
        });
        let mut entries = play(cases, async |case| self.ask(case, lacks_mode.as_deref()).await).await;
        if let Some(script) = script {
            let mend =
                "Answer as the script says, or mend the script. A step's `status` is what the edge would answer.";
            let exchange = async |send, flow_token: &str| {
                let request = complete(send, flow_token, |_| "verified by the edge".to_owned());
                let answer = match self.connect().await {
                    Ok(connection) => connection.exchange(&self.endpoint, &request).await,
                    Err(error) => Err(error),
                };
                let answer = answer.map_err(|error| error.to_string())?;
                let flow_token = request.get("flow_token").and_then(Value::as_str).unwrap_or_default();
                match answer.body.as_ref().and_then(completion) {
                    Some(params) if has_foreign_token(params, flow_token) => {
                        Err("a completion with another conversation's flow_token".to_owned())
                    }
                    _ => Ok(answer),
                }
            };
            entries.extend(script::play(script, mend, exchange).await);
        }
        Ok(entries)
    }

    async fn ask(&self, case: &Case, lacks_mode: Option<&str>) -> Result<Outcome, Failure> {
        if let Some(why) = lacks_mode.filter(|_| case.needs_mode) {
            return if self.require_mode { Err(Failure::came(why)) } else { Ok(Outcome::Skipped(why.to_owned())) };
        }
        let variables = cases::variables();
        match &case.question {
            Question::Check { name, with } => {
                let canary = variables.text(CANARY);
                self.check(name, &with.resolve(&variables), &canary).await
            }
            Question::Command { command, status, expect } => {
                let command = command.resolve(&variables);
                mode::command(self, command, *status, expect, &variables).await.map(|()| Outcome::Passed)
            }
            Question::Echo(object) => mode::echo(self, &object.resolve(&variables)).await.map(|()| Outcome::Passed),
            Question::Post { .. } => Ok(Outcome::Skipped("a FlowService takes no POST".to_owned())),
        }
    }

    async fn check(&self, name: &str, with: &Value, canary: &str) -> Result<Outcome, Failure> {
        match name {
            "ping" => checks::ping(self).await,
            "health" => checks::health(self).await,
            "reflection" => return checks::reflection(self).await,
            "unknown-method" => checks::unknown_method(self, with).await,
            "concurrent-calls" => checks::concurrent_calls(self, with).await,
            "unknown-fields" => checks::unknown_fields(self).await,
            "handle-error" => checks::handle_error(self, with).await,
            "borne" => checks::borne(self, with).await,
            "large-data" => checks::large_data(self, with).await,
            "deep-data" => checks::deep_data(self, with).await,
            "malformed-message" => checks::malformed_message(self).await,
            "canary" => checks::canary(self, with, canary).await,
            "short-deadline" => checks::short_deadline(self, with).await,
            "after-cancelled-calls" => checks::after_cancelled_calls(self, with).await,
            "mode-echo-large" => mode::echo_large(self, with).await,
            "mode-status-codes" => mode::status_codes(self, with).await,
            "mode-status-reason" => mode::status_reason(self).await,
            "mode-unknown-command" => mode::unknown_command(self).await,
            "mode-panic" => mode::panic(self, canary).await,
            "mode-sleep" => mode::sleep(self, with).await,
            "mode-sleep-together" => mode::sleep_together(self, with).await,
            "mode-deadline" => mode::deadline(self, with).await,
            "mode-cancellation" => mode::cancellation(self).await,
            "mode-metadata" => mode::metadata(self).await,
            _ => return Ok(Outcome::Skipped(format!("this flowctl has no check `{name}`"))),
        }
        .map(|()| Outcome::Passed)
    }

    /// Each case has a connection of its own, so that one that it breaks is no other's.
    async fn connect(&self) -> Result<Connection, CallError> {
        self.target.connect().await
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        Self::came(error.to_string())
    }
}
