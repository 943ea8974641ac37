// Command go-appointment serves the appointment flow on FLOW_LOGIC_LISTEN, with its bookings in memory, or in the PostgreSQL
// database that DATABASE_URL names.
package main

//go:generate npm exec --yes --package=@bufbuild/buf@1.75.0 -- buf generate

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"example.com/go-appointment/internal/appointment"
	"example.com/go-appointment/internal/bookings"
	"example.com/go-appointment/internal/conformance"
	flowv1 "example.com/go-appointment/internal/gen/flow/v1"
	"example.com/go-appointment/internal/server"
	"example.com/go-appointment/internal/telemetry"
)

const defaultAddress = "127.0.0.1:50051"

// flushTimeout bounds the export of the last spans.
const flushTimeout = 5 * time.Second

func main() {
	slog.SetDefault(telemetry.NewLogger(os.Stderr))
	if err := run(); err != nil {
		slog.Error("go-appointment ended", "error", err)
		os.Exit(1)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	// Once it is stopping, a second signal ends the process at once.
	context.AfterFunc(ctx, stop)

	shutdown, err := telemetry.SetupTracing(ctx)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
		defer cancel()
		if err := shutdown(ctx); err != nil {
			slog.Warn("the last spans were not exported", "error", err)
		}
	}()

	var store bookings.Store = &bookings.Memory{}
	if url := os.Getenv("DATABASE_URL"); url != "" {
		postgres, err := bookings.Open(ctx, url)
		if err != nil {
			return err
		}
		defer postgres.Close()
		store = postgres
	}

	address, isSet := os.LookupEnv("FLOW_LOGIC_LISTEN")
	if !isSet {
		address = defaultAddress
	}
	listener, err := server.Listen(address)
	if err != nil {
		return err
	}
	var logic flowv1.FlowServiceServer = appointment.NewService(store)
	if os.Getenv("FLOW_CONFORMANCE_MODE") == "1" {
		logic = &conformance.Mode{FlowServiceServer: logic}
	}
	return server.Serve(ctx, listener, logic)
}
