//! Reads a YAML document field by field and collects every mistake with its place, instead of stopping at the first.
//!
//! It refuses to know which fields there are: `read` asks for them by name, and what was never asked for is
//! unknown.

use std::cell::RefCell;
use std::fmt;
use std::path::{Path, PathBuf};

use saphyr::{LoadableYamlNode as _, MarkedYamlOwned, ScalarOwned, YamlDataOwned};

/// One mistake, or what is not wrong yet and should be otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Line in the configuration file, from 1.
    pub line: usize,
    /// Path of the field, such as `endpoints[0].logic.url`; empty for the document.
    pub field: String,
    /// What is wrong and what would be right.
    pub message: String,
}

/// Every mistake of one configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Errors {
    /// The file, as it was named.
    pub file: PathBuf,
    /// In the order of the file; never empty.
    pub mistakes: Vec<Mistake>,
}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Mistake { line, field, message }) in self.mistakes.iter().enumerate() {
            let break_before = if index == 0 { "" } else { "\n" };
            let separator = if field.is_empty() { "" } else { ": " };
            write!(f, "{break_before}{}:{line}: {field}{separator}{message}", self.file.display())?;
        }
        Ok(())
    }
}

impl std::error::Error for Errors {}

/// The mistakes and warnings found so far, shared by every section of a document.
#[derive(Debug, Default)]
pub(super) struct Mistakes {
    mistakes: RefCell<Vec<Mistake>>,
    warnings: RefCell<Vec<Mistake>>,
}

impl Mistakes {
    pub(super) fn add(&self, line: usize, field: &str, message: impl Into<String>) {
        self.mistakes.borrow_mut().push(Mistake { line, field: field.to_owned(), message: message.into() });
    }

    /// `value` and the warnings, unless there are mistakes. Both are in the order of the file.
    pub(super) fn into_result<T>(self, file: &Path, value: Option<T>) -> Result<(T, Vec<Mistake>), Errors> {
        let [mistakes, warnings] = [self.mistakes, self.warnings].map(|found| {
            let mut found = found.into_inner();
            found.sort_by_key(|mistake| mistake.line);
            found
        });
        match value {
            Some(value) if mistakes.is_empty() => Ok((value, warnings)),
            _ => Err(Errors { file: file.to_owned(), mistakes }),
        }
    }
}

/// Parses a document; `None` where it is no YAML, which is then among the mistakes.
pub(super) fn parse(text: &str, mistakes: &Mistakes) -> Option<MarkedYamlOwned> {
    match MarkedYamlOwned::load_from_str(text) {
        Ok(mut documents) if documents.len() == 1 => documents.pop(),
        Ok(documents) => {
            let count = documents.len();
            mistakes.add(1, "", format!("the file holds {count} YAML documents; it should hold one"));
            None
        }
        Err(error) => {
            mistakes.add(error.marker().line(), "", format!("not YAML: {}", error.info()));
            None
        }
    }
}

/// A mapping whose fields are asked for by name.
pub(super) struct Section<'a> {
    node: Option<&'a MarkedYamlOwned>,
    line: usize,
    field: String,
    known: RefCell<Vec<&'static str>>,
    mistakes: &'a Mistakes,
}

impl<'a> Section<'a> {
    /// The document itself.
    pub(super) fn root(node: &'a MarkedYamlOwned, mistakes: &'a Mistakes) -> Self {
        Self::new(Some(node), 1, String::new(), mistakes)
    }

    fn new(node: Option<&'a MarkedYamlOwned>, line: usize, field: String, mistakes: &'a Mistakes) -> Self {
        let line = node.map_or(line, |node| node.span.start.line());
        let node = node.filter(|node| {
            let mapping = matches!(node.data, YamlDataOwned::Mapping(_));
            if !mapping {
                mistakes.add(node.span.start.line(), &field, "should be a mapping of `key: value` lines");
            }
            mapping
        });
        Self { node, line, field, known: RefCell::default(), mistakes }
    }

    /// Path of a field of this section.
    pub(super) fn path(&self, key: &str) -> String {
        if self.field.is_empty() { key.to_owned() } else { format!("{}.{key}", self.field) }
    }

    /// Whether the field stands in the file.
    pub(super) fn has(&self, key: &'static str) -> bool {
        self.get(key).is_some()
    }

