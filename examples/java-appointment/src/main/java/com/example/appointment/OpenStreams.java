package com.example.appointment;

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
    private final Set<ServerCall<?, ?>> open = ConcurrentHashMap.newKeySet();
    private volatile boolean isEnding;

    @Override
    public <Q, A> ServerCall.Listener<Q> interceptCall(
            ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
        if (call.getMethodDescriptor().getType().serverSendsOneMessage()) {
            return next.startCall(call, headers);
        }
        open.add(call);
        ServerCall.Listener<Q> listener = next.startCall(call, headers);
        if (isEnding) {
            end(call);
        }
        return new SimpleForwardingServerCallListener<>(listener) {
            @Override
            public void onCancel() {
                open.remove(call);
                super.onCancel();
            }

            @Override
            public void onComplete() {
                open.remove(call);
                super.onComplete();
            }
        };
    }

    /** Ends those that are open, and from now on each one that comes. */
    void end() {
        isEnding = true;
        open.forEach(this::end);
    }

    private void end(ServerCall<?, ?> call) {
        if (open.remove(call)) {
            call.close(Status.OK, new Metadata());
        }
    }
}
