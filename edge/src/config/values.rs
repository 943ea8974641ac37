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

pub(super) fn logic_url(text: &str) -> Result<String, String> {
    let good = match Uri::from_str(text) {
        Ok(uri) if matches!(uri.scheme_str(), Some("http" | "https")) => {
            uri.host().is_some() && matches!(uri.path(), "" | "/")
        }
        _ => text.strip_prefix("unix://").is_some_and(|path| path.starts_with('/')),
    };
    if good {
        Ok(text.to_owned())
    } else {
        Err("should be http://HOST:PORT, https://HOST:PORT or unix:///PATH/TO/SOCKET".to_owned())
    }
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
