package com.example.appointment;

import static java.util.stream.Collectors.joining;

import com.example.appointment.LogicException.Reason;
import flow.v1.FlowServiceGrpc.FlowServiceImplBase;
import flow.v1.FlowServiceOuterClass.HandleDataExchangeRequest;
import flow.v1.FlowServiceOuterClass.HandleDataExchangeResponse;
import flow.v1.FlowServiceOuterClass.HandleErrorRequest;
import flow.v1.FlowServiceOuterClass.HandleErrorResponse;
import flow.v1.FlowServiceOuterClass.PingRequest;
import flow.v1.FlowServiceOuterClass.PingResponse;
import io.grpc.Context;
import io.grpc.stub.StreamObserver;
import java.util.Arrays;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.MDC;

/** Between the contract and the flow: an exception becomes a status, and each log line has the call's name. */
class FlowService extends FlowServiceImplBase {
    private static final Logger log = LoggerFactory.getLogger(FlowService.class);

    private final Appointments flow;

    FlowService(Appointments flow) {
        this.flow = flow;
    }

    @Override
    public void handleDataExchange(
            HandleDataExchangeRequest request, StreamObserver<HandleDataExchangeResponse> observer) {
        answer(request.getRequestId(), observer, () -> flow.dataExchange(request));
    }

    @Override
    public void handleError(HandleErrorRequest request, StreamObserver<HandleErrorResponse> observer) {
        answer(request.getRequestId(), observer, () -> {
            // Its error_message may quote the answer, so it is left out.
            log.atWarn()
                    .addKeyValue("endpoint", request.getEndpoint())
                    .addKeyValue("screen", request.getScreen())
                    .addKeyValue("error", request.getError())
                    .log("the client refused an answer");
            return HandleErrorResponse.getDefaultInstance();
        });
    }

    @Override
    public void ping(PingRequest request, StreamObserver<PingResponse> observer) {
        answer(request.getRequestId(), observer, () -> {
            flow.ping();
            return PingResponse.getDefaultInstance();
        });
    }

    static <T> void answer(String requestId, StreamObserver<T> observer, Supplier<T> logic) {
        MDC.put("request_id", requestId);
        try {
            if (Context.current().isCancelled()) {
                throw new LogicException(Reason.DEADLINE_EXCEEDED, "nobody waits for this call any more");
            }
            observer.onNext(logic.get());
            observer.onCompleted();
        } catch (LogicException failure) {
            log.atWarn().addKeyValue("error", failure.getMessage()).log("the call failed");
            observer.onError(failure.toStatus());
        } catch (Throwable unexpected) {
            // Its own text stays behind: it may quote what the user typed.
            log.atError()
                    .addKeyValue("exception", unexpected.getClass().getName())
                    .addKeyValue("stack_trace", stackTrace(unexpected))
                    .log("the logic threw an exception");
            observer.onError(new LogicException(Reason.PANIC, "the logic threw an exception").toStatus());
        } finally {
            MDC.remove("request_id");
        }
    }

    private static String stackTrace(Throwable thrown) {
        return Arrays.stream(thrown.getStackTrace())
                .map(StackTraceElement::toString)
                .collect(joining("\n"));
    }
}
