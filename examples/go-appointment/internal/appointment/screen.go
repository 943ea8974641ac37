package appointment

import (
	"fmt"

	"google.golang.org/protobuf/types/known/structpb"

	"example.com/go-appointment/internal/bookings"
	flowv1 "example.com/go-appointment/internal/gen/flow/v1"
)

// appointmentScreen is the data of APPOINTMENT. A dropdown is enabled once there is something in it.
type appointmentScreen map[string]any

func newAppointmentScreen() appointmentScreen {
	var items []any
	for _, d := range departments {
		items = append(items, choice(d.id, d.title))
	}
	return appointmentScreen{
		"department": items,
		"location":   []any{}, "is_location_enabled": false,
		"date": []any{}, "is_date_enabled": false,
		"time": []any{}, "is_time_enabled": false,
	}
}

func (s appointmentScreen) locations(d department) appointmentScreen {
	var items []any
	for _, l := range d.locations {
		items = append(items, choice(l.id, l.title))
	}
	return s.with("location", items)
}

func (s appointmentScreen) dates(free []freeDay) appointmentScreen {
	var items []any
	for _, day := range free {
		items = append(items, choice(dateID(day.date), dateTitle(day.date)))
	}
	return s.with("date", items)
}

func (s appointmentScreen) times(day freeDay) appointmentScreen {
	var items []any
	for _, at := range day.times {
		items = append(items, choice(at, at))
	}
	return s.with("time", items)
}

func (s appointmentScreen) with(name string, items []any) appointmentScreen {
	s[name], s["is_"+name+"_enabled"] = items, len(items) > 0
	return s
}

func (s appointmentScreen) reply(errorMessage string) (*flowv1.HandleDataExchangeResponse, error) {
	return nextScreen("APPOINTMENT", s, errorMessage)
}

// slotData is the data of DETAILS: the slot, for the client to hand back.
func slotData(s bookings.Slot) map[string]any {
	return map[string]any{"department": s.Department, "location": s.Location, "date": s.Date, "time": s.Time.Time}
}

// summary is the data of SUMMARY: two texts to read, and everything for the client to hand back.
func summary(s slot, b bookings.Booking) map[string]any {
	data := slotData(b.Slot)
	data["appointment"] = fmt.Sprintf("%s at %s\n%s at %s",
		s.place.department.title, s.place.location.title, dateTitle(s.date), s.time)
	data["details"] = fmt.Sprintf("Name: %s\nEmail: %s\nPhone: %s", b.Name, b.Email, b.Phone)
	data["name"], data["email"], data["phone"], data["more_details"] = b.Name, b.Email, b.Phone, b.MoreDetails
	return data
}

// nextScreen shows a screen, with a text at its bottom where there is an error message.
func nextScreen(screen string, data map[string]any, errorMessage string) (*flowv1.HandleDataExchangeResponse, error) {
	fields, err := structpb.NewStruct(data)
	if err != nil {
		return nil, err
	}
	return &flowv1.HandleDataExchangeResponse{Outcome: &flowv1.HandleDataExchangeResponse_NextScreen{
		NextScreen: &flowv1.NextScreen{Screen: screen, Data: fields, ErrorMessage: errorMessage},
	}}, nil
}

func completion(params map[string]any) (*flowv1.HandleDataExchangeResponse, error) {
	fields, err := structpb.NewStruct(params)
	if err != nil {
		return nil, err
	}
	return &flowv1.HandleDataExchangeResponse{Outcome: &flowv1.HandleDataExchangeResponse_Completion{
		Completion: &flowv1.Completion{Params: fields},
	}}, nil
}

func bookedAlready(reference string) *flowv1.HandleDataExchangeResponse {
	return &flowv1.HandleDataExchangeResponse{Outcome: &flowv1.HandleDataExchangeResponse_InvalidFlowToken{
		InvalidFlowToken: &flowv1.InvalidFlowToken{ErrorMessage: fmt.Sprintf(booked, reference)},
	}}
}
