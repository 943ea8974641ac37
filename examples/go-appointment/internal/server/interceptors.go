package server

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"example.com/go-appointment/internal/appointment"
	"example.com/go-appointment/internal/bookings"
)

// failures gives every failure of the logic a status that quotes nothing, logs it, and lets a panic end no more than its
// call.
func failures(
	ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler,
) (response any, err error) {
	defer func() {
		if recover() != nil {
			// What was panicked with stays behind: it may quote what the user typed. The stack has no texts but those of
			// the code.
			slog.ErrorContext(ctx, "the logic panicked", "method", info.FullMethod, "stack", string(debug.Stack()))
			response = nil
			err = &appointment.Error{Code: codes.Internal, Reason: "PANIC", Text: "the logic panicked"}
		}
	}()
	response, err = handle(ctx, request)
	if err == nil {
		return response, nil
	}
	failure := failureOf(err)
	log := slog.With("method", info.FullMethod, "code", failure.Code.String(), "reason", failure.Reason)
	if named, ok := request.(interface {
		GetEndpoint() string
		GetRequestId() string
	}); ok {
		log = log.With("endpoint", named.GetEndpoint(), "request_id", named.GetRequestId())
	}
	log.WarnContext(ctx, "the call failed", "error", failure.Text)
	return nil, failure
}

// failureOf says what the edge is told. The text of an error that is not known here may quote anything, so nobody is told.
func failureOf(err error) *appointment.Error {
	if known, ok := errors.AsType[*appointment.Error](err); ok {
		return known
	}
	switch {
	case errors.Is(err, bookings.ErrUnavailable):
		text := bookings.ErrUnavailable.Error()
		return &appointment.Error{Code: codes.Unavailable, Reason: "UNAVAILABLE", Text: text}
	case errors.Is(err, context.DeadlineExceeded):
		text := "the time of the call is over"
		return &appointment.Error{Code: codes.DeadlineExceeded, Reason: "DEADLINE_EXCEEDED", Text: text}
	case errors.Is(err, context.Canceled):
		return &appointment.Error{Code: codes.Canceled, Reason: "CANCELLED", Text: "the caller has gone"}
	default:
		return &appointment.Error{Code: codes.Internal, Reason: "INTERNAL", Text: "the logic failed"}
	}
}

// endWatches ends the stream of a health watcher that was told NOT_SERVING: a stream that stays open would hold its
// connection, and the stop with it.
func endWatches(server any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	return handle(server, &endingStream{ServerStream: stream, ctx: ctx, cancel: cancel})
}

type endingStream struct {
	grpc.ServerStream
	ctx    context.Context
	cancel context.CancelFunc
}

func (s *endingStream) Context() context.Context { return s.ctx }

func (s *endingStream) SendMsg(message any) error {
	err := s.ServerStream.SendMsg(message)
	health, ok := message.(*healthv1.HealthCheckResponse)
	if ok && health.GetStatus() == healthv1.HealthCheckResponse_NOT_SERVING {
		s.cancel()
	}
	return err
}
