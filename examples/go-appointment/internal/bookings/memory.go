package bookings

import (
	"context"
	"sync"
)

// Memory keeps bookings for as long as the process runs. The zero value is ready to use.
type Memory struct {
	mu      sync.Mutex
	entries []entry
}

// Taken implements Store.
func (m *Memory) Taken(_ context.Context, department, location, from string) (map[Time]bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	taken := make(map[Time]bool)
	for _, e := range m.entries {
		slot := e.booking.Slot
		if slot.Department == department && slot.Location == location && slot.Date >= from {
			taken[slot.Time] = true
		}
	}
	return taken, nil
}

// Book implements Store.
func (m *Memory) Book(ctx context.Context, flowToken string, booking Booking) (Outcome, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return Outcome{}, err
	}
	ofToken := func(e entry) bool { return flowToken != "" && e.flowToken == flowToken }
	ofSlot := func(e entry) bool { return e.booking.Slot == booking.Slot }
	for _, isObstacle := range []func(entry) bool{ofToken, ofSlot} {
		for _, e := range m.entries {
			if isObstacle(e) {
				return e.against(flowToken, booking), nil
			}
		}
	}
	e := entry{reference: newReference(), flowToken: flowToken, booking: booking}
	m.entries = append(m.entries, e)
	return Outcome{Status: Booked, Reference: e.reference}, nil
}

// Find implements Store.
func (m *Memory) Find(_ context.Context, flowToken string) (string, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.entries {
		if e.flowToken == flowToken {
			return e.reference, true, nil
		}
	}
	return "", false, nil
}

// Check implements Store.
func (m *Memory) Check(context.Context) error { return nil }
