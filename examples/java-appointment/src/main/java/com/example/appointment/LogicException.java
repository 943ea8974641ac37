package com.example.appointment;

import com.google.protobuf.Any;
import com.google.rpc.ErrorInfo;
import com.google.rpc.Status;
import io.grpc.Status.Code;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;

/**
 * Why the logic cannot answer, and the gRPC status that the edge then sees.
 *
 * <p>It refuses to know users: what a user should read is an answer, never an exception. The text goes into logs, so it
 * says what failed, and never quotes a token or what the user typed.
 */
class LogicException extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** Where the reasons have their meaning: the package of the contract. */
    private static final String DOMAIN = "flow.v1";

    /** The name of a reason is for programs, in a {@code google.rpc.ErrorInfo}; the text is for people and may change. */
    enum Reason {
        /** The logic is at fault. */
        INTERNAL(Code.INTERNAL),
        /** The logic threw an exception that is not one of these. */
        PANIC(Code.INTERNAL),
        /** The Flow JSON and this code disagree. */
        INVALID_FORM_DATA(Code.INVALID_ARGUMENT),
        /** The request breaks the contract. */
        INVALID_REQUEST(Code.INVALID_ARGUMENT),
        /** The logic cannot serve just now; a retry may help. */
        UNAVAILABLE(Code.UNAVAILABLE),
        /** The time that the edge gave is over. */
        DEADLINE_EXCEEDED(Code.DEADLINE_EXCEEDED);

        private final Code code;

        Reason(Code code) {
            this.code = code;
        }
    }

    private final Reason reason;

    LogicException(Reason reason, String text) {
        super(text);
        this.reason = reason;
    }

    Reason reason() {
        return reason;
    }

    /** Without a cause: a span would record its text. */
    StatusRuntimeException toStatus() {
        return toStatus(reason.code.value(), reason.name());
    }

    final StatusRuntimeException toStatus(int code, String reason) {
        ErrorInfo info =
                ErrorInfo.newBuilder().setReason(reason).setDomain(DOMAIN).build();
        return StatusProto.toStatusRuntimeException(Status.newBuilder()
                .setCode(code)
                .setMessage(getMessage())
                .addDetails(Any.pack(info))
                .build());
    }
}
