//! Which components of a screen are shown, in order, and where each stands.

use flow_json::Kind;
use flow_json::expression::Scope;
use flow_json::model::{Block, Component, Screen};
use prost_types::Value;
use prost_types::value::Kind as Proto;

use super::field::is;

/// A component that is shown.
#[derive(Debug, Clone)]
pub(crate) struct Placed<'a> {
    /// The way to it: `0`, in a Form `0.2`, in an If `1.then.0`.
    pub(crate) id: String,
    pub(crate) component: &'a Component,
}

/// Form, If and Switch are decided and not among them.
pub(crate) fn shown<'a>(screen: &'a Screen, scope: &Scope<'_>) -> Vec<Placed<'a>> {
    let mut found = Vec::new();
    all(&screen.children, "", scope, &mut found);
    found
}

fn all<'a>(components: &'a [Component], way: &str, scope: &Scope<'_>, found: &mut Vec<Placed<'a>>) {
    for (place, component) in components.iter().enumerate() {
        let id = format!("{way}{place}");
        match component.kind {
            Kind::Form => {
                component.blocks.iter().for_each(|block| all(&block.children, &format!("{id}."), scope, found));
            }
            Kind::If | Kind::Switch => {
                if let Some(block) = chosen(component, scope) {
                    all(&block.children, &format!("{id}.{}.", block.name.text), scope, found);
                }
            }
            _ if is(component, "visible", scope) => found.push(Placed { id, component }),
            _ => {}
        }
    }
}

/// The branch that is shown.
fn chosen<'a>(component: &'a Component, scope: &Scope<'_>) -> Option<&'a Block> {
    let name = match component.kind {
        Kind::If => {
            let condition = component.get("condition")?.value.expression()?;
            if condition.evaluate(scope).as_bool() { "then".to_owned() } else { "else".to_owned() }
        }
        _ => case(&component.get("value")?.value.resolve(scope)),
    };
    component.blocks.iter().find(|block| block.name.text == name)
}

/// A value as the key of a case.
fn case(value: &Value) -> String {
    match &value.kind {
        Some(Proto::StringValue(text)) => text.clone(),
        Some(Proto::NumberValue(number)) => number.to_string(),
        Some(Proto::BoolValue(flag)) => flag.to_string(),
        _ => String::new(),
    }
}
