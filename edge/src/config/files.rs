//! The file of the configuration and those that it names, as they were read, so that a change can be told.
//!
//! Kubernetes swaps the folder under a mounted Secret: what counts is what the files hold, not what their file system says.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};

use super::{Config, Errors, Mistakes};

/// A configuration file that is read again and again.
#[derive(Debug)]
pub struct Source {
    file: PathBuf,
    /// What each file held when it was last read; `None` where it could not be.
    seen: BTreeMap<PathBuf, Option<Digest>>,
    running: Option<Running>,
}

type Digest = [u8; 32];

/// What a running server cannot change.
#[derive(Debug, Clone, Copy)]
pub(super) struct Running {
    pub(super) listen: SocketAddr,
    pub(super) admin: SocketAddr,
    pub(super) max_connections: usize,
}

/// Reads files named in the configuration, and remembers what they held.
pub(super) struct Files<'a> {
    folder: &'a Path,
    seen: RefCell<BTreeMap<PathBuf, Option<Digest>>>,
}

impl Source {
    /// The configuration in this file.
    pub fn new(file: &Path) -> Self {
        Self { file: file.to_owned(), seen: BTreeMap::new(), running: None }
    }

    /// Reads the file and all files that it names. Once a configuration was good, its addresses and its number of connections
    /// stay: another is a mistake.
    ///
    /// # Errors
    ///
    /// Every mistake, each with line, field and what would be right.
    pub fn load(&mut self) -> Result<Config, Errors> {
        let mistakes = Mistakes::default();
        let files = Files { folder: self.file.parent().unwrap_or(Path::new("")), seen: RefCell::default() };
        let text = files.read_path(&self.file).map(String::from_utf8);
        let config = match text {
            Ok(Ok(text)) => Config::parse(&text, &mistakes, &files, self.running),
            Ok(Err(_)) => {
                mistakes.add(1, "", "is not text; a configuration is UTF-8");
                None
            }
            Err(error) => {
                mistakes.add(1, "", format!("cannot be read: {error}"));
                None
            }
        };
        self.seen = files.seen.into_inner();
        let config = mistakes.into_result(&self.file, config)?;
        self.running = Some(Running {
            listen: config.listen.address,
            admin: config.admin,
            max_connections: config.limits.max_connections,
        });
        Ok(config)
    }

    /// Whether any of the files holds something else than when it was last read.
    pub fn has_changed(&self) -> bool {
        self.seen
            .iter()
            .any(|(path, seen)| fs::read(path).ok().map(|content| Digest::from(Sha256::digest(&content))) != *seen)
    }
}

impl Files<'_> {
    /// Reads a file by its name in the configuration. The error names it.
    pub(super) fn read(&self, name: &str) -> Result<Vec<u8>, String> {
        self.read_path(&self.folder.join(name)).map_err(|error| format!("{name} cannot be read: {error}"))
    }

    /// Reads a text file by its name in the configuration.
    pub(super) fn read_text(&self, name: &str) -> Result<String, String> {
        String::from_utf8(self.read(name)?).map_err(|_| format!("{name} is not text"))
    }

    /// When a file that was read was changed last; the beginning of time where its file system does not say.
    pub(super) fn modified(&self, name: &str) -> SystemTime {
        let modified = fs::metadata(self.folder.join(name)).and_then(|file| file.modified());
        modified.unwrap_or(SystemTime::UNIX_EPOCH)
    }

    fn read_path(&self, path: &Path) -> io::Result<Vec<u8>> {
        let read = fs::read(path);
        let digest = read.as_ref().ok().map(|content| Sha256::digest(content).into());
        self.seen.borrow_mut().insert(path.to_owned(), digest);
        read
    }
}
