package com.example.appointment;

import static com.example.appointment.Served.INIT;
import static com.example.appointment.Served.serve;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.google.common.net.HostAndPort;
import com.google.common.util.concurrent.ListenableFuture;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.ErrorInfo;
import com.google.rpc.Status;
import flow.v1.FlowServiceOuterClass.Action;
import flow.v1.FlowServiceOuterClass.HandleDataExchangeRequest;
import flow.v1.FlowServiceOuterClass.HandleDataExchangeResponse;
import flow.v1.FlowServiceOuterClass.PingRequest;
import io.grpc.ConnectivityState;
import io.grpc.Status.Code;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.protobuf.StatusProto;
import io.grpc.reflection.v1.ServerReflectionGrpc;
import io.grpc.reflection.v1.ServerReflectionRequest;
import io.grpc.reflection.v1.ServerReflectionResponse;
import io.grpc.reflection.v1.ServiceResponse;
import io.grpc.stub.StreamObserver;
import java.net.ConnectException;
import java.net.Socket;
import java.time.Duration;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The service as the edge meets it: over gRPC, in this process. */
class ServerTest {
    private final ScriptedBookings bookings = new ScriptedBookings();

    @Test
    void aConversationOverGrpc() throws Exception {
        try (Served served = serve(bookings)) {
            User user = new User(served.stub()::handleDataExchange, "token");
            assertThat(user.init().screen()).isEqualTo("APPOINTMENT");
            String reference = user.submit("SUMMARY", user.form("Ada")).reference();
            assertThat(user.init().errorMessage()).contains(reference);
            assertThat(served.stub().ping(PingRequest.getDefaultInstance())).isNotNull();
        }
    }

    @Test
    void healthServesTheServerAndTheServiceByName() throws Exception {
        try (Served served = serve(bookings)) {
            var health = HealthGrpc.newBlockingStub(served.channel());
            for (String name : List.of("", "flow.v1.FlowService")) {
                assertThat(health.check(named(name)).getStatus()).isEqualTo(ServingStatus.SERVING);
            }
            assertThatThrownBy(() -> health.check(named("flow.v1.Other"))).hasMessageStartingWith("NOT_FOUND");
        }
    }

    @Test
    void reflectionListsTheServicesAndDescribesThem() throws Exception {
        try (Served served = serve(bookings)) {
            BlockingQueue<ServerReflectionResponse> answers = new LinkedBlockingQueue<>();
            var requests = ServerReflectionGrpc.newStub(served.channel()).serverReflectionInfo(new StreamObserver<>() {
                @Override
                public void onNext(ServerReflectionResponse answer) {
                    answers.add(answer);
                }

                @Override
                public void onError(Throwable failure) {}

                @Override
                public void onCompleted() {}
            });
            requests.onNext(
                    ServerReflectionRequest.newBuilder().setListServices("").build());
            assertThat(answers.take().getListServicesResponse().getServiceList())
                    .extracting(ServiceResponse::getName)
                    .contains("flow.v1.FlowService", "grpc.health.v1.Health");
            requests.onNext(ServerReflectionRequest.newBuilder()
                    .setFileContainingSymbol("flow.v1.FlowService")
                    .build());
            assertThat(answers.take().getFileDescriptorResponse().getFileDescriptorProtoList())
                    .isNotEmpty();
            requests.onCompleted();
        }
    }

    @Test
    void aFailureIsAStatusWithAReasonForPrograms() throws Exception {
        HandleDataExchangeRequest form = HandleDataExchangeRequest.newBuilder()
                .setAction(Action.ACTION_DATA_EXCHANGE)
                .setScreen("SUMMARY")
                .setData(User.struct(Map.of("department", List.of("Lovelace"))))
                .build();
        try (Served served = serve(bookings)) {
            assertThat(failure(served, form))
                    .isEqualTo(new Failure(
                            Code.INVALID_ARGUMENT,
                            "INVALID_FORM_DATA",
                            "form data, field `department`: expected a string"));
            assertThat(failure(served, HandleDataExchangeRequest.getDefaultInstance()).reason)
                    .isEqualTo("INVALID_REQUEST");
            assertThat(failure(served, form.toBuilder().setScreen("CELLAR").build()))
                    .isEqualTo(new Failure(Code.INTERNAL, "INTERNAL", "the flow has no such screen that submits"));
            bookings.failure = new Bookings.UnavailableException();
            assertThat(failure(served, INIT))
                    .isEqualTo(new Failure(Code.UNAVAILABLE, "UNAVAILABLE", "the bookings cannot be reached"));
            assertThatThrownBy(() -> served.stub().ping(PingRequest.getDefaultInstance()))
                    .hasMessageStartingWith("UNAVAILABLE");
        }
    }

    @Test
    void anExceptionFailsItsCallAndNoOther() throws Exception {
        try (Served served = serve(bookings)) {
            bookings.failure = new IllegalStateException("Lovelace is not a number");
            assertThat(failure(served, INIT))
                    .isEqualTo(new Failure(Code.INTERNAL, "PANIC", "the logic threw an exception"));
            bookings.failure = null;
            assertThat(served.stub().handleDataExchange(INIT).hasNextScreen()).isTrue();
        }
    }

