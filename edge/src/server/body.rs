//! Bodies: how one is received within its request's share of the memory, and how an answer is sent.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::FutureExt as _;
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};

use super::connections::{Peer, Unsent};
use crate::capacity::{GaveWay, REQUEST, Receiving, Share};
use crate::line::Error;

/// How much of a refused body is read and thrown away so that the connection can be used again.
const MAX_DISCARD: usize = 16 * 1024 * 1024;
/// An answer is handed over in parts of this size, so that what still waits to be sent is still counted.
const PART: usize = 64 * 1024;

/// Receives a body of at most so many bytes until the deadline. What is left of one that is refused is read too where it must be.
pub(crate) async fn receive(
    mut body: Incoming,
    must_discard: bool,
    memory: &Arc<Share>,
    max: usize,
    deadline: Instant,
) -> Result<Bytes, Error> {
    match timeout_at(deadline, collect(&mut body, memory, max)).await {
        Ok(Err(error @ (Error::BodyTooLarge | Error::NoBodyMemory))) if must_discard => {
            discard(body, deadline).await;
            Err(error)
        }
        Ok(received) => received,
        Err(_) => Err(Error::BodyTimeout),
    }
}

async fn collect(body: &mut Incoming, memory: &Arc<Share>, max: usize) -> Result<Bytes, Error> {
    // Most bodies are there with their heads, in one part, and are not copied.
    let first = match body.frame().now_or_never() {
        None => None,
        Some(None) => return Ok(Bytes::new()),
        // Trailers say nothing to us.
        Some(Some(frame)) => frame.map_err(|_| Error::BodyBroken)?.into_data().ok(),
    };
    let first = match first {
        Some(part) if body.is_end_stream() && part.len() <= max && memory.resize(REQUEST + part.len()) => {
            return Ok(part);
        }
        first => first,
    };
    let declared = body.size_hint().exact().and_then(|left| usize::try_from(left).ok());
    let expected = declared.map_or(max, |left| left + first.as_ref().map_or(0, Bytes::len)).min(max);
    let mut receiving = Receiving::begin(memory);
    let mut length = 0;
    let mut next = first;
    loop {
        if let Some(part) = next {
            length += part.len();
            if length > max {
                return Err(Error::BodyTooLarge);
            }
            receiving.push(&part, expected)?;
        }
        let frame = tokio::select! {
            frame = body.frame() => frame,
            () = receiving.gave_way() => return Err(Error::NoBodyMemory),
        };
        next = match frame {
            None => return Ok(receiving.finish()?),
            Some(frame) => frame.map_err(|_| Error::BodyBroken)?.into_data().ok(),
        };
    }
}

impl From<GaveWay> for Error {
    fn from(_: GaveWay) -> Self {
        Self::NoBodyMemory
    }
}

/// Reads a body that nobody wants: HTTP/1.1 can only use the connection again when all of it was read.
pub(crate) async fn discard(body: Incoming, deadline: Instant) {
    let mut body = Limited::new(body, MAX_DISCARD);
    let drain = async { while let Some(Ok(_)) = body.frame().await {} };
    // What is still coming after that ends with the connection.
    let _ = timeout_at(deadline, drain).await;
}

/// The body of an answer, which is known to its connection until it is sent.
#[derive(Debug)]
pub(crate) struct Sent {
    bytes: Bytes,
    /// What its request held, where the answer is more than a line of ours.
    _memory: Option<Arc<Share>>,
    unsent: Unsent,
}

impl Sent {
    pub(crate) fn new(bytes: Bytes, memory: Option<Arc<Share>>, peer: &Arc<Peer>) -> Self {
        Self { bytes, _memory: memory, unsent: peer.answers() }
    }
}

impl Body for Sent {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.bytes.is_empty() {
            return Poll::Ready(None);
        }
        self.unsent.taken();
        let length = self.bytes.len().min(PART);
        Poll::Ready(Some(Ok(Frame::data(self.bytes.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.len() as u64)
    }
}
