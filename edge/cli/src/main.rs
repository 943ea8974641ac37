//! `flowctl`: what stands around an endpoint for WhatsApp Flows and must never run inside it.
//!
//! A table of contents: each command is a module. Data goes to standard output, talk to standard error. The exit code is 0
//! where all went well, 1 where it did not, 2 where the command line makes no sense.

mod bench;
mod call;
mod client;
mod conformance;
mod console;
mod dev;
mod doctor;
mod endpoint;
mod files;
mod flow;
mod folder;
mod graph;
mod http;
mod keys;
mod logic;
mod phone;
mod play;
mod screens;
mod script;
mod simulate;
mod status;
mod tls;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Tools for an endpoint of WhatsApp Flows: keys, a messaging client, load, conformance, and everything on one machine.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The RSA key pair of an endpoint: make it, look at it, upload its public half, see what the platform has; and certificates.
    #[command(subcommand)]
    Keys(keys::Command),
    /// Be the messaging client: send one request or play a conversation, and open the answers.
    Simulate(simulate::Arguments),
    /// Send sealed and signed load, and hold the answers against the platform's thresholds.
    Bench(bench::Arguments),
    /// Hold a FlowService against the contract, or an endpoint against the platform's protocol, whoever made it.
    Conformance(Box<conformance::Arguments>),
    /// Look at a live endpoint, and say what is wrong with it, the first thing first.
    Doctor(doctor::Arguments),
    /// Hold a Flow JSON, the screens of a flow, against the platform's rules.
    #[command(subcommand)]
    Flow(flow::Command),
    /// Run everything on this machine: an edge, a sample flow or your logic, and one conversation through both.
    Dev(dev::Arguments),
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Keys(#[from] keys::Error),
    #[error(transparent)]
    Simulate(#[from] simulate::Error),
    #[error(transparent)]
    Bench(#[from] bench::Error),
    #[error(transparent)]
    Conformance(#[from] conformance::Error),
    #[error(transparent)]
    Doctor(#[from] doctor::Error),
    #[error(transparent)]
    Flow(#[from] flow::Error),
    #[error(transparent)]
    Dev(#[from] dev::Error),
}

impl Error {
    /// Whether it is the command line that makes no sense, as far as files had to be looked at to see it.
    fn is_usage(&self) -> bool {
        match self {
            Self::Simulate(error) => error.is_usage(),
            Self::Bench(error) => error.is_usage(),
            Self::Conformance(error) => error.is_usage(),
            _ => false,
        }
    }
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("flowctl: {error}");
            if error.is_usage() { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}

fn run(command: Command) -> Result<ExitCode, Error> {
    Ok(match command {
        Command::Keys(command) => keys::run(command)?,
        Command::Simulate(arguments) => simulate::run(arguments)?,
        Command::Bench(arguments) => bench::run(arguments)?,
        Command::Conformance(arguments) => conformance::run(*arguments)?,
        Command::Doctor(arguments) => doctor::run(arguments)?,
        Command::Flow(command) => flow::run(command)?,
        Command::Dev(arguments) => dev::run(arguments)?,
    })
}
