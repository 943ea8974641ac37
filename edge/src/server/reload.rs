//! Takes over what changes in the configuration and the files that it names, without a restart.
//!
//! The content of the files is looked at again and again: Kubernetes swaps a link under a mounted Secret, and no event says
//! so. A state that is not good is refused whole, and the one before it stays.

use std::path::Path;
use std::sync::Arc;

use tokio::time::timeout;
use tracing::{error, info, warn};

use super::edge::Edge;
use super::shutdown::Hangups;
use crate::config::{Errors, Mistake, Source};
use crate::telemetry::Reload;

/// Runs until it is dropped.
pub(crate) async fn run(edge: Arc<Edge>, mut source: Source, mut hangups: Hangups) {
    loop {
        let asked = timeout(edge.current().reload_interval(), hangups.next()).await.is_ok();
        // Many files may be read, and keys checked: not on a thread that answers requests.
        let looked = tokio::task::spawn_blocking(move || {
            let loaded = (asked || source.has_changed()).then(|| source.load());
            (source, loaded)
        });
        let loaded = match looked.await {
            Ok((back, loaded)) => {
                source = back;
                loaded
            }
            // It panicked, and the source is gone with it.
            Err(error) => return error!(%error, "reloading ends: the configuration cannot be read any more"),
        };
        match loaded {
            None => {}
            Some(Err(errors)) => refuse(&edge, &errors),
            Some(Ok(config)) => {
                let warnings = config.warnings.clone();
                match edge.apply(config) {
                    Ok(()) => {
                        edge.metrics.reload(Reload::Applied);
                        info!("configuration reloaded");
                        warn(source.file(), &warnings);
                    }
                    Err(error) => {
                        edge.metrics.reload(Reload::Refused);
                        error!(%error, "configuration refused, the one before it stays");
                    }
                }
            }
        }
    }
}

/// Logs what is not wrong with the configuration in this file, and should be otherwise.
pub fn warn(file: &Path, warnings: &[Mistake]) {
    for Mistake { line, field, message } in warnings {
        let file = file.display();
        warn!(%file, line, field, reason = message, "configuration to be mended");
    }
}

fn refuse(edge: &Edge, errors: &Errors) {
    edge.metrics.reload(Reload::Refused);
    for Mistake { line, field, message } in &errors.mistakes {
        let file = errors.file.display();
        error!(%file, line, field, reason = message, "configuration refused, the one before it stays");
    }
}
