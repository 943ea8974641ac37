//! A conversation of the user's own, played step by step among the cases.

use std::time::Instant;

use super::report::Entry;
use super::{Failure, Outcome};
use crate::client::{Answer, Object, fresh_flow_token};
use crate::play::{Outcome as Judged, Played, judge};
use crate::script::Script;
use crate::script::template::Variables;

/// Every step; those after the first that fails are skipped. `exchange` completes a request under the conversation's token
/// and sends it.
pub(super) async fn play(
    script: &Script,
    mend: &str,
    exchange: impl AsyncFn(Object, &str) -> Result<Answer, String>,
) -> Vec<Entry> {
    let flow_token = script.flow_token.clone().unwrap_or_else(fresh_flow_token);
    let mut variables = Variables::new(&flow_token);
    let mut has_failed = false;
    let mut entries = Vec::new();
    for step in &script.steps {
        let started = Instant::now();
        let outcome = if has_failed {
            Outcome::Skipped("an earlier step failed".to_owned())
        } else {
            let send: Object = step.send.iter().map(|(key, value)| (key.clone(), value.resolve(&variables))).collect();
            match exchange(send.clone(), &flow_token).await {
                Err(came) => Outcome::Failed(Failure::came(came)),
                Ok(answer) => {
                    let played = Played { request: send, outcome: judge(step, answer, &mut variables) };
                    match &played.outcome {
                        Judged::AsExpected(_) => Outcome::Passed,
                        _ => Outcome::Failed(Failure::came(played.complaints().join("; "))),
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
            outcome,
            time: started.elapsed(),
        });
    }
    entries
}
