package com.example.appointment;

import static com.example.appointment.User.with;
import static com.example.appointment.User.withDetails;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.example.appointment.LogicException.Reason;
import com.example.appointment.User.Answer;
import flow.v1.FlowServiceOuterClass.HandleDataExchangeRequest;
import flow.v1.FlowServiceOuterClass.HandleDataExchangeResponse.OutcomeCase;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a user sees, in conversations with the logic in this process. */
class ConversationTest {
    /** A Friday. */
    private static final Clock CLOCK = Clock.fixed(Instant.parse("2025-01-31T09:00:00Z"), ZoneOffset.UTC);

    private final Appointments shop = new Appointments(new MemoryBookings(), CLOCK);
    private final User ada = new User(shop::dataExchange, "ada");
    private final User bob = new User(shop::dataExchange, "bob");

    @Test
    void aTimeThatWasTakenIsOfferedNoMoreAndRefusedKindly() {
        Map<String, Object> chosen = ada.choose();
        assertThat(bob.choose()).isEqualTo(chosen);
        Answer booked = ada.submit("SUMMARY", withDetails(chosen, "Ada"));
        assertThat(booked.reference()).hasSize(8);
        assertThat(booked.params()).isEqualTo(with(chosen, "reference", booked.reference()));

        Answer refused = bob.submit("SUMMARY", withDetails(chosen, "Bob"));
        refused.asksAgain("APPOINTMENT", "taken");
        assertThat(refused.data()).containsEntry("is_date_enabled", true);
        assertThat(bob.choose()).isNotEqualTo(chosen);
    }

    @Test
    void theSameFormAgainIsTheSameBooking() {
        Map<String, Object> form = ada.form("Ada");
        Map<String, Object> first = ada.submit("SUMMARY", form).params();
        // What goes missing or comes along on the way does not count.
        Map<String, Object> withoutRemarks = new HashMap<>(form);
        withoutRemarks.remove("more_details");
        for (Map<String, Object> again :
                List.of(form, with(form, "name", "\u00a0Ada "), with(form, "unknown", 1), withoutRemarks)) {
            assertThat(ada.submit("SUMMARY", again).params()).isEqualTo(first);
        }
    }

    @Test
    void aFinishedTokenIsToldItsReferenceWhateverItDoes() {
        Map<String, Object> form = ada.form("Ada");
        String reference = ada.submit("SUMMARY", form).reference();
        List<Answer> answers = List.of(
                ada.init(),
                ada.back("DETAILS"),
                ada.submit("APPOINTMENT", Map.of("trigger", "department_selected", "department", "home")),
                ada.submit("DETAILS", form),
                ada.submit("SUMMARY", with(form, "name", "Somebody else")));
        assertThat(answers).allSatisfy(answer -> {
            assertThat(answer.outcome()).isEqualTo(OutcomeCase.INVALID_FLOW_TOKEN);
            assertThat(answer.errorMessage())
                    .isEqualTo("Your appointment is booked already, under %s. To change it, write to us."
                            .formatted(reference));
        });
        // Another message is another conversation.
        assertThat(bob.init().screen()).isEqualTo("APPOINTMENT");
    }

    @ParameterizedTest
    @ValueSource(strings = {"unused", ""})
    void withoutATokenOfOnesOwnEveryConversationCanBook(String flowToken) {
        User somebody = new User(shop::dataExchange, flowToken);
        Set<String> references = new HashSet<>();
        for (String name : List.of("Ada", "Bob")) {
            Map<String, Object> form = somebody.form(name);
            Answer booked = somebody.submit("SUMMARY", form);
            assertThat(somebody.submit("SUMMARY", form).params()).isEqualTo(booked.params());
            references.add(booked.reference());
            assertThat(somebody.init().screen()).isEqualTo("APPOINTMENT");
        }
        assertThat(references).hasSize(2);
    }

    static final List<Arguments> TYPED_WRONG = List.of(
            Arguments.of("name", " \u00a0", "Please tell us your name, in up to 80 letters."),
            Arguments.of("name", "a".repeat(81), "Please tell us your name, in up to 80 letters."),
            Arguments.of(
                    "email", "ada@example", "This is no complete email address. It should look like name@example.com."),
            Arguments.of(
                    "phone",
                    "call me",
                    "This is no phone number. Please give 7 to 15 digits, such as +44 20 7946 0000."),
            Arguments.of("more_details", "a".repeat(501), "Please shorten your remarks to 500 letters."));

    @ParameterizedTest
    @FieldSource("TYPED_WRONG")
    void detailsAreCheckedOnBothScreens(String field, String value, String text) {
        Map<String, Object> form = ada.form("Ada");
        for (String screen : List.of("DETAILS", "SUMMARY")) {
            Answer answer = ada.submit(screen, with(form, field, value));
            assertThat(answer.screen()).isEqualTo("DETAILS");
            assertThat(answer.errorMessage()).isEqualTo(text);
            assertThat(answer.data()).containsEntry("time", "09:00");
        }
    }

