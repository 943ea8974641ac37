//! What each component may hold: the properties, their types, the version that brought them and their limits, as tables.
//!
//! The tables say what a property is. What several of them together mean is the rules' part (`check/`).

mod components;
mod shape;

pub(crate) use components::{COMPONENTS, SCREEN, TOP};
pub use shape::Kind;
pub(crate) use shape::{Place, Property, Shape, property};

impl Kind {
    /// The most characters that a phone shows of a text, or entries of a list, by the way to it from the component, without
    /// places in lists: `["label"]`, `["data-source", "title"]`. `None` where there is no limit, or no such property.
    ///
    /// ```
    /// use flow_json::Kind;
    ///
    /// assert_eq!(Kind::Dropdown.most_shown(&["label"]), Some(20));
    /// assert_eq!(Kind::Dropdown.most_shown(&["data-source"]), Some(200));
    /// assert_eq!(Kind::NavigationList.most_shown(&["list-items", "main-content", "title"]), Some(30));
    /// assert_eq!(Kind::RichText.most_shown(&["text"]), None);
    /// ```
    pub fn most_shown(self, way: &[&str]) -> Option<usize> {
        let (last, parents) = way.split_last()?;
        let mut table = self.schema().properties;
        for parent in parents {
            table = match property(table, parent)?.shape {
                Shape::Object(inner) | Shape::Objects(inner, ..) => inner,
                _ => return None,
            };
        }
        let property = property(table, last)?;
        match property.shape {
            Shape::Objects(_, _, most) => Some(most),
            _ => Some(property.limit).filter(|limit| *limit > 0),
        }
    }
}

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
