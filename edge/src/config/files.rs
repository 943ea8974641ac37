//! The files that a configuration names, as they were read, so that a change can be told.
//!
//! Kubernetes swaps the folder under a mounted Secret: what counts is what the files hold, not what their file system says.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};

/// What each file held when it was read; `None` where it could not be.
#[derive(Debug, Default)]
pub(super) struct Seen(BTreeMap<PathBuf, Option<[u8; 32]>>);

/// Reads files named in the configuration, and remembers what they held.
pub(super) struct Files<'a> {
    folder: &'a Path,
    seen: RefCell<Seen>,
}

impl Seen {
    /// Whether any of the files holds something else now.
    pub(super) fn has_changed(&self) -> bool {
        self.0.iter().any(|(path, seen)| fs::read(path).ok().map(|content| digest(&content)) != *seen)
    }
}

fn digest(content: &[u8]) -> [u8; 32] {
    Sha256::digest(content).into()
}

impl<'a> Files<'a> {
    /// Names count from the folder.
    pub(super) fn new(folder: &'a Path) -> Self {
        Self { folder, seen: RefCell::default() }
    }

    /// What was read.
    pub(super) fn into_seen(self) -> Seen {
        self.seen.into_inner()
    }

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

    /// Reads a file by its path.
    pub(super) fn read_path(&self, path: &Path) -> io::Result<Vec<u8>> {
        let read = fs::read(path);
        self.seen.borrow_mut().0.insert(path.to_owned(), read.as_ref().ok().map(|content| digest(content)));
        read
    }
}
