package appointment_test

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/structpb"

	"example.com/go-appointment/internal/appointment"
	flowv1 "example.com/go-appointment/internal/gen/flow/v1"
)

// object is a JSON object.
type object = map[string]any

// user has a conversation with the logic, from one message and so under one flow token.
type user struct {
	t     *testing.T
	shop  *appointment.Service
	token string
}

// answer is what the user then sees: a screen, the parameters of a flow that ended, or a text that refuses the token.
type answer struct {
	screen, errorMessage string
	data, params         object
	refusal              string
}

func (u user) init() answer { return u.must(u.exchange(flowv1.Action_ACTION_INIT, "", nil)) }

func (u user) back(screen string) answer {
	u.t.Helper()
	return u.must(u.exchange(flowv1.Action_ACTION_BACK, screen, nil))
}

func (u user) submit(screen string, data object) answer {
	u.t.Helper()
	return u.must(u.exchange(flowv1.Action_ACTION_DATA_EXCHANGE, screen, data))
}

// submissionError returns the error that a submission brings.
func (u user) submissionError(screen string, data object) *appointment.Error {
	u.t.Helper()
	_, err := u.exchange(flowv1.Action_ACTION_DATA_EXCHANGE, screen, data)
	failure, ok := errors.AsType[*appointment.Error](err)
	if !ok {
		u.t.Fatalf("%v submits %v: %v", screen, data, err)
	}
	return failure
}

func (u user) must(a answer, err error) answer {
	u.t.Helper()
	if err != nil {
		u.t.Fatal(err)
	}
	return a
}

func (u user) exchange(action flowv1.Action, screen string, data object) (answer, error) {
	u.t.Helper()
	response, err := u.shop.HandleDataExchange(u.t.Context(), u.request(action, screen, data))
	a := answer{
		screen:       response.GetNextScreen().GetScreen(),
		errorMessage: response.GetNextScreen().GetErrorMessage(),
		data:         response.GetNextScreen().GetData().AsMap(),
		refusal:      response.GetInvalidFlowToken().GetErrorMessage(),
	}
	if completion := response.GetCompletion(); completion != nil {
		a.params = completion.GetParams().AsMap()
	}
	return a, err
}

func (u user) request(action flowv1.Action, screen string, data object) *flowv1.HandleDataExchangeRequest {
	u.t.Helper()
	fields, err := structpb.NewStruct(data)
	if err != nil {
		u.t.Fatal(err)
	}
	return &flowv1.HandleDataExchangeRequest{
		Endpoint: "test", RequestId: "test-1", Version: "4.0",
		Action: action, Screen: screen, Data: fields, FlowToken: u.token,
	}
}

// choose takes the first free time, like a user without a preference. It returns the payload of the next screens.
func (u user) choose() object {
	u.t.Helper()
	chosen := object{"trigger": "location_selected", "department": "home", "location": "kings_cross"}
	chosen["date"] = firstID(u.submit("APPOINTMENT", chosen).data["date"])
	chosen["trigger"] = "date_selected"
	chosen["time"] = firstID(u.submit("APPOINTMENT", chosen).data["time"])
	delete(chosen, "trigger")
	return chosen
}

// firstID returns the id of the first item of a dropdown, and nothing where it has none.
func firstID(items any) any {
	if items, _ := items.([]any); len(items) > 0 {
		return items[0].(object)["id"]
	}
	return nil
}

func withDetails(chosen object, name string) object {
	return with(chosen, object{
		"name": name, "email": "ada@example.com", "phone": "+44 20 7946 0000", "more_details": "", "terms": true,
	})
}

// with returns a form with some fields changed.
func with(form, changed object) object {
	form = maps.Clone(form)
	maps.Copy(form, changed)
	return form
}

func (u user) expectAskedAgain(a answer, screen, text string) {
	u.t.Helper()
	if a.screen != screen || !strings.Contains(a.errorMessage, text) {
		u.t.Errorf("answer is %+v, want screen %s with a text about %q", a, screen, text)
	}
}