    @Test
    void theBookingsLearnThatACallIsPastItsDeadline() throws Exception {
        bookings.release = new CountDownLatch(1);
        try (Served served = serve(bookings)) {
            var hurried = served.stub().withDeadlineAfter(300, TimeUnit.MILLISECONDS);
            assertThatThrownBy(() -> hurried.handleDataExchange(INIT)).hasMessageStartingWith("DEADLINE_EXCEEDED");
            bookings.cancelled.await();
        }
    }

    @Test
    void aStopTellsHealthWatchersAndLetsACallInFlightFinish() throws Exception {
        bookings.release = new CountDownLatch(1);
        try (Served served = serve(bookings)) {
            var health = HealthGrpc.newBlockingStub(served.channel());
            List<Iterator<HealthCheckResponse>> watches =
                    List.of(health.watch(named("")), health.watch(named("flow.v1.FlowService")));
            for (Iterator<HealthCheckResponse> watch : watches) {
                assertThat(watch.next().getStatus()).isEqualTo(ServingStatus.SERVING);
            }
            ListenableFuture<HandleDataExchangeResponse> call =
                    served.futureStub().handleDataExchange(INIT);
            bookings.called.await();

            CompletableFuture<Boolean> stop = CompletableFuture.supplyAsync(() -> stop(served.server()));
            for (Iterator<HealthCheckResponse> watch : watches) {
                assertThat(watch.next().getStatus()).isEqualTo(ServingStatus.NOT_SERVING);
                // And then it ends, or it would hold up the stop.
                assertThat(watch.hasNext()).isFalse();
            }
            assertThat(stop).isNotDone();
            bookings.release.countDown();
            assertThat(call.get().getNextScreen().getScreen()).isEqualTo("APPOINTMENT");
            assertThat(stop.get()).isTrue();
            HostAndPort address = served.server().address();
            assertThatThrownBy(() -> new Socket(address.getHost(), address.getPort()).close())
                    .isInstanceOf(ConnectException.class);
        }
    }

    @Test
    void aConnectionEndsAtItsAgeAndTheNextCallTakesAnother() throws Exception {
        bookings.release = new CountDownLatch(1);
        try (Served served = serve(bookings, Duration.ofSeconds(1))) {
            ListenableFuture<HandleDataExchangeResponse> inFlight =
                    served.futureStub().handleDataExchange(INIT);
            bookings.called.await();
            assertThat(served.channel().getState(false)).isEqualTo(ConnectivityState.READY);
            CountDownLatch ended = new CountDownLatch(1);
            served.channel().notifyWhenStateChanged(ConnectivityState.READY, ended::countDown);
            ended.await();
            bookings.release.countDown();
            assertThat(inFlight.get().getNextScreen().getScreen()).isEqualTo("APPOINTMENT");
            assertThat(served.stub().handleDataExchange(INIT).hasNextScreen()).isTrue();
        }
    }

    @Test
    void twoServersNeverShareAPort() throws Exception {
        try (Served served = serve(bookings)) {
            String address = served.server().address().toString();
            assertThatThrownBy(() -> start(address))
                    .isInstanceOf(StartException.class)
                    .hasMessage("cannot listen on %s; FLOW_LOGIC_LISTEN chooses another address", address);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "50051",
                ":50051",
                "127.0.0.1",
                "localhost:50051",
                "http://127.0.0.1:50051",
                "127.0.0.1:99999",
                "::1:50051"
            })
    void aBadAddressIsNamedWithWhatWouldBeRight(String address) {
        assertThatThrownBy(() -> start(address))
                .isInstanceOf(StartException.class)
                .hasMessageStartingWith("FLOW_LOGIC_LISTEN is `%s`; it must be an IP address and a port", address);
    }

    private record Failure(Code code, String reason, String text) {}

    private static Failure failure(Served served, HandleDataExchangeRequest request)
            throws InvalidProtocolBufferException {
        StatusRuntimeException thrown = catchThrowableOfType(
                StatusRuntimeException.class, () -> served.stub().handleDataExchange(request));
        Status status = StatusProto.fromThrowable(thrown);
        assertThat(status).isNotNull();
        ErrorInfo info = status.getDetails(0).unpack(ErrorInfo.class);
        assertThat(info.getDomain()).isEqualTo("flow.v1");
        return new Failure(thrown.getStatus().getCode(), info.getReason(), status.getMessage());
    }

    private void start(String address) throws StartException {
        new FlowServer(Served.service(bookings), address, FlowServer.MAX_CONNECTION_AGE, List.of());
    }

    private static boolean stop(FlowServer server) {
        try {
            return server.stop();
        } catch (InterruptedException interrupted) {
            throw new IllegalStateException(interrupted);
        }
    }

    private static HealthCheckRequest named(String service) {
        return HealthCheckRequest.newBuilder().setService(service).build();
    }
}
