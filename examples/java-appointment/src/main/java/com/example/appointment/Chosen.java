package com.example.appointment;

/** The dropdowns of APPOINTMENT: each choice asks for the content of the next. */
sealed interface Chosen permits Chosen.DepartmentSelected, Chosen.AtLocation {
    String department();

    record DepartmentSelected(String department) implements Chosen {}

    /** The choices that follow that of a location. */
    sealed interface AtLocation extends Chosen {
        String location();
    }

    record LocationSelected(String department, String location) implements AtLocation {}

    record DateSelected(String department, String location, String date) implements AtLocation {}

    static Chosen read(FormData data) {
        return switch (data.text("trigger")) {
            case "department_selected" -> new DepartmentSelected(data.text("department"));
            case "location_selected" -> new LocationSelected(data.text("department"), data.text("location"));
            case "date_selected" -> new DateSelected(data.text("department"), data.text("location"), data.text("date"));
            default -> throw FormData.misfit("trigger", "unknown");
        };
    }
}
