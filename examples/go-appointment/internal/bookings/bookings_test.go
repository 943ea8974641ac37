package bookings_test

import (
	"fmt"
	"maps"
	"os"
	"strings"
	"sync"
	"testing"

	"example.com/go-appointment/internal/bookings"
	"example.com/go-appointment/internal/pgtest"
)

func TestMemoryKeepsThePromises(t *testing.T) {
	promisesAreKept(t, &bookings.Memory{})
}

func TestPostgresKeepsThePromises(t *testing.T) {
	url := pgtest.Start(t)
	promisesAreKept(t, open(t, url))
	// And what was booked is there the next time.
	if _, found, err := open(t, url).Find(t.Context(), "token"); !found || err != nil {
		t.Errorf("Find in a store that was opened again = %v, %v", found, err)
	}
}

func TestTheTableIsThatOfTheRustExample(t *testing.T) {
	ours, err := os.ReadFile("schema.sql")
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := os.ReadFile("../../../rust-appointment/schema.sql")
	if err != nil {
		t.Fatal(err)
	}
	if string(ours) != string(theirs) {
		t.Error("schema.sql differs from examples/rust-appointment/schema.sql; copy it")
	}
}

func TestADatabaseThatCannotBeUsedIsAnErrorWithoutItsPassword(t *testing.T) {
	for _, url := range []string{
		"mysql://host/name", "bookings.db", "", "postgres://flow:hunter2@127.0.0.1:1/bookings",
		"postgres://flow:hunter2@127.0.0.1:port/bookings", "postgres://flow:hunter2@host/name?sslmode=hunter2",
	} {
		_, err := bookings.Open(t.Context(), url)
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Open(%q) = %v", url, err)
		}
	}
}

func TestAStoreThatIsGoneIsUnavailable(t *testing.T) {
	store := open(t, pgtest.Start(t))
	store.Close()
	if err := store.Check(t.Context()); err != bookings.ErrUnavailable {
		t.Errorf("Check = %v", err)
	}
	if _, err := store.Book(t.Context(), "token", booking("Ada", "10:30")); err != bookings.ErrUnavailable {
		t.Errorf("Book = %v", err)
	}
}

// Two pools on one database, as two replicas have them, race for the same slots and tokens.
func TestReplicasRace(t *testing.T) {
	url := pgtest.Start(t)
	// Both at once, so that they race for the table too.
	stores := make([]bookings.Store, 2)
	var opening sync.WaitGroup
	for i := range stores {
		opening.Go(func() { stores[i] = open(t, url) })
	}
	opening.Wait()
	if t.Failed() {
		return
	}
	const users = 8
	race := func(attempt func(user int) (token string, b bookings.Booking)) []bookings.Outcome {
		outcomes := make([]bookings.Outcome, users*len(stores))
		var running sync.WaitGroup
		for i := range outcomes {
			running.Go(func() {
				token, b := attempt(i)
				outcome, err := stores[i%len(stores)].Book(t.Context(), token, b)
				if err != nil {
					t.Error(err)
				}
				outcomes[i] = outcome
			})
		}
		running.Wait()
		return outcomes
	}

	for round := range 10 {
		slot := fmt.Sprintf("one slot %d", round)
		booked := 0
		for _, outcome := range race(func(user int) (string, bookings.Booking) {
			return fmt.Sprintf("%s for user %d", slot, user), booking("somebody", slot)
		}) {
			if outcome.Status == bookings.Booked {
				booked++
			}
		}
		if booked != 1 {
			t.Errorf("%s was booked %d times", slot, booked)
		}

		token := fmt.Sprintf("one token %d", round)
		references := make(map[string]bool)
		for _, outcome := range race(func(user int) (string, bookings.Booking) {
			return token, booking("somebody", fmt.Sprintf("%s, slot %d", token, user/2%2))
		}) {
			if outcome.Status == bookings.SlotTaken {
				t.Errorf("%s is told that somebody else was faster", token)
			}
			references[outcome.Reference] = true
		}
		if len(references) != 1 {
			t.Errorf("%s has booked as %v", token, references)
		}
	}
}

