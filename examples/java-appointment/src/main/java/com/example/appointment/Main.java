package com.example.appointment;

import io.grpc.ServerServiceDefinition;
import java.time.Clock;
import java.time.ZoneId;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.bridge.SLF4JBridgeHandler;

/** Serves the flow on {@code FLOW_LOGIC_LISTEN}, with its bookings in memory, until SIGTERM or SIGINT. */
public final class Main {
    private static final Logger log = LoggerFactory.getLogger(Main.class);

    private Main() {}

    public static void main(String[] args) throws InterruptedException {
        // gRPC and OpenTelemetry log by java.util.logging.
        SLF4JBridgeHandler.removeHandlersForRootLogger();
        SLF4JBridgeHandler.install();
        try {
            run();
        } catch (StartException failure) {
            System.err.println("java-appointment: " + failure.getMessage());
            System.exit(1);
        }
    }

    private static void run() throws StartException, InterruptedException {
        Telemetry telemetry = Telemetry.start(System.getenv());
        log.info("bookings are kept in memory, and gone with the process");
        Appointments flow = new Appointments(new MemoryBookings(), Clock.system(ZoneId.systemDefault()));
        String address = System.getenv().getOrDefault("FLOW_LOGIC_LISTEN", FlowServer.DEFAULT_ADDRESS);
        boolean isConformanceMode = "1".equals(System.getenv("FLOW_CONFORMANCE_MODE"));
        ServerServiceDefinition service =
                isConformanceMode ? ConformanceMode.of(flow) : new FlowService(flow).bindService();
        FlowServer server = new FlowServer(service, address, FlowServer.MAX_CONNECTION_AGE, telemetry.interceptors());
        Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(server, telemetry), "stop"));
        server.awaitTermination();
    }

    private static void stop(FlowServer server, Telemetry telemetry) {
        try {
            boolean isDrained = server.stop();
            telemetry.close();
            if (isDrained) {
                // Otherwise the JVM ends with 143 after a SIGTERM, however well it went.
                Runtime.getRuntime().halt(0);
            }
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
