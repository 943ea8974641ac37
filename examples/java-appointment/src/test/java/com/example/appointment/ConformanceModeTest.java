package com.example.appointment;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.Struct;
import com.google.protobuf.util.Structs;
import com.google.protobuf.util.Values;
import flow.v1.FlowServiceGrpc;
import flow.v1.FlowServiceOuterClass.Action;
import flow.v1.FlowServiceOuterClass.HandleDataExchangeRequest;
import flow.v1.FlowServiceOuterClass.NextScreen;
import io.grpc.ManagedChannel;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/** Whether the conformance mode is on, as the process has it. {@code flowctl conformance} asks for every command. */
class ConformanceModeTest {
    private static final Struct ECHO = Structs.of(
            "echo", Values.of(Structs.of("text", Values.of("\u017c\u00f3\u0142w"), "nothing", Values.ofNull())));

    @Test
    void aCommandIsObeyedWhereTheModeIsOnAndOnlyUnderItsEndpoint() throws Exception {
        try (RunningProcess process = RunningProcess.start(Map.of("FLOW_CONFORMANCE_MODE", "1"))) {
            NextScreen answer = send(process, "conformance");
            assertThat(answer.getScreen()).isEqualTo("CONFORMANCE");
            assertThat(answer.getData()).isEqualTo(ECHO);
            assertThat(send(process, "appointments").getScreen()).isEqualTo("APPOINTMENT");
        }
    }

    static final List<Map<String, String>> OFF = List.of(Map.of(), Map.of("FLOW_CONFORMANCE_MODE", "true"));

    @ParameterizedTest
    @FieldSource("OFF")
    void byDefaultACommandIsARequestToTheFlow(Map<String, String> variables) throws Exception {
        try (RunningProcess process = RunningProcess.start(variables)) {
            assertThat(send(process, "conformance").getScreen()).isEqualTo("APPOINTMENT");
        }
    }

    private static NextScreen send(RunningProcess process, String endpoint) throws Exception {
        ManagedChannel channel = process.connect();
        try {
            return FlowServiceGrpc.newBlockingStub(channel)
                    .handleDataExchange(HandleDataExchangeRequest.newBuilder()
                            .setEndpoint(endpoint)
                            .setAction(Action.ACTION_INIT)
                            .setData(Structs.of("conformance", Values.of(ECHO)))
                            .build())
                    .getNextScreen();
        } finally {
            channel.shutdownNow();
        }
    }
}
