// Package appointment decides which screen comes next, and with what on it.
//
// | screen      | what the user does                               | what comes next                                |
// |-------------|--------------------------------------------------|------------------------------------------------|
// | APPOINTMENT | chooses department, location, date and time;     | DETAILS, by the client alone                   |
// |             | each choice brings the next list                 |                                                |
// | DETAILS     | gives name, email and phone                      | SUMMARY, or DETAILS with what to mend          |
// | SUMMARY     | reads it all, accepts the terms                  | the end, or APPOINTMENT where the time was     |
// |             |                                                  | taken meanwhile                                |
// | TERMS       | reads the terms                                  | back, by the client alone                      |
//
// Who has booked under a flow token gets the same answer again to the same form, and to everything else that the token is
// used up. The screens and their data are declared in examples/flows/appointment.json.
package appointment

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/structpb"

	"example.com/go-appointment/internal/bookings"
	flowv1 "example.com/go-appointment/internal/gen/flow/v1"
)

const (
	notOffered  = "This is no longer offered. Please choose again."
	fullyBooked = "Everything is booked here. Please choose another location."
	taken       = "Somebody was faster: this time has just been taken. Please choose another."
	terms       = "Please accept the terms to book."
	booked      = "Your appointment is booked already, under %s. To change it, write to us."
)

// unusedToken is what a message has for a token whose sender set none. Many conversations share it, so it is the key of none.
const unusedToken = "unused"

// Service is the logic of the flow.
type Service struct {
	flowv1.UnimplementedFlowServiceServer
	store bookings.Store
}

// NewService makes the flow over these bookings.
func NewService(store bookings.Store) *Service { return &Service{store: store} }

// HandleDataExchange implements flowv1.FlowServiceServer.
func (s *Service) HandleDataExchange(
	ctx context.Context, request *flowv1.HandleDataExchangeRequest,
) (*flowv1.HandleDataExchangeResponse, error) {
	action, screen, token := request.GetAction(), request.GetScreen(), request.GetFlowToken()
	if token == unusedToken {
		token = ""
	}
	isSubmitted := false
	switch action {
	case flowv1.Action_ACTION_DATA_EXCHANGE:
		isSubmitted = true
	case flowv1.Action_ACTION_INIT, flowv1.Action_ACTION_BACK:
	default:
		text := "a data exchange is one of INIT, data_exchange and BACK"
		return nil, &Error{Code: codes.InvalidArgument, Reason: "INVALID_REQUEST", Text: text}
	}
	if isSubmitted && screen == "SUMMARY" {
		return s.book(ctx, token, request.GetData())
	}
	if token != "" {
		reference, found, err := s.store.Find(ctx, token)
		if err != nil {
			return nil, err
		}
		if found {
			return bookedAlready(reference), nil
		}
	}
	switch {
	case !isSubmitted:
		// Back leads to APPOINTMENT only: DETAILS alone has refresh_on_back.
		return newAppointmentScreen().reply("")
	case screen == "APPOINTMENT":
		return s.choose(ctx, request.GetData())
	case screen == "DETAILS":
		return s.checkDetails(request.GetData())
	default:
		text := "the flow has no such screen that submits"
		return nil, &Error{Code: codes.Internal, Reason: "INTERNAL", Text: text}
	}
}

// HandleError implements flowv1.FlowServiceServer. The error message may quote the refused answer, so it is not logged.
func (s *Service) HandleError(
	ctx context.Context, request *flowv1.HandleErrorRequest,
) (*flowv1.HandleErrorResponse, error) {
	slog.WarnContext(ctx, "the client refused an answer", "endpoint", request.GetEndpoint(),
		"request_id", request.GetRequestId(), "screen", request.GetScreen(), "error", request.GetError())
	return &flowv1.HandleErrorResponse{}, nil
}

// Ping implements flowv1.FlowServiceServer.
func (s *Service) Ping(ctx context.Context, _ *flowv1.PingRequest) (*flowv1.PingResponse, error) {
	if err := s.store.Check(ctx); err != nil {
		return nil, err
	}
	return &flowv1.PingResponse{}, nil
}

