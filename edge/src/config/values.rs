//! Single values of the configuration: each function gives the value, or says what would be right.

use std::net::SocketAddr;
use std::str::FromStr as _;
use std::time::Duration;

use bytesize::ByteSize;
use http::Uri;

pub(super) fn socket_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "should be an address and a port, such as 0.0.0.0:8443 or [::]:8443".to_owned())
}

/// The name becomes a label in telemetry.
pub(super) fn endpoint_name(text: &str) -> Result<String, String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if !text.is_empty() && text.len() <= 64 && text.bytes().all(allowed) {
        Ok(text.to_owned())
    } else {
        Err("should be 1 to 64 letters, digits, `-`, `_` or `.`".to_owned())
    }
}

pub(super) fn url_path(text: &str) -> Result<String, String> {
    let path = text.starts_with('/').then(|| Uri::from_str(text).ok()).flatten();
    if path.is_some_and(|uri| uri.path() == text) {
        Ok(text.to_owned())
    } else {
        Err("should be a URL path that begins with `/`, without query or fragment, such as /flows/appointments"
            .to_owned())
    }
}

/// Reads where a FlowService listens, as `logic.url` says it: `http://HOST:PORT`, `https://HOST:PORT` or
/// `unix:///PATH/TO/SOCKET`. Without a port it is that of the scheme.
///
/// # Errors
///
/// What would be right, where the text is none of these.
pub fn logic_url(text: &str) -> Result<String, String> {
    let good = match Uri::from_str(text) {
        Ok(uri) if matches!(uri.scheme_str(), Some("http" | "https")) => {
            has_host_and_port_alone(&uri) && matches!(uri.path(), "" | "/") && uri.query().is_none()
        }
        _ => text.strip_prefix("unix://").is_some_and(|path| path.starts_with('/') && path.len() > 1),
    };
    if good {
        Ok(text.to_owned())
    } else {
        Err("should be http://HOST:PORT, https://HOST:PORT or unix:///PATH/TO/SOCKET".to_owned())
    }
}

/// `Uri` takes any text for a port, and gives none where it is no number.
fn has_host_and_port_alone(uri: &Uri) -> bool {
    let host = uri.host().filter(|host| !host.is_empty());
    let port = uri.authority().zip(host).and_then(|(authority, host)| authority.as_str().strip_prefix(host));
    let is_port = |port: &str| port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
    port.is_some_and(|port| port.is_empty() || is_port(port))
}

/// The port that a URL of logic means where it names none; `None` for a Unix socket.
pub(crate) fn default_port(url: &Uri) -> Option<u16> {
    match url.scheme_str()? {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

/// That port, where the URL does name none.
pub(super) fn assumed_port(url: &str) -> Option<u16> {
    let url: Uri = url.parse().ok()?;
    default_port(&url).filter(|_| url.port_u16().is_none())
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err("should be a time above zero with its unit, such as 8s or 500ms".to_owned()),
    }
}

pub(super) fn size(text: &str) -> Result<usize, String> {
    let bytes = ByteSize::from_str(text).ok().and_then(|size| usize::try_from(size.as_u64()).ok());
    bytes.filter(|&bytes| bytes > 0).ok_or("should be a size above zero with its unit, such as 2MiB".to_owned())
}

pub(super) fn count(text: &str) -> Result<usize, String> {
    // Beyond this, tokio's semaphores panic.
    let most = tokio::sync::Semaphore::MAX_PERMITS;
    let count = text.parse().ok().filter(|&count| (1..=most).contains(&count));
    count.ok_or("should be a whole number above zero".to_owned())
}

pub(super) fn flag(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| "should be `true` or `false`".to_owned())
}

/// A time that may be 0, with a unit or without.
pub(super) fn duration_or_zero(text: &str) -> Result<Duration, String> {
    if text == "0" { Ok(Duration::ZERO) } else { humantime::parse_duration(text) }
        .map_err(|_| "should be 0, or a time with its unit, such as 10m".to_owned())
}

/// A size that may be 0.
pub(super) fn size_or_zero(text: &str) -> Result<u64, String> {
    ByteSize::from_str(text)
        .map(|size| size.as_u64())
        .map_err(|_| "should be 0, or a size with its unit, such as 64MiB".to_owned())
}

/// The HTTP/1.1 parser has no smaller buffer, and HTTP/2 counts in 32 bits.
pub(super) fn header_size(text: &str) -> Result<usize, String> {
    let allowed = size(text).ok().filter(|size| (8 * 1024..=1024 * 1024).contains(size));
    allowed.ok_or("should be a size from 8KiB to 1MiB, such as 16KiB".to_owned())
}

pub(super) fn streams(text: &str) -> Result<u32, String> {
    let allowed = text.parse().ok().filter(|count| (1..=100_000).contains(count));
    allowed.ok_or("should be a whole number from 1 to 100000".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logic_listens_at_a_host_and_a_port_or_at_a_unix_socket() {
        for url in ["http://logic:50051", "https://logic/", "http://[::1]:50051", "unix:///run/logic.sock"] {
            assert_eq!(logic_url(url).unwrap(), url);
        }
        let without_place =
            ["", "logic:50051", "http://", "http://:50051", "unix://", "unix:///", "unix://run/logic.sock"];
        let with_bad_port = ["http://logic:", "http://logic:port", "http://logic:65536"];
        let with_more = ["http://me@logic:50051", "http://logic:50051/flows", "http://logic:50051/?a=b"];
        for url in without_place.iter().chain(&with_bad_port).chain(&with_more).chain(&["ftp://logic:50051"]) {
            assert!(logic_url(url).is_err(), "{url}");
        }
    }
}
