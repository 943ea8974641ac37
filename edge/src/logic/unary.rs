//! One unary call, and a name for everything that a peer may do instead of answering it.
//!
//! It speaks gRPC over HTTP/2 itself (the protocol's own description, "gRPC over HTTP2"): tonic's client takes the first of several
//! messages for the answer, does not look at the content type, ends in the same kind of status whether logic sent it or something
//! went amiss on this side, and reserves what a peer only announces. It refuses to know what a call is about.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, TE};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use http_body_util::{BodyExt as _, Full};
use prost::Message;
use tonic::body::Body;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tower::{Service as _, ServiceExt as _};

use super::violation::Violation;
use crate::capacity::{REQUEST, Share};

/// The largest message that either side takes, as stock gRPC libraries do unless told otherwise.
pub(crate) const MAX_MESSAGE: usize = 4 * 1024 * 1024;
/// Before each message: whether it is compressed, and its length.
const PREFIX: usize = 5;

/// Why a call has no answer.
#[derive(Debug)]
pub(super) enum Failed {
    /// The call could not be sent: the connection is gone.
    NotSent,
    /// It ended in a status: of logic, or of what happened to the connection.
    Status {
        status: Status,
        /// Whether the head of an answer had come.
        has_begun: bool,
    },
    /// The answer breaks the contract.
    Violation(Violation),
    /// There is no memory for the answer.
    NoMemory,
}

/// A message as it goes on the wire, encoded once however often it is sent.
#[derive(Debug, Clone)]
pub(crate) struct Encoded(Bytes);

impl Encoded {
    pub(crate) fn new(message: &impl Message) -> Self {
        let length = message.encoded_len();
        let mut bytes = Vec::with_capacity(PREFIX + length);
        bytes.push(0);
        // What is too long for its prefix is refused before it is sent.
        bytes.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
        // A Vec grows as it needs to.
        let _ = message.encode(&mut bytes);
        Self(bytes.into())
    }

    /// Its length without what stands before it.
    pub(crate) fn len(&self) -> usize {
        self.0.len() - PREFIX
    }
}

/// Makes the call. `memory` is what the request holds, which the answer is added to as it comes.
pub(super) async fn unary(
    channel: &Channel,
    path: &'static str,
    headers: HeaderMap,
    message: Encoded,
    memory: &Share,
) -> Result<Bytes, Failed> {
    let held = REQUEST + message.len();
    let mut channel = channel.clone();
    let channel = channel.ready().await.map_err(|_| Failed::NotSent)?;
    let answer = channel.call(request(path, headers, message)).await;
    // No head has come.
    let answer = answer.map_err(|error| Failed::Status { status: status_of(error), has_begun: false })?;
    let is_grpc = answer.headers().get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(GRPC.as_bytes()));
    if let Some(status) = Status::from_header_map(answer.headers()) {
        return Err(match status.code() {
            Code::Ok if is_grpc => Failed::Violation(Violation::NoMessage),
            Code::Ok => Failed::Violation(Violation::NotGrpc),
            _ => Failed::Status { status, has_begun: true },
        });
    }
    if !is_grpc {
        return Err(not_grpc(&answer));
    }
    read(answer.into_body(), held, memory).await
}

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
const TRAILERS: HeaderValue = HeaderValue::from_static("trailers");

fn request(path: &'static str, headers: HeaderMap, message: Encoded) -> Request<Body> {
    let mut request = Request::new(Body::new(Full::new(message.0)));
    *request.method_mut() = Method::POST;
    *request.version_mut() = Version::HTTP_2;
    *request.uri_mut() = Uri::from(PathAndQuery::from_static(path));
    *request.headers_mut() = headers;
    request.headers_mut().insert(CONTENT_TYPE, GRPC);
    request.headers_mut().insert(TE, TRAILERS);
    request
}

/// What happened on this side, with its cause.
fn status_of(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Status {
    Status::from_error(error.into())
}

/// A proxy in front of logic has answered, or something else altogether.
fn not_grpc(answer: &Response<Body>) -> Failed {
    match answer.status() {
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => {
            Failed::Status { status: Status::unavailable("answered by a proxy"), has_begun: true }
        }
        _ => Failed::Violation(Violation::NotGrpc),
    }
}

/// Reads messages and trailers.
async fn read(mut body: Body, held: usize, memory: &Share) -> Result<Bytes, Failed> {
    let mut messages = Messages::default();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Failed::Status { status: status_of(error), has_begun: true })?;
        match frame.into_data() {
            Ok(part) => messages.push(part, |size| memory.resize(held + size))?,
            Err(frame) => {
                let trailers = frame.into_trailers().unwrap_or_default();
                return match Status::from_header_map(&trailers) {
                    Some(status) if status.code() == Code::Ok => messages.into_one().map_err(Failed::Violation),
                    Some(status) => Err(Failed::Status { status, has_begun: true }),
                    None => Err(Failed::Violation(Violation::Unreadable)),
                };
            }
        }
    }
    Err(Failed::Violation(Violation::Unreadable))
}

