//! `flow-edge`: read the configuration, bind, serve, drain.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use flow_edge::config::{Config, SCHEMA, Source};
use flow_edge::server::shutdown::{Hangups, Signals};
use flow_edge::server::{Drained, Footprint, Server, memory_limit};
use flow_telemetry::Service;
use tracing::level_filters::LevelFilter;

const SERVICE: Service = Service {
    name: env!("CARGO_PKG_NAME"),
    version: env!("CARGO_PKG_VERSION"),
    level: LevelFilter::INFO,
    tracing_spans: false,
};

/// HTTPS endpoint for WhatsApp Flows in front of a gRPC FlowService.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve until SIGTERM.
    Serve {
        /// The configuration, a YAML file.
        #[arg(long)]
        config: PathBuf,
    },
    /// Print the JSON Schema of the configuration.
    Schema,
    /// Read the configuration and every file that it names, and say what is wrong, without serving.
    Check {
        /// The configuration, a YAML file.
        #[arg(long)]
        config: PathBuf,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.command {
        Command::Serve { config } => {
            let mut source = Source::new(&config);
            source.load().map_err(|errors| errors.to_string()).and_then(|config| serve(config, source))
        }
        Command::Check { config } => Config::load(&config).map_err(|errors| errors.to_string()).map(|good| {
            println!("{}: good", config.display());
            show_footprint(&Footprint::of(&good));
            ExitCode::SUCCESS
        }),
        Command::Schema => {
            print!("{SCHEMA}");
            Ok(ExitCode::SUCCESS)
        }
    };
    result.unwrap_or_else(|message| {
        eprintln!("{message}");
        ExitCode::FAILURE
    })
}

/// What memory it may take, and whether there is so much.
fn show_footprint(footprint: &Footprint) {
    println!("{footprint}");
    if let Some(limit) = memory_limit()
        && (footprint.total() as u64) > limit
    {
        eprintln!(
            "warning: the memory limit here is {} MiB, less than that; raise it, or lower limits and replay",
            limit / 1024 / 1024
        );
    }
}

fn serve(config: Config, source: Source) -> Result<ExitCode, String> {
    let runtime = tokio::runtime::Runtime::new().map_err(|error| format!("cannot start the runtime: {error}"))?;
    let _in_runtime = runtime.enter();
    // Ends before the runtime does, which sends what is left.
    let telemetry = flow_telemetry::start(SERVICE).map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let signals = Signals::listen().map_err(|error| format!("cannot listen for signals: {error}"))?;
        let hangups = Hangups::listen().map_err(|error| format!("cannot listen for signals: {error}"))?;
        let server = Server::bind(config, &telemetry).await.map_err(|error| error.to_string())?;
        Ok(match server.reloading(source, hangups).serve_until(signals.stop()).await {
            Drained::Clean => ExitCode::SUCCESS,
            Drained::CutOff => ExitCode::FAILURE,
        })
    })
}
