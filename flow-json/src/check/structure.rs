//! Each object against its table: keys that the version knows, keys that must be there, values of the right type.

mod actions;
mod report;

use crate::code::Code;
use crate::finding::Findings;
use crate::json::{Kind as Json, Member, Node, cut};
use crate::schema::{Kind, Property, SCREEN, Shape, TOP, property};
use crate::version::{V3_0, V5_1, V6_0, V7_0, Version};

use report::{Structure, looks_dynamic};

const MAX_SCREENS: usize = 100;

pub(super) fn check(root: &Node<'_>, version: Version, findings: &mut Findings) {
    let mut structure = Structure { version, findings };
    structure.object(root, TOP, "the file", &["version"]);
    if let Some(member) = root.member("data_channel_uri")
        && version >= V3_0
    {
        let help = "remove it: from 3.0 the address is set beside the flow, as `endpoint_uri`";
        let message = format!("`data_channel_uri` is not part of version {version}");
        structure.findings.error(Code::InvalidPropertyKey, member.key_span, message, help);
    }
    if let Some(routes) = root.get("routing_model") {
        structure.routing_model(routes);
    }
    if let Some(screens) = root.get("screens") {
        structure.screens(screens);
    }
}

/// What people write for what it is called.
const OTHER_NAMES: [(&str, &str); 8] = [
    ("default-value", "init-value"),
    ("value", "init-value"),
    ("placeholder", "helper-text"),
    ("hint", "helper-text"),
    ("subtitle", "description"),
    ("options", "data-source"),
    ("items", "data-source"),
    ("regex", "pattern"),
];

