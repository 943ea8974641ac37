//! A conversation of the service's own, played step by step over gRPC as the edge would play it.

use std::time::Duration;

use super::report::Entry;
use super::{Failure, Outcome, Service};
use crate::client::{Object, complete, fresh_flow_token};
use crate::play::{Outcome as Judged, Played, judge};
use crate::script::template::Variables;
use crate::script::{Script, Step};

const MEND: &str = "Answer as the script says, or mend the script. A step's `status` is what the edge would answer.";

/// Every step; those after the first that fails are skipped.
pub(super) async fn play(service: &Service, script: &Script) -> Vec<Entry> {
    let flow_token = script.flow_token.clone().unwrap_or_else(fresh_flow_token);
    let mut variables = Variables::new(&flow_token);
    let mut has_failed = false;
    let mut entries = Vec::new();
    for step in &script.steps {
        let (outcome, time) = if has_failed {
            (Outcome::Skipped("an earlier step failed".to_owned()), Duration::ZERO)
        } else {
            play_step(service, step, &flow_token, &mut variables).await
        };
        has_failed |= matches!(outcome, Outcome::Failed(_));
        entries.push(Entry {
            topic: "script".to_owned(),
            name: step.name.clone(),
            should: format!("the answer that the script \"{}\" expects", script.name),
            mend: MEND.to_owned(),
            outcome,
            time,
        });
    }
    entries
}

async fn play_step(service: &Service, step: &Step, flow_token: &str, variables: &mut Variables) -> (Outcome, Duration) {
    let send: Object = step.send.iter().map(|(key, value)| (key.clone(), value.resolve(variables))).collect();
    let request = complete(send, flow_token, |_| "verified by the edge".to_owned());
    let answer = match service.connect().await {
        Ok(connection) => connection.exchange(&service.endpoint, &request).await,
        Err(error) => Err(error),
    };
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return (Outcome::Failed(error.into()), Duration::ZERO),
    };
    let time = answer.time;
    let played = Played { request, outcome: judge(step, answer, variables) };
    let outcome = match &played.outcome {
        Judged::AsExpected(_) => Outcome::Passed,
        _ => Outcome::Failed(Failure::came(played.complaints().join("; "))),
    };
    (outcome, time)
}
