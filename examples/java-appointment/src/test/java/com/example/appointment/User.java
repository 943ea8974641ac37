package com.example.appointment;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ListValue;
import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import flow.v1.FlowServiceOuterClass.Action;
import flow.v1.FlowServiceOuterClass.HandleDataExchangeRequest;
import flow.v1.FlowServiceOuterClass.HandleDataExchangeResponse;
import flow.v1.FlowServiceOuterClass.HandleDataExchangeResponse.OutcomeCase;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A user, for tests: talks to the logic in this process, or by a stub over gRPC. */
record User(Exchange exchange, String flowToken) {
    interface Exchange {
        HandleDataExchangeResponse apply(HandleDataExchangeRequest request);
    }

    /** What the user gets, with its data as JSON has it. */
    record Answer(HandleDataExchangeResponse response) {
        OutcomeCase outcome() {
            return response.getOutcomeCase();
        }

        String screen() {
            return response.getNextScreen().getScreen();
        }

        Map<String, Object> data() {
            return map(response.getNextScreen().getData());
        }

        Map<String, Object> params() {
            return map(response.getCompletion().getParams());
        }

        String reference() {
            assertThat(params()).containsKey("reference");
            return String.valueOf(params().get("reference"));
        }

        String errorMessage() {
            return response.getNextScreen().getErrorMessage()
                    + response.getInvalidFlowToken().getErrorMessage();
        }

        /** The id of the first item of a dropdown. */
        String first(String dropdown) {
            Value item = response.getNextScreen()
                    .getData()
                    .getFieldsOrThrow(dropdown)
                    .getListValue()
                    .getValues(0);
            return item.getStructValue().getFieldsOrThrow("id").getStringValue();
        }

        void asksAgain(String screen, String text) {
            assertThat(screen()).isEqualTo(screen);
            assertThat(errorMessage()).contains(text);
        }
    }

    Answer init() {
        return send(Action.ACTION_INIT, "", Map.of());
    }

    Answer back(String screen) {
        return send(Action.ACTION_BACK, screen, Map.of());
    }

    Answer submit(String screen, Map<String, ?> form) {
        return send(Action.ACTION_DATA_EXCHANGE, screen, form);
    }

    /** Chooses up to the first free time, like a user without a preference: the payload of the next screens. */
    Map<String, Object> choose() {
        return choose("home", "kings_cross");
    }

    Map<String, Object> choose(String department, String location) {
        Map<String, Object> chosen = Map.of("department", department, "location", location);
        chosen = with(
                chosen,
                "date",
                submit("APPOINTMENT", with(chosen, "trigger", "location_selected"))
                        .first("date"));
        return with(
                chosen,
                "time",
                submit("APPOINTMENT", with(chosen, "trigger", "date_selected")).first("time"));
    }

    /** A form that can be booked: the first free time, and who comes. */
    Map<String, Object> form(String name) {
        return withDetails(choose(), name);
    }

    static Map<String, Object> withDetails(Map<String, Object> chosen, String name) {
        Map<String, Object> form = new HashMap<>(chosen);
        form.putAll(Map.of("name", name, "email", "ada@example.com", "phone", "+44 20 7946 0000"));
        form.putAll(Map.of("more_details", "", "terms", true));
        return form;
    }

    static Map<String, Object> with(Map<String, Object> form, String field, Object value) {
        Map<String, Object> changed = new HashMap<>(form);
        changed.put(field, value);
        return changed;
    }

    static Struct struct(Map<String, ?> fields) {
        Struct.Builder struct = Struct.newBuilder();
        fields.forEach((name, value) -> struct.putFields(name, value(value)));
        return struct.build();
    }

    static Map<String, Object> map(Struct struct) {
        Map<String, Object> fields = new HashMap<>();
        struct.getFieldsMap().forEach((name, value) -> fields.put(name, plain(value)));
        return fields;
    }

    private Answer send(Action action, String screen, Map<String, ?> form) {
        return new Answer(exchange.apply(HandleDataExchangeRequest.newBuilder()
                .setEndpoint("appointments")
                .setRequestId("request-1")
                .setAction(action)
                .setScreen(screen)
                .setFlowToken(flowToken)
                .setData(struct(form))
                .build()));
    }

    private static Value value(Object value) {
        Value.Builder built = Value.newBuilder();
        if (value instanceof String text) {
            built.setStringValue(text);
        } else if (value instanceof Boolean flag) {
            built.setBoolValue(flag);
        } else if (value instanceof Number number) {
            built.setNumberValue(number.doubleValue());
        } else if (value instanceof List<?> items) {
            ListValue.Builder list = ListValue.newBuilder();
            items.forEach(item -> list.addValues(value(item)));
            built.setListValue(list);
        } else {
            throw new IllegalArgumentException("a value that no form has");
        }
        return built.build();
    }

    private static Object plain(Value value) {
        return switch (value.getKindCase()) {
            case STRING_VALUE -> value.getStringValue();
            case BOOL_VALUE -> value.getBoolValue();
            case NUMBER_VALUE -> value.getNumberValue();
            case LIST_VALUE ->
                value.getListValue().getValuesList().stream().map(User::plain).toList();
            case STRUCT_VALUE -> map(value.getStructValue());
            case NULL_VALUE, KIND_NOT_SET -> throw new IllegalArgumentException("a value that no answer has");
        };
    }
}
