package appointment_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"example.com/go-appointment/internal/appointment"
	"example.com/go-appointment/internal/bookings"
	flowv1 "example.com/go-appointment/internal/gen/flow/v1"
)

func newShop() *appointment.Service { return appointment.NewService(&bookings.Memory{}) }

func TestATimeThatWasTakenIsOfferedNoMoreAndRefusedKindly(t *testing.T) {
	shop := newShop()
	ada, bob := user{t, shop, "ada"}, user{t, shop, "bob"}
	chosen := ada.choose()
	if other := bob.choose(); !reflect.DeepEqual(other, chosen) {
		t.Errorf("one chooses %v, the other %v", chosen, other)
	}
	booked := ada.submit("SUMMARY", withDetails(chosen, "Ada"))
	if len(booked.params) != 5 || booked.params["time"] != chosen["time"] {
		t.Errorf("booked %+v, want %v", booked, chosen)
	}
	refused := bob.submit("SUMMARY", withDetails(chosen, "Bob"))
	bob.expectAskedAgain(refused, "APPOINTMENT", "taken")
	if again := bob.choose(); reflect.DeepEqual(again, chosen) {
		t.Errorf("%v is still offered", chosen)
	}
}

func TestTheSameFormAgainIsTheSameBooking(t *testing.T) {
	ada := user{t, newShop(), "ada"}
	form := withDetails(ada.choose(), "Ada")
	first := ada.submit("SUMMARY", form)
	// What goes missing or comes along on the way does not count.
	for _, changed := range []object{{}, {"name": " Ada "}, {"unknown": 1}, {"more_details": nil}} {
		if again := ada.submit("SUMMARY", with(form, changed)); !reflect.DeepEqual(again, first) {
			t.Errorf("with %v again is %+v, first was %+v", changed, again, first)
		}
	}
}

func TestAFinishedTokenIsToldItsReferenceWhateverItDoes(t *testing.T) {
	shop := newShop()
	ada := user{t, shop, "ada"}
	form := withDetails(ada.choose(), "Ada")
	reference := ada.submit("SUMMARY", form).params["reference"]
	want := fmt.Sprintf("Your appointment is booked already, under %s. To change it, write to us.", reference)
	for _, a := range []answer{
		ada.init(),
		ada.back("DETAILS"),
		ada.submit("APPOINTMENT", object{"trigger": "department_selected", "department": "home"}),
		ada.submit("DETAILS", form),
		ada.submit("SUMMARY", with(form, object{"name": "Somebody else"})),
	} {
		if a.refusal != want {
			t.Errorf("answer is %+v, want %q", a, want)
		}
	}
	// Another message is another conversation.
	if a := (user{t, shop, "bob"}).init(); a.screen != "APPOINTMENT" {
		t.Errorf("another user sees %+v", a)
	}
}

func TestWithoutATokenOfOnesOwnEveryConversationCanBook(t *testing.T) {
	shop := newShop()
	references := make(map[any]bool)
	for _, token := range []string{"unused", ""} {
		for _, name := range []string{"Ada", "Bob"} {
			u := user{t, shop, token}
			form := withDetails(u.choose(), name)
			booked := u.submit("SUMMARY", form)
			if again := u.submit("SUMMARY", form); again.params == nil || !reflect.DeepEqual(again, booked) {
				t.Errorf("the same form again is %+v, first was %+v", again, booked)
			}
			references[booked.params["reference"]] = true
			if a := u.init(); a.screen != "APPOINTMENT" {
				t.Errorf("afterwards %q sees %+v", token, a)
			}
		}
	}
	if len(references) != 4 {
		t.Errorf("four bookings have references %v", references)
	}
}

func TestDetailsAreCheckedOnBothScreens(t *testing.T) {
	ada := user{t, newShop(), "ada"}
	form := withDetails(ada.choose(), "Ada")
	for _, test := range []struct{ field, value, text string }{
		{"name", " ", "name"},
		{"name", strings.Repeat("ä", 81), "name"},
		{"email", "ada@example", "email"},
		{"phone", "call me", "phone"},
		{"more_details", strings.Repeat("ä", 501), "500"},
	} {
		for _, screen := range []string{"DETAILS", "SUMMARY"} {
			a := ada.submit(screen, with(form, object{test.field: test.value}))
			ada.expectAskedAgain(a, "DETAILS", test.text)
			if a.data["time"] != form["time"] {
				t.Errorf("the time is %v, was %v", a.data["time"], form["time"])
			}
		}
	}
	ada.expectAskedAgain(ada.submit("SUMMARY", with(form, object{"terms": false})), "SUMMARY", "terms")
	long := object{"name": strings.Repeat("ä", 80), "more_details": strings.Repeat("ä", 500)}
	if a := ada.submit("DETAILS", with(form, long)); a.screen != "SUMMARY" || a.errorMessage != "" {
		t.Errorf("good details bring %+v", a)
	}
}

