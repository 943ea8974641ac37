//! The cases, and the steps of a conversation of the user's own, one after another.
//!
//! It refuses to know how a case or a request is put.

use std::time::{Duration, Instant};

use super::cases::Case;
use super::outcome::{Failure, Outcome};
use super::report::Entry;
use crate::client::{Answer, Object, fresh_flow_token};
use crate::play::{Played, not_played};
use crate::script::Script;
use crate::script::template::Variables;

/// No case takes so long, however slow the service.
const CASE_LIMIT: Duration = Duration::from_secs(60);

/// Asks every case, in order.
pub(super) async fn cases(cases: Vec<Case>, ask: impl AsyncFn(&Case) -> Result<Outcome, Failure>) -> Vec<Entry> {
    let mut entries = Vec::new();
    for case in cases {
        let started = Instant::now();
        let outcome = match tokio::time::timeout(CASE_LIMIT, ask(&case)).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(failure)) => Outcome::Failed(failure),
            Err(_) => Outcome::Failed(Failure::slow(format!("slow: no end within {} s", CASE_LIMIT.as_secs()))),
        };
        entries.push(Entry {
            topic: case.topic,
            name: case.name,
            should: case.should,
            user: case.user,
            mend: case.mend,
            scripts: Vec::new(),
            outcome,
            time: started.elapsed(),
        });
    }
    entries
}

/// Every step; those after the first that fails are skipped. `complete` makes a step what the client would send under the
/// conversation's token, `exchange` sends that.
pub(super) async fn script(
    script: &Script,
    mend: &str,
    complete: impl Fn(Object, &str) -> Object,
    exchange: impl AsyncFn(&Object) -> Result<Answer, Failure>,
) -> Vec<Entry> {
    let flow_token = script.flow_token.clone().unwrap_or_else(fresh_flow_token);
    let mut variables = Variables::new(&flow_token);
    let mut has_failed = false;
    let mut entries: Vec<Entry> = Vec::new();
    for step in &script.steps {
        let started = Instant::now();
        let outcome = if has_failed {
            Outcome::Skipped("an earlier step failed".to_owned())
        } else {
            let send: Object = step.send.iter().map(|(key, value)| (key.clone(), value.resolve(&variables))).collect();
            let request = complete(send, &flow_token);
            match exchange(&request).await {
                Err(failure) => Outcome::Failed(failure),
                Ok(answer) => {
                    let played = Played::new(script, step, request, answer, &mut variables);
                    if played.is_good() {
                        Outcome::Passed
                    } else {
                        let left = not_played(script.steps.len() - entries.len() - 1);
                        Outcome::Failed(Failure::came(format!("{} ({left})", played.complaints().join("; "))))
                    }
                }
            }
        };
        has_failed |= matches!(outcome, Outcome::Failed(_));
        entries.push(Entry {
            topic: "script".to_owned(),
            name: step.name.clone(),
            should: format!("the answer that the script \"{}\" expects", script.name),
            user: None,
            mend: mend.to_owned(),
            scripts: Vec::new(),
            outcome,
            time: started.elapsed(),
        });
    }
    entries
}
