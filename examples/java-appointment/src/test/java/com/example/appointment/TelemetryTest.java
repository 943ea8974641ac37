package com.example.appointment;

import static com.example.appointment.Served.INIT;
import static com.example.appointment.Served.PARENT_ID;
import static com.example.appointment.Served.TRACE_ID;
import static com.example.appointment.Served.serve;
import static com.example.appointment.Served.traced;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.encoder.JsonEncoder;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import flow.v1.FlowServiceGrpc;
import flow.v1.FlowServiceOuterClass.HandleErrorRequest;
import io.grpc.ServerInterceptor;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthGrpc;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.instrumentation.grpc.v1_6.GrpcTelemetry;
import io.opentelemetry.sdk.testing.junit5.OpenTelemetryExtension;
import io.opentelemetry.sdk.trace.data.SpanData;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.FieldSource;
import org.slf4j.LoggerFactory;

/** What traces and log lines say, and what they keep to themselves. */
class TelemetryTest {
    @RegisterExtension
    static final OpenTelemetryExtension tracing = OpenTelemetryExtension.create();

    private final ScriptedBookings bookings = new ScriptedBookings();
    private final ListAppender<ILoggingEvent> events = new ListAppender<>();
    private final Logger root = (Logger) LoggerFactory.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);

    @BeforeEach
    void listen() {
        events.start();
        root.addAppender(events);
    }

    @AfterEach
    void stopListening() {
        root.detachAppender(events);
    }

    @Test
    void aCallIsASpanBelowTheEdges() throws Exception {
        try (Served served = serve(bookings, interceptor())) {
            assertThat(HealthGrpc.newBlockingStub(traced(served.channel()))
                            .check(HealthCheckRequest.getDefaultInstance()))
                    .isNotNull();
            assertThat(FlowServiceGrpc.newBlockingStub(traced(served.channel())).handleDataExchange(INIT))
                    .isNotNull();
        }
        // Health is asked every few seconds, and nobody looks for it in a trace.
        assertThat(tracing.getSpans()).singleElement().satisfies(span -> {
            assertThat(span.getName()).isEqualTo("flow.v1.FlowService/HandleDataExchange");
            assertThat(span.getKind()).isEqualTo(SpanKind.SERVER);
            assertThat(span.getTraceId()).isEqualTo(TRACE_ID);
            assertThat(span.getParentSpanId()).isEqualTo(PARENT_ID);
        });
    }

    @Test
    void anExceptionIsQuotedNowhere() throws Exception {
        bookings.failure = new IllegalStateException("Lovelace", new IllegalArgumentException("Lovelace"));
        try (Served served = serve(bookings, interceptor())) {
            assertThatThrownBy(() -> served.stub().handleDataExchange(INIT))
                    .hasMessage("INTERNAL: the logic threw an exception");
        }
        SpanData span = tracing.getSpans().get(0);
        assertThat(span.getStatus().getStatusCode()).isEqualTo(StatusCode.ERROR);
        assertThat(span.toString()).doesNotContain("Lovelace");
        assertThat(lines())
                .noneMatch(line -> line.contains("Lovelace"))
                .anyMatch(line -> line.contains("java.lang.IllegalStateException") && line.contains("TelemetryTest"));
    }

    @Test
    void anErrorNotificationIsLoggedWithoutWhatItQuotes() throws Exception {
        try (Served served = serve(bookings)) {
            assertThat(served.stub()
                            .handleError(HandleErrorRequest.newBuilder()
                                    .setRequestId("request-7")
                                    .setFlowToken("secret-token")
                                    .setError("payload-schema-error")
                                    .setErrorMessage("Lovelace is not a number")
                                    .build()))
                    .isNotNull();
        }
        assertThat(lines())
                .noneMatch(line -> line.contains("Lovelace") || line.contains("secret-token"))
                .anyMatch(line -> line.contains("payload-schema-error") && line.contains("request-7"));
    }

    static final List<Arguments> VARIABLES = List.of(
            Arguments.of(Map.of(), false),
            Arguments.of(Map.of("OTEL_EXPORTER_OTLP_ENDPOINT", ""), false),
            Arguments.of(Map.of("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317"), true),
            Arguments.of(Map.of("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://collector:4317"), true),
            Arguments.of(Map.of("OTEL_TRACES_EXPORTER", "otlp"), true),
            Arguments.of(
                    Map.of("OTEL_TRACES_EXPORTER", "none", "OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317"),
                    false),
            Arguments.of(Map.of("OTEL_TRACES_EXPORTER", "otlp", "OTEL_SDK_DISABLED", "TRUE"), false));

    @ParameterizedTest
    @FieldSource("VARIABLES")
    void tracesAreOffUnlessAStandardVariableAsksForThem(Map<String, String> variables, boolean expected) {
        assertThat(Telemetry.isTracing(variables)).isEqualTo(expected);
    }

    private static ServerInterceptor interceptor() {
        return GrpcTelemetry.create(tracing.getOpenTelemetry()).createServerInterceptor();
    }

    private List<String> lines() {
        JsonEncoder encoder = new JsonEncoder();
        encoder.setContext(root.getLoggerContext());
        encoder.start();
        return events.list.stream()
                .map(event -> new String(encoder.encode(event), StandardCharsets.UTF_8))
                .toList();
    }
}
