//! What every HTTP client of ours needs: how it is made, which hosts are this machine, and what went wrong, in one line.

use std::error::Error;
use std::time::Duration;

use reqwest::{Certificate, ClientBuilder, Url, redirect};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;

/// The platform waits as long for an answer.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);

/// A client for the endpoint at `url`, as the platform's is. `trusted` replaces the system's certificate authorities.
pub(crate) fn client(url: &Url, trusted: Option<&[CertificateDer<'static>]>) -> reqwest::Result<ClientBuilder> {
    let mut client = reqwest::Client::builder().timeout(TIMEOUT).redirect(redirect::Policy::none());
    if let Some(certificates) = trusted {
        let certificates = certificates.iter().map(|certificate| Certificate::from_der(certificate));
        client = client.tls_certs_only(certificates.collect::<reqwest::Result<Vec<_>>>()?);
    }
    if is_this_machine(url) {
        // A proxy could not reach it.
        client = client.no_proxy();
    }
    Ok(client)
}

/// TLS for a connection of our own making, with the names of the protocols that it offers.
pub(crate) fn tls_config(
    trusted: Option<Vec<CertificateDer<'static>>>,
    protocols: &[&str],
) -> Result<ClientConfig, rustls::Error> {
    let config = ClientConfig::builder();
    let mut config = match trusted {
        Some(certificates) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates {
                roots.add(certificate)?;
            }
            config.with_root_certificates(roots).with_no_client_auth()
        }
        None => config.with_platform_verifier()?.with_no_client_auth(),
    };
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    Ok(config)
}

/// The host as a resolver and a certificate have it: an IPv6 address without its brackets.
pub(crate) fn host(url: &Url) -> Option<&str> {
    url.host_str().map(|host| host.trim_matches(['[', ']']))
}

/// Whether the host is a loopback address, which no other machine and no proxy sees.
pub(crate) fn is_this_machine(url: &Url) -> bool {
    let host = host(url).unwrap_or_default();
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
