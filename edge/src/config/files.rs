//! The files that a configuration names: each is read once a load, however often it is named, so that all who name it get the same
//! and a later change can be told.
//!
//! Kubernetes swaps the folder under a mounted Secret: what counts is what the files hold, not what their file system says.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::SystemTime;

use flow_wire::text;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// What each file held when it was read; `None` where it could not be.
#[derive(Debug, Default)]
pub(super) struct Seen(BTreeMap<PathBuf, Option<[u8; 32]>>);

/// Reads files named in the configuration, each once, and keeps what they held until it is dropped.
pub(super) struct Files<'a> {
    folder: &'a Path,
    read: RefCell<BTreeMap<PathBuf, Read>>,
}

type Read = Result<Rc<Content>, Rc<io::Error>>;

/// What a file held when it was read, and what its file system said of it then. The bytes are wiped when they are dropped.
pub(super) struct Content {
    pub(super) bytes: Zeroizing<Vec<u8>>,
    metadata: Metadata,
}

impl Seen {
    /// Whether any of the files holds something else now.
    pub(super) fn has_changed(&self) -> bool {
        self.0.iter().any(|(path, seen)| Content::read(path).ok().map(|content| content.digest()) != *seen)
    }
}

impl<'a> Files<'a> {
    /// Names count from the folder.
    pub(super) fn new(folder: &'a Path) -> Self {
        Self { folder, read: RefCell::default() }
    }

    /// What was read.
    pub(super) fn into_seen(self) -> Seen {
        let digest = |read: Read| read.ok().map(|content| content.digest());
        Seen(self.read.into_inner().into_iter().map(|(path, read)| (path, digest(read))).collect())
    }

    /// Reads a file by its name in the configuration. The error names it.
    pub(super) fn read(&self, name: &str) -> Result<Rc<Content>, String> {
        self.read_path(&self.folder.join(name)).map_err(|error| format!("{name} cannot be read: {error}"))
    }

    /// Reads a file by its path.
    pub(super) fn read_path(&self, path: &Path) -> Read {
        let mut read = self.read.borrow_mut();
        let content = || Content::read(path).map(Rc::new).map_err(Rc::new);
        read.entry(path.to_owned()).or_insert_with(content).clone()
    }
}

impl Content {
    fn read(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        Ok(Self { bytes: read_whole(file, metadata.len())?, metadata })
    }

    /// The content as text.
    pub(super) fn text(&self) -> Result<&str, text::Error> {
        text::read(&self.bytes)
    }

    /// When the file was changed last; the beginning of time where its file system does not say.
    pub(super) fn modified(&self) -> SystemTime {
        self.metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH)
    }

    /// The permission bits, where they let everybody on the machine read the file.
    pub(super) fn mode_for_everybody(&self) -> Option<u32> {
        let mode = self.metadata.permissions().mode() & 0o7777;
        (mode & 0o004 != 0).then_some(mode)
    }

    fn digest(&self) -> [u8; 32] {
        Sha256::digest(&*self.bytes).into()
    }
}

/// Reads to the end without leaving a part of it behind, as a vector that grows by itself does.
fn read_whole(mut file: impl io::Read, expected: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    // Something more, in which the end shows.
    let capacity = usize::try_from(expected).unwrap_or(0) + 64;
    let mut content = Zeroizing::new(vec![0; capacity]);
    let mut length = 0;
    loop {
        if length == content.len() {
            let mut larger = Zeroizing::new(vec![0; 2 * length]);
            larger[..length].copy_from_slice(&content);
            content = larger;
        }
        match file.read(&mut content[length..]) {
            Ok(0) => {
                content.truncate(length);
                return Ok(content);
            }
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_file_named_twice_is_read_once_and_a_change_meanwhile_is_one_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key.pem");
        fs::write(&file, "one").unwrap();
        let files = Files::new(folder.path());
        assert_eq!(**files.read("key.pem").unwrap().bytes, *b"one");
        assert!(files.read("absent").is_err());
        fs::write(&file, "two").unwrap();
        fs::write(folder.path().join("absent"), "there").unwrap();
        assert_eq!(**files.read("key.pem").unwrap().bytes, *b"one");
        assert!(files.read("absent").is_err());
        assert!(files.into_seen().has_changed());

        let files = Files::new(folder.path());
        assert_eq!(**files.read("key.pem").unwrap().bytes, *b"two");
        assert!(!files.into_seen().has_changed());
    }

    #[test]
    fn content_of_any_length_comes_whole_whatever_its_length_was_said_to_be() {
        for length in [0, 1, 63, 64, 65, 1000, 100_000] {
            let content: Vec<u8> = (0..length).map(|at: u32| at as u8).collect();
            for expected in [0, u64::from(length) / 2, u64::from(length), 2 * u64::from(length)] {
                assert_eq!(*read_whole(&*content, expected).unwrap(), content, "{length}, said to be {expected}");
            }
        }
    }
}
