package appointment_test

import (
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// flowJSON is examples/flows/appointment.json, which is held against the code: screens, their data, the ways between them,
// and what they submit.
type flowJSON struct {
	RoutingModel map[string][]string `json:"routing_model"`
	Screens      []struct {
		ID     string           `json:"id"`
		Data   map[string]model `json:"data"`
		Layout any              `json:"layout"`
	} `json:"screens"`
}

type model struct {
	Type       string           `json:"type"`
	Items      *model           `json:"items"`
	Properties map[string]model `json:"properties"`
}

func (m model) fits(value any) bool {
	switch value := value.(type) {
	case string:
		return m.Type == "string"
	case bool:
		return m.Type == "boolean"
	case []any:
		isOdd := func(item any) bool { return !m.Items.fits(item) }
		return m.Type == "array" && !slices.ContainsFunc(value, isOdd)
	case object:
		for key, property := range m.Properties {
			if !property.fits(value[key]) {
				return false
			}
		}
		return m.Type == "object" && len(value) == len(m.Properties)
	default:
		return false
	}
}

// submission is an action that calls the endpoint: the screen it is on, and the payload with its placeholders.
type submission struct {
	screen  string
	payload object
}

func readFlow(t *testing.T) (flow flowJSON) {
	t.Helper()
	text, err := os.ReadFile("../../../flows/appointment.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &flow); err != nil {
		t.Fatal(err)
	}
	return flow
}

func (f flowJSON) submissions() (found []submission) {
	var search func(screen string, node any)
	search = func(screen string, node any) {
		switch node := node.(type) {
		case []any:
			for _, item := range node {
				search(screen, item)
			}
		case object:
			if node["name"] == "data_exchange" {
				found = append(found, submission{screen, node["payload"].(object)})
			}
			for _, field := range node {
				search(screen, field)
			}
		}
	}
	for _, screen := range f.Screens {
		search(screen.ID, screen.Layout)
	}
	return found
}

// check does what the client does with an answer before it shows it. At INIT the user comes from no screen.
func (f flowJSON) check(t *testing.T, from string, a answer) {
	t.Helper()
	for _, screen := range f.Screens {
		if screen.ID != a.screen {
			continue
		}
		if sent, declared := slices.Sorted(maps.Keys(a.data)), slices.Sorted(maps.Keys(screen.Data)); !slices.Equal(sent, declared) {
			t.Errorf("%s gets %v, declares %v", screen.ID, sent, declared)
		}
		for key, model := range screen.Data {
			if !model.fits(a.data[key]) {
				t.Errorf("%s.%s: %v is no %v", screen.ID, key, a.data[key], model)
			}
		}
	}
	if _, ok := f.RoutingModel[a.screen]; !ok {
		t.Errorf("%+v shows no screen of the flow", a)
	}
	leads := func(from, to string) bool { return slices.Contains(f.RoutingModel[from], to) }
	if from != "" && from != a.screen && !leads(from, a.screen) && !leads(a.screen, from) {
		t.Errorf("no way leads from %s to %s", from, a.screen)
	}
	for other := range f.RoutingModel {
		if from == "" && leads(other, a.screen) {
			t.Errorf("%s is no first screen", a.screen)
		}
	}
}

// It fills the payload of each action that calls the endpoint as the client would, and holds every answer against the models.
func TestEveryPayloadIsUnderstoodAndEveryAnswerIsWhatTheFlowDeclares(t *testing.T) {
	flow := readFlow(t)
	shop := newShop()
	ada := user{t, shop, "token"}
	flow.check(t, "", ada.init())
	flow.check(t, "DETAILS", ada.back("DETAILS"))

	// What the user chose or typed so far, by the names of the fields.
	known := object{
		"department": "home", "location": "kings_cross", "name": "Ada", "email": "ada@example.com", "phone": "1234567",
		"more_details": "Hello", "terms": true,
	}
	fill := func(payload object) object {
		filled := object{}
		for key, value := range payload {
			filled[key] = value
			for _, prefix := range []string{"${data.", "${form."} {
				if name, ok := strings.CutPrefix(value.(string), prefix); ok {
					filled[key] = known[strings.TrimSuffix(name, "}")]
				}
			}
		}
		return filled
	}
	steps := []struct {
		screen  string
		trigger any
	}{
		{"APPOINTMENT", "department_selected"}, {"APPOINTMENT", "location_selected"}, {"APPOINTMENT", "date_selected"},
		{"DETAILS", nil}, {"SUMMARY", nil},
	}
	submissions := flow.submissions()
	if len(submissions) != len(steps) {
		t.Errorf("the flow has %d actions, the test tries %d", len(submissions), len(steps))
	}
	var last answer
	for _, step := range steps {
		i := slices.IndexFunc(submissions, func(s submission) bool {
			return s.screen == step.screen && reflect.DeepEqual(s.payload["trigger"], step.trigger)
		})
		if i < 0 {
			t.Fatalf("the flow has no action %v", step)
		}
		payload := fill(submissions[i].payload)
		if _, ok := payload["email"]; ok {
			flow.check(t, step.screen, ada.submit(step.screen, with(payload, object{"email": "no address"})))
		}
		last = ada.submit(step.screen, payload)
		if last.params == nil {
			flow.check(t, step.screen, last)
		}
		for _, field := range []string{"date", "time"} {
			if id := firstID(last.data[field]); id != nil {
				known[field] = id
			}
		}
	}
	if _, ok := last.params["reference"].(string); !ok {
		t.Errorf("the flow ends with %+v", last)
	}

	// Somebody else wants the same time: from SUMMARY back to APPOINTMENT.
	late := user{t, shop, "late"}.submit("SUMMARY", known)
	if late.screen != "APPOINTMENT" {
		t.Errorf("who is late sees %+v", late)
	}
	flow.check(t, "SUMMARY", late)
}
