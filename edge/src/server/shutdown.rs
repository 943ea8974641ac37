//! What signals say: SIGTERM from the orchestrator and SIGINT from a person to stop, where the second one does not wait, and
//! SIGHUP to look at the configuration now.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::warn;

/// Exit code after a second signal.
const IMPATIENT: i32 = 130;

/// The signals that stop the process.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Begins to listen; from now on these signals no longer end the process by themselves.
    ///
    /// # Errors
    ///
    /// Where the operating system does not let us.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the first signal; any later one exits at once with code 130.
    pub async fn stop(mut self) {
        self.next().await;
        tokio::spawn(async move {
            self.next().await;
            warn!("second signal, exiting at once");
            std::process::exit(IMPATIENT);
        });
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// SIGHUP: look at the configuration now.
#[derive(Debug)]
pub struct Hangups(Signal);

impl Hangups {
    /// Begins to listen; from now on the signal no longer ends the process.
    ///
    /// # Errors
    ///
    /// Where the operating system does not let us.
    pub fn listen() -> std::io::Result<Self> {
        signal(SignalKind::hangup()).map(Self)
    }

    pub(crate) async fn next(&mut self) {
        self.0.recv().await;
    }
}
