//! What the cases came to: a table, JSON, JUnit, and whether all is as expected.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::outcome::Outcome;
use crate::script::nearest;

/// One case that was played.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) topic: String,
    pub(super) name: String,
    pub(super) should: String,
    pub(super) user: Option<String>,
    pub(super) mend: String,
    /// Conversations that show what is wrong, as `flowctl simulate --script` plays them.
    pub(super) scripts: Vec<String>,
    pub(super) outcome: Outcome,
    pub(super) time: Duration,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Report {
    entries: Vec<Entry>,
    /// Names of cases that must fail.
    known_failing: BTreeSet<String>,
    /// What walks through a flow have seen, in words and as JSON.
    walk: Option<(String, Value)>,
}

/// What is wrong with a list of cases that must fail.
#[derive(Debug, thiserror::Error)]
#[error("{}:{line}: there is no case `{name}`{}", file.display(), hint(.nearest))]
pub(crate) struct KnownError {
    file: PathBuf,
    line: usize,
    name: String,
    nearest: Option<String>,
}

/// Reads a list of cases that must fail: one name a line, `#` before a comment.
pub(super) fn known_failing(file: &Path, text: &str, names: &BTreeSet<&str>) -> Result<BTreeSet<String>, KnownError> {
    let mut known = BTreeSet::new();
    for (index, line) in text.lines().enumerate() {
        let name = line.split('#').next().unwrap_or_default().trim();
        if !name.is_empty() && !names.contains(name) {
            let nearest = nearest(name, names.iter().copied()).map(str::to_owned);
            return Err(KnownError { file: file.to_owned(), line: index + 1, name: name.to_owned(), nearest });
        }
        if !name.is_empty() {
            known.insert(name.to_owned());
        }
    }
    Ok(known)
}

impl Entry {
    fn verdict(&self) -> &'static str {
        match self.outcome {
            Outcome::Passed | Outcome::Warned(_) => "passed",
            Outcome::Failed(_) => "failed",
            Outcome::Skipped(_) => "skipped",
        }
    }

    /// What came, what should have come, what a user would see, and how to mend it; or why a case was skipped or warned of.
    fn notes(&self) -> Vec<(&'static str, &str)> {
        match &self.outcome {
            Outcome::Passed => Vec::new(),
            Outcome::Warned(note) => vec![("warning", note), ("expected", &self.should), ("mend", &self.mend)],
            Outcome::Skipped(why) => vec![("because", why)],
            Outcome::Failed(failure) => {
                let expected = failure.expected.as_deref().unwrap_or(&self.should);
                // What the case warns of is not what happened.
                let user = self.user.as_deref().filter(|_| failure.mend.is_none()).map(|user| ("user", user));
                let what = [("came", failure.came.as_str()), ("expected", expected)];
                what.into_iter().chain(user).chain([("mend", failure.mend.unwrap_or(&self.mend))]).collect()
            }
        }
    }

    fn to_json(&self) -> Value {
        let mut json = json!({
            "topic": self.topic,
            "case": self.name,
            "should": self.should,
            "outcome": self.verdict(),
            "time_ms": self.time.as_secs_f64() * 1000.0,
        });
        for (key, note) in self.notes() {
            json[key] = note.into();
        }
        if !self.scripts.is_empty() {
            json["scripts"] = self.scripts.clone().into();
        }
        json
    }
}

impl Report {
    pub(super) fn new(entries: Vec<Entry>, known_failing: BTreeSet<String>, walk: Option<(String, Value)>) -> Self {
        Self { entries, known_failing, walk }
    }

    /// Whether every case is as expected.
    pub(super) fn is_good(&self) -> bool {
        self.entries.iter().all(|entry| self.is_expected(entry))
    }

    fn is_expected(&self, entry: &Entry) -> bool {
        match entry.verdict() {
            "failed" => self.known_failing.contains(&entry.name),
            "passed" => !self.known_failing.contains(&entry.name),
            _ => true,
        }
    }

