package main

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	flowv1 "example.com/go-appointment/internal/gen/flow/v1"
)

// flowctl conformance asks for every command; this asks whether the mode is on.
func TestACommandIsObeyedWhereTheConformanceModeIsOn(t *testing.T) {
	echo, err := structpb.NewStruct(map[string]any{"echo": map[string]any{"text": "żółw", "nothing": nil}})
	if err != nil {
		t.Fatal(err)
	}
	data := &structpb.Struct{Fields: map[string]*structpb.Value{"conformance": structpb.NewStructValue(echo)}}
	for _, test := range []struct {
		name, endpoint, screen string
		environment            []string
	}{
		{"on", "conformance", "CONFORMANCE", []string{"FLOW_CONFORMANCE_MODE=1"}},
		{"another endpoint", "appointments", "APPOINTMENT", []string{"FLOW_CONFORMANCE_MODE=1"}},
		{"off by default", "conformance", "APPOINTMENT", nil},
		{"another value", "conformance", "APPOINTMENT", []string{"FLOW_CONFORMANCE_MODE=true"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			client := flowv1.NewFlowServiceClient(start(t, test.environment...).connection)
			response, err := client.HandleDataExchange(t.Context(), &flowv1.HandleDataExchangeRequest{
				Endpoint: test.endpoint, Action: flowv1.Action_ACTION_INIT, Data: data,
			})
			if err != nil {
				t.Fatal(err)
			}
			next := response.GetNextScreen()
			if next.GetScreen() != test.screen {
				t.Errorf("the screen is %q, want %q", next.GetScreen(), test.screen)
			}
			if test.screen == "CONFORMANCE" && !proto.Equal(next.GetData(), echo) {
				t.Errorf("the data is %v, want %v", next.GetData(), echo)
			}
		})
	}
}
