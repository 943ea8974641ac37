//! The Flow JSON that a console plays: the sample's, or a file of the user's own that is watched for changes.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use flow_json::{Checked, Finding, Flow, Severity, check};

use crate::console::File;
use crate::files;

/// How often the file is looked at.
const INTERVAL: Duration = Duration::from_millis(500);

/// A Flow JSON, and what is wrong with it.
#[derive(Debug)]
pub(super) struct FlowFile {
    pub(super) name: String,
    /// None for the sample's.
    path: Option<PathBuf>,
    pub(super) text: String,
    pub(super) flow: Arc<Flow>,
    pub(super) findings: Vec<Finding>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Read(#[from] files::Error),
    #[error("{file}: {what}; `flowctl flow check {file}` shows the place", file = file.display())]
    NoFlow { file: PathBuf, what: String },
}

impl FlowFile {
    pub(super) fn open(file: &Path) -> Result<Self, Error> {
        let name = file.file_stem().unwrap_or(file.as_os_str()).to_string_lossy().into_owned();
        Self::read(name, files::read_text(file)?, Some(file))
    }

    /// One that is part of the program.
    pub(super) fn sample(name: &str, text: &str) -> Result<Self, Error> {
        Self::read(name.to_owned(), text.to_owned(), None)
    }

    fn read(name: String, text: String, path: Option<&Path>) -> Result<Self, Error> {
        let Checked { flow, findings } = check(&text);
        let Some(flow) = flow else {
            let first = findings.first().map(|finding| format!("{}: {}", finding.code, finding.message));
            let file = path.unwrap_or(Path::new(&name)).to_owned();
            return Err(Error::NoFlow { file, what: first.unwrap_or_else(|| "no Flow JSON".to_owned()) });
        };
        Ok(Self { name, path: path.map(Path::to_owned), text, flow: Arc::new(flow), findings })
    }

    /// What to say of the findings; nothing where there is none.
    pub(super) fn summary(&self) -> Option<String> {
        let path = self.path.as_ref()?;
        let of = |severity| self.findings.iter().filter(|finding| finding.severity == severity).count();
        let (errors, warnings) = (of(Severity::Error), of(Severity::Warning));
        let is_clean = errors == 0 && warnings == 0;
        let file = path.display();
        (!is_clean).then(|| {
            format!(
                "{file}: {errors} errors, {warnings} warnings; the console shows them, and `flowctl flow check {file}`"
            )
        })
    }

    /// Tells of every change of the file, for ever. What is no flow any more comes with its findings alone.
    pub(super) async fn watch(self, mut changed: impl AsyncFnMut(Option<Flow>, File)) {
        let Some(path) = self.path else { return };
        let mut before = self.text;
        loop {
            tokio::time::sleep(INTERVAL).await;
            // Editors take a file away for a moment.
            let Ok(text) = files::read_text(&path) else { continue };
            if text != before {
                let Checked { flow, findings } = check(&text);
                before.clone_from(&text);
                changed(flow, File { text, findings }).await;
            }
        }
    }
}