impl Structure<'_> {
    fn object(&mut self, node: &Node<'_>, table: &[Property], what: &str, reported_elsewhere: &[&str]) {
        for member in node.members() {
            match property(table, &member.key) {
                Some(property) if property.since > self.version => {
                    let message = format!(
                        "`{}` of {what} came with {}, and this file is {}",
                        member.key, property.since, self.version
                    );
                    let help = format!("set `version` to {} or later, or leave it out", property.since);
                    self.findings.error(Code::InvalidPropertyKey, member.key_span, message, help);
                }
                Some(property) => self.value(member, property),
                None if member.key == "type" && table.as_ptr() != TOP.as_ptr() && table.as_ptr() != SCREEN.as_ptr() => {
                }
                None => self.unknown_key(member, table, what),
            }
        }
        for property in table {
            let required = property.required.is_some_and(|since| since <= self.version);
            if required && node.get(property.name).is_none() && !reported_elsewhere.contains(&property.name) {
                let message = format!("{what} has no `{}`", property.name);
                self.findings.error(
                    Code::MissingRequiredProperty,
                    node.span.opening(),
                    message,
                    property.shape.expected(),
                );
            }
        }
    }

    fn unknown_key(&mut self, member: &Member<'_>, table: &[Property], what: &str) {
        let fits = |known: &&Property| known.since <= self.version && known.name != "data_channel_uri";
        let known: Vec<&str> = table.iter().filter(fits).map(|known| known.name).collect();
        let other = OTHER_NAMES.iter().find(|(written, name)| *written == member.key && known.contains(name));
        let help = match other {
            Some((_, name)) => format!("did you mean `{name}`?"),
            None => self.findings.did_you_mean(&member.key, &known),
        };
        let message = format!("{what} has no property `{}`", cut(&member.key));
        self.findings.add(self.unknown_is(), Code::InvalidPropertyKey, member.key_span, message, help);
    }

    fn screens(&mut self, screens: &Node<'_>) {
        let Json::List(elements) = &screens.kind else {
            return self.wrong_type(screens, "screens", Shape::Components);
        };
        if elements.is_empty() {
            self.findings.error(Code::MinItemsRequired, screens.span, "the flow has no screen", "1 to 100 screens");
        }
        if elements.len() > MAX_SCREENS {
            let message = format!("the flow has {} screens", elements.len());
            self.findings.error(Code::MaxScreensNumber, screens.span.opening(), message, "at most 100 screens");
        }
        for screen in elements {
            if !screen.is_object() {
                self.wrong_type(screen, "a screen", Shape::Map);
                continue;
            }
            self.object(screen, SCREEN, "a screen", &[]);
            if let Some(id) = screen.get("id") {
                self.screen_id(id);
            }
            if let Some(layout) = screen.get("layout") {
                self.layout(layout);
            }
        }
    }

    fn screen_id(&mut self, node: &Node<'_>) {
        let Some(id) = node.text() else { return };
        let letters = id.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_');
        let only_underscores = id.bytes().all(|byte| byte == b'_') && self.version >= V7_0;
        if id.is_empty() || !letters || only_underscores {
            let message = format!("`{}` cannot be the id of a screen", cut(id));
            let help = "letters and underscores only, such as `STEP_TWO`: no digits, spaces or hyphens";
            self.findings.error(Code::InvalidPropertyValueFormat, node.span, message, help);
        }
    }

    fn layout(&mut self, layout: &Node<'_>) {
        if !layout.is_object() {
            return self.wrong_type(layout, "layout", Shape::Map);
        }
        const LAYOUT: [&str; 2] = ["type", "children"];
        for member in layout.members().iter().filter(|member| !LAYOUT.contains(&member.key.as_ref())) {
            let message = format!("a layout has no property `{}`", cut(&member.key));
            let help = self.findings.did_you_mean(&member.key, &LAYOUT);
            self.findings.add(self.unknown_is(), Code::InvalidPropertyKey, member.key_span, message, help);
        }
        match layout.get("type") {
            None => {
                let help = "\"type\": \"SingleColumnLayout\"";
                self.findings.error(
                    Code::MissingRequiredTypeProperty,
                    layout.span.opening(),
                    "the layout has no `type`",
                    help,
                );
            }
            Some(node) if node.text() != Some("SingleColumnLayout") => {
                let help = "`SingleColumnLayout` is the only one";
                self.findings.add(
                    self.unknown_is(),
                    Code::InvalidEnumValue,
                    node.span,
                    "there is no such layout",
                    help,
                );
            }
            Some(_) => {}
        }
        match layout.get("children") {
            None => {
                let message = "the layout has no `children`";
                self.findings.error(
                    Code::MissingRequiredProperty,
                    layout.span.opening(),
                    message,
                    "an array of components",
                );
            }
            Some(children) => self.components(children, "children"),
        }
    }

    fn components(&mut self, node: &Node<'_>, name: &str) {
        let Json::List(elements) = &node.kind else { return self.wrong_type(node, name, Shape::Components) };
        for element in elements {
            self.component(element);
        }
    }

    fn component(&mut self, node: &Node<'_>) {
        if !node.is_object() {
            return self.wrong_type(node, "a component", Shape::Map);
        }
        let Some(written) = node.get("type") else {
            let help = "such as \"type\": \"TextBody\"";
            return self.findings.error(
                Code::MissingRequiredTypeProperty,
                node.span.opening(),
                "the component has no `type`",
                help,
            );
        };
        let Some(kind) = written.text().and_then(Kind::parse) else {
            let names: Vec<&str> = crate::schema::COMPONENTS.iter().map(|component| component.name).collect();
            let (message, help) = match written.text() {
                Some(text) => {
                    (format!("there is no component `{}`", cut(text)), self.findings.did_you_mean(text, &names))
                }
                None => (format!("`type` is {}", written.type_name()), "a string".to_owned()),
            };
            return self.findings.add(self.unknown_is(), Code::InvalidTypePropertyValue, written.span, message, help);
        };
        let schema = kind.schema();
        if schema.since > self.version {
            let message = format!("{} came with {}, and this file is {}", schema.name, schema.since, self.version);
            let help = format!("set `version` to {} or later", schema.since);
            self.findings.error(Code::InvalidTypePropertyValue, written.span, message, help);
        }
        self.object(node, schema.properties, schema.name, &[]);
    }

    fn value(&mut self, member: &Member<'_>, property: &Property) {
        self.shape(&member.value, property.name, property.shape);
        if property.name == "name" && self.version >= V6_0 {
            self.field_name(&member.value);
        }
    }

    /// A rule of the client, which published samples break.
    fn field_name(&mut self, node: &Node<'_>) {
        let Some(name) = node.text() else { return };
        let mut characters = name.chars();
        let begins = characters.next().is_some_and(|first| first.is_ascii_alphabetic());
        if !begins || !characters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')) {
            let message = format!("`{}` cannot be the name of a component", cut(name));
            let help = "a letter, then letters, digits, `-` and `_`";
            self.findings.warning(Code::PropertyNameMismatch, node.span, message, help);
        }
    }

    fn shape(&mut self, node: &Node<'_>, name: &str, shape: Shape) {
        if shape.is_dynamic() && node.text().is_some_and(looks_dynamic) {
            return;
        }
        match (shape, &node.kind) {
            (Shape::Text, Json::Text(text)) => {
                if name == "text" {
                    self.not_blank(node, text);
                }
            }
            (Shape::String | Shape::Image(_) | Shape::Date | Shape::Condition, Json::Text(_)) => {}
            (Shape::Static, Json::Text(text)) => self.known(node, name, text),
            (Shape::Texts(_), Json::Text(text)) => self.not_blank(node, text),
            (Shape::Texts(since), Json::List(texts)) => {
                if since.max(V5_1) > self.version {
                    self.wrong_type(node, name, Shape::Text);
                }
                texts.iter().for_each(|text| self.shape(text, name, Shape::String));
            }
            (Shape::Boolean | Shape::StaticBoolean, Json::Boolean(_)) => {}
            (Shape::Integer(least, most), Json::Number(number)) => self.integer(node, name, *number, least, most),
            // Meta's own table of TextInput says that these are strings.
            (Shape::Integer(..), Json::Text(text)) if text.parse::<u32>().is_ok() => {
                let message = format!("`{name}` is a number in quotes");
                self.findings.warning(Code::InvalidPropertyValueFormat, node.span, message, "a number, without quotes");
            }
            (Shape::Number, Json::Number(_)) => {}
            (Shape::Word(words), Json::Text(text)) => self.word(node, name, text, words),
            (Shape::Words(words), Json::List(elements)) => {
                for element in elements {
                    match element.text() {
                        Some(text) if !looks_dynamic(text) => self.word(element, name, text, words),
                        Some(_) => {}
                        None => self.wrong_type(element, name, Shape::Text),
                    }
                }
            }
            (Shape::Strings | Shape::Dates, Json::List(elements)) => {
                elements.iter().for_each(|element| self.shape(element, name, Shape::String));
            }
            (Shape::OrRange(inner), Json::Object(members)) => {
                for member in members {
                    if matches!(member.key.as_ref(), "start-date" | "end-date") {
                        self.shape(&member.value, name, *inner);
                    } else {
                        let message = format!("`{name}` has no property `{}`", cut(&member.key));
                        let help = "`start-date` and `end-date`";
                        self.findings.error(Code::InvalidPropertyKey, member.key_span, message, help);
                    }
                }
            }
            (Shape::OrRange(inner), _) => self.shape(node, name, *inner),
            (Shape::Map | Shape::TextOrMap, Json::Object(_)) => {}
            (Shape::TextOrMap, Json::Text(_)) => {}
            (Shape::Object(table), Json::Object(_)) => self.object(node, table, name, &[]),
            (Shape::Objects(table, least, most), Json::List(elements)) => {
                self.count(node, name, elements.len(), least, most);
                for element in elements {
                    if element.is_object() {
                        self.object(element, table, &format!("an entry of `{name}`"), &[]);
                    } else {
                        self.wrong_type(element, name, Shape::Map);
                    }
                }
            }
            (Shape::Action(place), Json::Object(_)) => self.action(node, name, place),
            (Shape::Components, Json::List(children)) => {
                if children.is_empty() && name == "then" {
                    let help = "at least one component";
                    self.findings.error(Code::InvalidPropertyValue, node.span, "`then` is empty", help);
                }
                self.components(node, name);
            }
            (Shape::Cases, Json::Object(cases)) => {
                if cases.is_empty() {
                    let help = "a case for each value: \"VALUE\": [components]";
                    self.findings.error(Code::EmptySwitchCases, node.span, "`cases` is empty", help);
                }
                cases.iter().for_each(|case| self.components(&case.value, &case.key));
            }
            (Shape::Special, _) => {}
            (shape, Json::Text(text)) if !matches!(shape, Shape::Components | Shape::Cases | Shape::Action(_)) => {
                let message = format!("`{name}` is `{}`", cut(text));
                let or = if shape.is_dynamic() && !matches!(shape, Shape::Reference) {
                    ", or a reference to one"
                } else {
                    ""
                };
                let help = format!("{}{or}", shape.expected());
                self.findings.error(Code::InvalidPropertyValueFormat, node.span, message, help);
            }
            (shape, _) => self.wrong_type(node, name, shape),
        }
    }

    fn not_blank(&mut self, node: &Node<'_>, text: &str) {
        if text.trim().is_empty() && self.version >= V6_0 {
            let help = "some text, or leave the component out";
            self.findings.error(Code::InvalidPropertyValueFormat, node.span, "the text is blank", help);
        }
    }

    fn integer(&mut self, node: &Node<'_>, name: &str, number: f64, least: i64, most: i64) {
        if number.fract() != 0.0 {
            let message = format!("`{name}` is {number}");
            self.findings.error(Code::InvalidPropertyType, node.span, message, "a whole number");
        } else if number < least as f64 {
            let message = format!("`{name}` is {number}");
            self.findings.error(Code::MinimumValueRequired, node.span, message, format!("{least} or more"));
        } else if number > most as f64 {
            let message = format!("`{name}` is {number}");
            self.findings.error(Code::MaximumValueRequired, node.span, message, format!("{most} or less"));
        }
    }

    fn word(&mut self, node: &Node<'_>, name: &str, text: &str, words: &[&str]) {
        if !words.contains(&text) {
            let message = format!("`{name}` cannot be `{}`", cut(text));
            self.findings.add(
                self.unknown_is(),
                Code::InvalidEnumValue,
                node.span,
                message,
                self.findings.did_you_mean(text, words),
            );
        }
    }

    fn count(&mut self, node: &Node<'_>, name: &str, count: usize, least: usize, most: usize) {
        if count < least {
            let message = format!("`{name}` has {count} entries");
            self.findings.error(Code::MinItemsRequired, node.span, message, format!("{least} to {most} entries"));
        } else if count > most {
            let message = format!("`{name}` has {count} entries");
            self.findings.error(
                Code::MaxItemsRequired,
                node.span.opening(),
                message,
                format!("at most {most} entries"),
            );
        }
    }

    fn routing_model(&mut self, routes: &Node<'_>) {
        if !routes.is_object() {
            return self.wrong_type(routes, "routing_model", Shape::Map);
        }
        for member in routes.members() {
            self.shape(&member.value, "routing_model", Shape::Strings);
        }
    }
}
