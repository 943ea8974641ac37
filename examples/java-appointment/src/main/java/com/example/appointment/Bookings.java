package com.example.appointment;

import com.example.appointment.LogicException.Reason;
import java.time.LocalDate;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Where bookings are kept. A token is the key of a conversation; without one, equal bookings are the same booking.
 *
 * <p>A slot is booked once, and a flow token books once: whoever keeps the bookings guarantees both, also against
 * callers that run at the same moment. Each method throws {@link UnavailableException} where it cannot do its work. One
 * that waits, such as for a database, waits no longer than {@code io.grpc.Context.current().getDeadline()}.
 */
interface Bookings {
    /** Each time that is booked of a department at a location, from a day on. */
    Set<Time> taken(String department, String location, LocalDate from);

    /** Books the slot, once for each slot and once for each token. */
    Outcome book(@Nullable String flowToken, Booking booking);

    /** Reference of the booking that a token has made; null where it has made none. */
    @Nullable
    String find(String flowToken);

    /** Returns when the bookings can be reached. */
    void check();

    /** A time of a day, {@code HH:MM}. */
    record Time(LocalDate date, String time) {}

    /** What became of an attempt to book. */
    sealed interface Outcome {}

    /** The slot belongs to this booking, now or since an earlier attempt that was the same in everything. */
    record Booked(String reference) implements Outcome {}

    /** The slot belongs to somebody else. */
    record SlotTaken() implements Outcome {}

    /** The token has booked already, something else. */
    record TokenUsed(String reference) implements Outcome {}

    /** The bookings cannot be read or written just now. */
    final class UnavailableException extends LogicException {
        private static final long serialVersionUID = 1;

        UnavailableException() {
            super(Reason.UNAVAILABLE, "the bookings cannot be reached");
        }
    }
}
