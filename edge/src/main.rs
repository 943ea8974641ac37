//! `flow-edge`: read the configuration, bind, serve, drain.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use flow_edge::config::{Config, Mistake, SCHEMA, Source};
use flow_edge::server::shutdown::{Hangups, Signals};
use flow_edge::server::{Drained, Footprint, Server, memory_limit, process, warn};
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
        /// Let the system write a core dump and debuggers look in: keys, secrets and form data are then in their hands.
        #[arg(long)]
        core_dumps: bool,
    },
    /// Print the JSON Schema of the configuration.
    Schema,
    /// Read the configuration and every file that it names, and say what is wrong, without serving.
    Check {
        /// The configuration, a YAML file.
        #[arg(long)]
        config: PathBuf,
        /// Take a warning for a mistake.
        #[arg(long)]
        strict: bool,
        /// The host that the platform was given, which the certificate must be for.
        #[arg(long, value_name = "NAME")]
        host: Option<String>,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.command {
        Command::Serve { config, core_dumps } => {
            process::restart_with_few_arenas();
            let mut source = Source::new(&config);
            // Before anything is read that a dump could hold.
            let kept = if core_dumps { Ok(()) } else { process::keep_memory_to_oneself() };
            kept.and_then(|()| source.load().map_err(|errors| errors.to_string()))
                .and_then(|config| serve(config, source))
        }
        Command::Check { config, strict, host } => check(&config, strict, host.as_deref()),
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

fn check(file: &Path, strict: bool, host: Option<&str>) -> Result<ExitCode, String> {
    let config = Config::load(file).map_err(|errors| errors.to_string())?;
    let other_host = host.filter(|host| config.listen.tls.as_ref().is_some_and(|tls| !tls.is_for(host)));
    if let Some(host) = other_host {
        eprintln!("{}: warning: listen.tls.certificate_file: the certificate is not for {host}", file.display());
    }
    for Mistake { line, field, message } in &config.warnings {
        eprintln!("{}:{line}: warning: {field}: {message}", file.display());
    }
    let footprint = Footprint::of(&config);
    let too_little = memory_limit().filter(|limit| *limit < footprint.total() as u64);
    if let Some(limit) = too_little {
        let mebibytes = limit / 1024 / 1024;
        eprintln!(
            "{}: warning: the memory limit here is {mebibytes} MiB, less than the sum below; raise it, or lower limits and replay",
            file.display()
        );
    }
    if strict && (too_little.is_some() || other_host.is_some() || !config.warnings.is_empty()) {
        return Ok(ExitCode::FAILURE);
    }
    println!("{}: good\n{footprint}", file.display());
    for endpoint in config.endpoints.iter().filter(|endpoint| endpoint.logic.fallback_message.is_some()) {
        let name = &endpoint.name;
        let Some(flow) = &endpoint.flow else {
            println!(
                "{name}: fallback_message is shown on screens that declare no data; where one declares some, the client refuses an \
                 answer without it"
            );
            continue;
        };
        let mut screens = flow.judge.screens();
        screens.retain(|id| flow.judge.fits_error_message_alone(id));
        let screens = if screens.is_empty() { "no screen".to_owned() } else { screens.join(", ") };
        println!("{name}: fallback_message is shown on {screens}; the others declare data");
    }
    Ok(ExitCode::SUCCESS)
}

fn serve(config: Config, source: Source) -> Result<ExitCode, String> {
    let runtime = tokio::runtime::Runtime::new().map_err(|error| format!("cannot start the runtime: {error}"))?;
    let _in_runtime = runtime.enter();
    // Ends before the runtime does, which sends what is left.
    let telemetry = flow_telemetry::start(SERVICE).map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let signals = Signals::listen().map_err(|error| format!("cannot listen for signals: {error}"))?;
        let hangups = Hangups::listen().map_err(|error| format!("cannot listen for signals: {error}"))?;
        warn(source.file(), &config.warnings);
        let server = Server::bind(config, &telemetry).await.map_err(|error| error.to_string())?;
        Ok(match server.reloading(source, hangups).serve_until(signals.stop()).await {
            Drained::Clean => ExitCode::SUCCESS,
            Drained::CutOff => ExitCode::FAILURE,
        })
    })
}
