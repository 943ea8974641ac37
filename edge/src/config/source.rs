//! A configuration file, read once or again and again.

use std::path::{Path, PathBuf};

use super::files::{Files, Seen};
use super::model::Config;
use super::read::{Running, read};
use super::reader::{self, Errors, Mistakes, Section};

/// A configuration file that is read again and again.
#[derive(Debug)]
pub struct Source {
    file: PathBuf,
    seen: Seen,
    running: Option<Running>,
}

impl Source {
    /// The configuration in this file.
    pub fn new(file: &Path) -> Self {
        Self { file: file.to_owned(), seen: Seen::default(), running: None }
    }

    /// Reads the file and all files that it names. Once a configuration was good, its addresses, its number of connections and
    /// whether it serves TLS stay: another is a mistake.
    ///
    /// # Errors
    ///
    /// Every mistake, each with line, field and what would be right.
    pub fn load(&mut self) -> Result<Config, Errors> {
        let mistakes = Mistakes::default();
        let files = Files::new(self.file.parent().unwrap_or(Path::new("")));
        let text = files.read_path(&self.file).map(String::from_utf8);
        let config = match text {
            Ok(Ok(text)) => reader::parse(&text, &mistakes)
                .and_then(|document| read(&Section::root(&document, &mistakes), &files, self.running)),
            Ok(Err(_)) => {
                mistakes.add(1, "", "is not text; a configuration is UTF-8");
                None
            }
            Err(error) => {
                mistakes.add(1, "", format!("cannot be read: {error}"));
                None
            }
        };
        self.seen = files.into_seen();
        let config = mistakes.into_result(&self.file, config)?;
        self.running = Some(Running::of(&config));
        Ok(config)
    }

    /// Whether any of the files holds something else than when it was last read.
    pub fn has_changed(&self) -> bool {
        self.seen.has_changed()
    }
}

impl Config {
    /// Reads the file and all files that it names. Relative names count from the folder of `file`.
    ///
    /// # Errors
    ///
    /// Every mistake, each with line, field and what would be right.
    pub fn load(file: &Path) -> Result<Self, Errors> {
        Source::new(file).load()
    }
}
