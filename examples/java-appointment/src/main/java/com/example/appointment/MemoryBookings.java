package com.example.appointment;

import static java.util.stream.Collectors.toSet;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.security.SecureRandom;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** Bookings in memory, gone with the process. */
final class MemoryBookings implements Bookings {
    /** For people to read out: no character is taken for another. */
    private static final String ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ";

    private static final int REFERENCE_LENGTH = 8;

    private final SecureRandom random = new SecureRandom();

    @GuardedBy("this")
    private final List<Entry> entries = new ArrayList<>();

    @Override
    public synchronized Set<Time> taken(String department, String location, LocalDate from) {
        return entries.stream()
                .map(Entry::booking)
                .filter(booking -> booking.isAt(department, location))
                .filter(booking -> !booking.date().isBefore(from))
                .map(booking -> new Time(booking.date(), booking.time()))
                .collect(toSet());
    }

    @Override
    public synchronized Outcome book(@Nullable String flowToken, Booking booking) {
        return first(entry -> flowToken != null && entry.isOf(flowToken))
                .or(() -> first(entry -> entry.booking.isSameSlot(booking)))
                .map(obstacle -> obstacle.against(flowToken, booking))
                .orElseGet(() -> add(flowToken, booking));
    }

    @Override
    public synchronized @Nullable String find(String flowToken) {
        return first(entry -> entry.isOf(flowToken)).map(Entry::reference).orElse(null);
    }

    @Override
    public void check() {}

    private synchronized Optional<Entry> first(Predicate<Entry> predicate) {
        return entries.stream().filter(predicate).findFirst();
    }

    private synchronized Outcome add(@Nullable String flowToken, Booking booking) {
        Entry entry = new Entry(newReference(), flowToken, booking);
        entries.add(entry);
        return new Booked(entry.reference);
    }

    private String newReference() {
        StringBuilder reference = new StringBuilder(REFERENCE_LENGTH);
        random.ints(REFERENCE_LENGTH, 0, ALPHABET.length()).forEach(at -> reference.append(ALPHABET.charAt(at)));
        return reference.toString();
    }

    private record Entry(String reference, @Nullable String flowToken, Booking booking) {
        boolean isOf(@Nullable String flowToken) {
            return Objects.equals(this.flowToken, flowToken);
        }

        /** What this entry, which stands in the way of a booking, means for it. */
        Outcome against(@Nullable String flowToken, Booking booking) {
            if (isOf(flowToken) && this.booking.equals(booking)) {
                return new Booked(reference);
            }
            return isOf(flowToken) && flowToken != null ? new TokenUsed(reference) : new SlotTaken();
        }
    }
}
