package com.example.appointment;

import static java.util.stream.Collectors.groupingBy;
import static org.assertj.core.api.Assertions.assertThat;

import com.example.appointment.Bookings.Booked;
import com.example.appointment.Bookings.Outcome;
import com.example.appointment.Bookings.SlotTaken;
import com.example.appointment.Bookings.Time;
import com.example.appointment.Bookings.TokenUsed;
import java.time.LocalDate;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** A slot is booked once, a token books once, the same form twice is one booking. */
class BookingsTest {
    private static final LocalDate DAY = LocalDate.of(2031, 5, 5);

    private final Bookings bookings = new MemoryBookings();

    @Test
    void promisesAreKept() {
        Booking ada = booking("Ada", "kings_cross", "10:30");
        bookings.check();
        assertThat(bookings.taken("home", "kings_cross", DAY)).isEmpty();
        assertThat(bookings.find("token")).isNull();

        String reference = booked(bookings.book("token", ada));
        assertThat(reference).matches("[2-9A-HJ-NP-Z]{8}");
        assertThat(booked(bookings.book("token", ada))).isEqualTo(reference);
        assertThat(bookings.find("token")).isEqualTo(reference);

        // The token again, for anything else.
        assertThat(bookings.book("token", booking("Eve", "kings_cross", "10:30")))
                .isEqualTo(new TokenUsed(reference));
        assertThat(bookings.book("token", booking("Ada", "kings_cross", "12:00")))
                .isEqualTo(new TokenUsed(reference));

        // The slot again, for anybody else, even in the same words.
        assertThat(bookings.book("other", ada)).isEqualTo(new SlotTaken());
        assertThat(bookings.book(null, ada)).isEqualTo(new SlotTaken());
        assertThat(bookings.find("other")).isNull();

        // Without a token two different bookings are two, and equal ones are one.
        Booking bob = booking("Bob", "kings_cross", "14:00");
        String ofBob = booked(bookings.book(null, bob));
        assertThat(booked(bookings.book(null, bob))).isEqualTo(ofBob);
        assertThat(booked(bookings.book(null, booking("Eve", "kings_cross", "15:30"))))
                .isNotEqualTo(ofBob);
        assertThat(bookings.book(null, booking("Eve", "kings_cross", "14:00"))).isEqualTo(new SlotTaken());

        // Another place has the same hours, and may be booked at them.
        booked(bookings.book("third", booking("Ada", "covent_garden", "10:30")));

        assertThat(bookings.taken("home", "kings_cross", DAY))
                .containsExactlyInAnyOrder(new Time(DAY, "10:30"), new Time(DAY, "14:00"), new Time(DAY, "15:30"));
        assertThat(bookings.taken("home", "kings_cross", DAY.plusDays(1))).isEmpty();
    }

    @Test
    void ofManyAtTheSameMomentOneBooksTheSlot() {
        Map<Class<?>, List<Outcome>> outcomes = IntStream.range(0, 100)
                .parallel()
                .mapToObj(count -> bookings.book("token " + count, booking("Ada", "kings_cross", "09:00")))
                .collect(groupingBy(Outcome::getClass));
        assertThat(outcomes.get(Booked.class)).hasSize(1);
        assertThat(outcomes.get(SlotTaken.class)).hasSize(99);
    }

    @Test
    void nothingThatPrintsABookingShowsWhoComes() {
        assertThat(booking("Lovelace", "kings_cross", "09:00").toString()).doesNotContain("Lovelace");
    }

    private static String booked(Outcome outcome) {
        assertThat(outcome).isInstanceOf(Booked.class);
        return ((Booked) outcome).reference();
    }

    private static Booking booking(String name, String location, String time) {
        return new Booking("home", location, DAY, time, name, "somebody@example.com", "1234567", "");
    }
}
