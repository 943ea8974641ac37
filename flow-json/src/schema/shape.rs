//! The words of the tables: kinds of components, shapes of values, places of actions.

use crate::expression::Type;
use crate::version::{V2_1, Version};

/// The type of a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    TextHeading,
    TextSubheading,
    TextBody,
    TextCaption,
    RichText,
    Form,
    TextInput,
    TextArea,
    CheckboxGroup,
    RadioButtonsGroup,
    Dropdown,
    ChipsSelector,
    OptIn,
    DatePicker,
    CalendarPicker,
    Image,
    ImageCarousel,
    PhotoPicker,
    DocumentPicker,
    Footer,
    EmbeddedLink,
    NavigationList,
    If,
    Switch,
}

impl Kind {
    /// Takes a value from the user, which `${form.NAME}` reads.
    pub fn is_input(self) -> bool {
        self.is_picker()
            || matches!(
                self,
                Self::TextInput
                    | Self::TextArea
                    | Self::CheckboxGroup
                    | Self::RadioButtonsGroup
                    | Self::Dropdown
                    | Self::ChipsSelector
                    | Self::OptIn
                    | Self::DatePicker
                    | Self::CalendarPicker
            )
    }

    /// Takes files from the user.
    pub fn is_picker(self) -> bool {
        matches!(self, Self::PhotoPicker | Self::DocumentPicker)
    }
}

#[derive(Debug)]
pub(crate) struct ComponentSchema {
    pub(crate) kind: Kind,
    pub(crate) name: &'static str,
    pub(crate) since: Version,
    pub(crate) properties: &'static [Property],
}

#[derive(Debug)]
pub(crate) struct Property {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    /// The version from which it must be there.
    pub(crate) required: Option<Version>,
    /// The version that brought it.
    pub(crate) since: Version,
    /// The most characters that a phone shows; 0 for no limit.
    pub(crate) limit: usize,
}

/// What a property may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    /// Text that a phone shows, or a reference. Not blank from 6.0.
    Text,
    /// A string, or a reference.
    String,
    /// A string that is what it is: a name, an id, a URL.
    Static,
    /// Text, or from the version on an array of texts.
    Texts(Version),
    Boolean,
    StaticBoolean,
    /// A whole number within bounds.
    Integer(i64, i64),
    Number,
    Word(&'static [&'static str]),
    Words(&'static [&'static str]),
    Strings,
    /// A date, as the version writes dates.
    Date,
    Dates,
    /// An image in base64, up to so many kilobytes.
    Image(usize),
    /// Of the shape; of a CalendarPicker in range mode an object of `start-date` and `end-date`.
    OrRange(&'static Shape),
    /// An object of any content, or a reference.
    Map,
    /// Text, or an object of texts.
    TextOrMap,
    Object(&'static [Property]),
    /// So many objects at least and at most, or a reference to them.
    Objects(&'static [Property], usize, usize),
    Action(Place),
    Condition,
    /// A reference and nothing else.
    Reference,
    Components,
    Cases,
    /// What has rules of its own and is read there.
    Special,
}

/// Where an action stands, which decides what it may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Footer,
    /// EmbeddedLink, and "Read more" of OptIn.
    Link,
    NavigationList,
    /// Selecting in CheckboxGroup, RadioButtonsGroup and Dropdown.
    Select,
    SelectChip,
    SelectDate,
    /// Selecting an OptIn or an option, and every unselecting.
    Update,
}

impl Shape {
    /// A reference or an expression may stand for the whole.
    pub(crate) fn is_dynamic(self) -> bool {
        !matches!(
            self,
            Self::Static
                | Self::StaticBoolean
                | Self::Object(_)
                | Self::Action(_)
                | Self::Condition
                | Self::Components
                | Self::Cases
                | Self::Special
        )
    }

    /// The type that a reference in its place must have.
    pub(crate) fn data_type(self) -> Type {
        match self {
            Self::Text | Self::String | Self::Date | Self::Image(_) | Self::Word(_) | Self::Static => Type::Text,
            Self::Boolean | Self::StaticBoolean => Type::Boolean,
            Self::Integer(..) | Self::Number => Type::Number,
            Self::Strings | Self::Dates | Self::Words(_) | Self::Objects(..) => Type::List,
            Self::Map => Type::Object,
            Self::Texts(_) | Self::OrRange(_) | Self::TextOrMap | Self::Object(_) => Type::Unknown,
            Self::Action(_) | Self::Condition | Self::Reference | Self::Components | Self::Cases | Self::Special => {
                Type::Unknown
            }
        }
    }

    /// As a sentence calls it.
    pub(crate) fn expected(self) -> &'static str {
        match self {
            Self::Text | Self::String | Self::Static | Self::Condition => "a string",
            Self::Texts(_) => "a string or an array of strings",
            Self::Boolean | Self::StaticBoolean => "true or false",
            Self::Integer(..) => "a whole number",
            Self::Number => "a number",
            Self::Word(_) => "one of the words of its list",
            Self::Words(_) | Self::Strings => "an array of strings",
            Self::Date => "a date",
            Self::Dates => "an array of dates",
            Self::Image(_) => "an image in base64",
            Self::OrRange(_) => "a value, or an object of `start-date` and `end-date`",
            Self::Map | Self::Object(_) => "an object",
            Self::TextOrMap => "a string or an object",
            Self::Objects(..) => "an array of objects",
            Self::Action(_) => "an object with the `name` of an action",
            Self::Reference => "a reference such as `${data.name}`",
            Self::Components => "an array of components",
            Self::Cases => "an object of arrays of components",
            Self::Special => "another type",
        }
    }
}

impl Place {
    /// The actions that may stand here.
    pub(crate) fn actions(self, version: Version) -> &'static [&'static str] {
        use crate::version::{V6_0, V7_1};
        let since_6 = version >= V6_0;
        match self {
            Self::Footer => &["navigate", "data_exchange", "complete"],
            Self::Link if since_6 => &["navigate", "data_exchange", "open_url"],
            Self::Link | Self::NavigationList => &["navigate", "data_exchange"],
            Self::Select if since_6 => &["data_exchange", "update_data"],
            Self::SelectChip if version >= V7_1 => &["data_exchange", "update_data"],
            Self::Select | Self::SelectChip | Self::SelectDate => &["data_exchange"],
            Self::Update => &["update_data"],
        }
    }
}

impl Property {
    pub(super) const fn new(name: &'static str, shape: Shape, required: Option<Version>) -> Self {
        Self { name, shape, required, since: V2_1, limit: 0 }
    }

    pub(super) const fn since(mut self, version: Version) -> Self {
        self.since = version;
        self
    }

    pub(super) const fn limit(mut self, characters: usize) -> Self {
        self.limit = characters;
        self
    }
}

/// A property that must be there.
pub(super) const fn must(name: &'static str, shape: Shape) -> Property {
    Property::new(name, shape, Some(V2_1))
}

/// A property that must be there from a version on.
pub(super) const fn must_from(version: Version, name: &'static str, shape: Shape) -> Property {
    Property::new(name, shape, Some(version))
}

/// A property that may be there.
pub(super) const fn may(name: &'static str, shape: Shape) -> Property {
    Property::new(name, shape, None)
}

/// The property of this name in a table.
pub(crate) fn property<'t>(table: &'t [Property], name: &str) -> Option<&'t Property> {
    table.iter().find(|property| property.name == name)
}