/// What has come of an answer. The first message is kept.
#[derive(Debug, Default)]
struct Messages {
    first: Option<Bytes>,
    /// What is not whole yet, its prefix included.
    part: Vec<u8>,
}

impl Messages {
    fn push(&mut self, mut data: Bytes, resize: impl Fn(usize) -> bool) -> Result<(), Failed> {
        while !data.is_empty() {
            if self.first.is_some() {
                // All that is left to know is whether there is another one.
                return Err(Failed::Violation(Violation::SeveralMessages));
            }
            if self.part.is_empty()
                && let Some(length) = length(&data)?
                && data.len() >= PREFIX + length
            {
                // It came whole, as nearly all do, and is not copied.
                let mut message = data.split_to(PREFIX + length);
                self.first = Some(message.split_off(PREFIX));
                continue;
            }
            let wanted = length(&self.part)?.map_or(PREFIX, |length| PREFIX + length);
            let more = data.len().min(wanted - self.part.len());
            if self.part.len() + more > self.part.capacity() {
                let grown = (2 * self.part.capacity()).max(self.part.len() + more).min(wanted);
                if !resize(grown) {
                    return Err(Failed::NoMemory);
                }
                self.part.reserve_exact(grown - self.part.len());
            }
            self.part.extend_from_slice(&data.split_to(more));
            if length(&self.part)?.is_some_and(|length| self.part.len() == PREFIX + length) {
                self.first = Some(Bytes::from(std::mem::take(&mut self.part)).split_off(PREFIX));
            }
        }
        Ok(())
    }

    fn into_one(self) -> Result<Bytes, Violation> {
        match self.first {
            Some(message) => Ok(message),
            None if self.part.is_empty() => Err(Violation::NoMessage),
            None => Err(Violation::Unreadable),
        }
    }
}

/// Length of the message that begins here; `None` where its prefix is not whole.
fn length(bytes: &[u8]) -> Result<Option<usize>, Failed> {
    let Some((&[compressed, a, b, c, d], _)) = bytes.split_first_chunk::<PREFIX>() else { return Ok(None) };
    let length = u32::from_be_bytes([a, b, c, d]) as usize;
    match compressed {
        // No encoding was offered.
        0 if length <= MAX_MESSAGE => Ok(Some(length)),
        0 => Err(Failed::Violation(Violation::TooLarge)),
        _ => Err(Failed::Violation(Violation::Unreadable)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(message: &[u8]) -> Vec<u8> {
        [&[0][..], &u32::try_from(message.len()).unwrap().to_be_bytes(), message].concat()
    }

    fn pushed(parts: &[&[u8]]) -> Result<Bytes, String> {
        let mut messages = Messages::default();
        for part in parts {
            messages.push(Bytes::copy_from_slice(part), |_| true).map_err(|failed| format!("{failed:?}"))?;
        }
        messages.into_one().map_err(|violation| format!("{violation:?}"))
    }

    #[test]
    fn a_message_is_whole_however_it_is_cut() {
        let wire = framed(b"hello");
        for cut in 0..=wire.len() {
            assert_eq!(pushed(&[&wire[..cut], &wire[cut..]]).unwrap(), "hello", "{cut}");
        }
        let bytes: Vec<_> = wire.chunks(1).collect();
        assert_eq!(pushed(&bytes).unwrap(), "hello");
        assert_eq!(pushed(&[&framed(b"")]).unwrap(), "");
    }

    #[test]
    fn what_is_no_single_message_has_a_name() {
        let two = [framed(b"one"), framed(b"two")].concat();
        assert!(pushed(&[&two]).unwrap_err().contains("SeveralMessages"));
        assert!(pushed(&[&framed(b"one"), &framed(b"two")]).unwrap_err().contains("SeveralMessages"));
        assert!(pushed(&[]).unwrap_err().contains("NoMessage"));
        assert!(pushed(&[&framed(b"cut off")[..8]]).unwrap_err().contains("Unreadable"));
        assert!(pushed(&[&[1, 0, 0, 0, 1, 7]]).unwrap_err().contains("Unreadable"));
        assert!(pushed(&[&[0, 0, 0x40, 0, 1]]).unwrap_err().contains("TooLarge"));
    }

    #[test]
    fn what_is_only_announced_takes_no_memory() {
        let mut messages = Messages::default();
        let most = std::cell::Cell::new(0);
        let resize = |size| size <= 100 && most.replace(size) < size;
        messages.push(Bytes::from_static(&[0, 0, 0x40, 0, 0, 1, 2, 3]), resize).unwrap();
        assert!(messages.part.capacity() <= 16, "{}", messages.part.capacity());
        let more = messages.push(Bytes::from(vec![0; 100]), resize);
        assert!(matches!(more, Err(Failed::NoMemory)));
    }
}
