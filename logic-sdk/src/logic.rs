//! The trait that a business implements.

use crate::error::Error;
use crate::reply::Reply;
use crate::request::{DataExchange, ErrorNotification, Ping};
use flow_telemetry::Shortened;
use std::sync::Arc;

/// Longest text in a log line that a client may have written, in characters.
pub(crate) const MAX_LOGGED: usize = 200;

/// The screens and decisions of a flow. Write its methods as `async fn`; only [`data_exchange`](Self::data_exchange) must be
/// there.
///
/// The edge waits for an answer until its configured [deadline](DataExchange::deadline), and the platform gives up after 10
/// seconds. A call that is past its deadline, or whose caller has gone, is dropped at its `.await`, so keep what must happen
/// together in one database transaction.
///
/// A method that panics fails its own call, with `INTERNAL`, and no other.
pub trait FlowLogic: Send + Sync + 'static {
    /// Answers one step of a conversation: the flow was opened, a screen was submitted, or the user went back.
    ///
    /// A user who presses "retry" sends the same form again under a new request id: make this idempotent on flow token,
    /// action, screen and data.
    ///
    /// # Errors
    ///
    /// An [`Error`] shows the user the client's generic error. What the user can mend is a [`Reply`].
    fn data_exchange(&self, request: DataExchange) -> impl Future<Output = Result<Reply, Error>> + Send;

    /// Is told that the client could not use an earlier answer. By default logs the platform's error key and the screen, 200
    /// characters of each at the most.
    ///
    /// # Errors
    ///
    /// An [`Error`] leaves the notification unacknowledged; the platform does not send it again.
    fn error(&self, notification: ErrorNotification) -> impl Future<Output = Result<(), Error>> + Send {
        async move {
            tracing::warn!(
                endpoint = notification.endpoint,
                request_id = notification.request_id,
                screen = %Shortened(&notification.screen, MAX_LOGGED),
                error = %Shortened(&notification.error, MAX_LOGGED),
                "the client refused an answer"
            );
            Ok(())
        }
    }

    /// Answers the platform's health check. By default succeeds; a logic with a database looks whether it answers.
    ///
    /// # Errors
    ///
    /// An [`Error`] counts against the flow's availability with the platform.
    fn ping(&self, _ping: Ping) -> impl Future<Output = Result<(), Error>> + Send {
        async { Ok(()) }
    }
}

/// A logic that a test or another task also holds.
impl<L: FlowLogic> FlowLogic for Arc<L> {
    fn data_exchange(&self, request: DataExchange) -> impl Future<Output = Result<Reply, Error>> + Send {
        L::data_exchange(self, request)
    }

    fn error(&self, notification: ErrorNotification) -> impl Future<Output = Result<(), Error>> + Send {
        L::error(self, notification)
    }

    fn ping(&self, ping: Ping) -> impl Future<Output = Result<(), Error>> + Send {
        L::ping(self, ping)
    }
}
