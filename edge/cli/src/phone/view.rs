//! What is on the screen: the face of the phone, from which a console draws and a walk chooses.

use flow_json::Kind;
use flow_json::model::ActionKind;
use prost_types::{Struct, Value};

use super::action::{Act, own};
use super::check::{self, Problem};
use super::entry::Seen;
use super::field::{self, Choice, Field};
use super::layout::shown;
use super::value::{get, text};

/// A screen as the user sees it.
#[derive(Debug, Clone)]
pub(crate) struct View {
    pub(crate) screen: String,
    pub(crate) title: String,
    /// From top to bottom; Form, If and Switch are decided and not among them.
    pub(crate) components: Vec<Shown>,
    /// The snackbar.
    pub(crate) message: Option<String>,
    pub(crate) is_loading: bool,
    /// There is a screen to go back to.
    pub(crate) can_go_back: bool,
    pub(crate) is_terminal: bool,
    /// Going back asks the endpoint.
    pub(crate) asks_on_back: bool,
}

/// A component as the user sees it.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    /// The way to it on its screen, such as `0.2`.
    pub(crate) id: String,
    pub(crate) kind: Kind,
    /// All properties, references resolved.
    pub(crate) properties: Struct,
    pub(crate) is_enabled: bool,
    pub(crate) field: Option<Field>,
    pub(crate) value: Option<Value>,
    /// What stands under the field in red.
    pub(crate) error: Option<String>,
    /// What would be in the way of going on.
    pub(crate) problem: Option<Problem>,
    /// The items of a NavigationList.
    pub(crate) items: Vec<Choice>,
    /// What a tap does, the items' own aside.
    pub(crate) tap: Option<ActionKind>,
    /// What a selection does.
    pub(crate) select: Option<ActionKind>,
}

impl View {
    pub(crate) fn component(&self, id: &str) -> Option<&Shown> {
        self.components.iter().find(|component| component.id == id)
    }

    pub(crate) fn field(&self, name: &str) -> Option<&Shown> {
        self.components.iter().find(|it| it.field.as_ref().is_some_and(|field| field.name == name))
    }

    pub(crate) fn footer(&self) -> Option<&Shown> {
        self.components.iter().find(|component| component.kind == Kind::Footer)
    }
}

impl Shown {
    /// What a tap on an item does, or on the list where the item says nothing.
    pub(crate) fn tap_of(&self, item: &Choice) -> Option<ActionKind> {
        Act::of_choice(item, "on-click-action").map(|act| act.kind).or(self.tap)
    }
}

/// The part that the screen itself says; whoever holds the stack adds the rest.
pub(crate) fn view(seen: &Seen<'_>) -> View {
    let scope = seen.scope(&seen.form);
    let components = shown(seen.screen, &scope).into_iter().map(|placed| {
        let component = placed.component;
        let properties = component.properties.iter();
        let resolved = properties.map(|it| (it.name.text.clone(), it.value.resolve(&scope))).collect();
        let field = Field::new(component, seen.flow, &scope);
        let value = field.as_ref().and_then(|field| get(&seen.form, &field.name)).cloned();
        Shown {
            id: placed.id,
            kind: component.kind,
            properties: Struct { fields: resolved },
            is_enabled: field::is(component, "enabled", &scope),
            error: field.as_ref().and_then(|field| seen.error(field, component)),
            problem: field.as_ref().and_then(|field| check::problem(field, value.as_ref())),
            items: match component.kind {
                Kind::NavigationList => field::choices(component, "list-items", &scope),
                _ => Vec::new(),
            },
            tap: own(component, "on-click-action").map(|action| action.kind),
            select: own(component, "on-select-action").map(|action| action.kind),
            field,
            value,
        }
    });
    let title = seen.screen.title.as_ref().map(|title| title.resolve(&scope));
    View {
        screen: seen.screen.id.text.clone(),
        title: title.as_ref().and_then(text).unwrap_or_default().to_owned(),
        components: components.collect(),
        message: None,
        is_loading: false,
        can_go_back: false,
        is_terminal: seen.screen.terminal,
        asks_on_back: seen.screen.refresh_on_back.is_some_and(|(refresh, _)| refresh),
    }
}
