package com.example.appointment;

import static java.util.concurrent.TimeUnit.MILLISECONDS;

import com.example.appointment.LogicException.Reason;
import com.google.common.util.concurrent.Uninterruptibles;
import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import com.google.protobuf.util.Values;
import flow.v1.FlowServiceOuterClass.Completion;
import flow.v1.FlowServiceOuterClass.HandleDataExchangeRequest;
import flow.v1.FlowServiceOuterClass.HandleDataExchangeResponse;
import flow.v1.FlowServiceOuterClass.InvalidFlowToken;
import flow.v1.FlowServiceOuterClass.NextScreen;
import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Deadline;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.ServerInterceptors;
import io.grpc.ServerServiceDefinition;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The conformance mode of {@code proto/CONFORMANCE.md}: as {@code flowctl conformance} says, the service answers, fails
 * and sleeps. Every request without a command is the flow's own.
 *
 * <p>For tests alone: whoever can reach the service can make it do so. It refuses to know the flow.
 */
final class ConformanceMode extends FlowService {
    private static final Context.Key<Metadata> METADATA = Context.key("metadata");

    private final AtomicInteger cancelled = new AtomicInteger();

    private ConformanceMode(Appointments flow) {
        super(flow);
    }

    static ServerServiceDefinition of(Appointments flow) {
        return ServerInterceptors.intercept(new ConformanceMode(flow), new KeepMetadata());
    }

    @Override
    public void handleDataExchange(
            HandleDataExchangeRequest request, StreamObserver<HandleDataExchangeResponse> observer) {
        Map<String, Value> command = request.getData()
                .getFieldsOrDefault("conformance", Value.getDefaultInstance())
                .getStructValue()
                .getFieldsMap();
        if (request.getEndpoint().equals("conformance") && command.size() == 1) {
            command.forEach((name, told) -> answer(request.getRequestId(), observer, () -> obey(name, told)));
        } else {
            super.handleDataExchange(request, observer);
        }
    }

    private HandleDataExchangeResponse obey(String name, Value told) {
        HandleDataExchangeResponse.Builder response = HandleDataExchangeResponse.newBuilder();
        NextScreen.Builder next = response.getNextScreenBuilder().setScreen("CONFORMANCE");
        switch (name) {
            case "echo" -> next.setData(data(name, told));
            case "complete" -> response.setCompletion(Completion.newBuilder().setParams(told.getStructValue()));
            case "invalid_flow_token" ->
                response.setInvalidFlowToken(InvalidFlowToken.newBuilder().setErrorMessage(told.getStringValue()));
            case "error_message" -> next.setErrorMessage(told.getStringValue());
            case "status" -> throw new ToldException(told.getStructValue());
            case "panic" -> throw new IllegalStateException(told.getStringValue());
            case "sleep_ms" -> {
                sleep(Duration.ofMillis((long) told.getNumberValue()));
                next.setData(data(name, told));
            }
            case "cancelled" -> next.setData(data(name, Values.of(cancelled.get())));
            case "metadata" -> next.setData(data(name, metadata()));
            default -> throw new LogicException(Reason.INVALID_REQUEST, "an unknown command");
        }
        return response.build();
    }

    private static Struct data(String name, Value answer) {
        return Struct.newBuilder().putFields(name, answer).build();
    }

    private void sleep(Duration time) {
        CountDownLatch ended = new CountDownLatch(1);
        Context.current().addListener(context -> ended.countDown(), Runnable::run);
        if (Uninterruptibles.awaitUninterruptibly(ended, time)) {
            cancelled.incrementAndGet();
            throw new LogicException(Reason.DEADLINE_EXCEEDED, "nobody waits for this call any more");
        }
    }

    private static Value metadata() {
        Struct.Builder seen = Struct.newBuilder();
        for (String name : new String[] {"traceparent", "x-request-id"}) {
            String came = METADATA.get().get(Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER));
            seen.putFields(name, came == null ? Values.ofNull() : Values.of(came));
        }
        Deadline deadline = Context.current().getDeadline();
        Value remaining = deadline == null ? Values.ofNull() : Values.of((double) deadline.timeRemaining(MILLISECONDS));
        return Values.of(seen.putFields("remaining_ms", remaining).build());
    }

    /** A handler sees no metadata but what an interceptor hands on. */
    private static final class KeepMetadata implements ServerInterceptor {
        @Override
        public <Q, A> ServerCall.Listener<Q> interceptCall(
                ServerCall<Q, A> call, Metadata metadata, ServerCallHandler<Q, A> next) {
            return Contexts.interceptCall(Context.current().withValue(METADATA, metadata), call, metadata, next);
        }
    }

    /** The failure that a command asks for. */
    private static final class ToldException extends LogicException {
        private static final long serialVersionUID = 1;

        private final int code;
        private final String reason;

        ToldException(Struct status) {
            super(Reason.INTERNAL, "as told");
            code = (int) status.getFieldsOrThrow("code").getNumberValue();
            reason = status.getFieldsOrThrow("reason").getStringValue();
        }

        @Override
        StatusRuntimeException toStatus() {
            return toStatus(code, reason);
        }
    }
}
