// Package server serves a FlowService: address, health, reflection, the age of connections, and a stop that lets calls in
// flight finish.
//
// It refuses to know TLS: flow-edge and its logic share a private network, or a service mesh encrypts between them.
package server

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc/filters"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	flowv1 "example.com/go-appointment/internal/gen/flow/v1"
)

const (
	// drainLimit bounds a stop: the platform gives up on a call after 10 seconds, so no answer is worth a longer wait.
	drainLimit = 10 * time.Second

	// maxConnectionAge makes room for replicas that came later: a client keeps its connection for as long as it can, and
	// behind an address that balances connections, such as a plain Kubernetes Service, they would never be called. gRPC
	// spreads it by a tenth, so that not all connections end together.
	maxConnectionAge = 5 * time.Minute
)

// Listen binds an address: an IP address and a port, of which 0 lets the system choose.
func Listen(address string) (net.Listener, error) {
	if _, err := netip.ParseAddrPort(address); err != nil {
		return nil, fmt.Errorf("FLOW_LOGIC_LISTEN is `%s`; it must be an IP address and a port, "+
			"such as 127.0.0.1:50051, 0.0.0.0:50051 or [::]:50051", address)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%w; FLOW_LOGIC_LISTEN chooses another address", err)
	}
	return listener, nil
}

// Serve serves the logic on a listener until the context ends.
//
// Then health turns to NOT_SERVING, no connection or call is accepted any more, and calls in flight get 10 seconds to
// finish.
func Serve(ctx context.Context, listener net.Listener, logic flowv1.FlowServiceServer) error {
	server := grpc.NewServer(
		// The edge asks for health every few seconds; those calls belong to no trace.
		grpc.StatsHandler(otelgrpc.NewServerHandler(otelgrpc.WithFilter(filters.Not(filters.HealthCheck())))),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionAge:      maxConnectionAge,
			MaxConnectionAgeGrace: drainLimit,
		}),
		grpc.UnaryInterceptor(failures),
		grpc.StreamInterceptor(endWatches),
	)
	flowv1.RegisterFlowServiceServer(server, logic)
	status := health.NewServer()
	status.SetServingStatus(flowv1.FlowService_ServiceDesc.ServiceName, healthv1.HealthCheckResponse_SERVING)
	healthv1.RegisterHealthServer(server, status)
	reflection.Register(server)

	drained := make(chan struct{})
	stopDraining := context.AfterFunc(ctx, func() {
		defer close(drained)
		slog.Info("stopping, calls in flight may finish")
		status.Shutdown()
		overdue := time.AfterFunc(drainLimit, func() {
			slog.Warn("calls were still running when the time to stop was over")
			server.Stop()
		})
		defer overdue.Stop()
		server.GracefulStop()
	})
	slog.Info("listening", "address", listener.Addr().String())
	err := server.Serve(listener)
	if stopDraining() {
		// It ended before it was told to.
		return fmt.Errorf("the server failed: %w", err)
	}
	<-drained
	slog.Info("stopped")
	return nil
}
