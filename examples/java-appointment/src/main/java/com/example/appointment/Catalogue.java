package com.example.appointment;

import java.time.DayOfWeek;
import java.time.LocalDate;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What can be booked: departments, their locations, and the times that they offer.
 *
 * <p>A business reads this from its own systems. Here it is fixed, apart from the dates: the next ten working days.
 */
final class Catalogue {
    /** How many working days ahead can be booked. */
    private static final int DAYS_AHEAD = 10;

    private static final Set<DayOfWeek> WEEKEND = Set.of(DayOfWeek.SATURDAY, DayOfWeek.SUNDAY);
    private static final DateTimeFormatter IN_WORDS = DateTimeFormatter.ofPattern("EEE d MMM yyyy", Locale.ENGLISH);

    private static final Location KINGS_CROSS =
            new Location("kings_cross", "King's Cross", List.of("09:00", "10:30", "12:00", "14:00", "15:30"));
    private static final Location OXFORD_STREET =
            new Location("oxford_street", "Oxford Street", List.of("10:00", "11:00", "13:00", "16:30"));
    private static final Location COVENT_GARDEN =
            new Location("covent_garden", "Covent Garden", List.of("11:30", "14:30", "17:00"));

    private static final List<Department> DEPARTMENTS = List.of(
            new Department("beauty", "Beauty & Personal Care", List.of(KINGS_CROSS, OXFORD_STREET, COVENT_GARDEN)),
            new Department("home", "Home & Garden", List.of(KINGS_CROSS, COVENT_GARDEN)),
            new Department("tailoring", "Tailoring", List.of(OXFORD_STREET)));

    private Catalogue() {}

    /** A department of the shop. */
    record Department(String id, String title, List<Location> locations) {
        List<Choice> locationChoices() {
            return locations.stream()
                    .map(location -> new Choice(location.id, location.title))
                    .toList();
        }
    }

    /** A place where a department receives its customers, and the times of a working day in their order. */
    record Location(String id, String title, List<String> times) {}

    /** A department at one of its locations. */
    record Place(Department department, Location location) {}

    /** An item of a dropdown, as the Flow JSON declares it. */
    record Choice(String id, String title) {
        static Choice of(LocalDate date) {
            return new Choice(date.toString(), inWords(date));
        }

        static Choice of(String time) {
            return new Choice(time, time);
        }
    }

    static List<Choice> departmentChoices() {
        return DEPARTMENTS.stream()
                .map(department -> new Choice(department.id, department.title))
                .toList();
    }

    static @Nullable Department findDepartment(String id) {
        return DEPARTMENTS.stream()
                .filter(department -> department.id.equals(id))
                .findFirst()
                .orElse(null);
    }

    static @Nullable Place findPlace(String departmentId, String locationId) {
        Department department = findDepartment(departmentId);
        if (department == null) {
            return null;
        }
        return department.locations.stream()
                .filter(location -> location.id.equals(locationId))
                .findFirst()
                .map(location -> new Place(department, location))
                .orElse(null);
    }

    /** The dates that can be booked on a day: working days, beginning with the next. */
    static List<LocalDate> dates(LocalDate today) {
        return Stream.iterate(today.plusDays(1), date -> date.plusDays(1))
                .filter(date -> !WEEKEND.contains(date.getDayOfWeek()))
                .limit(DAYS_AHEAD)
                .toList();
    }

    /** A date as people read it: {@code Mon 3 Feb 2025}. */
    static String inWords(LocalDate date) {
        return IN_WORDS.format(date);
    }
}
