//! One call to a FlowService, in as many attempts as that takes.
//!
//! It is repeated, rather at another address, only where it surely never reached logic; otherwise logic may have acted on it.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flow_telemetry::grpc_status;
use http::HeaderMap;
use tokio::time::{Instant, timeout_at};
use tonic::metadata::{AsciiMetadataValue, MetadataMap};
use tonic::{Code, ConnectError, Extensions, Request, Status, TimeoutExpired};
use tower::retry::budget::{Budget as _, TpsBudget};

use super::pool::{self, Pool};
use super::unary::{Encoded, Failed, unary};
use super::violation::Violation;
use crate::capacity::Share;
use crate::config::LogicTarget;
use crate::telemetry::{Metrics, Observer, Server, Stage};

/// Attempts at one call, the first included: with more addresses gone than that, it is not the address.
const MAX_ATTEMPTS: usize = 3;
/// Of ten seconds' calls a fifth may be repeated, and ten a second in any case: when everything fails, repeating makes it worse.
const BUDGET_WINDOW: Duration = Duration::from_secs(10);
const BUDGET_PER_SECOND: u32 = 10;
const BUDGET_SHARE: f32 = 0.2;

/// Which call: its identifier, the end of its time, and who observes it.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) request_id: String,
    pub(crate) deadline: Instant,
    pub(crate) observer: Arc<Observer>,
    /// What its request holds.
    pub(crate) memory: Arc<Share>,
}

/// What is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    HandleDataExchange,
    HandleError,
    Ping,
}

/// A logic service, at however many addresses.
#[derive(Debug, Clone)]
pub(crate) struct Logic {
    pool: Arc<Pool>,
    budget: Arc<TpsBudget>,
    server: Arc<Server>,
    metrics: Arc<Metrics>,
}

impl Logic {
    /// The target as the configuration checked it. Wants to be called where tokio runs.
    pub(crate) fn new(target: &LogicTarget, metrics: &Arc<Metrics>) -> Result<Self, tonic::transport::Error> {
        let budget = TpsBudget::new(BUDGET_WINDOW, BUDGET_PER_SECOND, BUDGET_SHARE);
        Ok(Self {
            pool: Arc::new(Pool::start(target, metrics)?),
            budget: Arc::new(budget),
            server: Arc::new(pool::server(&target.url)),
            metrics: Arc::clone(metrics),
        })
    }

    /// Where it is, and how many of its addresses are in which state.
    pub(crate) fn addresses(&self) -> (&Server, [(&'static str, usize); 5]) {
        (&self.server, self.pool.states())
    }

    /// Whether some address says that it serves, or is there where it has no health service.
    pub(crate) fn serves(&self) -> bool {
        self.pool.serves()
    }

    /// Makes one call that ends at the deadline on either side: logic is told by `grpc-timeout`, and is not waited for longer.
    /// The answer is still to be decoded: that may take far more memory than its bytes.
    pub(crate) async fn call(&self, method: Method, message: Encoded, call: &Call) -> Result<Bytes, Error> {
        call.observer.stage_of(Stage::Logic, self.attempts(method.path(), message, call)).await
    }

    async fn attempts(&self, path: &'static str, message: Encoded, call: &Call) -> Result<Bytes, Error> {
        self.budget.deposit();
        let mut tried = Vec::new();
        loop {
            let picked = self.pool.pick(&tried, call.deadline).await.ok_or(Error::Unreachable)?;
            let attempt = call.observer.call(path.trim_start_matches('/'), &self.server);
            let headers = call.headers(attempt.headers());
            let answer = unary(&picked.channel, path, headers, message.clone(), &call.memory);
            let answer = timeout_at(call.deadline, answer).await;
            let (failure, error) = match answer {
                Ok(Ok(answer)) => {
                    picked.backend.answered();
                    attempt.end(Some(grpc_status(Code::Ok.into())), None);
                    return Ok(answer);
                }
                Ok(Err(failed)) => {
                    let (failure, error) = call.judge(&failed);
                    attempt.end(failed.code(failure).map(|code| grpc_status(code.into())), Some(error.kind()));
                    (failure, error)
                }
                Err(_) => {
                    attempt.end(None, Some(Error::DeadlineExceeded.kind()));
                    return Err(Error::DeadlineExceeded);
                }
            };
            match failure {
                Failure::NeverArrived | Failure::Broken => picked.backend.lost(),
                Failure::Answered => picked.backend.answered(),
                Failure::TimedOut => {}
            }
            let may_repeat = failure == Failure::NeverArrived && tried.len() + 1 < MAX_ATTEMPTS;
            if !(may_repeat && self.budget.withdraw()) {
                return Err(error);
            }
            self.metrics.retry();
            tried.push(picked.backend);
        }
    }
}

impl Method {
    fn path(self) -> &'static str {
        match self {
            Self::HandleDataExchange => "/flow.v1.FlowService/HandleDataExchange",
            Self::HandleError => "/flow.v1.FlowService/HandleError",
            Self::Ping => "/flow.v1.FlowService/Ping",
        }
    }
}

impl Call {
    /// What goes with the message, beside what tells of the trace.
    fn headers(&self, trace: HeaderMap) -> HeaderMap {
        let mut request = Request::from_parts(MetadataMap::from_headers(trace), Extensions::new(), ());
        request.set_timeout(self.deadline.saturating_duration_since(Instant::now()));
        if let Ok(request_id) = AsciiMetadataValue::try_from(self.request_id.as_str()) {
            request.metadata_mut().insert("x-request-id", request_id);
        }
        request.into_parts().0.into_headers()
    }

