//! Serves the flow on `FLOW_LOGIC_LISTEN`, with its bookings in the database that `DATABASE_URL` names.

use std::env;
use std::process::ExitCode;

use rust_appointment::Appointments;
use rust_appointment::bookings::Database;

/// A file in the working directory: nothing to install.
const DEFAULT_DATABASE: &str = "sqlite:appointments.db";

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rust-appointment: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let _telemetry = flow_logic_sdk::start_telemetry(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))?;
    let database = env::var("DATABASE_URL").unwrap_or_else(|_| DEFAULT_DATABASE.to_owned());
    let bookings = Database::open(&database).await?;
    Ok(flow_logic_sdk::serve(Appointments::new(bookings)).await?)
}
