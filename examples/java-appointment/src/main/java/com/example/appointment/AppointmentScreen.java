package com.example.appointment;

import com.example.appointment.Catalogue.Choice;
import com.example.appointment.Catalogue.Department;
import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import com.google.protobuf.util.Structs;
import com.google.protobuf.util.Values;
import java.time.LocalDate;
import java.util.List;

/** The data of APPOINTMENT. A dropdown is enabled once there is something in it. */
record AppointmentScreen(List<Choice> locations, List<Choice> dates, List<Choice> times) {
    /** A day and the times that are still free. */
    record FreeDay(LocalDate date, List<String> times) {}

    static AppointmentScreen start() {
        return new AppointmentScreen(List.of(), List.of(), List.of());
    }

    AppointmentScreen withLocations(Department department) {
        return new AppointmentScreen(department.locationChoices(), dates, times);
    }

    AppointmentScreen withDates(List<FreeDay> free) {
        return new AppointmentScreen(
                locations, free.stream().map(day -> Choice.of(day.date)).toList(), times);
    }

    AppointmentScreen withTimes(FreeDay day) {
        return new AppointmentScreen(
                locations, dates, day.times.stream().map(Choice::of).toList());
    }

    Struct data() {
        return Struct.newBuilder()
                .putFields("department", dropdown(Catalogue.departmentChoices()))
                .putFields("location", dropdown(locations))
                .putFields("is_location_enabled", Values.of(!locations.isEmpty()))
                .putFields("date", dropdown(dates))
                .putFields("is_date_enabled", Values.of(!dates.isEmpty()))
                .putFields("time", dropdown(times))
                .putFields("is_time_enabled", Values.of(!times.isEmpty()))
                .build();
    }

    private static Value dropdown(List<Choice> choices) {
        return Values.of(choices.stream()
                .map(choice -> Structs.of("id", Values.of(choice.id()), "title", Values.of(choice.title())))
                .map(Values::of)
                .toList());
    }
}