    @Test
    void lettersAreCountedAsPeopleCountThem() {
        Map<String, Object> form = with(ada.form("😀".repeat(80)), "more_details", "😀".repeat(500));
        assertThat(ada.submit("SUMMARY", form).reference()).hasSize(8);
    }

    @Test
    void nothingIsBookedBeforeTheTermsAreAccepted() {
        Map<String, Object> form = ada.form("Ada");
        ada.submit("SUMMARY", with(form, "terms", false)).asksAgain("SUMMARY", "Please accept the terms to book.");
        Answer summary = ada.submit("DETAILS", form);
        assertThat(summary.screen()).isEqualTo("SUMMARY");
        assertThat(summary.data())
                .containsEntry("appointment", "Home & Garden at King's Cross\nMon 3 Feb 2025 at 09:00")
                .containsEntry("details", "Name: Ada\nEmail: ada@example.com\nPhone: +44 20 7946 0000")
                .containsEntry("more_details", "");
    }

    @ParameterizedTest
    @CsvSource({
        "department, garage",
        "location, oxford_street",
        "date, 2001-01-01",
        "date, 9999-12-31",
        "date, tomorrow",
        "time, 03:00",
        "time, ''"
    })
    void whatIsNotOfferedIsNotBooked(String field, String value) {
        Map<String, Object> form = with(ada.form("Ada"), field, value);
        for (String screen : List.of("DETAILS", "SUMMARY")) {
            ada.submit(screen, form).asksAgain("APPOINTMENT", "This is no longer offered. Please choose again.");
        }
    }

    static final List<Map<String, String>> NOT_OFFERED = List.of(
            Map.of("trigger", "department_selected", "department", "garage"),
            Map.of("trigger", "location_selected", "department", "home", "location", "garage"),
            Map.of("trigger", "date_selected", "department", "home", "location", "kings_cross", "date", "2001-01-01"));

    @ParameterizedTest
    @FieldSource("NOT_OFFERED")
    void whatIsNotOfferedCannotBeChosen(Map<String, String> choice) {
        ada.submit("APPOINTMENT", choice).asksAgain("APPOINTMENT", "no longer offered");
    }

    @Test
    void aPlaceWithoutFreeTimesSaysSo() {
        // Ten days of four times.
        for (int count = 0; count < 40; count++) {
            User somebody = new User(shop::dataExchange, "user " + count);
            Map<String, Object> form = withDetails(somebody.choose("tailoring", "oxford_street"), "Ada");
            assertThat(somebody.submit("SUMMARY", form).reference()).hasSize(8);
        }
        Answer dates = ada.submit(
                "APPOINTMENT",
                Map.of("trigger", "location_selected", "department", "tailoring", "location", "oxford_street"));
        dates.asksAgain("APPOINTMENT", "Everything is booked here. Please choose another location.");
        assertThat(dates.data()).containsEntry("is_date_enabled", false).containsEntry("date", List.of());
    }

    static final List<Arguments> MISFITS = List.of(
            Arguments.of("APPOINTMENT", Map.of("trigger", "Lovelace"), "form data, field `trigger`: unknown"),
            Arguments.of("APPOINTMENT", Map.of("department", "home"), "form data, field `trigger`: missing"),
            Arguments.of(
                    "APPOINTMENT", Map.of("trigger", "department_selected"), "form data, field `department`: missing"),
            Arguments.of("DETAILS", Map.of(), "form data, field `department`: missing"),
            Arguments.of(
                    "SUMMARY",
                    Map.of("department", List.of("Lovelace")),
                    "form data, field `department`: expected a string"),
            Arguments.of("TERMS", Map.of("name", "Lovelace"), "the flow has no such screen that submits"));

    @ParameterizedTest
    @FieldSource("MISFITS")
    void aFormThatDoesNotFitTheCodeIsAnErrorThatQuotesNothing(String screen, Map<String, Object> form, String text) {
        assertThatThrownBy(() -> ada.submit(screen, form))
                .isInstanceOf(LogicException.class)
                .hasMessage(text);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 4, 99})
    void anActionThatNoScreenSendsIsRefused(int action) {
        HandleDataExchangeRequest request =
                HandleDataExchangeRequest.newBuilder().setActionValue(action).build();
        assertThatThrownBy(() -> shop.dataExchange(request))
                .isInstanceOfSatisfying(
                        LogicException.class,
                        error -> assertThat(error.reason()).isEqualTo(Reason.INVALID_REQUEST));
    }

    @Test
    void todayIsThatOfTheClocksTimeZone() {
        // Already Saturday in Auckland, still Thursday in Honolulu.
        assertThat(firstDate("2025-01-31T12:00:00Z", "Pacific/Auckland")).isEqualTo("2025-02-03");
        assertThat(firstDate("2025-01-31T09:00:00Z", "Pacific/Honolulu")).isEqualTo("2025-01-31");
    }

    private static @Nullable Object firstDate(String instant, String zone) {
        Clock clock = Clock.fixed(Instant.parse(instant), ZoneId.of(zone));
        Appointments there = new Appointments(new MemoryBookings(), clock);
        return new User(there::dataExchange, "ada").choose().get("date");
    }
}
