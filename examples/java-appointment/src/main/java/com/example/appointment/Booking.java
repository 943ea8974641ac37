package com.example.appointment;

import java.time.LocalDate;

/** What is kept of an appointment. The time is {@code HH:MM}, {@code moreDetails} may be empty. */
record Booking(
        String department,
        String location,
        LocalDate date,
        String time,
        String name,
        String email,
        String phone,
        String moreDetails) {
    boolean isSameSlot(Booking other) {
        return isAt(other.department, other.location) && date.equals(other.date) && time.equals(other.time);
    }

    boolean isAt(String department, String location) {
        return this.department.equals(department) && this.location.equals(location);
    }

    /** Shows nothing of what was typed. */
    @Override
    public String toString() {
        return "Booking";
    }
}
