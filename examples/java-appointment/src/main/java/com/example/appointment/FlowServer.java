package com.example.appointment;

import static io.grpc.ServerInterceptors.intercept;

import com.google.common.net.HostAndPort;
import com.google.common.net.InetAddresses;
import com.google.common.util.concurrent.ThreadFactoryBuilder;
import flow.v1.FlowServiceGrpc;
import io.grpc.Server;
import io.grpc.ServerInterceptor;
import io.grpc.ServerServiceDefinition;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.services.HealthStatusManager;
import io.grpc.protobuf.services.ProtoReflectionServiceV1;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The server around the flow: address, health, reflection, the age of connections, and a stop that lets calls finish.
 *
 * <p>It refuses to know TLS: flow-edge and its logic share a private network, or a service mesh encrypts between them.
 */
final class FlowServer {
    static final String DEFAULT_ADDRESS = "127.0.0.1:50051";

    /**
     * A client keeps its connection for as long as it can, so behind an address that balances connections, such as a
     * plain Kubernetes Service, a replica that came later would never be called. gRPC spreads the age by a tenth.
     */
    static final Duration MAX_CONNECTION_AGE = Duration.ofMinutes(5);

    /** The platform gives up on a call after 10 seconds, so no answer is worth a longer wait. */
    private static final Duration DRAIN_LIMIT = Duration.ofSeconds(10);

    private static final Logger log = LoggerFactory.getLogger(FlowServer.class);

    private final ExecutorService calls = Executors.newCachedThreadPool(
            new ThreadFactoryBuilder().setNameFormat("call-%d").setDaemon(true).build());
    private final Server server;
    private final HealthStatusManager health = new HealthStatusManager();
    private final OpenStreams streams = new OpenStreams();
    private final HostAndPort address;

    /** Listens on an IP address and a port, and serves. The interceptors see the calls of the flow alone. */
    FlowServer(
            ServerServiceDefinition flow,
            String address,
            Duration maxConnectionAge,
            List<ServerInterceptor> interceptors)
            throws StartException {
        HostAndPort asked = parse(address);
        health.setStatus(FlowServiceGrpc.SERVICE_NAME, ServingStatus.SERVING);
        server = NettyServerBuilder.forAddress(
                        new InetSocketAddress(InetAddresses.forString(asked.getHost()), asked.getPort()))
                .executor(calls)
                .addService(intercept(flow, interceptors))
                .addService(intercept(health.getHealthService(), streams))
                .addService(intercept(ProtoReflectionServiceV1.newInstance(), streams))
                .maxConnectionAge(maxConnectionAge.toMillis(), TimeUnit.MILLISECONDS)
                .maxConnectionAgeGrace(DRAIN_LIMIT.toMillis(), TimeUnit.MILLISECONDS)
                .build();
        try {
            server.start();
        } catch (IOException failure) {
            throw new StartException(
                    "cannot listen on %s; FLOW_LOGIC_LISTEN chooses another address".formatted(address), failure);
        }
        this.address = HostAndPort.fromParts(asked.getHost(), server.getPort());
        log.atInfo().addKeyValue("address", this.address).log("listening");
    }

    /** Where it listens, with the port that the system chose. */
    HostAndPort address() {
        return address;
    }

    void awaitTermination() throws InterruptedException {
        server.awaitTermination();
    }

    /** Tells those who watch health, takes no more calls, and returns when those in flight are done, or time is up. */
    boolean stop() throws InterruptedException {
        log.info("stopping, calls in flight may finish");
        health.enterTerminalState();
        server.shutdown();
        streams.end();
        boolean isDrained = server.awaitTermination(DRAIN_LIMIT.toMillis(), TimeUnit.MILLISECONDS);
        if (!isDrained) {
            log.warn("calls are still in flight, and end here");
            server.shutdownNow();
        }
        // A call's span ends in a task that runs after the answer is out.
        calls.shutdown();
        isDrained &= calls.awaitTermination(1, TimeUnit.SECONDS);
        log.info("stopped");
        return isDrained;
    }

    private static HostAndPort parse(String address) throws StartException {
        try {
            HostAndPort parsed = HostAndPort.fromString(address);
            if (parsed.hasPort() && InetAddresses.isInetAddress(parsed.getHost())) {
                return parsed;
            }
        } catch (IllegalArgumentException malformed) {
            // Said below, in our words.
        }
        throw new StartException(("FLOW_LOGIC_LISTEN is `%s`; it must be an IP address and a port, "
                        + "such as %s, 0.0.0.0:50051 or [::]:50051")
                .formatted(address, DEFAULT_ADDRESS));
    }
}
