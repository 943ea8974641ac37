// Package conformance is the conformance mode of proto/CONFORMANCE.md: as flowctl conformance says, the service answers,
// fails and sleeps.
//
// It is for tests alone: whoever can reach the service can make it do so. It refuses to know the flow.
package conformance

import (
	"context"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/structpb"

	"example.com/go-appointment/internal/appointment"
	flowv1 "example.com/go-appointment/internal/gen/flow/v1"
)

// Mode is a service that obeys the commands of the suite. Every other request is the flow's own.
type Mode struct {
	flowv1.FlowServiceServer
	cancelled atomic.Int64
}

// HandleDataExchange implements flowv1.FlowServiceServer.
func (m *Mode) HandleDataExchange(
	ctx context.Context, request *flowv1.HandleDataExchangeRequest,
) (*flowv1.HandleDataExchangeResponse, error) {
	command := request.GetData().GetFields()["conformance"].GetStructValue().GetFields()
	if request.GetEndpoint() == "conformance" && len(command) == 1 {
		for name, value := range command {
			return m.obey(ctx, name, value)
		}
	}
	return m.FlowServiceServer.HandleDataExchange(ctx, request)
}

func (m *Mode) obey(ctx context.Context, name string, value *structpb.Value) (*flowv1.HandleDataExchangeResponse, error) {
	next := &flowv1.NextScreen{Screen: "CONFORMANCE"}
	response := &flowv1.HandleDataExchangeResponse{Outcome: &flowv1.HandleDataExchangeResponse_NextScreen{NextScreen: next}}
	answer := value
	switch name {
	case "echo":
	case "complete":
		completion := &flowv1.Completion{Params: value.GetStructValue()}
		response.Outcome = &flowv1.HandleDataExchangeResponse_Completion{Completion: completion}
		return response, nil
	case "invalid_flow_token":
		invalid := &flowv1.InvalidFlowToken{ErrorMessage: value.GetStringValue()}
		response.Outcome = &flowv1.HandleDataExchangeResponse_InvalidFlowToken{InvalidFlowToken: invalid}
		return response, nil
	case "error_message":
		next.ErrorMessage = value.GetStringValue()
		return response, nil
	case "status":
		told := value.GetStructValue().GetFields()
		code := codes.Code(told["code"].GetNumberValue())
		return nil, &appointment.Error{Code: code, Reason: told["reason"].GetStringValue(), Text: "as told"}
	case "panic":
		panic(value.GetStringValue())
	case "sleep_ms":
		select {
		case <-time.After(time.Duration(value.GetNumberValue()) * time.Millisecond):
		case <-ctx.Done():
			m.cancelled.Add(1)
			return nil, ctx.Err()
		}
	case "cancelled":
		answer = structpb.NewNumberValue(float64(m.cancelled.Load()))
	case "metadata":
		answer = metadataOf(ctx)
	default:
		return nil, &appointment.Error{Code: codes.InvalidArgument, Reason: "INVALID_REQUEST", Text: "an unknown command"}
	}
	next.Data = &structpb.Struct{Fields: map[string]*structpb.Value{name: answer}}
	return response, nil
}

// metadataOf is what came beside the message, null where it did not.
func metadataOf(ctx context.Context) *structpb.Value {
	seen := map[string]*structpb.Value{"remaining_ms": structpb.NewNullValue()}
	for _, key := range []string{"traceparent", "x-request-id"} {
		seen[key] = structpb.NewNullValue()
		if came := metadata.ValueFromIncomingContext(ctx, key); len(came) > 0 {
			seen[key] = structpb.NewStringValue(came[0])
		}
	}
	if deadline, ok := ctx.Deadline(); ok {
		seen["remaining_ms"] = structpb.NewNumberValue(float64(time.Until(deadline).Milliseconds()))
	}
	return structpb.NewStructValue(&structpb.Struct{Fields: seen})
}
