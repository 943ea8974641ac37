// Package bookings keeps what was booked.
//
// A slot is booked once, and a flow token books once: whoever keeps the bookings guarantees both, also against callers that
// run at the same moment. Memory is for trying things out; Postgres keeps them, and lets several replicas share.
package bookings

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
)

// ErrUnavailable says that the bookings cannot be read or written just now.
var ErrUnavailable = errors.New("the bookings cannot be reached")

// Booking is what is kept of an appointment.
type Booking struct {
	// Slot is what is booked.
	Slot
	// Name says who comes.
	Name string
	// Email says where to write.
	Email string
	// Phone says where to call.
	Phone string
	// MoreDetails is anything else that the customer wanted to say; it may be empty.
	MoreDetails string
}

// LogValue keeps what a user typed out of logs.
func (Booking) LogValue() slog.Value { return slog.StringValue("booking") }

// String keeps what a user typed out of texts.
func (Booking) String() string { return "booking" }

// Slot is a time at a place.
type Slot struct {
	// Department is the id of the department.
	Department string
	// Location is the id of the location.
	Location string
	Time
}

// Time is when a slot begins.
type Time struct {
	// Date is the day, YYYY-MM-DD.
	Date string
	// Time is HH:MM.
	Time string
}

// Status says what became of an attempt to book.
type Status int

const (
	// Booked means that the slot belongs to this booking, now or since an earlier attempt that was the same in everything.
	Booked Status = iota + 1
	// SlotTaken means that the slot belongs to somebody else.
	SlotTaken
	// TokenUsed means that the token has booked already, something else.
	TokenUsed
)

// Outcome is what became of an attempt to book.
type Outcome struct {
	Status Status
	// Reference is the name of the booking, by Booked and TokenUsed, for customer and business. Otherwise it is empty.
	Reference string
}

// Store keeps bookings. A token is the key of a conversation; without one, which is empty, equal bookings are the same
// booking.
//
// An error is that of the context where it ended, and otherwise ErrUnavailable.
type Store interface {
	// Taken tells when a department at a location is booked, from a day on.
	Taken(ctx context.Context, department, location, from string) (map[Time]bool, error)

	// Book books the slot, once for each slot and once for each token.
	Book(ctx context.Context, flowToken string, booking Booking) (Outcome, error)

	// Find returns the reference of the booking that a token has made, and whether there is one.
	Find(ctx context.Context, flowToken string) (reference string, found bool, err error)

	// Check tells whether the bookings can be reached.
	Check(ctx context.Context) error
}

// entry is a booking as it is kept.
type entry struct {
	reference string
	flowToken string
	booking   Booking
}

// against says what this entry, which stands in the way of a booking, means for it.
func (e entry) against(flowToken string, booking Booking) Outcome {
	switch {
	case e.flowToken == flowToken && e.booking == booking:
		return Outcome{Status: Booked, Reference: e.reference}
	case e.flowToken == flowToken && flowToken != "":
		return Outcome{Status: TokenUsed, Reference: e.reference}
	default:
		return Outcome{Status: SlotTaken}
	}
}

// newReference makes a short name for people to read out: eight characters of which none is taken for another.
func newReference() string {
	const alphabet = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
	reference := make([]byte, 8)
	// It never fails, by its own promise.
	_, _ = rand.Read(reference)
	for i, random := range reference {
		reference[i] = alphabet[int(random)%len(alphabet)]
	}
	return string(reference)
}
