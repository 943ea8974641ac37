//! An action with its payload worked out.

use flow_json::expression::Scope;
use flow_json::model::{Action, ActionKind, Component};
use prost_types::{Struct, Value};

use super::field::{Choice, Field, Rules};
use super::value::{flag, get, object, text, texts, without_nulls};

/// What is to be done.
#[derive(Debug, Clone)]
pub(crate) struct Act {
    pub(crate) kind: ActionKind,
    /// The screen of a `navigate`.
    pub(crate) next: Option<String>,
    pub(crate) payload: Struct,
    pub(crate) url: Option<String>,
}

impl Act {
    pub(crate) fn of(action: &Action, scope: &Scope<'_>) -> Self {
        let payload = action.payload.as_ref().map(|payload| payload.resolve(scope));
        let url = action.url.as_ref().map(|url| url.resolve(scope));
        Self {
            kind: action.kind,
            next: action.next.as_ref().map(|next| next.text.clone()),
            payload: payload.as_ref().and_then(object).cloned().map(without_nulls).unwrap_or_default(),
            url: url.as_ref().and_then(text).map(str::to_owned),
        }
    }

    /// Of an option or an item, whose references were resolved with the list.
    fn of_value(value: &Value) -> Option<Self> {
        let action = object(value)?;
        let kind = ActionKind::parse(get(action, "name").and_then(text)?)?;
        let next = get(action, "next").and_then(object).and_then(|next| get(next, "name")).and_then(text);
        Some(Self {
            kind,
            next: next.map(str::to_owned),
            payload: get(action, "payload").and_then(object).cloned().map(without_nulls).unwrap_or_default(),
            url: get(action, "url").and_then(text).map(str::to_owned),
        })
    }

    /// The action of an option or an item.
    pub(crate) fn of_choice(choice: &Choice, property: &str) -> Option<Self> {
        Self::of_value(get(&choice.content, property)?)
    }
}

/// The component's own action under this property.
pub(crate) fn own<'a>(component: &'a Component, property: &str) -> Option<&'a Action> {
    component.actions.iter().find(|action| !action.of_item && action.property.text == property)
}

/// What a change of a field sets off, in order.
pub(crate) fn on_change(
    component: &Component,
    field: &Field,
    before: Option<&Value>,
    after: Option<&Value>,
    scope: &Scope<'_>,
) -> Vec<Act> {
    let (before, after) = (chosen(field, before), chosen(field, after));
    if before == after {
        return Vec::new();
    }
    let removed: Vec<_> = before.iter().filter(|id| !after.contains(id)).collect();
    let added: Vec<_> = after.iter().filter(|id| !before.contains(id)).collect();
    let option = |id: &str| field.options().iter().find(|option| option.id == id);
    let mut acts: Vec<Act> = Vec::new();
    acts.extend(removed.iter().filter_map(|id| Act::of_choice(option(id)?, "on-unselect-action")));
    acts.extend(added.iter().filter_map(|id| Act::of_choice(option(id)?, "on-select-action")));
    let (select, unselect) = (own(component, "on-select-action"), own(component, "on-unselect-action"));
    if !removed.is_empty() {
        acts.extend(unselect.map(|action| Act::of(action, scope)));
    }
    // Alone it handles unselecting as well.
    if !added.is_empty() || unselect.is_none() {
        acts.extend(select.map(|action| Act::of(action, scope)));
    }
    acts
}

/// What is selected, as a set of words.
fn chosen(field: &Field, value: Option<&Value>) -> Vec<String> {
    let Some(value) = value else { return Vec::new() };
    match &field.rules {
        Rules::Flag if flag(value) == Some(true) => vec!["on".to_owned()],
        Rules::One { .. } | Rules::Day(_) => {
            text(value).filter(|id| !id.is_empty()).map(str::to_owned).into_iter().collect()
        }
        Rules::Several { .. } => texts(value).into_iter().map(str::to_owned).collect(),
        Rules::Range { .. } => {
            let day = |key| object(value).and_then(|range| get(range, key)).and_then(text);
            ["start-date", "end-date"].into_iter().filter_map(|key| Some(format!("{key} {}", day(key)?))).collect()
        }
        Rules::Flag | Rules::Text { .. } | Rules::Files { .. } => Vec::new(),
    }
}
