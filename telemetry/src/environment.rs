//! What the `OTEL_*` variables say beside what OpenTelemetry's own crates read.
//!
//! By the specification an exporter without an endpoint tries `localhost`. Here it is off until a variable asks for it: most
//! processes have no collector beside them, and would say so for ever.

use std::env;

use crate::error::TelemetryError;

/// What may be exported.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Signal {
    Traces,
    Metrics,
}

impl Signal {
    fn exporter(self) -> &'static str {
        match self {
            Self::Traces => "OTEL_TRACES_EXPORTER",
            Self::Metrics => "OTEL_METRICS_EXPORTER",
        }
    }

    fn endpoint(self) -> &'static str {
        match self {
            Self::Traces => "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            Self::Metrics => "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
        }
    }
}

/// Whether a signal is to be exported by OTLP.
pub(crate) fn is_wanted(signal: Signal) -> Result<bool, TelemetryError> {
    // By the specification an empty variable is one that is not set.
    wanted(signal, |variable| env::var(variable).ok().filter(|value| !value.is_empty()))
}

fn wanted(signal: Signal, variable: impl Fn(&str) -> Option<String>) -> Result<bool, TelemetryError> {
    // Anything but `true` is false, by the specification.
    if variable("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return Ok(false);
    }
    match variable(signal.exporter()).as_deref() {
        Some("otlp") => Ok(true),
        Some("none") => Ok(false),
        Some(value) => Err(TelemetryError::Variable {
            variable: signal.exporter(),
            value: value.to_owned(),
            right: "`otlp` or `none`",
        }),
        None => Ok(variable(signal.endpoint()).or_else(|| variable("OTEL_EXPORTER_OTLP_ENDPOINT")).is_some()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &str)], signal: Signal) -> Result<bool, String> {
        let value = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        wanted(signal, value).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_is_exported_until_a_variable_asks_for_it() {
        assert_eq!(with(&[], Signal::Traces), Ok(false));
        let all = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");
        assert_eq!(with(&[all], Signal::Traces), Ok(true));
        assert_eq!(with(&[all], Signal::Metrics), Ok(true));
        let traces = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://collector:4318/v1/traces");
        assert_eq!(with(&[traces], Signal::Traces), Ok(true));
        assert_eq!(with(&[traces], Signal::Metrics), Ok(false));
        assert_eq!(with(&[("OTEL_METRICS_EXPORTER", "otlp")], Signal::Metrics), Ok(true));
        assert_eq!(with(&[all, ("OTEL_TRACES_EXPORTER", "none")], Signal::Traces), Ok(false));
        assert_eq!(with(&[all, ("OTEL_SDK_DISABLED", "TRUE")], Signal::Traces), Ok(false));
        assert_eq!(with(&[all, ("OTEL_SDK_DISABLED", "1")], Signal::Traces), Ok(true));
    }

    #[test]
    fn an_exporter_that_there_is_not_is_named_with_what_would_be_right() {
        let error = with(&[("OTEL_TRACES_EXPORTER", "zipkin")], Signal::Traces).unwrap_err();
        assert_eq!(error, "OTEL_TRACES_EXPORTER is `zipkin`; it should be `otlp` or `none`");
    }
}
