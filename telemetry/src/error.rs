//! What can be wrong with the variables that telemetry is started by.

use opentelemetry_otlp::ExporterBuildError;

/// Why telemetry cannot start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// A variable says what cannot be.
    #[error("{variable} is `{value}`; it should be {right}")]
    Variable {
        /// Its name.
        variable: &'static str,
        /// What it says.
        value: String,
        /// What would be right.
        right: &'static str,
    },
    /// The variables do not make an exporter.
    #[error("OTLP cannot be exported as the OTEL_EXPORTER_OTLP_ variables say: {0}")]
    Exporter(#[from] ExporterBuildError),
}