// choose answers one of the dropdowns of APPOINTMENT: it brings the content of the next.
func (s *Service) choose(ctx context.Context, data *structpb.Struct) (*flowv1.HandleDataExchangeResponse, error) {
	f := newForm(data)
	var departmentID, locationID, date string
	trigger := f.text("trigger")
	switch trigger {
	case "department_selected":
		departmentID = f.text("department")
	case "location_selected":
		departmentID, locationID = f.text("department"), f.text("location")
	case "date_selected":
		departmentID, locationID, date = f.text("department"), f.text("location"), f.text("date")
	default:
		f.fail("trigger", "expected `department_selected`, `location_selected` or `date_selected`, found another text")
	}
	if f.err != nil {
		return nil, f.err
	}

	if trigger == "department_selected" {
		department, ok := findDepartment(departmentID)
		if !ok {
			return newAppointmentScreen().reply(notOffered)
		}
		return newAppointmentScreen().locations(department).reply("")
	}
	place, ok := findPlace(departmentID, locationID)
	if !ok {
		return newAppointmentScreen().reply(notOffered)
	}
	free, err := s.free(ctx, place)
	if err != nil {
		return nil, err
	}
	screen := newAppointmentScreen().locations(place.department).dates(free)
	if trigger == "location_selected" {
		if len(free) == 0 {
			return screen.reply(fullyBooked)
		}
		return screen.reply("")
	}
	i := slices.IndexFunc(free, func(day freeDay) bool { return dateID(day.date) == date })
	if i < 0 {
		return screen.reply(notOffered)
	}
	return screen.times(free[i]).reply("")
}

// checkDetails answers DETAILS.
func (s *Service) checkDetails(data *structpb.Struct) (*flowv1.HandleDataExchangeResponse, error) {
	form, err := readBookingForm(data)
	if err != nil {
		return nil, err
	}
	slot, ok := form.slot(today())
	if !ok {
		return newAppointmentScreen().reply(notOffered)
	}
	booking, mend := form.booking(slot)
	if mend != "" {
		return nextScreen("DETAILS", slotData(booking.Slot), mend)
	}
	return nextScreen("SUMMARY", summary(slot, booking), "")
}

// book answers SUMMARY. Everything is checked again, for all of it came back from the client.
func (s *Service) book(
	ctx context.Context, token string, data *structpb.Struct,
) (*flowv1.HandleDataExchangeResponse, error) {
	form, err := readBookingForm(data)
	if err != nil {
		return nil, err
	}
	slot, ok := form.slot(today())
	if !ok {
		return newAppointmentScreen().reply(notOffered)
	}
	booking, mend := form.booking(slot)
	if mend != "" {
		return nextScreen("DETAILS", slotData(booking.Slot), mend)
	}
	if !form.terms {
		return nextScreen("SUMMARY", summary(slot, booking), terms)
	}
	outcome, err := s.store.Book(ctx, token, booking)
	if err != nil {
		return nil, err
	}
	switch outcome.Status {
	case bookings.Booked:
		params := slotData(booking.Slot)
		params["reference"] = outcome.Reference
		return completion(params)
	case bookings.TokenUsed:
		return bookedAlready(outcome.Reference), nil
	case bookings.SlotTaken:
		free, err := s.free(ctx, slot.place)
		if err != nil {
			return nil, err
		}
		return newAppointmentScreen().locations(slot.place.department).dates(free).reply(taken)
	default:
		return nil, fmt.Errorf("an outcome that bookings did not have: %d", outcome.Status)
	}
}

// freeDay is a day and the times that are still free.
type freeDay struct {
	date  time.Time
	times []string
}

// free returns the days with free times at a place, in their order.
func (s *Service) free(ctx context.Context, place place) ([]freeDay, error) {
	today := today()
	taken, err := s.store.Taken(ctx, place.department.id, place.location.id, dateID(today))
	if err != nil {
		return nil, err
	}
	var days []freeDay
	for _, date := range dates(today) {
		day := freeDay{date: date}
		for _, at := range place.location.times {
			if !taken[bookings.Time{Date: dateID(date), Time: at}] {
				day.times = append(day.times, at)
			}
		}
		if len(day.times) > 0 {
			days = append(days, day)
		}
	}
	return days, nil
}

// today is in the time zone of the machine, which TZ sets.
func today() time.Time { return time.Now() }
