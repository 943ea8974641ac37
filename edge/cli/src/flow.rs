//! `flowctl flow`: what can be said of a flow's screens without running anything.

mod check;
mod report;

use std::process::ExitCode;

use clap::Subcommand;

pub(crate) use check::Error;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Find what the platform would refuse at upload, and what only shows on a phone.
    Check(check::Arguments),
}

pub(crate) fn run(command: Command) -> Result<ExitCode, Error> {
    match command {
        Command::Check(arguments) => check::run(&arguments),
    }
}
