package com.example.appointment;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import com.google.protobuf.util.JsonFormat;
import io.grpc.ManagedChannel;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;

/** The service as a process, as it is run, with a channel to it. */
final class RunningProcess implements AutoCloseable {
    private final Process process;
    private final CompletableFuture<String> address = new CompletableFuture<>();
    private final List<String> lines = new CopyOnWriteArrayList<>();
    private final Thread reading = new Thread(this::read, "log of the process");

    private RunningProcess(Process process) {
        this.process = process;
        reading.start();
    }

    static RunningProcess start(Map<String, String> variables) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName());
        builder.environment()
                .keySet()
                .removeIf(name -> name.startsWith("OTEL_") || name.equals("FLOW_CONFORMANCE_MODE"));
        builder.environment().put("FLOW_LOGIC_LISTEN", Served.ANY_PORT);
        builder.environment().putAll(variables);
        return new RunningProcess(builder.start());
    }

    ManagedChannel connect() throws Exception {
        return Served.connect(address.get());
    }

    /** Sends SIGTERM, and brings the exit code. */
    int stop() throws InterruptedException {
        // The process's own destroy would also close the pipe from which the last lines are read.
        process.toHandle().destroy();
        return exitCode();
    }

    int exitCode() throws InterruptedException {
        int code = process.waitFor();
        reading.join();
        return code;
    }

    /** What was written on stderr. */
    List<String> lines() {
        return lines;
    }

    /** The same as JSON, which each line is. */
    List<Map<String, Value>> events() {
        return lines.stream()
                .map(RunningProcess::parse)
                .map(Struct::getFieldsMap)
                .toList();
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }

    private void read() {
        try (var stderr = process.errorReader(UTF_8)) {
            for (String line = stderr.readLine(); line != null; line = stderr.readLine()) {
                lines.add(line);
                if (line.contains("\"listening\"")) {
                    Value facts = parse(line)
                            .getFieldsOrThrow("kvpList")
                            .getListValue()
                            .getValues(0);
                    address.complete(
                            facts.getStructValue().getFieldsOrThrow("address").getStringValue());
                }
            }
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        } finally {
            address.completeExceptionally(new AssertionError("it ended: " + lines));
        }
    }

    private static Struct parse(String line) {
        Struct.Builder parsed = Struct.newBuilder();
        try {
            JsonFormat.parser().merge(line, parsed);
        } catch (IOException noJson) {
            throw new AssertionError("no JSON: " + line, noJson);
        }
        assertThat(parsed.getFieldsMap()).containsKeys("timestamp", "level", "formattedMessage");
        return parsed.build();
    }
}
