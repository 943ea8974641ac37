//! References: where a value is read from.

use std::fmt;

/// More steps than any path has.
const MAX_STEPS: usize = 32;

/// `${form.name}`, `${data.user.name}`, `${screen.START.form.name}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The other screen that it reads from; none for its own.
    pub screen: Option<String>,
    pub source: Source,
    /// At least one step.
    pub path: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// What the user has put in.
    Form,
    /// What the screen was given.
    Data,
}

impl Reference {
    /// Reads a whole string as a reference.
    pub fn parse(text: &str) -> Option<Self> {
        Self::between(text.strip_prefix("${")?.strip_suffix('}')?)
    }

    /// What stands between `${` and `}`.
    pub(super) fn between(inside: &str) -> Option<Self> {
        let mut steps = inside.split('.');
        let mut first = steps.next()?;
        let mut screen = None;
        if first == "screen" {
            screen = Some(steps.next().filter(|id| is_name(id))?.to_owned());
            first = steps.next()?;
        }
        let source = match first {
            "form" => Source::Form,
            "data" => Source::Data,
            _ => return None,
        };
        let path: Vec<String> = steps.map(str::to_owned).collect();
        let whole = !path.is_empty() && path.len() <= MAX_STEPS && path.iter().all(|step| is_name(step));
        whole.then_some(Self { screen, source, path })
    }

    /// The first step of the path: the field of the form, or the key of the data.
    pub fn name(&self) -> &str {
        self.path.first().map_or("", String::as_str)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("${")?;
        if let Some(screen) = &self.screen {
            write!(f, "screen.{screen}.")?;
        }
        f.write_str(if self.source == Source::Form { "form" } else { "data" })?;
        for step in &self.path {
            write!(f, ".{step}")?;
        }
        f.write_str("}")
    }
}

fn is_name(step: &str) -> bool {
    !step.is_empty()
        && !step.chars().any(|c| c.is_whitespace() || matches!(c, '$' | '{' | '}' | '\'' | '"' | '`' | '(' | ')'))
}
