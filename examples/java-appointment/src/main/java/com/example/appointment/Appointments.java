package com.example.appointment;

import com.example.appointment.AppointmentScreen.FreeDay;
import com.example.appointment.BookingForm.Slot;
import com.example.appointment.Bookings.Booked;
import com.example.appointment.Bookings.Outcome;
import com.example.appointment.Bookings.Time;
import com.example.appointment.Bookings.TokenUsed;
import com.example.appointment.Catalogue.Department;
import com.example.appointment.Catalogue.Place;
import com.example.appointment.Chosen.AtLocation;
import com.example.appointment.Chosen.DateSelected;
import com.example.appointment.Chosen.DepartmentSelected;
import com.example.appointment.LogicException.Reason;
import com.google.protobuf.Struct;
import com.google.protobuf.util.Values;
import flow.v1.FlowServiceOuterClass.Completion;
import flow.v1.FlowServiceOuterClass.HandleDataExchangeRequest;
import flow.v1.FlowServiceOuterClass.HandleDataExchangeResponse;
import flow.v1.FlowServiceOuterClass.InvalidFlowToken;
import flow.v1.FlowServiceOuterClass.NextScreen;
import java.time.Clock;
import java.time.LocalDate;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The decisions of the flow: which screen comes next, and with what on it. */
final class Appointments {
    private static final String NOT_OFFERED = "This is no longer offered. Please choose again.";
    private static final String FULLY_BOOKED = "Everything is booked here. Please choose another location.";
    private static final String TAKEN = "Somebody was faster: this time has just been taken. Please choose another.";
    private static final String NO_ERROR = "";
    private static final String TERMS = "Please accept the terms to book.";
    private static final String BOOKED_ALREADY =
            "Your appointment is booked already, under %s. To change it, write to us.";

    /** What a message has for a token whose sender set none. Many conversations share it, so it is the key of none. */
    private static final String UNUSED_TOKEN = "unused";

    private final Bookings bookings;
    private final Clock clock;

    /** The flow over these bookings, in the clock's time zone. */
    Appointments(Bookings bookings, Clock clock) {
        this.bookings = bookings;
        this.clock = clock;
    }

    /** One step of a conversation. */
    HandleDataExchangeResponse dataExchange(HandleDataExchangeRequest request) {
        FormData data = new FormData(request.getData());
        String token = request.getFlowToken();
        String flowToken = token.isEmpty() || token.equals(UNUSED_TOKEN) ? null : token;
        boolean isSubmission = switch (request.getAction()) {
            case ACTION_DATA_EXCHANGE -> true;
            case ACTION_INIT, ACTION_BACK -> false;
            default ->
                throw new LogicException(
                        Reason.INVALID_REQUEST, "a data exchange is one of INIT, data_exchange and BACK");
        };
        if (isSubmission && request.getScreen().equals("SUMMARY")) {
            return book(flowToken, BookingForm.read(data));
        }
        String reference = flowToken == null ? null : bookings.find(flowToken);
        if (reference != null) {
            return bookedAlready(reference);
        }
        if (!isSubmission) {
            // Back leads to APPOINTMENT only: DETAILS alone has refresh_on_back.
            return show(AppointmentScreen.start(), NO_ERROR);
        }
        return switch (request.getScreen()) {
            case "APPOINTMENT" -> choose(Chosen.read(data));
            case "DETAILS" -> checkDetails(BookingForm.read(data));
            default -> throw new LogicException(Reason.INTERNAL, "the flow has no such screen that submits");
        };
    }

    /** Returns when a user could be served. */
    void ping() {
        bookings.check();
    }

    /** One of the dropdowns of APPOINTMENT was used: brings the content of the next. */
    private HandleDataExchangeResponse choose(Chosen chosen) {
        if (chosen instanceof DepartmentSelected selected) {
            Department department = Catalogue.findDepartment(selected.department());
            return department == null
                    ? show(AppointmentScreen.start(), NOT_OFFERED)
                    : show(AppointmentScreen.start().withLocations(department), NO_ERROR);
        }
        return chooseAt((AtLocation) chosen);
    }

    private HandleDataExchangeResponse chooseAt(AtLocation chosen) {
        Place place = Catalogue.findPlace(chosen.department(), chosen.location());
        if (place == null) {
            return show(AppointmentScreen.start(), NOT_OFFERED);
        }
        List<FreeDay> free = free(place);
        AppointmentScreen screen = datesOf(place, free);
        if (!(chosen instanceof DateSelected selected)) {
            return show(screen, free.isEmpty() ? FULLY_BOOKED : NO_ERROR);
        }
        return free.stream()
                .filter(day -> day.date().toString().equals(selected.date()))
                .findFirst()
                .map(day -> show(screen.withTimes(day), NO_ERROR))
                .orElseGet(() -> show(screen, NOT_OFFERED));
    }

