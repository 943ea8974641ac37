package com.example.appointment;

import static com.example.appointment.Served.PARENT_ID;
import static com.example.appointment.Served.TRACE_ID;
import static com.example.appointment.Served.traced;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import com.google.protobuf.Value;
import com.sun.net.httpserver.HttpServer;
import flow.v1.FlowServiceGrpc;
import flow.v1.FlowServiceOuterClass.Action;
import flow.v1.FlowServiceOuterClass.HandleDataExchangeRequest;
import flow.v1.FlowServiceOuterClass.HandleErrorRequest;
import flow.v1.FlowServiceOuterClass.PingRequest;
import io.grpc.Grpc;
import io.grpc.InsecureServerCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.stub.StreamObserver;
import io.opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest;
import io.opentelemetry.proto.collector.trace.v1.ExportTraceServiceResponse;
import io.opentelemetry.proto.collector.trace.v1.TraceServiceGrpc.TraceServiceImplBase;
import io.opentelemetry.proto.trace.v1.Span;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.FieldSource;

/** The service as a process: its traces, its log, its end. */
class ProcessTest {
    /** What the collector got. */
    private final List<ExportTraceServiceRequest> exports = new CopyOnWriteArrayList<>();

    @Test
    void aCallIsExportedByGrpcAndItsLogLinesNameItsSpan() throws Exception {
        Server collector = Grpc.newServerBuilderForPort(0, InsecureServerCredentials.create())
                .addService(new TraceServiceImplBase() {
                    @Override
                    public void export(
                            ExportTraceServiceRequest request, StreamObserver<ExportTraceServiceResponse> answer) {
                        exports.add(request);
                        answer.onNext(ExportTraceServiceResponse.getDefaultInstance());
                        answer.onCompleted();
                    }
                })
                .build()
                .start();
        try {
            callsAreTraced(Map.of("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:" + collector.getPort()));
        } finally {
            collector.shutdownNow();
        }
    }

    @Test
    void aCallIsExportedByHttpAndItsLogLinesNameItsSpan() throws Exception {
        HttpServer collector = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        collector.createContext("/v1/traces", exchange -> {
            exports.add(ExportTraceServiceRequest.parseFrom(exchange.getRequestBody()));
            exchange.sendResponseHeaders(200, -1);
            exchange.close();
        });
        collector.start();
        try {
            callsAreTraced(Map.of(
                    "OTEL_EXPORTER_OTLP_ENDPOINT",
                    "http://127.0.0.1:" + collector.getAddress().getPort(),
                    "OTEL_EXPORTER_OTLP_PROTOCOL",
                    "http/protobuf"));
        } finally {
            collector.stop(0);
        }
    }

    private void callsAreTraced(Map<String, String> variables) throws Exception {
        HandleDataExchangeRequest misfit = HandleDataExchangeRequest.newBuilder()
                .setAction(Action.ACTION_DATA_EXCHANGE)
                .setScreen("DETAILS")
                .setFlowToken("secret-token")
                .setData(User.struct(Map.of("department", List.of("Lovelace"))))
                .build();
        try (RunningProcess process = RunningProcess.start(variables)) {
            ManagedChannel channel = process.connect();
            var stub = FlowServiceGrpc.newBlockingStub(traced(channel));
            assertThat(stub.handleError(HandleErrorRequest.getDefaultInstance()))
                    .isNotNull();
            assertThatThrownBy(() -> stub.handleDataExchange(misfit)).hasMessageStartingWith("INVALID_ARGUMENT");
            channel.shutdownNow();
            assertThat(process.stop()).isZero();

            List<Span> spans = exports.stream()
                    .flatMap(export -> export.getResourceSpansList().stream())
                    .flatMap(resource -> resource.getScopeSpansList().stream())
                    .flatMap(scope -> scope.getSpansList().stream())
                    .toList();
            assertThat(spans)
                    .extracting(Span::getName)
                    .containsExactlyInAnyOrder(
                            "flow.v1.FlowService/HandleError", "flow.v1.FlowService/HandleDataExchange");
            assertThat(spans).allSatisfy(span -> {
                assertThat(span.getKind()).isEqualTo(Span.SpanKind.SPAN_KIND_SERVER);
                assertThat(hex(span.getTraceId())).isEqualTo(TRACE_ID);
                assertThat(hex(span.getParentSpanId())).isEqualTo(PARENT_ID);
            });
            assertThat(exports.get(0).getResourceSpans(0).getResource().getAttributesList())
                    .anySatisfy(attribute -> {
                        assertThat(attribute.getKey()).isEqualTo("service.name");
                        assertThat(attribute.getValue().getStringValue()).isEqualTo("java-appointment");
                    });
            assertThat(process.events().stream()
                            .map(ProcessTest::context)
                            .filter(context -> context.containsKey("span_id"))
                            .map(context -> text(context, "trace_id") + " " + text(context, "span_id")))
                    .containsExactlyInAnyOrderElementsOf(spans.stream()
                            .map(span -> TRACE_ID + " " + hex(span.getSpanId()))
                            .toList());
            assertThat("%s %s".formatted(exports, process.lines())).doesNotContain("Lovelace", "secret-token");
        }
    }

