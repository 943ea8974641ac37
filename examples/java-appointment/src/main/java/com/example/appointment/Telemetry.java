package com.example.appointment;

import com.google.common.base.Strings;
import io.grpc.ServerInterceptor;
import io.opentelemetry.instrumentation.grpc.v1_6.GrpcTelemetry;
import io.opentelemetry.sdk.OpenTelemetrySdk;
import io.opentelemetry.sdk.autoconfigure.AutoConfiguredOpenTelemetrySdk;
import io.opentelemetry.sdk.autoconfigure.spi.ConfigurationException;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Traces, where OpenTelemetry's standard variables ask for them. */
final class Telemetry implements AutoCloseable {
    /** What holds where no variable says otherwise: traces alone are exported, by gRPC, under the example's name. */
    private static final Map<String, String> DEFAULTS = Map.of(
            "otel.service.name", "java-appointment",
            "otel.traces.exporter", "otlp",
            "otel.metrics.exporter", "none",
            "otel.logs.exporter", "none");

    private final @Nullable OpenTelemetrySdk sdk;

    private Telemetry(@Nullable OpenTelemetrySdk sdk) {
        this.sdk = sdk;
    }

    static Telemetry start(Map<String, String> environment) throws StartException {
        if (!isTracing(environment)) {
            return new Telemetry(null);
        }
        try {
            // Its own shutdown hook would run beside ours, while calls are still in flight.
            return new Telemetry(AutoConfiguredOpenTelemetrySdk.builder()
                    .addPropertiesSupplier(() -> DEFAULTS)
                    .disableShutdownHook()
                    .build()
                    .getOpenTelemetrySdk());
        } catch (ConfigurationException misconfigured) {
            String problem = withoutValues(String.valueOf(misconfigured.getMessage()), environment);
            throw new StartException("OpenTelemetry cannot be configured: " + problem, misconfigured);
        }
    }

    /** Names variables where the SDK quotes them: headers and addresses may hold credentials. */
    private static String withoutValues(String text, Map<String, String> environment) {
        String named = text;
        for (Map.Entry<String, String> variable : environment.entrySet()) {
            if (variable.getKey().startsWith("OTEL_") && !variable.getValue().isBlank()) {
                named = named.replace(variable.getValue().strip(), "$" + variable.getKey());
            }
        }
        return named;
    }

    /** Whether the standard variables ask for traces: without any there are none. */
    static boolean isTracing(Map<String, String> environment) {
        if (environment.getOrDefault("OTEL_SDK_DISABLED", "").strip().equalsIgnoreCase("true")) {
            return false;
        }
        String exporter = environment.getOrDefault("OTEL_TRACES_EXPORTER", "").strip();
        if (!exporter.isEmpty()) {
            return !exporter.equalsIgnoreCase("none");
        }
        return !Strings.isNullOrEmpty(environment.get("OTEL_EXPORTER_OTLP_ENDPOINT"))
                || !Strings.isNullOrEmpty(environment.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"));
    }

    /** What makes a span of each call; none where tracing is off. */
    List<ServerInterceptor> interceptors() {
        return sdk == null ? List.of() : List.of(GrpcTelemetry.create(sdk).createServerInterceptor());
    }

    /** Exports the last spans. */
    @Override
    public void close() {
        if (sdk != null) {
            sdk.close();
        }
    }
}