func promisesAreKept(t *testing.T, store bookings.Store) {
	t.Helper()
	const date = "2031-05-05"
	ctx := t.Context()
	ada := booking("Ada", "10:30")
	if err := store.Check(ctx); err != nil {
		t.Fatal(err)
	}
	expectTaken(t, store, date)

	book := func(token string, b bookings.Booking, want bookings.Status) (reference string) {
		t.Helper()
		outcome, err := store.Book(ctx, token, b)
		if err != nil || outcome.Status != want {
			t.Fatalf("Book(%q) = %v, %v, want status %v", token, outcome, err, want)
		}
		return outcome.Reference
	}
	expectFound := func(token, want string) {
		t.Helper()
		reference, found, err := store.Find(ctx, token)
		if reference != want || found != (want != "") || err != nil {
			t.Errorf("Find(%q) = %q, %v, %v, want %q", token, reference, found, err, want)
		}
	}

	expectFound("token", "")
	reference := book("token", ada, bookings.Booked)
	if len(reference) != 8 {
		t.Errorf("reference %q", reference)
	}
	if again := book("token", ada, bookings.Booked); again != reference {
		t.Errorf("the same form again is %q, not %q", again, reference)
	}
	expectFound("token", reference)

	// The token again, for anything else.
	changed := ada
	changed.Email = "other@example.com"
	for _, b := range []bookings.Booking{changed, booking("Ada", "12:00")} {
		if used := book("token", b, bookings.TokenUsed); used != reference {
			t.Errorf("the token was used for %q, not %q", used, reference)
		}
	}

	// The slot again, for anybody else, even in the same words.
	book("other", ada, bookings.SlotTaken)
	book("", ada, bookings.SlotTaken)
	expectFound("other", "")

	// A token that has booked asks for the slot of another: its own booking counts.
	book("neighbour", booking("Neighbour", "09:00"), bookings.Booked)
	if used := book("token", booking("Ada", "09:00"), bookings.TokenUsed); used != reference {
		t.Errorf("the token was used for %q, not %q", used, reference)
	}

	// Without a token two different bookings are two, and equal ones are one.
	ofBob := book("", booking("Bob", "14:00"), bookings.Booked)
	if again := book("", booking("Bob", "14:00"), bookings.Booked); again != ofBob {
		t.Errorf("the same form again is %q, not %q", again, ofBob)
	}
	if ofEve := book("", booking("Eve", "15:30"), bookings.Booked); ofEve == ofBob {
		t.Error("two bookings have one reference")
	}
	book("", booking("Eve", "14:00"), bookings.SlotTaken)

	// Another place has the same hours, and may be booked at them.
	elsewhere := ada
	elsewhere.Location = "covent_garden"
	book("third", elsewhere, bookings.Booked)

	expectTaken(t, store, date, "09:00", "10:30", "14:00", "15:30")
	expectTaken(t, store, "2031-05-06")
}

func expectTaken(t *testing.T, store bookings.Store, from string, times ...string) {
	t.Helper()
	want := make(map[bookings.Time]bool)
	for _, at := range times {
		want[bookings.Time{Date: from, Time: at}] = true
	}
	taken, err := store.Taken(t.Context(), "home", "kings_cross", from)
	if err != nil || !maps.Equal(taken, want) {
		t.Errorf("Taken from %s = %v, %v, want %v", from, taken, err, want)
	}
}

func open(t *testing.T, url string) *bookings.Postgres {
	t.Helper()
	store, err := bookings.Open(t.Context(), url)
	if err != nil {
		t.Error(err)
		return nil
	}
	t.Cleanup(store.Close)
	return store
}

func booking(name, at string) bookings.Booking {
	return bookings.Booking{
		Slot: bookings.Slot{
			Department: "home", Location: "kings_cross", Time: bookings.Time{Date: "2031-05-05", Time: at},
		},
		Name: name, Email: "somebody@example.com", Phone: "1234567",
	}
}
