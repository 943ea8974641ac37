package com.example.appointment;

import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Ends streams with the server: a health watch, which stays open as long as its client likes, would hold up the stop. */
final class OpenStreams implements ServerInterceptor {
    private final Set<Stream<?, ?>> open = ConcurrentHashMap.newKeySet();
    private volatile boolean isEnding;

    @Override
    public <Q, A> ServerCall.Listener<Q> interceptCall(
            ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
        if (call.getMethodDescriptor().getType().serverSendsOneMessage()) {
            return next.startCall(call, headers);
        }
        Stream<Q, A> stream = new Stream<>(call);
        ServerCall.Listener<Q> listener = next.startCall(stream, headers);
        open.add(stream);
        if (isEnding) {
            stream.end();
        }
        return new SimpleForwardingServerCallListener<>(listener) {
            @Override
            public void onCancel() {
                open.remove(stream);
                super.onCancel();
            }

            @Override
            public void onComplete() {
                open.remove(stream);
                super.onComplete();
            }
        };
    }

    /** Ends those that are open, and from now on each one that comes. */
    void end() {
        isEnding = true;
        open.forEach(Stream::end);
    }

    /** A call that two may end, the service and the server: who comes second is not heard. */
    private static final class Stream<Q, A> extends SimpleForwardingServerCall<Q, A> {
        private boolean isClosed;

        Stream(ServerCall<Q, A> call) {
            super(call);
        }

        void end() {
            close(Status.OK, new Metadata());
        }

        @Override
        public synchronized void sendHeaders(Metadata headers) {
            if (!isClosed) {
                super.sendHeaders(headers);
            }
        }

        @Override
        public synchronized void sendMessage(A message) {
            if (!isClosed) {
                super.sendMessage(message);
            }
        }

        @Override
        public synchronized void close(Status status, Metadata trailers) {
            if (!isClosed) {
                isClosed = true;
                super.close(status, trailers);
            }
        }
    }
}
