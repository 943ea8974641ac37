//! Screens, components and actions, and what can be asked of them.

use prost_types::Struct;

use super::data::{DataModel, Declared};
use super::name::Name;
use super::template::{Template, TemplateKind};
use crate::schema::{Kind, Property as Schema, property};
use crate::span::Span;
use crate::version::Version;

/// A whole file.
#[derive(Debug, Clone, PartialEq)]
pub struct Flow {
    /// As the file says; of a newer version than this crate knows, the rules of the newest apply.
    pub version: Version,
    /// Where it is set, an endpoint answers this flow.
    pub data_api_version: Option<Name>,
    /// As the file writes it.
    pub routing_model: Option<Vec<Route>>,
    pub screens: Vec<Screen>,
    pub span: Span,
}

/// The screens that may follow one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    pub from: Name,
    pub to: Vec<Name>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Screen {
    pub id: Name,
    pub span: Span,
    pub title: Option<Template>,
    pub terminal: bool,
    /// Where it is written.
    pub success: Option<(bool, Span)>,
    pub refresh_on_back: Option<(bool, Span)>,
    pub sensitive: Vec<Name>,
    pub data: Option<DataModel>,
    pub children: Vec<Component>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Component {
    pub kind: Kind,
    pub span: Span,
    /// What it may hold, but components and actions, which stand in their own lists.
    pub properties: Vec<Property>,
    /// `children` of a Form, `then` and `else` of an If, each case of a Switch.
    pub blocks: Vec<Block>,
    /// Its own and those of its options or items.
    pub actions: Vec<Action>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Property {
    pub name: Name,
    pub value: Template,
}

/// Components that are shown together.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// `children`, `then`, `else`, or the value of a Switch.
    pub name: Name,
    pub span: Span,
    pub children: Vec<Component>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Action {
    /// The property that holds it, such as `on-click-action`.
    pub property: Name,
    /// Of an option or an item, not of the component itself.
    pub of_item: bool,
    pub span: Span,
    pub kind: ActionKind,
    /// Where its `name` stands.
    pub name_span: Span,
    /// The screen of a `navigate`.
    pub next: Option<Name>,
    pub payload: Option<Template>,
    /// The address of an `open_url`.
    pub url: Option<Template>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActionKind {
    Navigate,
    DataExchange,
    Complete,
    UpdateData,
    OpenUrl,
}

impl ActionKind {
    /// By the word that the file and an option's data have for it.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "navigate" => Self::Navigate,
            "data_exchange" => Self::DataExchange,
            "complete" => Self::Complete,
            "update_data" => Self::UpdateData,
            "open_url" => Self::OpenUrl,
            _ => return None,
        })
    }
}

impl Flow {
    /// The screen of this id; the first where the file has several.
    pub fn screen(&self, id: &str) -> Option<&Screen> {
        self.screens.iter().find(|screen| screen.id.text == id)
    }

    /// From which screen to which: the routing model, or what the `navigate` actions make where the file has none.
    pub fn edges(&self) -> Vec<(&Name, &Name)> {
        if let Some(routes) = &self.routing_model {
            return routes.iter().flat_map(|route| route.to.iter().map(|to| (&route.from, to))).collect();
        }
        let mut edges = Vec::new();
        for screen in &self.screens {
            screen.walk(&mut |component| {
                for action in &component.actions {
                    if let (ActionKind::Navigate, Some(next)) = (action.kind, &action.next) {
                        edges.push((&screen.id, next));
                    }
                }
            });
        }
        edges
    }

    /// Where it begins: the first screen that follows no other, and the first at all where each follows one.
    pub fn first_screen(&self) -> Option<&Screen> {
        let edges = self.edges();
        let follows =
            |screen: &&Screen| edges.iter().any(|(from, to)| to.text == screen.id.text && from.text != to.text);
        self.screens.iter().find(|screen| !follows(screen)).or(self.screens.first())
    }

    /// An endpoint answers it.
    pub fn has_endpoint(&self) -> bool {
        self.data_api_version.is_some()
    }
}

impl Screen {
    /// The examples of its data, as far as the file has them.
    pub fn examples(&self) -> Struct {
        let keys = self.data.iter().flat_map(|data| &data.keys);
        let example = |key: &Declared| Some((key.name.text.clone(), key.example.as_ref()?.0.clone()));
        Struct { fields: keys.filter_map(example).collect() }
    }

    /// Every component of it from top to bottom, with those inside others.
    pub fn walk<'a>(&'a self, visit: &mut dyn FnMut(&'a Component)) {
        self.children.iter().for_each(|child| child.walk(visit));
    }

    /// The same as a list.
    pub fn components(&self) -> Vec<&Component> {
        let mut all = Vec::new();
        self.walk(&mut |component| all.push(component));
        all
    }

    /// The inputs, of which each has a name.
    pub fn fields(&self) -> Vec<(&Name, &Component)> {
        let named = |component| Component::name(component).map(|name| (name, component));
        self.components().into_iter().filter(|component| component.kind.is_input()).filter_map(named).collect()
    }

    pub fn field(&self, name: &str) -> Option<&Component> {
        self.fields().into_iter().find(|(field, _)| field.text == name).map(|(_, component)| component)
    }
}

impl Component {
    fn walk<'a>(&'a self, visit: &mut dyn FnMut(&'a Component)) {
        visit(self);
        for block in &self.blocks {
            block.children.iter().for_each(|child| child.walk(visit));
        }
    }

    pub fn get(&self, name: &str) -> Option<&Property> {
        self.properties.iter().find(|property| property.name.text == name)
    }

    /// `name`, where it is a string.
    pub fn name(&self) -> Option<&Name> {
        match &self.get("name")?.value.kind {
            TemplateKind::Text(name) => Some(name),
            _ => None,
        }
    }

    /// A string that is written in the file.
    pub fn text(&self, name: &str) -> Option<&str> {
        match &self.get(name)?.value.kind {
            TemplateKind::Text(text) => Some(&text.text),
            _ => None,
        }
    }

    /// A boolean that is written in the file.
    pub fn flag(&self, name: &str) -> Option<bool> {
        match self.get(name)?.value.kind {
            TemplateKind::Boolean(value) => Some(value),
            _ => None,
        }
    }

    /// A number that is written in the file.
    pub fn number(&self, name: &str) -> Option<f64> {
        match self.get(name)?.value.kind {
            TemplateKind::Number(value) => Some(value),
            _ => None,
        }
    }

    pub(crate) fn schema(&self, name: &str) -> Option<&'static Schema> {
        property(self.kind.schema().properties, name)
    }

    /// A CalendarPicker that takes two dates.
    pub fn is_range(&self) -> bool {
        self.kind == Kind::CalendarPicker && self.text("mode") == Some("range")
    }
}
