package com.example.appointment;

import com.example.appointment.LogicException.Reason;
import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import com.google.protobuf.Value.KindCase;
import org.jspecify.annotations.Nullable;

/** The data of a request, read field by field. An error names the field and quotes nothing of it. */
record FormData(Struct data) {
    String text(String field) {
        String text = textOrNull(field);
        if (text == null) {
            throw misfit(field, "missing");
        }
        return text;
    }

    /** An empty text where the field is absent or null. */
    String textOrEmpty(String field) {
        Value value = value(field);
        boolean isAbsent = value == null || value.getKindCase() == KindCase.NULL_VALUE;
        return isAbsent ? "" : text(field);
    }

    /** False where the field is absent. */
    boolean isSet(String field) {
        Value value = value(field);
        if (value == null) {
            return false;
        }
        if (value.getKindCase() != KindCase.BOOL_VALUE) {
            throw misfit(field, "expected a boolean");
        }
        return value.getBoolValue();
    }

    static LogicException misfit(String field, String problem) {
        return new LogicException(Reason.INVALID_FORM_DATA, "form data, field `%s`: %s".formatted(field, problem));
    }

    private @Nullable String textOrNull(String field) {
        Value value = value(field);
        if (value == null) {
            return null;
        }
        if (value.getKindCase() != KindCase.STRING_VALUE) {
            throw misfit(field, "expected a string");
        }
        return value.getStringValue();
    }

    private @Nullable Value value(String field) {
        return data.getFieldsMap().get(field);
    }

    /** Shows nothing of what was typed. */
    @Override
    public String toString() {
        return "FormData";
    }
}
