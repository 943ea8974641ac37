package appointment

import (
	"strings"
	"testing"
	"time"
)

func TestAnEmailAddressCouldBeReached(t *testing.T) {
	for _, good := range []string{"ada@example.com", "a.b+c@mail.example.co.uk", "zoë@exämple.de"} {
		if !isEmail(good) {
			t.Errorf("%q is refused", good)
		}
	}
	for _, bad := range []string{
		"", "ada", "ada@", "@example.com", "ada@example", "a b@example.com", "a@b@example.com", "a@b..c",
		"a@b.c\n", strings.Repeat("a", 250) + "@example.com",
	} {
		if isEmail(bad) {
			t.Errorf("%q is accepted", bad)
		}
	}
}

func TestAPhoneNumberHas7To15Digits(t *testing.T) {
	for _, good := range []string{"02079460000", "+44 20 7946 0000", "(020) 7946-0000", "1234567", "+123456789012345"} {
		if !isPhone(good) {
			t.Errorf("%q is refused", good)
		}
	}
	for _, bad := range []string{"", "123456", "1234567890123456", "+44 20 7946 000O", "44+2079460000", "call me"} {
		if isPhone(bad) {
			t.Errorf("%q is accepted", bad)
		}
	}
}

func TestDatesAreTheNextTenWorkingDays(t *testing.T) {
	// Late on a Friday, far from Greenwich.
	today := time.Date(2025, time.January, 31, 23, 30, 0, 0, time.FixedZone("west", -11*60*60))
	offered := dates(today)
	if first, last := dateID(offered[0]), dateID(offered[len(offered)-1]); len(offered) != 10 ||
		first != "2025-02-03" || last != "2025-02-14" {
		t.Errorf("%d dates from %s to %s", len(offered), first, last)
	}
	if title := dateTitle(offered[0]); title != "Mon 3 Feb 2025" {
		t.Errorf("the first is %q to people", title)
	}
}

func TestAPlaceIsADepartmentAtOneOfItsOwnLocations(t *testing.T) {
	if place, ok := findPlace("home", "kings_cross"); !ok || place.location.title != "King's Cross" {
		t.Errorf("home at kings_cross is %v, %v", place, ok)
	}
	for _, ids := range [][2]string{{"tailoring", "kings_cross"}, {"kings_cross", "home"}} {
		if _, ok := findPlace(ids[0], ids[1]); ok {
			t.Errorf("there is %s at %s", ids[0], ids[1])
		}
	}
}