    static final List<Map<String, String>> UNTRACED =
            List.of(Map.of(), Map.of("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1", "OTEL_SDK_DISABLED", "true"));

    @ParameterizedTest
    @FieldSource("UNTRACED")
    void withoutTracingAProcessServesAndEndsOnSigterm(Map<String, String> variables) throws Exception {
        try (RunningProcess process = RunningProcess.start(variables)) {
            ManagedChannel channel = process.connect();
            assertThat(FlowServiceGrpc.newBlockingStub(traced(channel))
                            .handleError(HandleErrorRequest.getDefaultInstance()))
                    .isNotNull();
            channel.shutdownNow();
            assertThat(process.stop()).isZero();
            assertThat(process.events().get(process.events().size() - 1))
                    .containsEntry(
                            "formattedMessage",
                            Value.newBuilder().setStringValue("stopped").build());
            assertThat(process.events()).noneMatch(event -> context(event).containsKey("trace_id"));
        }
    }

    @Test
    void aCollectorThatIsGoneHoldsUpNeitherCallsNorTheEnd() throws Exception {
        try (RunningProcess process =
                RunningProcess.start(Map.of("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"))) {
            ManagedChannel channel = process.connect();
            var hurried = FlowServiceGrpc.newBlockingStub(channel).withDeadlineAfter(10, TimeUnit.SECONDS);
            assertThat(hurried.ping(PingRequest.getDefaultInstance())).isNotNull();
            channel.shutdownNow();
            assertThat(process.stop()).isZero();
            // The exporter's complaint is JSON too.
            assertThat(process.events()).isNotEmpty();
        }
    }

    @ParameterizedTest
    @CsvSource({
        "FLOW_LOGIC_LISTEN, localhost:50051, FLOW_LOGIC_LISTEN is `localhost:50051`; it must be an IP address",
        "OTEL_TRACES_EXPORTER, pigeon, OpenTelemetry cannot be configured: Unrecognized value for otel.traces.exporter",
        "OTEL_EXPORTER_OTLP_ENDPOINT, hunter2, OpenTelemetry cannot be configured: OTLP endpoint must be a valid URL",
        "OTEL_EXPORTER_OTLP_HEADERS, hunter2, OpenTelemetry cannot be configured: Invalid map property"
    })
    void aBadVariableIsNamedInOneLine(String name, String value, String line) throws Exception {
        Map<String, String> variables = new HashMap<>(Map.of("OTEL_TRACES_EXPORTER", "otlp"));
        variables.put(name, value);
        try (RunningProcess process = RunningProcess.start(variables)) {
            assertThat(process.exitCode()).isEqualTo(1);
            assertThat(process.lines().get(process.lines().size() - 1)).startsWith("java-appointment: " + line);
            assertThat(process.lines()).noneMatch(logged -> logged.contains("hunter2"));
        }
    }

    private static Map<String, Value> context(Map<String, Value> event) {
        return event.getOrDefault("mdc", Value.getDefaultInstance())
                .getStructValue()
                .getFieldsMap();
    }

    private static String text(Map<String, Value> context, String name) {
        return context.getOrDefault(name, Value.getDefaultInstance()).getStringValue();
    }

    private static String hex(ByteString bytes) {
        return HexFormat.of().formatHex(bytes.toByteArray());
    }
}
