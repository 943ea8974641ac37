//! One unary call, and a name for everything that a peer may do instead of answering it.
//!
//! tonic's own unary call takes the first of several messages for the answer, does not look at the content type, and ends in the
//! same kind of status whether logic sent it or tonic found something amiss. It refuses to know what a call is about.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::{Buf as _, BufMut as _, Bytes};
use http::header::CONTENT_TYPE;
use http::uri::PathAndQuery;
use http_body_util::BodyExt as _;
use prost::Message;
use tonic::body::Body;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tower::ServiceExt as _;

use super::violation::Violation;
use crate::capacity::aside;

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
}

/// What was seen of an answer.
#[derive(Debug, Default)]
struct Seen {
    head: AtomicBool,
    grpc: AtomicBool,
    trailers: AtomicBool,
}

/// Makes the call. The message is encoded already, since it may be sent more than once.
pub(super) async fn unary<A: Message + Default>(
    channel: &Channel,
    path: &'static str,
    request: Request<Bytes>,
) -> Result<A, Failed> {
    let seen = Arc::new(Seen::default());
    let noting = Arc::clone(&seen);
    let mut grpc = Grpc::new(channel.clone().map_response(move |answer| noting.note(answer)));
    grpc.ready().await.map_err(|_| Failed::NotSent)?;
    let answer = grpc.server_streaming(request, PathAndQuery::from_static(path), Raw).await;
    let mut messages = match answer {
        Ok(answer) => answer.into_inner(),
        // Either no head came, or it brought the status along.
        Err(status) => return Err(Failed::Status { status, has_begun: Seen::has(&seen.head) }),
    };
    let message = messages.message().await.map_err(|status| seen.failed(status))?;
    // The status comes after the message.
    let another = messages.message().await.map_err(|status| seen.failed(status))?;
    match (message, another) {
        _ if !Seen::has(&seen.grpc) => Err(Failed::Violation(Violation::NotGrpc)),
        (None, _) => Err(Failed::Violation(Violation::NoMessage)),
        (Some(_), Some(_)) => Err(Failed::Violation(Violation::SeveralMessages)),
        (Some(message), None) => {
            aside(message.len(), || A::decode(message)).await.map_err(|_| Failed::Violation(Violation::Unreadable))
        }
    }
}

impl Seen {
    fn note(self: &Arc<Self>, answer: http::Response<Body>) -> http::Response<Body> {
        let content_type = answer.headers().get(CONTENT_TYPE).map(|value| value.as_bytes());
        let is_grpc = content_type.is_some_and(|value| value.starts_with(b"application/grpc"));
        self.grpc.store(is_grpc, Ordering::Relaxed);
        self.head.store(true, Ordering::Relaxed);
        let seen = Arc::clone(self);
        answer.map(|body| {
            Body::new(body.map_frame(move |frame| {
                seen.trailers.fetch_or(frame.is_trailers(), Ordering::Relaxed);
                frame
            }))
        })
    }

    fn has(what: &AtomicBool) -> bool {
        what.load(Ordering::Relaxed)
    }

    /// What a status means that came after the head.
    fn failed(&self, status: Status) -> Failed {
        // What happens to the connection has a cause, and what logic says comes in trailers; tonic knows some of HTTP's own
        // statuses, those of a proxy, as UNAVAILABLE.
        let is_told = Self::has(&self.trailers) || status.code() == Code::Unavailable;
        match status.code() {
            _ if std::error::Error::source(&status).is_some() || is_told => Failed::Status { status, has_begun: true },
            _ if !Self::has(&self.grpc) => Failed::Violation(Violation::NotGrpc),
            Code::OutOfRange => Failed::Violation(Violation::TooLarge),
            _ => Failed::Violation(Violation::Unreadable),
        }
    }
}

/// Messages as they are on the wire: encoded before the call, decoded after it.
#[derive(Debug, Clone, Copy)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.reserve(message.len());
        buffer.put(message);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}
