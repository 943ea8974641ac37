package com.example.appointment;

import static org.assertj.core.api.Assertions.assertThat;

import com.example.appointment.Catalogue.Choice;
import java.time.LocalDate;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The checks of what was typed, and the dates that are offered. */
class FormTest {
    @ParameterizedTest
    @ValueSource(strings = {"ada@example.com", "a.b+c@mail.example.co.uk", "zoë@exämple.de"})
    void anEmailAddressThatCouldBeReached(String text) {
        assertThat(BookingForm.isEmail(text)).isTrue();
    }

    static final List<String> NO_EMAIL = List.of(
            "",
            "ada",
            "ada@",
            "@example.com",
            "ada@example",
            "a b@example.com",
            "a@b@example.com",
            "a@b..c",
            "a\0@b.c",
            "a".repeat(250) + "@example.com",
            "ä".repeat(122) + "@example.com");

    @ParameterizedTest
    @FieldSource("NO_EMAIL")
    void anEmailAddressThatCouldNot(String text) {
        assertThat(BookingForm.isEmail(text)).isFalse();
    }

    @ParameterizedTest
    @ValueSource(strings = {"02079460000", "+44 20 7946 0000", "(020) 7946-0000", "1234567", "+123456789012345"})
    void aPhoneNumber(String text) {
        assertThat(BookingForm.isPhone(text)).isTrue();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"", "123456", "1234567890123456", "+44 20 7946 000O", "44+2079460000", "call me", "١٢٣٤٥٦٧"})
    void noPhoneNumber(String text) {
        assertThat(BookingForm.isPhone(text)).isFalse();
    }

    @Test
    void datesAreTheNextTenWorkingDays() {
        // A Friday.
        List<LocalDate> dates = Catalogue.dates(LocalDate.parse("2025-01-31"));
        assertThat(dates).hasSize(10).startsWith(LocalDate.parse("2025-02-03")).endsWith(LocalDate.parse("2025-02-14"));
    }

    @Test
    void aDateHasAnIdForTheCodeAndATitleForPeople() {
        assertThat(Choice.of(LocalDate.parse("2025-02-03"))).isEqualTo(new Choice("2025-02-03", "Mon 3 Feb 2025"));
        assertThat(IntStream.rangeClosed(1, 12).mapToObj(month -> Catalogue.inWords(LocalDate.of(2025, month, 1))))
                .allMatch(words -> words.matches("[A-Z][a-z]{2} 1 [A-Z][a-z]{2} 2025"));
    }

    @Test
    void aPlaceIsADepartmentAtOneOfItsOwnLocations() {
        assertThat(Catalogue.findPlace("home", "kings_cross"))
                .satisfies(place -> assertThat(place.location().title()).isEqualTo("King's Cross"));
        assertThat(Catalogue.findPlace("tailoring", "kings_cross")).isNull();
        assertThat(Catalogue.findPlace("kings_cross", "home")).isNull();
    }

    @Test
    void nothingThatPrintsAFormShowsWhatWasTyped() {
        FormData data = new FormData(User.struct(
                User.withDetails(Map.of("department", "d", "location", "l", "date", "d", "time", "t"), "Lovelace")));
        assertThat("%s %s".formatted(data, BookingForm.read(data))).doesNotContain("Lovelace");
    }
}
