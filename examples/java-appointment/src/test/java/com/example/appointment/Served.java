package com.example.appointment;

import flow.v1.FlowServiceGrpc;
import flow.v1.FlowServiceGrpc.FlowServiceBlockingStub;
import flow.v1.FlowServiceGrpc.FlowServiceFutureStub;
import flow.v1.FlowServiceOuterClass.Action;
import flow.v1.FlowServiceOuterClass.HandleDataExchangeRequest;
import io.grpc.Channel;
import io.grpc.ClientInterceptors;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.ServerInterceptor;
import io.grpc.ServerServiceDefinition;
import io.grpc.stub.MetadataUtils;
import java.time.Clock;
import java.time.Duration;
import java.time.ZoneId;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** The service over gRPC, in this process, with a channel to it. */
record Served(FlowServer server, ManagedChannel channel) implements AutoCloseable {
    static final String ANY_PORT = "127.0.0.1:0";
    static final HandleDataExchangeRequest INIT = HandleDataExchangeRequest.newBuilder()
            .setAction(Action.ACTION_INIT)
            .setFlowToken("token")
            .build();

    static final String TRACE_ID = "0af7651916cd43dd8448eb211c80319c";
    static final String PARENT_ID = "b7ad6b7169203331";

    static Served serve(Bookings bookings, ServerInterceptor... interceptors) throws StartException {
        return serve(bookings, FlowServer.MAX_CONNECTION_AGE, interceptors);
    }

    static Served serve(Bookings bookings, Duration maxConnectionAge, ServerInterceptor... interceptors)
            throws StartException {
        FlowServer server = new FlowServer(service(bookings), ANY_PORT, maxConnectionAge, List.of(interceptors));
        return new Served(server, connect(server.address().toString()));
    }

    static ServerServiceDefinition service(Bookings bookings) {
        return new FlowService(flow(bookings)).bindService();
    }

    static Appointments flow(Bookings bookings) {
        return new Appointments(bookings, Clock.system(ZoneId.systemDefault()));
    }

    static ManagedChannel connect(String address) {
        return Grpc.newChannelBuilder(address, InsecureChannelCredentials.create())
                .build();
    }

    /** The channel with the metadata that the edge sends where tracing is on. */
    static Channel traced(Channel channel) {
        Metadata metadata = new Metadata();
        metadata.put(
                Metadata.Key.of("traceparent", Metadata.ASCII_STRING_MARSHALLER),
                "00-%s-%s-01".formatted(TRACE_ID, PARENT_ID));
        return ClientInterceptors.intercept(channel, MetadataUtils.newAttachHeadersInterceptor(metadata));
    }

    FlowServiceBlockingStub stub() {
        return FlowServiceGrpc.newBlockingStub(channel);
    }

    FlowServiceFutureStub futureStub() {
        return FlowServiceGrpc.newFutureStub(channel);
    }

    @Override
    public void close() {
        channel.shutdownNow();
        try {
            channel.awaitTermination(10, TimeUnit.SECONDS);
            server.stop();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
