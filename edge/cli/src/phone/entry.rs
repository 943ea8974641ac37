//! A screen on the stack: its data, what was put into its form, and what follows from both.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use flow_json::expression::Scope;
use flow_json::model::{Component, Flow, Screen};
use flow_json::{Flow as WholeFlow, Kind};
use prost_types::{Struct, Value};

use super::check::{self, Problem};
use super::field::Field;
use super::layout::shown;
use super::value::{get, is_empty, is_null, list, object, text};

/// What is sent for a field that nobody touched: clients differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Untouched {
    LeftOut,
    /// The empty text, no options, false.
    Empty,
}

/// A screen that is open, or was left for one that follows it.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) screen: String,
    pub(crate) data: Struct,
    /// What the user put in; null where something was taken out.
    input: Struct,
    /// Fields that were used since the screen got its data.
    edited: BTreeSet<String>,
    /// The user wanted to go on, and fields were in the way.
    pub(crate) was_held_up: bool,
}

/// The other screens of the stack, as references read them: id, form, data.
pub(crate) type Others = Vec<(String, Struct, Struct)>;

/// An entry with all that is needed to say what is on the screen.
#[derive(Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) flow: &'a Flow,
    pub(crate) screen: &'a Screen,
    entry: &'a Entry,
    others: &'a [(&'a str, &'a Struct, &'a Struct)],
    /// The values of the form.
    pub(crate) form: Struct,
}

impl Entry {
    pub(crate) fn new(screen: impl Into<String>, data: Struct) -> Self {
        Self { screen: screen.into(), data, input: Struct::default(), edited: BTreeSet::new(), was_held_up: false }
    }

    /// New data for the same screen: what was put in stays.
    pub(crate) fn renew(&mut self, data: Struct) {
        self.data = data;
        self.edited.clear();
        self.was_held_up = false;
    }

    pub(crate) fn put(&mut self, field: &str, value: Value) {
        self.input.fields.insert(field.to_owned(), value);
        self.edited.insert(field.to_owned());
    }

    /// Lends what is on the screen, references resolved.
    pub(crate) fn look<R>(
        &self,
        flow: &Arc<WholeFlow>,
        others: &Others,
        see: impl FnOnce(&Seen<'_>) -> R,
    ) -> Option<R> {
        let others: Vec<_> = others.iter().map(|(id, form, data)| (id.as_str(), form, data)).collect();
        let screen = flow.screen(&self.screen)?;
        let mut seen = Seen { flow, screen, entry: self, others: &others, form: Struct::default() };
        seen.form = seen.values();
        Some(see(&seen))
    }
}

impl<'a> Seen<'a> {
    pub(crate) fn scope<'s>(&'s self, form: &'s Struct) -> Scope<'s> {
        Scope { form: Some(form), data: Some(&self.entry.data), screens: self.others }
    }

    /// What the form holds: what was put in, else what it began with. An option that is no longer offered is not chosen.
    fn values(&self) -> Struct {
        let nothing = Struct::default();
        let scope = self.scope(&nothing);
        let begun = self.form_values("init-values", &scope);
        let mut values = Struct::default();
        for (name, component) in self.screen.fields() {
            let own = || component.get("init-value").map(|value| value.value.resolve(&scope));
            let put = self.entry.input.fields.get(&name.text).cloned();
            let value = put.or_else(|| begun.get(&name.text).cloned()).or_else(own);
            if let Some(value) = value.filter(|value| !is_null(value)) {
                values.fields.insert(name.text.clone(), value);
            }
        }
        let kept = values.clone();
        let scope = self.scope(&kept);
        for (name, component) in self.screen.fields() {
            if let Some(value) = values.fields.get_mut(&name.text)
                && let Some(field) = Field::new(component, self.flow, &scope)
            {
                keep_offered(&field, value);
            }
        }
        values.fields.retain(|_, value| !is_null(value));
        values
    }

    /// An object of the Form, by field.
    fn form_values(&self, property: &str, scope: &Scope<'_>) -> BTreeMap<String, Value> {
        let form = self.screen.components().into_iter().find(|component| component.kind == Kind::Form);
        let value = form.and_then(|form| form.get(property)).map(|found| found.value.resolve(scope));
        value.as_ref().and_then(object).map(|fields| fields.fields.clone().into_iter().collect()).unwrap_or_default()
    }

    /// The form as an action sends it.
    pub(crate) fn form_to_send(&self, untouched: Untouched) -> Struct {
        let mut form = self.form.clone();
        match untouched {
            Untouched::LeftOut => form.fields.retain(|_, value| !is_empty(value)),
            Untouched::Empty => {
                let scope = self.scope(&self.form);
                for (name, component) in self.screen.fields() {
                    let field = || Field::new(component, self.flow, &scope)?.untouched();
                    if !form.fields.contains_key(&name.text)
                        && let Some(value) = field()
                    {
                        form.fields.insert(name.text.clone(), value);
                    }
                }
            }
        }
        form
    }

    /// The fields that are shown and do not hold what they must.
    pub(crate) fn problems(&self) -> Vec<(String, Problem)> {
        let scope = self.scope(&self.form);
        let fields =
            shown(self.screen, &scope).into_iter().filter_map(|it| Field::new(it.component, self.flow, &scope));
        fields
            .filter_map(|field| {
                let problem = check::problem(&field, get(&self.form, &field.name))?;
                Some((field.name, problem))
            })
            .collect()
    }

    /// What stands under a field in red.
    pub(crate) fn error(&self, field: &Field, component: &Component) -> Option<String> {
        let scope = self.scope(&self.form);
        if self.entry.was_held_up
            && let Some(problem) = check::problem(field, get(&self.form, &field.name))
        {
            return Some(problem.to_string());
        }
        if self.entry.edited.contains(&field.name) {
            return None;
        }
        let of_form = self.form_values("error-messages", &scope).remove(&field.name);
        let own = || component.get("error-message").map(|message| message.value.resolve(&scope));
        let message = of_form.or_else(own)?;
        let words = match object(&message) {
            Some(parts) => parts.fields.values().filter_map(text).collect::<Vec<_>>().join(" "),
            None => text(&message)?.to_owned(),
        };
        Some(words).filter(|words| !words.is_empty())
    }
}

fn keep_offered(field: &Field, value: &mut Value) {
    use super::field::Rules;
    let is_offered = |id: &str| field.options().iter().any(|option| option.id == id);
    match &field.rules {
        Rules::One { .. } if !text(value).is_some_and(is_offered) => *value = super::value::null(),
        Rules::Several { .. } => {
            let kept: Vec<Value> =
                list(value).unwrap_or_default().iter().filter(|id| text(id).is_some_and(is_offered)).cloned().collect();
            *value = Value::from(kept);
        }
        _ => {}
    }
}