    /// A section inside this one; without fields where it is absent.
    pub(super) fn section(&self, key: &'static str) -> Section<'a> {
        Section::new(self.get(key), self.line, self.path(key), self.mistakes)
    }

    /// The items of a list that must have at least one.
    pub(super) fn sections(&self, key: &'static str) -> Vec<Section<'a>> {
        let wrong = |line| self.mistakes.add(line, &self.path(key), "should be a list of at least one item");
        match self.get(key).map(|node| (node, &node.data)) {
            None => self.missing(key),
            Some((_, YamlDataOwned::Sequence(items))) if !items.is_empty() => {
                let item =
                    |(index, node)| Section::new(Some(node), 0, format!("{}[{index}]", self.path(key)), self.mistakes);
                return items.iter().enumerate().map(item).collect();
            }
            Some((node, _)) => wrong(node.span.start.line()),
        }
        Vec::new()
    }

    /// The values of a list that must have at least one; `None` where it is absent or any is wrong, which is among the mistakes.
    pub(super) fn values<T>(&self, key: &'static str, parse: impl Fn(&str) -> Result<T, String>) -> Option<Vec<T>> {
        let Some(node) = self.get(key) else {
            self.missing(key);
            return None;
        };
        let items = match &node.data {
            YamlDataOwned::Sequence(items) if !items.is_empty() => items,
            _ => {
                self.mistake(key, "should be a list of at least one value");
                return None;
            }
        };
        let parsed = items.iter().enumerate().map(|(index, item)| {
            let result = scalar(item).ok_or("should be a single value".to_owned()).and_then(|text| parse(&text));
            let field = || format!("{}[{index}]", self.path(key));
            result.map_err(|message| self.mistakes.add(item.span.start.line(), &field(), message)).ok()
        });
        // Every value is looked at before the first bad one counts.
        let parsed: Vec<_> = parsed.collect();
        parsed.into_iter().collect()
    }

    /// A field that must be there; `parse` gives the value or says what would be right.
    pub(super) fn required<T>(&self, key: &'static str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        if !self.has(key) {
            self.missing(key);
            return None;
        }
        self.optional(key, parse)
    }

    /// A field that may be absent; also `None` where it is wrong, which is then among the mistakes.
    pub(super) fn optional<T>(&self, key: &'static str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let node = self.get(key)?;
        let result = match scalar(node) {
            Some(text) => parse(&text),
            None => Err("should be a single value".to_owned()),
        };
        result.map_err(|message| self.mistakes.add(node.span.start.line(), &self.path(key), message)).ok()
    }

    /// Reports a mistake at a field of this section, or at the section where the field is absent.
    pub(super) fn mistake(&self, key: &'static str, message: impl Into<String>) {
        let line = self.get(key).map_or(self.line, |node| node.span.start.line());
        self.mistakes.add(line, &self.path(key), message);
    }

    /// Reports at a field what is not wrong, and should be otherwise.
    pub(super) fn warning(&self, key: &'static str, message: impl Into<String>) {
        let line = self.get(key).map_or(self.line, |node| node.span.start.line());
        self.mistakes.warnings.borrow_mut().push(Mistake { line, field: self.path(key), message: message.into() });
    }

    /// Reports every key that nobody asked for.
    pub(super) fn refuse_unknown_keys(&self) {
        let Some(YamlDataOwned::Mapping(mapping)) = self.node.map(|node| &node.data) else { return };
        let known = self.known.borrow();
        for key in mapping.keys() {
            let name = scalar(key).unwrap_or_default();
            if known.contains(&name.as_str()) {
                continue;
            }
            let similarity = |known: &&&str| (strsim::jaro_winkler(known, &name) * 1000.0) as u32;
            let message = match known.iter().max_by_key(similarity).filter(|nearest| similarity(nearest) > 750) {
                Some(nearest) => format!("unknown key; did you mean `{nearest}`?"),
                None => format!("unknown key; known here: {}", known.join(", ")),
            };
            self.mistakes.add(key.span.start.line(), &self.path(&name), message);
        }
    }

    fn missing(&self, key: &'static str) {
        self.mistakes.add(self.line, &self.path(key), "is required");
    }

    /// The field's node. An empty value (`key:`) counts as absent.
    fn get(&self, key: &'static str) -> Option<&'a MarkedYamlOwned> {
        if !self.known.borrow().contains(&key) {
            self.known.borrow_mut().push(key);
        }
        let YamlDataOwned::Mapping(mapping) = &self.node?.data else { return None };
        let (_, node) = mapping.iter().find(|(name, _)| scalar(name).as_deref() == Some(key))?;
        (!matches!(node.data, YamlDataOwned::Value(ScalarOwned::Null))).then_some(node)
    }
}

/// A scalar as text, whatever type YAML takes it for: `deadline: 8` and `deadline: "8"` are the same mistake.
fn scalar(node: &MarkedYamlOwned) -> Option<String> {
    match &node.data {
        YamlDataOwned::Value(ScalarOwned::String(text)) => Some(text.clone()),
        YamlDataOwned::Value(ScalarOwned::Integer(number)) => Some(number.to_string()),
        YamlDataOwned::Value(ScalarOwned::FloatingPoint(number)) => Some(number.to_string()),
        YamlDataOwned::Value(ScalarOwned::Boolean(flag)) => Some(flag.to_string()),
        _ => None,
    }
}
