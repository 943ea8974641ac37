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
        let document = match files.read_path(&self.file) {
            Ok(content) => match content.text() {
                Ok(text) => reader::parse(text, &mistakes),
                Err(_) => {
                    mistakes.add(1, "", "is not text; a configuration is UTF-8");
                    None
                }
            },
            Err(error) => {
                mistakes.add(1, "", format!("cannot be read: {error}"));
                None
            }
        };
        let config = document.and_then(|document| read(&Section::root(&document, &mistakes), &files, self.running));
        self.seen = files.into_seen();
        let (config, warnings) = mistakes.into_result(&self.file, config)?;
        self.running = Some(Running::of(&config));
        Ok(Config { warnings, ..config })
    }

    /// The file, as it was named.
    pub fn file(&self) -> &Path {
        &self.file
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::process::Command;
    use std::thread;

    #[test]
    fn two_endpoints_that_name_one_file_get_one_key_though_each_reading_gives_another() {
        const KEYS: [&str; 2] = [
            include_str!("../../../tests/vectors/keys/current.pem"),
            include_str!("../../../tests/vectors/keys/previous.pem"),
        ];
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("key.pem");
        assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        thread::spawn({
            let fifo = fifo.clone();
            // The second one waits for a reader that should never come.
            move || KEYS.map(|key| fs::write(&fifo, key))
        });
        fs::write(folder.path().join("app-secret"), "secret").unwrap();
        let endpoint = |name: &str| {
            format!(
                "  - {{ name: {name}, path: /{name}, private_keys: [{{ file: key.pem }}], \
                 app_secrets: [{{ file: app-secret }}], logic: {{ url: 'http://127.0.0.1:50051' }} }}\n"
            )
        };
        let config = format!("listen: {{ address: 127.0.0.1:0 }}\nendpoints:\n{}{}", endpoint("one"), endpoint("two"));
        fs::write(folder.path().join("flow-edge.yaml"), config).unwrap();
        let config = Config::load(&folder.path().join("flow-edge.yaml")).unwrap();
        let [one, two] = [0, 1].map(|index: usize| config.endpoints[index].private_keys[0].key.public_key());
        assert_eq!(one.fingerprint(), two.fingerprint());
    }
}