    fn judge(&self, failed: &Failed) -> (Failure, Error) {
        let (status, has_begun) = match failed {
            Failed::NotSent => return (Failure::NeverArrived, Error::Unreachable),
            Failed::Status { status, has_begun } => (status, *has_begun),
            Failed::Violation(violation) => return (Failure::Answered, Error::Violation(*violation)),
            Failed::NoMemory => return (Failure::Answered, Error::NoMemory),
        };
        let failure = Failure::of(status, has_begun);
        let error = match (failure, status.code()) {
            (Failure::TimedOut, _) => Error::DeadlineExceeded,
            // Logic kept to the `grpc-timeout`, and says so with this status where it is built on tonic.
            (Failure::Answered, Code::Cancelled) if Instant::now() >= self.deadline => Error::DeadlineExceeded,
            (Failure::NeverArrived, _) => Error::Unreachable,
            (Failure::Broken, _) => Error::Broken,
            (Failure::Answered, code) => Error::answered(code, status.message()),
        };
        (failure, error)
    }
}

/// What a failed call tells of its fate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    /// Logic never saw it: no connection, or the peer says that it did not look at the stream.
    NeverArrived,
    /// The connection broke; logic may have acted.
    Broken,
    /// The time was over; the channel keeps it as well as we do. That says nothing of the connection.
    TimedOut,
    /// Logic answered with a status.
    Answered,
}

impl Failure {
    /// `has_begun` is whether the head of an answer has come: then logic has looked at the call.
    fn of(status: &Status, has_begun: bool) -> Self {
        // What logic answers has no cause; what happens on this side has.
        let mut cause = status.source();
        let mut failure = if cause.is_some() { Self::Broken } else { Self::Answered };
        while let Some(error) = cause {
            if error.is::<TimeoutExpired>() {
                return Self::TimedOut;
            }
            if (error.is::<ConnectError>() || is_unprocessed(error)) && !has_begun {
                failure = Self::NeverArrived;
            }
            cause = error.source();
        }
        failure
    }
}

/// RFC 9113: a refused stream was not processed (section 8.7), nor was one that GOAWAY leaves out (section 6.8), and hyper gives
/// these errors to no other; what it never sent is cancelled.
fn is_unprocessed(error: &(dyn StdError + 'static)) -> bool {
    let refused = error.downcast_ref::<h2::Error>().is_some_and(|error| {
        error.reason() == Some(h2::Reason::REFUSED_STREAM) || error.is_go_away() && error.is_remote()
    });
    let unsent = error.downcast_ref::<hyper::Error>().is_some_and(|error| error.is_canceled());
    refused || unsent
}

/// What the stock libraries say of a message over their own limit, before a logic's code sees it: Go's, the C core's (Python, Ruby,
/// PHP) and Node's; Java's; .NET's; tonic's. In lower case.
const TOO_LARGE: [&str; 5] = [
    "received message larger than max",
    "received message after decompression larger than max",
    "message exceeds maximum size",
    "exceeds the maximum configured message size",
    "message length too large",
];

impl Error {
    /// What it means that logic answered with a status other than OK. Its text is looked at for what stock libraries write, and
    /// goes no further.
    pub(crate) fn answered(code: Code, text: &str) -> Self {
        let is_too_large = || {
            let text = text.to_ascii_lowercase();
            TOO_LARGE.iter().any(|known| text.contains(known))
        };
        match code {
            Code::ResourceExhausted | Code::OutOfRange if is_too_large() => Self::MessageTooLarge(code),
            // As the canonical codes have it, the two differ in whether the state of the system matters; either is the caller's.
            Code::InvalidArgument | Code::OutOfRange => Self::InvalidArgument,
            Code::DeadlineExceeded => Self::DeadlineExceeded,
            Code::Unavailable => Self::Unavailable,
            Code::ResourceExhausted => Self::ResourceExhausted,
            other => Self::Failed(other),
        }
    }

    /// As a word from a bounded set.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::DeadlineExceeded => "logic_deadline_exceeded",
            Self::Unreachable => "logic_unreachable",
            Self::Broken => "logic_connection_broken",
            Self::Unavailable => "logic_unavailable",
            Self::ResourceExhausted => "logic_resource_exhausted",
            Self::InvalidArgument => "logic_invalid_argument",
            Self::MessageTooLarge(_) => "logic_message_too_large",
            Self::Failed(_) => "logic_failed",
            Self::NoMemory => "no_memory_for_answer",
            Self::Violation(violation) => violation.kind(),
        }
    }
}

impl Failed {
    /// The status that logic answered with, if it did.
    fn code(&self, failure: Failure) -> Option<Code> {
        match self {
            Self::Status { status, .. } if failure == Failure::Answered => Some(status.code()),
            Self::Status { .. } | Self::NotSent | Self::Violation(_) | Self::NoMemory => None,
        }
    }
}

/// Why logic gave no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    #[error("logic did not answer before the deadline")]
    DeadlineExceeded,
    #[error("logic cannot be reached")]
    Unreachable,
    #[error("the connection to logic broke before it answered")]
    Broken,
    #[error("logic says UNAVAILABLE")]
    Unavailable,
    #[error("logic says RESOURCE_EXHAUSTED")]
    ResourceExhausted,
    /// The client's fault.
    #[error("logic says that the request is not one it can take: INVALID_ARGUMENT or OUT_OF_RANGE")]
    InvalidArgument,
    /// The client's fault; with the status that logic's library gives it.
    #[error("the request is larger than logic's own limit of a message")]
    MessageTooLarge(Code),
    #[error("logic failed with {0:?}")]
    Failed(Code),
    #[error("limits.max_body_memory has no room for logic's answer")]
    NoMemory,
    #[error(transparent)]
    Violation(Violation),
}