func TestWhatIsNotOfferedIsNotBooked(t *testing.T) {
	ada := user{t, newShop(), "ada"}
	form := withDetails(ada.choose(), "Ada")
	for _, changed := range []object{
		{"department": "garage"}, {"location": "oxford_street"}, {"date": "2001-01-01"}, {"date": "9999-12-31"},
		{"date": "tomorrow"}, {"time": "03:00"}, {"time": ""},
	} {
		for _, screen := range []string{"DETAILS", "SUMMARY"} {
			ada.expectAskedAgain(ada.submit(screen, with(form, changed)), "APPOINTMENT", "no longer offered")
		}
	}
	for _, choice := range []object{
		{"trigger": "department_selected", "department": "garage"},
		{"trigger": "location_selected", "department": "home", "location": "garage"},
		{"trigger": "date_selected", "department": "home", "location": "kings_cross", "date": "2001-01-01"},
	} {
		ada.expectAskedAgain(ada.submit("APPOINTMENT", choice), "APPOINTMENT", "no longer offered")
	}
}

func TestAPlaceWithoutFreeTimesSaysSo(t *testing.T) {
	shop := newShop()
	location := object{"trigger": "location_selected", "department": "tailoring", "location": "oxford_street"}
	// Ten days of four times.
	for booked := range 40 {
		u := user{t, shop, fmt.Sprintf("user %d", booked)}
		chosen := with(location, object{"trigger": "date_selected"})
		chosen["date"] = firstID(u.submit("APPOINTMENT", location).data["date"])
		chosen["time"] = firstID(u.submit("APPOINTMENT", chosen).data["time"])
		if a := u.submit("SUMMARY", withDetails(chosen, "Ada")); a.params == nil {
			t.Fatalf("booking %d brings %+v", booked, a)
		}
	}
	u := user{t, shop, "late"}
	a := u.submit("APPOINTMENT", location)
	u.expectAskedAgain(a, "APPOINTMENT", "booked")
	if a.data["is_date_enabled"] != false {
		t.Errorf("a date can be chosen: %+v", a)
	}
}

func TestAFormThatDoesNotFitTheCodeIsAnErrorThatQuotesNothing(t *testing.T) {
	ada := user{t, newShop(), "ada"}
	form := withDetails(ada.choose(), "Ada")
	const invalid = codes.InvalidArgument
	for _, test := range []struct {
		screen string
		form   object
		code   codes.Code
		text   string
	}{
		{"APPOINTMENT", object{"trigger": "Lovelace"}, invalid, "`trigger`"},
		{"APPOINTMENT", nil, invalid, "field `trigger`: missing"},
		{"DETAILS", object{"name": "Lovelace"}, invalid, "field `department`: missing"},
		{"SUMMARY", with(form, object{"name": []any{"Lovelace"}}), invalid, "field `name`: expected a string, found an array"},
		{"SUMMARY", with(form, object{"name": nil}), invalid, "field `name`: expected a string, found null"},
		{"SUMMARY", with(form, object{"terms": "Lovelace"}), invalid, "field `terms`: expected a boolean, found a string"},
		{"SUMMARY", with(form, object{"more_details": 7}), invalid, "field `more_details`: expected a string, found a number"},
		{"TERMS", object{"name": "Lovelace"}, codes.Internal, "no such screen"},
	} {
		failure := ada.submissionError(test.screen, test.form)
		if failure.Code != test.code || !strings.Contains(failure.Text, test.text) ||
			strings.Contains(failure.Text, "Lovelace") {
			t.Errorf("%s with %v: %v %v", test.screen, test.form, failure.Code, failure)
		}
	}
}

func TestAnActionThatNoScreenSendsIsRefused(t *testing.T) {
	for _, action := range []flowv1.Action{flowv1.Action_ACTION_UNSPECIFIED, flowv1.Action_ACTION_NAVIGATE, 99} {
		_, err := newShop().HandleDataExchange(t.Context(), &flowv1.HandleDataExchangeRequest{Action: action})
		if code := status.Code(err); code != codes.InvalidArgument {
			t.Errorf("%v: %v", action, err)
		}
	}
}

// outOfReach keeps no bookings.
type outOfReach struct{}

func (outOfReach) Taken(context.Context, string, string, string) (map[bookings.Time]bool, error) {
	return nil, bookings.ErrUnavailable
}

func (outOfReach) Book(context.Context, string, bookings.Booking) (bookings.Outcome, error) {
	return bookings.Outcome{}, bookings.ErrUnavailable
}

func (outOfReach) Find(context.Context, string) (string, bool, error) {
	return "", false, bookings.ErrUnavailable
}

func (outOfReach) Check(context.Context) error { return bookings.ErrUnavailable }

func TestBookingsOutOfReachAreAnErrorAndFailThePing(t *testing.T) {
	shop := appointment.NewService(outOfReach{})
	ada := user{t, shop, "ada"}
	if _, err := ada.exchange(flowv1.Action_ACTION_INIT, "", nil); !errors.Is(err, bookings.ErrUnavailable) {
		t.Errorf("INIT: %v", err)
	}
	if _, err := shop.Ping(t.Context(), &flowv1.PingRequest{}); !errors.Is(err, bookings.ErrUnavailable) {
		t.Errorf("ping: %v", err)
	}
}

func TestACallWhoseTimeIsOverBooksNothing(t *testing.T) {
	shop := newShop()
	ada := user{t, shop, "ada"}
	form := withDetails(ada.choose(), "Ada")
	over, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	late := ada.request(flowv1.Action_ACTION_DATA_EXCHANGE, "SUMMARY", form)
	if _, err := shop.HandleDataExchange(over, late); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("late: %v", err)
	}
	if a := ada.init(); a.screen != "APPOINTMENT" {
		t.Errorf("afterwards: %+v", a)
	}
}
