"""What the logic raises when it cannot answer, and the gRPC status that the edge then sees.

It refuses to know users: what a user should read is an answer, never an error. The text goes into logs, so it says what
failed, and never quotes a token or what the user typed.
"""

from grpc import StatusCode


class LogicError(Exception):
    """A failure of the logic. The user sees the client's generic error and may press "retry"."""

    code: StatusCode = StatusCode.INTERNAL
    # For programs, in a google.rpc.ErrorInfo; the text is for people and may change.
    reason: str = "INTERNAL"


class InvalidRequestError(LogicError):
    """The request breaks the contract."""

    code = StatusCode.INVALID_ARGUMENT
    reason = "INVALID_REQUEST"


class InvalidFormDataError(LogicError):
    """The form does not fit the code: the Flow JSON and this code disagree."""

    code = StatusCode.INVALID_ARGUMENT
    reason = "INVALID_FORM_DATA"


class UnavailableError(LogicError):
    """The logic cannot serve just now; a retry may help."""

    code = StatusCode.UNAVAILABLE
    reason = "UNAVAILABLE"


class UnexpectedError(LogicError):
    """Another exception. Its own text stays behind: it may quote what the user typed."""

    reason = "PANIC"


class StartError(Exception):
    """Why the service cannot start, for whoever starts it."""
