package appointment

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/structpb"

	"example.com/go-appointment/internal/bookings"
)

const (
	maxName        = 80
	maxMoreDetails = 500
	maxEmail       = 254
)

// form reads what a screen submitted. The first field that does not fit stays as its error, which says which field and what
// was wrong, never the value. It means that the Flow JSON and this code disagree.
type form struct {
	fields map[string]*structpb.Value
	err    error
}

func newForm(data *structpb.Struct) *form { return &form{fields: data.GetFields()} }

// text reads a field that must be there.
func (f *form) text(name string) string {
	value, ok := f.fields[name].GetKind().(*structpb.Value_StringValue)
	if !ok {
		f.refuse(name, "a string")
		return ""
	}
	return value.StringValue
}

// optionalText reads a field that may be absent or null, and then is empty.
func (f *form) optionalText(name string) string {
	switch f.fields[name].GetKind().(type) {
	case nil, *structpb.Value_NullValue:
		return ""
	}
	return f.text(name)
}

// flag reads a field that is false when absent.
func (f *form) flag(name string) bool {
	if f.fields[name] == nil {
		return false
	}
	value, ok := f.fields[name].GetKind().(*structpb.Value_BoolValue)
	if !ok {
		f.refuse(name, "a boolean")
		return false
	}
	return value.BoolValue
}

func (f *form) refuse(name, expected string) {
	found := "null"
	switch f.fields[name].GetKind().(type) {
	case nil:
		f.fail(name, "missing")
		return
	case *structpb.Value_BoolValue:
		found = "a boolean"
	case *structpb.Value_NumberValue:
		found = "a number"
	case *structpb.Value_StringValue:
		found = "a string"
	case *structpb.Value_ListValue:
		found = "an array"
	case *structpb.Value_StructValue:
		found = "an object"
	}
	f.fail(name, fmt.Sprintf("expected %s, found %s", expected, found))
}

func (f *form) fail(name, problem string) {
	if f.err == nil {
		text := fmt.Sprintf("form data, field `%s`: %s", name, problem)
		f.err = &Error{Code: codes.InvalidArgument, Reason: "INVALID_FORM_DATA", Text: text}
	}
}

// bookingForm is the form of DETAILS, and again that of SUMMARY, which adds the terms.
type bookingForm struct {
	department, location, date, time, name, email, phone, moreDetails string
	terms                                                             bool
}

func readBookingForm(data *structpb.Struct) (bookingForm, error) {
	f := newForm(data)
	read := bookingForm{
		department:  f.text("department"),
		location:    f.text("location"),
		date:        f.text("date"),
		time:        f.text("time"),
		name:        f.text("name"),
		email:       f.text("email"),
		phone:       f.text("phone"),
		moreDetails: f.optionalText("more_details"),
		terms:       f.flag("terms"),
	}
	return read, f.err
}

// slot is an appointment that the catalogue offers.
type slot struct {
	place place
	date  time.Time
	time  string
}

// slot returns the chosen slot, and false where the catalogue does not offer it, or no longer.
func (b bookingForm) slot(today time.Time) (slot, bool) {
	place, ok := findPlace(b.department, b.location)
	if !ok || !slices.Contains(place.location.times, b.time) {
		return slot{}, false
	}
	date, ok := findDate(b.date, today)
	return slot{place: place, date: date, time: b.time}, ok
}

// booking returns what is kept, without white space around what was typed. Otherwise mend says what the user should mend.
func (b bookingForm) booking(s slot) (booking bookings.Booking, mend string) {
	booking = bookings.Booking{
		Slot: bookings.Slot{
			Department: s.place.department.id,
			Location:   s.place.location.id,
			Time:       bookings.Time{Date: dateID(s.date), Time: s.time},
		},
		Name:        strings.TrimSpace(b.name),
		Email:       strings.TrimSpace(b.email),
		Phone:       strings.TrimSpace(b.phone),
		MoreDetails: strings.TrimSpace(b.moreDetails),
	}
	switch {
	case booking.Name == "" || utf8.RuneCountInString(booking.Name) > maxName:
		mend = "Please tell us your name, in up to 80 letters."
	case !isEmail(booking.Email):
		mend = "This is no complete email address. It should look like name@example.com."
	case !isPhone(booking.Phone):
		mend = "This is no phone number. Please give 7 to 15 digits, such as +44 20 7946 0000."
	case utf8.RuneCountInString(booking.MoreDetails) > maxMoreDetails:
		mend = "Please shorten your remarks to 500 letters."
	}
	return booking, mend
}

// isEmail tells whether mail could be sent there. Whether it arrives only mail can tell.
func isEmail(text string) bool {
	local, domain, found := strings.Cut(text, "@")
	labels := strings.Split(domain, ".")
	isOdd := func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }
	return found && local != "" && len(labels) > 1 && !slices.Contains(labels, "") && len(text) <= maxEmail &&
		!strings.Contains(domain, "@") && !strings.ContainsFunc(text, isOdd)
}

// isPhone tells whether it could be dialled. E.164 has at most 15 digits; people group them as they like.
func isPhone(text string) bool {
	count := 0
	for _, r := range strings.TrimPrefix(text, "+") {
		switch {
		case r >= '0' && r <= '9':
			count++
		case !strings.ContainsRune(" -().", r):
			return false
		}
	}
	return count >= 7 && count <= 15
}
