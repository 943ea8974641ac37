//! What each component may hold: the properties, their types, the version that brought them and their limits, as tables.
//!
//! The tables say what a property is. What several of them together mean is the rules' part (`check/`).

mod components;
mod shape;

pub(crate) use components::{COMPONENTS, SCREEN, TOP};
pub use shape::Kind;
pub(crate) use shape::{Place, Property, Shape, property};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_each_component_in_its_place() {
        assert_eq!(COMPONENTS.len(), 24);
        for (place, component) in COMPONENTS.iter().enumerate() {
            assert_eq!(component.kind as usize, place);
            assert_eq!(format!("{:?}", component.kind), component.name);
            let mut names: Vec<_> = component.properties.iter().map(|property| property.name).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), component.properties.len(), "{}", component.name);
        }
    }
}
