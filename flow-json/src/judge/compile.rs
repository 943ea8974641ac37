//! A file, as the judge keeps it: by screen, what may follow and what its data must be.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::expression::Source;
use crate::limits::{Binding, bindings};
use crate::model::{DataType, Declared, Flow};
use crate::schema::Kind;
use crate::version::Version;

#[derive(Debug)]
pub(super) struct Edition {
    pub(super) screens: HashMap<String, Screen>,
}

#[derive(Debug)]
pub(super) struct Screen {
    /// By name, in the order of names, as an answer's data are; none where the screen has no model.
    pub(super) declared: Option<Vec<(String, DataType)>>,
    /// What its components show and its model does not declare.
    pub(super) bound_undeclared: Vec<String>,
    pub(super) bindings: Vec<Binding>,
    pub(super) next: Vec<String>,
    pub(super) entry: bool,
    pub(super) terminal: bool,
    pub(super) navigation_list: bool,
}

impl Edition {
    pub(super) fn new(flow: &Flow) -> Self {
        let mut next: HashMap<&str, Vec<String>> = HashMap::new();
        let mut followed = HashSet::new();
        for (from, to) in flow.edges() {
            next.entry(&from.text).or_default().push(to.text.clone());
            if from.text != to.text {
                followed.insert(to.text.as_str());
            }
        }
        let version = flow.version.min(Version::NEWEST);
        let compile = |screen: &crate::model::Screen| {
            let id = screen.id.text.as_str();
            let keys = screen.data.as_ref().map(|data| &data.keys);
            let compiled = Screen {
                bound_undeclared: bound_undeclared(screen),
                bindings: bindings(screen, version),
                next: next.get(id).cloned().unwrap_or_default(),
                entry: !followed.contains(id),
                terminal: screen.terminal,
                navigation_list: screen.components().iter().any(|component| component.kind == Kind::NavigationList),
                declared: keys.map(|keys| declared(keys)),
            };
            (id.to_owned(), compiled)
        };
        // Of two screens with one id the first counts, as in `Flow::screen`.
        Self { screens: flow.screens.iter().rev().map(compile).collect() }
    }

    /// Some way leads from one screen to the other.
    pub(super) fn leads(&self, from: &str, to: &str) -> bool {
        let mut seen: Vec<&str> = Vec::new();
        let mut waiting = vec![from];
        while let Some(id) = waiting.pop() {
            if id == to {
                return true;
            }
            if !seen.contains(&id) {
                seen.push(id);
                waiting.extend(self.screens.get(id).into_iter().flat_map(|screen| &screen.next).map(String::as_str));
            }
        }
        false
    }
}

/// Without the examples, which can be images.
fn declared(keys: &[Declared]) -> Vec<(String, DataType)> {
    let mut declared: Vec<_> = keys.iter().map(|key| (key.name.text.clone(), in_order(&key.data_type))).collect();
    declared.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    declared
}

/// The type with the properties of objects in the order of their names, each once: the last counts.
fn in_order(data_type: &DataType) -> DataType {
    let properties: BTreeMap<_, _> = data_type.properties.iter().map(|(name, inner)| (name, inner)).collect();
    DataType {
        kind: data_type.kind,
        properties: properties.into_iter().map(|(name, inner)| (name.clone(), in_order(inner))).collect(),
        items: data_type.items.as_ref().map(|items| Box::new(in_order(items))),
    }
}

fn bound_undeclared(screen: &crate::model::Screen) -> Vec<String> {
    let mut expressions = Vec::new();
    for component in screen.components() {
        component.properties.iter().for_each(|property| property.value.expressions(0, &mut expressions));
    }
    let references = expressions.into_iter().flat_map(|(expression, ..)| expression.references());
    let mut names: Vec<String> = references
        .filter(|reference| reference.screen.is_none() && reference.source == Source::Data)
        .map(|reference| reference.name().to_owned())
        .filter(|name| screen.data.as_ref().is_none_or(|data| data.get(name).is_none()))
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}
