//! What no log line and no metric may hold, gathered while a test runs: what clients seal and get, and secrets and keys.
//!
//! Screen names, actions, versions and Meta's error keys are the protocol's or the flow's own words, and field names the form's.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex};

use serde_json::Value;

/// Shorter texts stand in a log by chance.
const MIN_LENGTH: usize = 6;
/// Of a long text this much will do.
const MAX_LENGTH: usize = 64;
/// What the platform says is wrong with an answer, in words of its own.
const ERROR_KEYS: [&str; 4] =
    ["response-decryption-error", "invalid-screen-transition", "payload-schema-error", "components-validation-error"];

/// The texts, shared by an edge and its clients.
#[derive(Debug, Clone, Default)]
pub(crate) struct Private(Arc<Mutex<BTreeSet<String>>>);

impl Private {
    /// Keeps one text.
    pub(crate) fn add(&self, text: &str) {
        // Quotes and the like are written in more ways than one, so the longest piece without them counts.
        let piece =
            text.split(['"', '\\']).flat_map(|piece| piece.split(char::is_control)).max_by_key(|piece| piece.len());
        let piece: String = piece.unwrap_or_default().trim().chars().take(MAX_LENGTH).collect();
        if piece.chars().count() >= MIN_LENGTH && !ERROR_KEYS.contains(&&*piece) {
            self.0.lock().unwrap().insert(piece);
        }
    }

    /// Keeps a request's plaintext.
    pub(crate) fn add_message(&self, plaintext: &[u8]) {
        match serde_json::from_slice(plaintext) {
            Ok(Value::Object(fields)) => {
                let public = |name: &str| matches!(name, "version" | "action" | "screen");
                fields.iter().filter(|(name, _)| !public(name)).for_each(|(_, value)| self.add_strings(value));
            }
            Ok(value) => self.add_strings(&value),
            // What is no JSON is often a part of it: a field's name, which is no secret.
            Err(_) => {}
        }
    }

    /// Keeps an opened answer.
    pub(crate) fn add_answer(&self, opened: &Value) {
        // That of a ping says `active`, which says nothing.
        if opened["data"]["status"] != "active" {
            self.add_strings(&opened["data"]);
        }
        self.add_strings(&opened["error_msg"]);
    }

    /// Keeps a secret or a key: each line, for a key may be logged in part.
    pub(crate) fn add_file(&self, text: &str) {
        text.lines().filter(|line| !line.starts_with("-----")).for_each(|line| self.add(line));
    }

    fn add_strings(&self, value: &Value) {
        match value {
            Value::String(text) => self.add(text),
            Value::Array(values) => values.iter().for_each(|value| self.add_strings(value)),
            Value::Object(fields) => fields.values().for_each(|value| self.add_strings(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Fails the test where a line holds one of the texts.
    pub(crate) fn assert_absent(&self, lines: &[String]) {
        let texts = self.0.lock().unwrap().clone();
        // A log at the level `trace` is large and says the same thing often.
        let lines: HashSet<_> = lines.iter().map(|line| without_time(line)).collect();
        for line in lines {
            if let Some(text) = texts.iter().find(|text| line.contains(*text)) {
                panic!("this line holds {text:?}, which is private:\n{line}");
            }
        }
    }
}

/// A log line without its time, which stands first; a line of another form as it is.
fn without_time(line: &str) -> &str {
    line.strip_prefix("{\"timestamp\":").and_then(|line| line.split_once(',')).map_or(line, |(_, rest)| rest)
}
