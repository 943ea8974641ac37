//! Runs `flowctl` in a folder of its own, reads it with a time limit, and leaves no process behind.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Ample on a busy machine; a test that waits so long has failed.
const LIMIT: Duration = Duration::from_secs(60);

/// A running command.
pub(crate) struct Process {
    child: Child,
    pub(crate) stdout: Lines,
    pub(crate) stderr: Lines,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The lines of one stream, as they come.
pub(crate) struct Lines {
    lines: Receiver<String>,
    seen: String,
}

/// Runs `flowctl` to its end.
pub(crate) fn flowctl(folder: &Path, arguments: &[&str]) -> Finished {
    Process::start(folder, arguments).finish()
}

impl Process {
    pub(crate) fn start(folder: &Path, arguments: &[&str]) -> Self {
        Self::spawn(Command::new(env!("CARGO_BIN_EXE_flowctl")).args(arguments).current_dir(folder), "")
    }

    /// Starts a command with this standard input.
    pub(crate) fn spawn(command: &mut Command, input: &str) -> Self {
        command.env_remove("RUST_LOG");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let stdout = Lines::of(child.stdout.take().unwrap());
        let stderr = Lines::of(child.stderr.take().unwrap());
        Self { child, stdout, stderr }
    }

    /// Asks the process to stop, as an orchestrator does, and waits for its end.
    pub(crate) fn terminate(self) -> Finished {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.finish()
    }

    /// Waits for the end.
    pub(crate) fn finish(mut self) -> Finished {
        let stdout = self.stdout.all();
        let stderr = self.stderr.all();
        // Both streams are closed, so the process is at its end.
        Finished { code: self.child.wait().unwrap().code(), stdout, stderr }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Lines {
    fn of(stream: impl Read + Send + 'static) -> Self {
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stream).lines() {
                if sender.send(line.unwrap()).is_err() {
                    break;
                }
            }
        });
        Self { lines, seen: String::new() }
    }

    /// Waits for a line that begins like this, and gives what follows in it.
    pub(crate) fn wait_for(&mut self, prefix: &str) -> String {
        self.find(prefix).unwrap_or_else(|| panic!("there was no line with `{prefix}`:\n{}", self.seen))
    }

    /// The same; `None` where the stream ends without such a line.
    pub(crate) fn find(&mut self, prefix: &str) -> Option<String> {
        let end = Instant::now() + LIMIT;
        loop {
            let line = self.next(end)?;
            if let Some(rest) = line.trim_start().strip_prefix(prefix) {
                return Some(rest.to_owned());
            }
        }
    }

    /// Everything from the first line to the end of the stream.
    fn all(&mut self) -> String {
        let end = Instant::now() + LIMIT;
        while self.next(end).is_some() {}
        self.seen.clone()
    }

    /// The next line; `None` at the end of the stream.
    fn next(&mut self, end: Instant) -> Option<String> {
        match self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                self.seen.push_str(&line);
                self.seen.push('\n');
                Some(line)
            }
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("nothing more came in time:\n{}", self.seen),
        }
    }
}
