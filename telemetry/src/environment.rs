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

    fn protocol(self) -> &'static str {
        match self {
            Self::Traces => "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
            Self::Metrics => "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL",
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

/// Where a signal goes, for people.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Destination {
    /// Scheme, host and port; what else a URL may hold is nobody's business.
    pub(crate) address: String,
    /// What is probably wrong where the collector does not take it.
    pub(crate) hint: Option<&'static str>,
}

/// Where the variables send a signal.
pub(crate) fn destination(signal: Signal) -> Destination {
    sent_to(signal, |variable| env::var(variable).ok().filter(|value| !value.is_empty()))
}

fn sent_to(signal: Signal, variable: impl Fn(&str) -> Option<String>) -> Destination {
    let protocol = variable(signal.protocol()).or_else(|| variable("OTEL_EXPORTER_OTLP_PROTOCOL"));
    let is_grpc = protocol.is_some_and(|protocol| protocol == "grpc");
    let url = variable(signal.endpoint()).or_else(|| variable("OTEL_EXPORTER_OTLP_ENDPOINT"));
    let default = if is_grpc { "http://localhost:4317" } else { "http://localhost:4318" };
    let url = url.unwrap_or_else(|| default.to_owned());
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", &url));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host_and_port = authority.rsplit('@').next().unwrap_or_default();
    // By convention (OpenTelemetry's protocol specification, "Default Port").
    let hint = match host_and_port.rsplit_once(':') {
        Some((_, "4317")) if !is_grpc => Some(
            "port 4317 is for gRPC, and this is HTTP, the default: name port 4318, or set OTEL_EXPORTER_OTLP_PROTOCOL=grpc",
        ),
        Some((_, "4318")) if is_grpc => Some(
            "port 4318 is for HTTP, and OTEL_EXPORTER_OTLP_PROTOCOL says gRPC: name port 4317, or set it to http/protobuf",
        ),
        _ => None,
    };
    Destination { address: format!("{scheme}://{host_and_port}"), hint }
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
    fn the_collector_is_named_and_a_port_that_speaks_otherwise_is_said() {
        let to = |variables: &[(&str, &str)]| {
            let value =
                |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
            sent_to(Signal::Traces, value)
        };
        const ALL: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
        const GRPC: (&str, &str) = ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
        for (variables, address, hint) in [
            // The first as in a deployment that somebody had.
            (&[(ALL, "http://otel-collector:4317")][..], "http://otel-collector:4317", Some("name port 4318")),
            (&[(ALL, "http://otel-collector:4317/"), GRPC], "http://otel-collector:4317", None),
            (&[(ALL, "http://otel-collector:4318"), GRPC], "http://otel-collector:4318", Some("name port 4317")),
            (&[(ALL, "http://otel-collector:4318")], "http://otel-collector:4318", None),
            (
                &[
                    ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://user:secret@c:4317/v1/traces?key=secret"),
                    (ALL, "http://x"),
                ],
                "https://c:4317",
                Some("name port 4318"),
            ),
            (&[(ALL, "http://c:4317"), ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc")], "http://c:4317", None),
            (&[(ALL, "http://[::1]:4317")], "http://[::1]:4317", Some("name port 4318")),
            (&[], "http://localhost:4318", None),
            (&[GRPC], "http://localhost:4317", None),
        ] {
            let destination = to(variables);
            assert_eq!(destination.address, address);
            let said = destination.hint.unwrap_or_default();
            assert_eq!(destination.hint.is_some(), hint.is_some(), "{variables:?}");
            assert!(said.contains(hint.unwrap_or_default()), "{variables:?}: {said}");
        }
    }

    #[test]
    fn an_exporter_that_there_is_not_is_named_with_what_would_be_right() {
        let error = with(&[("OTEL_TRACES_EXPORTER", "zipkin")], Signal::Traces).unwrap_err();
        assert_eq!(error, "OTEL_TRACES_EXPORTER is `zipkin`; it should be `otlp` or `none`");
    }
}
