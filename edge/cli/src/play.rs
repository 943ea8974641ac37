//! Plays a script against an endpoint, step by step.
//!
//! It refuses to know how a step is shown.

use flow_json::Verdict;
use flow_json::verdict::Severity;
use serde_json::Value;

use crate::client::{self, Answer, Client, Object, fresh_flow_token};
use crate::screens::sentence;
use crate::script::expect::Mismatch;
use crate::script::template::Variables;
use crate::script::{Script, Step};

/// A step that was played.
#[derive(Debug)]
pub(crate) struct Played {
    /// What was sent, before it was sealed.
    pub(crate) request: Object,
    pub(crate) outcome: Outcome,
    /// What a phone would say of the answer, where the script names the flow.
    pub(crate) verdicts: Vec<Verdict>,
}

/// How a step ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The answer is what the script expects.
    AsExpected(Answer),
    /// The answer has another status.
    Status { expected: u16, answer: Answer },
    /// The answer says something else.
    Mismatched { mismatches: Vec<Mismatch>, answer: Answer },
    /// There is no answer that could be held against the script.
    NoAnswer(client::Error),
}

impl Played {
    /// Holds an answer against a step and the flow's screens, and keeps what later steps use.
    pub(crate) fn new(
        script: &Script,
        step: &Step,
        request: Object,
        answer: Answer,
        variables: &mut Variables,
    ) -> Self {
        let verdicts = script.screens.as_ref().map_or_else(Vec::new, |screens| screens.judge(&request, &answer));
        Self { request, outcome: judge(step, answer, variables), verdicts }
    }

    /// Whether the answer was what the script expects, and one that a phone takes.
    pub(crate) fn is_good(&self) -> bool {
        matches!(self.outcome, Outcome::AsExpected(_)) && !self.verdicts.iter().any(is_refusal)
    }

    pub(crate) fn answer(&self) -> Option<&Answer> {
        match &self.outcome {
            Outcome::AsExpected(answer) | Outcome::Status { answer, .. } | Outcome::Mismatched { answer, .. } => {
                Some(answer)
            }
            Outcome::NoAnswer(_) => None,
        }
    }

    /// What went wrong, one sentence each; empty where nothing did.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let mut complaints = self.of_outcome();
        complaints.extend(self.verdicts.iter().filter(|verdict| is_refusal(verdict)).map(sentence));
        complaints
    }

    /// What a phone takes, and shows wrongly.
    pub(crate) fn doubts(&self) -> Vec<String> {
        let is_doubt = |verdict: &&Verdict| verdict.severity == Severity::ShownWrongly;
        self.verdicts.iter().filter(is_doubt).map(sentence).collect()
    }

    fn of_outcome(&self) -> Vec<String> {
        match &self.outcome {
            Outcome::AsExpected(_) => Vec::new(),
            Outcome::Status { expected, answer } => {
                vec![format!(
                    "status: expected {expected}, came {}. {}",
                    answer.status,
                    answer.explanation(&self.request)
                )]
            }
            Outcome::Mismatched { mismatches, .. } => mismatches
                .iter()
                .map(|Mismatch { pointer, expected, found }| {
                    let place = if pointer.is_empty() { "the answer" } else { pointer };
                    format!("{place}: expected {expected}, came {found}")
                })
                .collect(),
            Outcome::NoAnswer(error) => vec![error.to_string()],
        }
    }
}

/// Plays the steps in order up to the first that is not as expected, and shows each to `watch`. Whether all were good.
pub(crate) async fn play(client: &Client, script: &Script, mut watch: impl FnMut(&Step, &Played)) -> bool {
    let flow_token = script.flow_token.clone().unwrap_or_else(fresh_flow_token);
    let mut variables = Variables::new(&flow_token);
    for step in &script.steps {
        let send = step.send.iter().map(|(key, value)| (key.clone(), value.resolve(&variables))).collect();
        let request = client.complete(send, &flow_token);
        let played = match client.exchange(&request).await {
            Ok(answer) => Played::new(script, step, request, answer, &mut variables),
            Err(error) => Played { request, outcome: Outcome::NoAnswer(error), verdicts: Vec::new() },
        };
        watch(step, &played);
        if !played.is_good() {
            return false;
        }
    }
    true
}

/// How many steps nobody saw, since one before them failed.
pub(crate) fn not_played(steps: usize) -> String {
    match steps {
        0 => "it was the last".to_owned(),
        1 => "1 step was not played".to_owned(),
        _ => format!("{steps} steps were not played"),
    }
}

fn is_refusal(verdict: &Verdict) -> bool {
    verdict.severity == Severity::Refused
}

/// Holds an answer against a step, and keeps what later steps use.
fn judge(step: &Step, answer: Answer, variables: &mut Variables) -> Outcome {
    if answer.status != step.status {
        return Outcome::Status { expected: step.status, answer };
    }
    // An empty body says as much as an empty object.
    let body = Value::Object(answer.body.clone().unwrap_or_default());
    let mut mismatches = step.expect.mismatches(&body, variables);
    for keep in &step.keep {
        match body.pointer(&keep.pointer) {
            Some(value) => variables.keep(&keep.variable, value.clone()),
            None => mismatches.push(Mismatch {
                pointer: keep.pointer.clone(),
                expected: format!("a value to keep as `{}`", keep.variable),
                found: "nothing".to_owned(),
            }),
        }
    }
    if mismatches.is_empty() { Outcome::AsExpected(answer) } else { Outcome::Mismatched { mismatches, answer } }
}
