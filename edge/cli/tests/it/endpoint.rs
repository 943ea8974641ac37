//! A running `flowctl dev`, and commands that want an endpoint run against it.

use std::fs;
use std::path::Path;

use tempfile::{TempDir, tempdir};

use crate::process::{Finished, Process, flowctl};

/// A running `flowctl dev` in a folder of its own.
pub(crate) struct Dev {
    pub(crate) folder: TempDir,
    pub(crate) url: String,
    _process: Process,
}

impl Dev {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        let folder = tempdir().unwrap();
        let mut process = Process::start(folder.path(), &[&["dev", "--port", "0"], arguments].concat());
        let url = process.stdout.wait_for("ready: ");
        Self { folder, url, _process: process }
    }

    pub(crate) fn write(&self, name: &str, content: &str) {
        fs::write(self.folder.path().join(name), content).unwrap();
    }

    /// Runs a command with the files that `dev` made, and these further arguments.
    pub(crate) fn run(&self, command: &str, arguments: &[&str]) -> Finished {
        self.run_with("app-secret", "public-key.pem", command, arguments)
    }

    pub(crate) fn run_with(&self, app_secret: &str, public_key: &str, command: &str, arguments: &[&str]) -> Finished {
        let made = Path::new(".flow-dev");
        let file = |name: &str| made.join(name).to_str().unwrap().to_owned();
        let (app_secret, public_key, ca) = (file(app_secret), file(public_key), file("tls-certificate.pem"));
        let mut all = vec![command, "--url", &self.url, "--public-key", &public_key];
        all.extend(["--app-secret-file", &app_secret, "--ca", &ca]);
        all.extend(arguments);
        flowctl(self.folder.path(), &all)
    }
}
