package appointment

import (
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Domain is where the reasons have their meaning: the package of the contract.
const Domain = "flow.v1"

// Error is a failure that the edge is told as a gRPC status. Its text goes into logs: it says what failed, never a token or
// anything that the user typed. What a user can mend is a screen, never an error.
type Error struct {
	// Code is the status code: UNAVAILABLE becomes HTTP 503 and DEADLINE_EXCEEDED 504, any other 500.
	Code codes.Code
	// Reason is for programs, in a google.rpc.ErrorInfo.
	Reason string
	// Text is for people and may change.
	Text string
}

// Error implements error.
func (e *Error) Error() string { return e.Text }

// GRPCStatus is what grpc-go sends for this error.
func (e *Error) GRPCStatus() *status.Status {
	plain := status.New(e.Code, e.Text)
	if detailed, err := plain.WithDetails(&errdetails.ErrorInfo{Reason: e.Reason, Domain: Domain}); err == nil {
		return detailed
	}
	return plain
}
