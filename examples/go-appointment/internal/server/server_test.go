package server_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	"example.com/go-appointment/internal/appointment"
	"example.com/go-appointment/internal/bookings"
	flowv1 "example.com/go-appointment/internal/gen/flow/v1"
	"example.com/go-appointment/internal/server"
)

// logic is a FlowService whose ping does what a test wants.
type logic struct {
	flowv1.UnimplementedFlowServiceServer
	ping func(context.Context) error
}

func (l logic) Ping(ctx context.Context, _ *flowv1.PingRequest) (*flowv1.PingResponse, error) {
	return &flowv1.PingResponse{}, l.ping(ctx)
}

// serve serves the logic on a port that the system chooses. stop begins a stop, and stopped has the outcome.
func serve(t *testing.T, ping func(context.Context) error) (
	connection *grpc.ClientConn, stop context.CancelFunc, stopped <-chan error,
) {
	t.Helper()
	listener, err := server.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	outcome, ended := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(ended)
		outcome <- server.Serve(ctx, listener, logic{ping: ping})
	}()
	t.Cleanup(func() {
		stop()
		<-ended
	})
	connection, err = grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	return connection, stop, outcome
}

// captureLogs returns what is logged until the test ends.
func captureLogs(t *testing.T) *lockedBuffer {
	t.Helper()
	logs, previous := &lockedBuffer{}, slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(logs, nil)))
	t.Cleanup(func() { slog.SetDefault(previous) })
	return logs
}

type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

func TestAFailureIsAStatusWithAReasonThatQuotesNothing(t *testing.T) {
	known := &appointment.Error{Code: codes.InvalidArgument, Reason: "INVALID_FORM_DATA", Text: "form data"}
	for _, test := range []struct {
		name         string
		ping         func(context.Context) error
		code         codes.Code
		reason, text string
	}{
		{"known", func(context.Context) error { return known }, codes.InvalidArgument, "INVALID_FORM_DATA", "form data"},
		{"bookings", func(context.Context) error { return bookings.ErrUnavailable },
			codes.Unavailable, "UNAVAILABLE", "the bookings cannot be reached"},
		{"late", func(context.Context) error { return context.DeadlineExceeded },
			codes.DeadlineExceeded, "DEADLINE_EXCEEDED", "the time of the call is over"},
		{"unknown", func(context.Context) error { return errors.New("no Lovelace") },
			codes.Internal, "INTERNAL", "the logic failed"},
		{"foreign status", func(context.Context) error { return status.Error(codes.NotFound, "no Lovelace") },
			codes.Internal, "INTERNAL", "the logic failed"},
		{"panic", func(context.Context) error { panic("Lovelace") }, codes.Internal, "PANIC", "the logic panicked"},
	} {
		t.Run(test.name, func(t *testing.T) {
			logs := captureLogs(t)
			connection, _, _ := serve(t, test.ping)
			_, err := flowv1.NewFlowServiceClient(connection).Ping(t.Context(), &flowv1.PingRequest{RequestId: "request-1"})
			failure := status.Convert(err)
			if failure.Code() != test.code || failure.Message() != test.text {
				t.Errorf("failure is %v", failure)
			}
			info := &errdetails.ErrorInfo{}
			if len(failure.Details()) == 1 {
				info, _ = failure.Details()[0].(*errdetails.ErrorInfo)
			}
			if info.GetReason() != test.reason || info.GetDomain() != "flow.v1" {
				t.Errorf("details are %v", failure.Details())
			}
			if logged := logs.String(); !strings.Contains(logged, "FlowService/Ping") || strings.Contains(logged, "Lovelace") {
				t.Errorf("logged %s", logged)
			}
		})
	}
}

func TestTheDeadlineOfTheCallReachesTheLogic(t *testing.T) {
	ended := make(chan error, 1)
	connection, _, _ := serve(t, func(ctx context.Context) error {
		<-ctx.Done()
		ended <- ctx.Err()
		return ctx.Err()
	})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := flowv1.NewFlowServiceClient(connection).Ping(ctx, &flowv1.PingRequest{})
	if code := status.Code(err); code != codes.DeadlineExceeded {
		t.Errorf("the caller sees %v", err)
	}
	// By its own clock, or because the caller gave up by its own.
	if err := <-ended; err == nil {
		t.Error("the logic was not told")
	}
}

func TestHealthServesUntilTheStop(t *testing.T) {
	connection, stop, stopped := serve(t, func(context.Context) error { return nil })
	health := healthv1.NewHealthClient(connection)
	for _, service := range []string{"", "flow.v1.FlowService"} {
		checked, err := health.Check(t.Context(), &healthv1.HealthCheckRequest{Service: service})
		if err != nil || checked.GetStatus() != healthv1.HealthCheckResponse_SERVING {
			t.Errorf("health of %q is %v, %v", service, checked, err)
		}
	}
	watch, err := health.Watch(t.Context(), &healthv1.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	expect := func(want healthv1.HealthCheckResponse_ServingStatus) {
		t.Helper()
		seen, err := watch.Recv()
		if err != nil || seen.GetStatus() != want {
			t.Fatalf("the watcher sees %v, %v, want %v", seen, err, want)
		}
	}
	expect(healthv1.HealthCheckResponse_SERVING)
	stop()
	expect(healthv1.HealthCheckResponse_NOT_SERVING)
	// A watcher does not hold up the stop.
	if _, err := watch.Recv(); err == nil {
		t.Error("the watch goes on")
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestReflectionShowsTheContract(t *testing.T) {
	connection, _, _ := serve(t, func(context.Context) error { return nil })
	stream, err := reflectionv1.NewServerReflectionClient(connection).ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	err = stream.Send(&reflectionv1.ServerReflectionRequest{
		MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{},
	})
	if err != nil {
		t.Fatal(err)
	}
	response, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, service := range response.GetListServicesResponse().GetService() {
		names = append(names, service.GetName())
	}
	for _, want := range []string{"flow.v1.FlowService", "grpc.health.v1.Health"} {
		if !slices.Contains(names, want) {
			t.Errorf("reflection lists %v", names)
		}
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != io.EOF {
		t.Errorf("the stream ends with %v", err)
	}
}

func TestACallInFlightFinishesWhileNoOtherBegins(t *testing.T) {
	began, finish := make(chan struct{}), make(chan struct{})
	connection, stop, stopped := serve(t, func(context.Context) error {
		close(began)
		<-finish
		return nil
	})
	answered := make(chan error, 1)
	go func() {
		_, err := flowv1.NewFlowServiceClient(connection).Ping(context.Background(), &flowv1.PingRequest{})
		answered <- err
	}()
	<-began
	stop()
	// It refuses connections once it is stopping.
	for {
		probe, err := net.Dial("tcp", connection.Target())
		if err != nil {
			break
		}
		_ = probe.Close()
	}
	select {
	case err := <-stopped:
		t.Fatalf("it stopped over a call: %v", err)
	default:
	}
	close(finish)
	if err := <-answered; err != nil {
		t.Errorf("the call in flight: %v", err)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestABadAddressIsNamedWithWhatWouldBeRight(t *testing.T) {
	for _, address := range []string{
		"", "50051", ":50051", "localhost:50051", "http://127.0.0.1:50051", "127.0.0.1:99999",
	} {
		_, err := server.Listen(address)
		want := "FLOW_LOGIC_LISTEN is `" + address + "`; it must be an IP address and a port"
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("Listen(%q) = %v", address, err)
		}
	}
}
