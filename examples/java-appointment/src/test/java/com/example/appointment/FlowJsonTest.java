package com.example.appointment;

import static org.assertj.core.api.Assertions.assertThat;

import com.example.appointment.User.Answer;
import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import com.google.protobuf.util.JsonFormat;
import flow.v1.FlowServiceOuterClass.HandleDataExchangeResponse.OutcomeCase;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** {@code examples/flows/appointment.json} and the code agree: screens, data, ways between them, what they submit. */
class FlowJsonTest {
    private final Struct flow = read();
    private final Map<String, Struct> screens = new HashMap<>();
    private final List<Struct> inOrder = new ArrayList<>();

    FlowJsonTest() throws IOException {
        for (Value screen : list(flow, "screens")) {
            screens.put(text(screen.getStructValue(), "id"), screen.getStructValue());
            inOrder.add(screen.getStructValue());
        }
    }

    @Test
    void everyPayloadIsUnderstoodAndEveryAnswerIsWhatTheFlowDeclares() {
        Appointments shop = Served.flow(new MemoryBookings());
        User user = new User(shop::dataExchange, "token");
        check(user.init(), null);
        check(user.back("DETAILS"), "DETAILS");

        // What the user chose or typed so far, by the names of the fields.
        Map<String, Object> known = new HashMap<>(
                Map.of("department", "home", "location", "kings_cross", "name", "Ada", "email", "ada@example.com"));
        known.putAll(Map.of("phone", "1234567", "more_details", "Hello", "terms", true));
        List<String> tried = new ArrayList<>();
        Answer last = null;
        for (Struct screen : inOrder) {
            String id = text(screen, "id");
            for (Struct payload : submissions(screen.getFieldsOrThrow("layout"))) {
                Map<String, Object> form = fill(payload, known);
                if (form.containsKey("email")) {
                    check(user.submit(id, User.with(form, "email", "no address")), id);
                }
                last = user.submit(id, form);
                if (last.outcome() == OutcomeCase.NEXT_SCREEN) {
                    check(last, id);
                }
                for (String dropdown : id.equals("APPOINTMENT") ? List.of("date", "time") : List.<String>of()) {
                    if (Boolean.TRUE.equals(last.data().get("is_%s_enabled".formatted(dropdown)))) {
                        known.put(dropdown, last.first(dropdown));
                    }
                }
                tried.add("%s %s".formatted(id, form.getOrDefault("trigger", "-")));
            }
        }
        assertThat(tried)
                .containsExactly(
                        "APPOINTMENT department_selected",
                        "APPOINTMENT location_selected",
                        "APPOINTMENT date_selected",
                        "DETAILS -",
                        "SUMMARY -");
        assertThat(last).satisfies(answer -> assertThat(answer.reference()).hasSize(8));

        // Somebody else wants the same time: from SUMMARY back to APPOINTMENT.
        Answer late = new User(shop::dataExchange, "late").submit("SUMMARY", known);
        assertThat(late.screen()).isEqualTo("APPOINTMENT");
        check(late, "SUMMARY");
    }

    /** What the client checks of an answer before it shows it. */
    private void check(Answer answer, @Nullable String cameFrom) {
        assertThat(screens).containsKey(answer.screen());
        Struct declared = object(screens.getOrDefault(answer.screen(), Struct.getDefaultInstance()), "data");
        Struct sent = answer.response().getNextScreen().getData();
        assertThat(sent.getFieldsMap()).containsOnlyKeys(declared.getFieldsMap().keySet());
        declared.getFieldsMap()
                .forEach((name, model) -> assertThat(fits(model.getStructValue(), sent.getFieldsOrThrow(name)))
                        .as("%s.%s", answer.screen(), name)
                        .isTrue());
        if (cameFrom == null) {
            assertThat(screens.keySet()).noneMatch(from -> leads(from, answer.screen()));
        } else if (!cameFrom.equals(answer.screen())) {
            assertThat(leads(cameFrom, answer.screen()) || leads(answer.screen(), cameFrom))
                    .isTrue();
        }
    }

    private boolean leads(String from, String to) {
        return list(object(flow, "routing_model"), from).stream()
                .anyMatch(screen -> screen.getStringValue().equals(to));
    }

    private static boolean fits(Struct model, Value value) {
        return switch (text(model, "type")) {
            case "string" -> value.hasStringValue();
            case "boolean" -> value.hasBoolValue();
            case "array" ->
                value.hasListValue()
                        && value.getListValue().getValuesList().stream()
                                .allMatch(item -> fits(object(model, "items"), item));
            case "object" -> {
                Map<String, Value> properties = object(model, "properties").getFieldsMap();
                Map<String, Value> sent = value.getStructValue().getFieldsMap();
                yield sent.keySet().equals(properties.keySet())
                        && properties.entrySet().stream()
                                .allMatch(property -> fits(
                                        property.getValue().getStructValue(),
                                        sent.getOrDefault(property.getKey(), Value.getDefaultInstance())));
            }
            default -> throw new AssertionError("a type that the flow did not have");
        };
    }

    /** The payloads of the actions that call the endpoint, with their placeholders. */
    private static List<Struct> submissions(Value node) {
        List<Struct> found = new ArrayList<>();
        Struct fields = node.getStructValue();
        if (fields.getFieldsOrDefault("name", Value.getDefaultInstance())
                .getStringValue()
                .equals("data_exchange")) {
            found.add(object(fields, "payload"));
        }
        // A list as it is written, an object in whatever order: no object here has two submissions below it.
        node.getListValue().getValuesList().forEach(item -> found.addAll(submissions(item)));
        fields.getFieldsMap().values().forEach(field -> found.addAll(submissions(field)));
        return found;
    }

    /** The payload as the client sends it. */
    private static Map<String, Object> fill(Struct payload, Map<String, Object> known) {
        Map<String, Object> form = new HashMap<>();
        payload.getFieldsMap().forEach((field, value) -> {
            String text = value.getStringValue();
            String name = text.replaceAll("^\\$\\{\\w+\\.(\\w+)\\}$", "$1");
            form.put(field, name.equals(text) ? text : known.getOrDefault(name, "unknown"));
        });
        return form;
    }

    private static Struct read() throws IOException {
        Struct.Builder read = Struct.newBuilder();
        JsonFormat.parser().merge(Files.readString(Path.of("..", "flows", "appointment.json")), read);
        return read.build();
    }

    private static String text(Struct fields, String name) {
        return fields.getFieldsOrThrow(name).getStringValue();
    }

    private static Struct object(Struct fields, String name) {
        return fields.getFieldsOrThrow(name).getStructValue();
    }

    private static List<Value> list(Struct fields, String name) {
        return fields.getFieldsOrThrow(name).getListValue().getValuesList();
    }
}