    /** DETAILS was submitted. */
    private HandleDataExchangeResponse checkDetails(BookingForm form) {
        Slot slot = form.slot(today());
        if (slot == null) {
            return show(AppointmentScreen.start(), NOT_OFFERED);
        }
        String mend = form.mend();
        return mend == null ? show("SUMMARY", summary(slot, form), NO_ERROR) : show("DETAILS", slotData(slot), mend);
    }

    /** SUMMARY was submitted. Everything is checked again, for all of it came back from the client. */
    private HandleDataExchangeResponse book(@Nullable String flowToken, BookingForm form) {
        Slot slot = form.slot(today());
        if (slot == null) {
            return show(AppointmentScreen.start(), NOT_OFFERED);
        }
        String mend = form.mend();
        if (mend != null) {
            return show("DETAILS", slotData(slot), mend);
        }
        if (!form.terms()) {
            return show("SUMMARY", summary(slot, form), TERMS);
        }
        Outcome outcome = bookings.book(flowToken, booking(slot, form));
        if (outcome instanceof Booked booked) {
            return complete(slotData(slot).toBuilder()
                    .putFields("reference", Values.of(booked.reference()))
                    .build());
        }
        if (outcome instanceof TokenUsed used) {
            return bookedAlready(used.reference());
        }
        return show(datesOf(slot.place(), free(slot.place())), TAKEN);
    }

    /** The days with free times at a place, in their order. */
    private List<FreeDay> free(Place place) {
        LocalDate today = today();
        Set<Time> taken =
                bookings.taken(place.department().id(), place.location().id(), today);
        return Catalogue.dates(today).stream()
                .map(date -> new FreeDay(
                        date,
                        place.location().times().stream()
                                .filter(time -> !taken.contains(new Time(date, time)))
                                .toList()))
                .filter(day -> !day.times().isEmpty())
                .toList();
    }

    private LocalDate today() {
        return LocalDate.now(clock);
    }

    private static AppointmentScreen datesOf(Place place, List<FreeDay> free) {
        return AppointmentScreen.start().withLocations(place.department()).withDates(free);
    }

    /** The data of DETAILS: the slot, for the client to hand back. */
    private static Struct slotData(Slot slot) {
        return Struct.newBuilder()
                .putFields("department", Values.of(slot.place().department().id()))
                .putFields("location", Values.of(slot.place().location().id()))
                .putFields("date", Values.of(slot.date().toString()))
                .putFields("time", Values.of(slot.time()))
                .build();
    }

    /** The data of SUMMARY: two texts to read, and everything for the client to hand back. */
    private static Struct summary(Slot slot, BookingForm form) {
        String appointment = "%s at %s\n%s at %s"
                .formatted(
                        slot.place().department().title(),
                        slot.place().location().title(),
                        Catalogue.inWords(slot.date()),
                        slot.time());
        String details = "Name: %s\nEmail: %s\nPhone: %s".formatted(form.name(), form.email(), form.phone());
        return slotData(slot).toBuilder()
                .putFields("appointment", Values.of(appointment))
                .putFields("details", Values.of(details))
                .putFields("name", Values.of(form.name()))
                .putFields("email", Values.of(form.email()))
                .putFields("phone", Values.of(form.phone()))
                .putFields("more_details", Values.of(form.moreDetails()))
                .build();
    }

    private static Booking booking(Slot slot, BookingForm form) {
        return new Booking(
                slot.place().department().id(),
                slot.place().location().id(),
                slot.date(),
                slot.time(),
                form.name(),
                form.email(),
                form.phone(),
                form.moreDetails());
    }

    private static HandleDataExchangeResponse show(AppointmentScreen screen, String errorMessage) {
        return show("APPOINTMENT", screen.data(), errorMessage);
    }

    private static HandleDataExchangeResponse show(String screen, Struct data, String errorMessage) {
        return HandleDataExchangeResponse.newBuilder()
                .setNextScreen(
                        NextScreen.newBuilder().setScreen(screen).setData(data).setErrorMessage(errorMessage))
                .build();
    }

    private static HandleDataExchangeResponse complete(Struct params) {
        return HandleDataExchangeResponse.newBuilder()
                .setCompletion(Completion.newBuilder().setParams(params))
                .build();
    }

    private static HandleDataExchangeResponse bookedAlready(String reference) {
        return HandleDataExchangeResponse.newBuilder()
                .setInvalidFlowToken(InvalidFlowToken.newBuilder().setErrorMessage(BOOKED_ALREADY.formatted(reference)))
                .build();
    }
}
