package appointment

import (
	"slices"
	"time"
)

// daysAhead is how many working days ahead can be booked.
const daysAhead = 10

// department is a department of the shop.
type department struct {
	id, title string
	locations []location
}

// location is a place where a department receives its customers.
type location struct {
	id, title string
	// times of a working day, in their order.
	times []string
}

// place is a department at one of its locations.
type place struct {
	department department
	location   location
}

// A business reads this from its own systems. Here it is fixed, apart from the dates: the next ten working days.
var (
	kingsCross   = location{"kings_cross", "King's Cross", []string{"09:00", "10:30", "12:00", "14:00", "15:30"}}
	oxfordStreet = location{"oxford_street", "Oxford Street", []string{"10:00", "11:00", "13:00", "16:30"}}
	coventGarden = location{"covent_garden", "Covent Garden", []string{"11:30", "14:30", "17:00"}}

	departments = []department{
		{"beauty", "Beauty & Personal Care", []location{kingsCross, oxfordStreet, coventGarden}},
		{"home", "Home & Garden", []location{kingsCross, coventGarden}},
		{"tailoring", "Tailoring", []location{oxfordStreet}},
	}
)

func findDepartment(id string) (department, bool) {
	i := slices.IndexFunc(departments, func(d department) bool { return d.id == id })
	if i < 0 {
		return department{}, false
	}
	return departments[i], true
}

func findPlace(departmentID, locationID string) (place, bool) {
	d, ok := findDepartment(departmentID)
	if !ok {
		return place{}, false
	}
	i := slices.IndexFunc(d.locations, func(l location) bool { return l.id == locationID })
	if i < 0 {
		return place{}, false
	}
	return place{department: d, location: d.locations[i]}, true
}

// choice makes an item of a dropdown, as the Flow JSON declares it.
func choice(id, title string) any { return map[string]any{"id": id, "title": title} }

// dates returns the days that can be booked on a day: working days, beginning with the next. Each is midnight in UTC, where
// every day has its midnight and 24 hours.
func dates(today time.Time) []time.Time {
	year, month, day := today.Date()
	var dates []time.Time
	for next := day + 1; len(dates) < daysAhead; next++ {
		date := time.Date(year, month, next, 0, 0, 0, 0, time.UTC)
		if weekday := date.Weekday(); weekday != time.Saturday && weekday != time.Sunday {
			dates = append(dates, date)
		}
	}
	return dates
}

// findDate returns the day with an id among those that can be booked.
func findDate(id string, today time.Time) (time.Time, bool) {
	offered := dates(today)
	i := slices.IndexFunc(offered, func(date time.Time) bool { return dateID(date) == id })
	if i < 0 {
		return time.Time{}, false
	}
	return offered[i], true
}

// dateID is a day for the code: 2025-02-03.
func dateID(date time.Time) string { return date.Format(time.DateOnly) }

// dateTitle is a day for people: Mon 3 Feb 2025.
func dateTitle(date time.Time) string { return date.Format("Mon 2 Jan 2006") }
