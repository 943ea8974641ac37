package com.example.appointment;

import com.google.common.util.concurrent.MoreExecutors;
import com.google.common.util.concurrent.Uninterruptibles;
import io.grpc.Context;
import java.time.LocalDate;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;

/** Bookings that fail, or wait, when the test says so. */
final class ScriptedBookings implements Bookings {
    private final Bookings bookings = new MemoryBookings();

    /** What the next calls throw. */
    volatile @Nullable RuntimeException failure;

    /** A call waits until this is open, or until nobody waits for the call any more. */
    volatile CountDownLatch release = new CountDownLatch(0);

    final CountDownLatch called = new CountDownLatch(1);
    final CountDownLatch cancelled = new CountDownLatch(1);

    @Override
    public @Nullable String find(String flowToken) {
        RuntimeException scripted = failure;
        if (scripted != null) {
            throw scripted;
        }
        CountDownLatch goOn = release;
        Context.current()
                .addListener(
                        context -> {
                            cancelled.countDown();
                            goOn.countDown();
                        },
                        MoreExecutors.directExecutor());
        called.countDown();
        Uninterruptibles.awaitUninterruptibly(goOn);
        return bookings.find(flowToken);
    }

    @Override
    public Set<Time> taken(String department, String location, LocalDate from) {
        return bookings.taken(department, location, from);
    }

    @Override
    public Outcome book(@Nullable String flowToken, Booking booking) {
        return bookings.book(flowToken, booking);
    }

    @Override
    public void check() {
        RuntimeException scripted = failure;
        if (scripted != null) {
            throw scripted;
        }
    }
}
