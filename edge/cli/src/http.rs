//! What every HTTP client of ours needs: which hosts are this machine, and what went wrong, in one line.

use std::error::Error;

use reqwest::Url;

/// Whether the host is a loopback address, which no other machine and no proxy sees.
pub(crate) fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// What is behind an error of the HTTP client, whose own text, like that of the layer below, is about the URL alone.
pub(crate) fn causes(error: &reqwest::Error) -> String {
    let source = error.source();
    match source.and_then(|layer| layer.source()).or(source) {
        Some(cause) => chain(cause),
        None => error.to_string(),
    }
}

/// An error and everything behind it, in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Some layers repeat what is behind them.
        let next = error.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_this_machine() {
        for url in ["https://localhost:8443/", "https://127.0.0.1/", "https://[::1]:8443/x"] {
            assert!(is_this_machine(&url.parse().unwrap()), "{url}");
        }
        for url in ["https://example.com/", "https://localhost.example.com/", "https://10.0.0.1/"] {
            assert!(!is_this_machine(&url.parse().unwrap()), "{url}");
        }
    }
}
