//! Actions by themselves: where each may stand, and where a `navigate` leads.

use super::rules::Rules;
use crate::code::Code;
use crate::json::cut;
use crate::model::{Action, ActionKind, Component};
use crate::schema::Kind;

pub(super) fn check(rules: &mut Rules<'_>) {
    let flow = rules.flow;
    let ids: Vec<&str> = flow.screens.iter().map(|screen| screen.id.text.as_str()).collect();
    for screen in &flow.screens {
        for (kind, action) in screen.components().into_iter().flat_map(actions_of) {
            match (action.kind, &action.next) {
                // Elsewhere it is no action at all.
                (ActionKind::Complete, _) if !screen.terminal && kind == Kind::Footer => {
                    let message = format!("`complete` on `{}`, which is not terminal", cut(&screen.id.text));
                    let help = "\"terminal\": true on the screen, or `navigate`, or `data_exchange`";
                    rules.findings.error(Code::InvalidCompleteAction, action.name_span, message, help);
                }
                (ActionKind::DataExchange, _) if !flow.has_endpoint() => {
                    let help = "\"data_api_version\": \"4.0\" at the top";
                    let message = "`data_exchange` in a flow without `data_api_version`";
                    rules.findings.error(Code::MissingRequiredProperty, action.name_span, message, help);
                }
                (ActionKind::Navigate, Some(next)) if next.text == screen.id.text => {
                    let message = format!("`{}` navigates to itself", cut(&screen.id.text));
                    let help = "`data_exchange`, and answer with the same screen; or `update_data`";
                    rules.findings.error(Code::InvalidNavigateActionNextScreenName, next.span, message, help);
                }
                (ActionKind::Navigate, Some(next)) if flow.screen(&next.text).is_none() => {
                    let message = format!("there is no screen `{}`", cut(&next.text));
                    let help = rules.findings.did_you_mean(&next.text, &ids);
                    rules.findings.error(Code::InvalidNavigateActionNextScreenName, next.span, message, help);
                }
                _ => {}
            }
        }
    }
}

fn actions_of(component: &Component) -> impl Iterator<Item = (Kind, &Action)> {
    component.actions.iter().map(|action| (component.kind, action))
}
