package com.example.appointment;

import com.example.appointment.Catalogue.Place;
import com.google.common.base.CharMatcher;
import com.google.common.base.Splitter;
import com.google.common.base.Utf8;
import java.time.LocalDate;
import org.jspecify.annotations.Nullable;

/**
 * The form of DETAILS, and again that of SUMMARY, which adds the terms. Who comes is read without white space around.
 *
 * <p>Everything here was typed or chosen by a user. What a user can get wrong comes back as a text for the same user;
 * what only a Flow JSON that disagrees with this code can send is an exception.
 */
record BookingForm(
        String department,
        String location,
        String date,
        String time,
        String name,
        String email,
        String phone,
        String moreDetails,
        boolean terms) {
    private static final int MAX_NAME = 80;
    private static final int MAX_MORE_DETAILS = 500;
    private static final int MAX_EMAIL_BYTES = 254;

    private static final CharMatcher DIGIT = CharMatcher.inRange('0', '9');
    private static final CharMatcher IN_PHONE = DIGIT.or(CharMatcher.anyOf(" -()."));
    private static final CharMatcher NOT_IN_EMAIL =
            CharMatcher.whitespace().or(CharMatcher.javaIsoControl()).or(CharMatcher.is('@'));

    /** An appointment that the catalogue offers. */
    record Slot(Place place, LocalDate date, String time) {}

    static BookingForm read(FormData data) {
        return new BookingForm(
                data.text("department"),
                data.text("location"),
                data.text("date"),
                data.text("time"),
                trim(data.text("name")),
                trim(data.text("email")),
                trim(data.text("phone")),
                trim(data.textOrEmpty("more_details")),
                data.isSet("terms"));
    }

    /** The chosen slot; null where the catalogue does not offer it, or no longer. */
    @Nullable
    Slot slot(LocalDate today) {
        Place place = Catalogue.findPlace(department, location);
        if (place == null || !place.location().times().contains(time)) {
            return null;
        }
        return Catalogue.dates(today).stream()
                .filter(offered -> offered.toString().equals(date))
                .findFirst()
                .map(offered -> new Slot(place, offered, time))
                .orElse(null);
    }

    /** What the user should mend, in words for the user; null where nothing is wrong. */
    @Nullable
    String mend() {
        if (name.isEmpty() || letters(name) > MAX_NAME) {
            return "Please tell us your name, in up to 80 letters.";
        }
        if (!isEmail(email)) {
            return "This is no complete email address. It should look like name@example.com.";
        }
        if (!isPhone(phone)) {
            return "This is no phone number. Please give 7 to 15 digits, such as +44 20 7946 0000.";
        }
        if (letters(moreDetails) > MAX_MORE_DETAILS) {
            return "Please shorten your remarks to 500 letters.";
        }
        return null;
    }

    /** Whether mail could be sent there. Whether it arrives only mail can tell. */
    static boolean isEmail(String text) {
        int at = text.lastIndexOf('@');
        if (at < 1 || Utf8.encodedLength(text) > MAX_EMAIL_BYTES) {
            return false;
        }
        String local = text.substring(0, at);
        String domain = text.substring(at + 1);
        boolean isDomain =
                domain.contains(".") && Splitter.on('.').splitToStream(domain).noneMatch(String::isEmpty);
        return isDomain && NOT_IN_EMAIL.matchesNoneOf(local) && NOT_IN_EMAIL.matchesNoneOf(domain);
    }

    /** E.164 has at most 15 digits; people group them as they like. */
    static boolean isPhone(String text) {
        String number = text.startsWith("+") ? text.substring(1) : text;
        int digits = DIGIT.countIn(number);
        return digits >= 7 && digits <= 15 && IN_PHONE.matchesAllOf(number);
    }

    /** Of Unicode's white space, a no-break space too, which {@code strip} leaves. */
    private static String trim(String text) {
        return CharMatcher.whitespace().trimFrom(text);
    }

    private static int letters(String text) {
        return text.codePointCount(0, text.length());
    }

    /** Shows nothing of what was typed. */
    @Override
    public String toString() {
        return "BookingForm";
    }
}