    /// The verdict, and what there is to say of it where the case is listed.
    fn remark(&self, entry: &Entry) -> &'static str {
        match (entry.verdict(), self.known_failing.contains(&entry.name)) {
            ("failed", true) => "failed, as known",
            ("passed", true) => "passed, but is listed as failing: take it off the list",
            (verdict, _) => verdict,
        }
    }

    /// The report as continuous integration reads it. A known failure counts as skipped.
    pub(super) fn junit(&self) -> String {
        let unexpected = self.entries.iter().filter(|entry| !self.is_expected(entry)).count();
        let skipped =
            self.entries.iter().filter(|entry| self.is_expected(entry) && entry.verdict() != "passed").count();
        let (tests, time) =
            (self.entries.len(), self.entries.iter().map(|entry| entry.time.as_secs_f64()).sum::<f64>());
        let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        // Writing to a String does not fail.
        let _ = writeln!(
            xml,
            "<testsuite name=\"flowctl conformance\" tests=\"{tests}\" failures=\"{unexpected}\" errors=\"0\" \
             skipped=\"{skipped}\" time=\"{time:.3}\">"
        );
        for entry in &self.entries {
            let (topic, name) = (escape(&entry.topic), escape(&entry.name));
            let time = entry.time.as_secs_f64();
            let _ = write!(xml, "  <testcase classname=\"{topic}\" name=\"{name}\" time=\"{time:.3}\">");
            let notes = entry.notes().into_iter().map(|(key, note)| format!("{key}: {note}"));
            let notes: Vec<_> = notes.chain(entry.scripts.iter().map(|script| format!("script:\n{script}"))).collect();
            let (remark, notes) = (escape(self.remark(entry)), escape(&notes.join("\n")));
            let _ = match (self.is_expected(entry), entry.verdict()) {
                (true, "passed") => write!(xml, "<system-out>{notes}</system-out>"),
                (true, _) => write!(xml, "<skipped message=\"{remark}\"/><system-out>{notes}</system-out>"),
                (false, _) => write!(xml, "<failure message=\"{remark}\">{notes}</failure>"),
            };
            xml.push_str("</testcase>\n");
        }
        xml + "</testsuite>\n"
    }

    fn count(&self, verdict: &str) -> usize {
        self.entries.iter().filter(|entry| entry.verdict() == verdict).count()
    }

    pub(super) fn print(&self, as_json: bool) -> io::Result<()> {
        let mut out = io::stdout().lock();
        let (passed, failed, skipped) = (self.count("passed"), self.count("failed"), self.count("skipped"));
        if as_json {
            let json = |entry: &Entry| {
                let mut json = entry.to_json();
                json["as_expected"] = self.is_expected(entry).into();
                json
            };
            let cases: Vec<_> = self.entries.iter().map(json).collect();
            let mut report = json!({
                "good": self.is_good(),
                "passed": passed,
                "failed": failed,
                "skipped": skipped,
                "cases": cases,
            });
            if let Some((_, walk)) = &self.walk {
                report["walk"] = walk.clone();
            }
            return writeln!(out, "{report}");
        }
        let widest = |text: fn(&Entry) -> &str| self.entries.iter().map(|entry| text(entry).chars().count()).max();
        let topics = widest(|entry| &entry.topic).unwrap_or_default();
        let names = widest(|entry| &entry.name).unwrap_or_default();
        let mut said = "";
        for entry in &self.entries {
            writeln!(out, "{:topics$}  {:names$}  {}", entry.topic, entry.name, self.remark(entry))?;
            for (key, note) in entry.notes() {
                // Many cases in a row may be skipped for one reason.
                if key != "because" || note != said {
                    writeln!(out, "          {key:>8}: {}", printable(note))?;
                }
                said = note;
            }
            for script in &entry.scripts {
                writeln!(out, "          script:")?;
                for line in script.lines() {
                    writeln!(out, "            {}", printable(line))?;
                }
            }
        }
        writeln!(out)?;
        if let Some((words, _)) = &self.walk {
            for line in words.lines() {
                writeln!(out, "walk: {}", printable(line))?;
            }
        }
        writeln!(out, "{passed} passed, {failed} failed, {skipped} skipped")
    }
}

pub(super) fn hint(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

/// Whatever a service sends must not control the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}

/// For XML, which has no way to write most control characters.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push('\n'),
            letter if letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            letter => escaped.push(letter),
        }
    }
    escaped
}
