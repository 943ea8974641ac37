package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	coltracev1 "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	flowv1 "example.com/go-appointment/internal/gen/flow/v1"
	"example.com/go-appointment/internal/pgtest"
)

// runVariable makes the program of the tests be go-appointment itself, for tests of the process as a whole.
const runVariable = "GO_APPOINTMENT_RUN"

func TestMain(m *testing.M) {
	if os.Getenv(runVariable) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// process is go-appointment as a process.
type process struct {
	command    *exec.Cmd
	lines      *bufio.Scanner
	connection *grpc.ClientConn
}

// line is a line of its log.
type line map[string]any

func start(t *testing.T, environment ...string) *process {
	t.Helper()
	command := exec.CommandContext(t.Context(), os.Args[0])
	command.Env = append(environment, runVariable+"=1", "FLOW_LOGIC_LISTEN=127.0.0.1:0")
	stderr, err := command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{command: command, lines: bufio.NewScanner(stderr)}
	t.Cleanup(func() { _ = command.Process.Kill() })
	address, ok := p.line(t)["address"].(string)
	if !ok || strings.HasSuffix(address, ":0") {
		t.Fatalf("it listens on %q", address)
	}
	p.connection, err = grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.connection.Close() })
	return p
}

// line reads the next line of its log, which is JSON.
func (p *process) line(t *testing.T) (fields line) {
	t.Helper()
	if !p.lines.Scan() {
		t.Fatalf("it logs no more: %v", p.lines.Err())
	}
	if err := json.Unmarshal(p.lines.Bytes(), &fields); err != nil {
		t.Fatalf("%v: %s", err, p.lines.Bytes())
	}
	return fields
}

// stop sends SIGTERM and returns the lines until it ended, which it should without an error.
func (p *process) stop(t *testing.T) (logged []line) {
	t.Helper()
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for p.lines.Scan() {
		var fields line
		if err := json.Unmarshal(p.lines.Bytes(), &fields); err != nil {
			t.Errorf("%v: %s", err, p.lines.Bytes())
		}
		logged = append(logged, fields)
	}
	if err := p.command.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	return logged
}

func (p *process) exchange(ctx context.Context, token, screen string, data map[string]any) (
	*flowv1.HandleDataExchangeResponse, error,
) {
	fields, err := structpb.NewStruct(data)
	if err != nil {
		return nil, err
	}
	return flowv1.NewFlowServiceClient(p.connection).HandleDataExchange(ctx, &flowv1.HandleDataExchangeRequest{
		Endpoint: "test", RequestId: "request-1", Version: "4.0", Action: flowv1.Action_ACTION_DATA_EXCHANGE,
		Screen: screen, FlowToken: token, Data: fields,
	})
}

// collector takes what is exported by OTLP over HTTP.
func collector(t *testing.T) (url string, exported <-chan *coltracev1.ExportTraceServiceRequest) {
	t.Helper()
	exports := make(chan *coltracev1.ExportTraceServiceRequest, 100)
	stub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		export := &coltracev1.ExportTraceServiceRequest{}
		if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(body, export) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		exports <- export
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(stub.Close)
	return stub.URL, exports
}

const (
	traceID     = "0af7651916cd43dd8448eb211c80319c"
	parentID    = "b7ad6b7169203331"
	traceparent = "00-" + traceID + "-" + parentID + "-01"
)

func TestTheServerSpanIsAChildOfTheEdgesSpanAndLogLinesNameIt(t *testing.T) {
	url, exported := collector(t)
	p := start(t, "OTEL_EXPORTER_OTLP_ENDPOINT="+url)
	if _, err := healthv1.NewHealthClient(p.connection).Check(t.Context(), &healthv1.HealthCheckRequest{}); err != nil {
		t.Fatal(err)
	}
	ctx := metadata.AppendToOutgoingContext(t.Context(), "traceparent", traceparent)
	if _, err := p.exchange(ctx, "secret-token", "TERMS", map[string]any{"name": "Lovelace"}); err == nil {
		t.Fatal("TERMS submits")
	}
	logged := p.line(t)
	p.stop(t)

	var spans []*tracev1.Span
	text := ""
	for len(exported) > 0 {
		export := <-exported
		text += export.String()
		for _, resource := range export.GetResourceSpans() {
			for _, scope := range resource.GetScopeSpans() {
				spans = append(spans, scope.GetSpans()...)
			}
		}
	}
	if len(spans) != 1 {
		t.Fatalf("exported %v, want one span", spans)
	}
	span := spans[0]
	if span.GetName() != "flow.v1.FlowService/HandleDataExchange" || span.GetKind() != tracev1.Span_SPAN_KIND_SERVER ||
		hex.EncodeToString(span.GetTraceId()) != traceID || hex.EncodeToString(span.GetParentSpanId()) != parentID {
		t.Errorf("exported %v", span)
	}
	if logged["trace_id"] != traceID || logged["span_id"] != hex.EncodeToString(span.GetSpanId()) ||
		logged["msg"] != "the call failed" || logged["request_id"] != "request-1" {
		t.Errorf("logged %v", logged)
	}
	if !strings.Contains(text, "go-appointment") {
		t.Errorf("the service has no name: %s", text)
	}
	for _, secret := range []string{"secret-token", "Lovelace"} {
		if strings.Contains(text, secret) {
			t.Errorf("exported %s", text)
		}
		for field, value := range logged {
			if value, _ := value.(string); strings.Contains(value, secret) {
				t.Errorf("logged %s: %v", field, value)
			}
		}
	}
}

func TestNothingIsExportedWhereTelemetryIsOff(t *testing.T) {
	url, exported := collector(t)
	for _, environment := range [][]string{
		{"OTEL_EXPORTER_OTLP_ENDPOINT=" + url, "OTEL_SDK_DISABLED=true"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=" + url, "OTEL_TRACES_EXPORTER=none"},
		{},
	} {
		p := start(t, environment...)
		ctx := metadata.AppendToOutgoingContext(t.Context(), "traceparent", traceparent)
		if _, err := flowv1.NewFlowServiceClient(p.connection).Ping(ctx, &flowv1.PingRequest{}); err != nil {
			t.Fatal(err)
		}
		p.stop(t)
		if len(exported) > 0 {
			t.Errorf("with %v it exported %v", environment, <-exported)
		}
	}
}

func TestWhatCannotBeUsedEndsTheStart(t *testing.T) {
	for _, test := range []struct{ variable, text string }{
		{"FLOW_LOGIC_LISTEN=50051", "must be an IP address and a port"},
		{"DATABASE_URL=mysql://flow:hunter2@host/name", "postgres://"},
	} {
		command := exec.CommandContext(t.Context(), os.Args[0])
		command.Env = []string{runVariable + "=1", test.variable}
		output, err := command.CombinedOutput()
		if err == nil || !strings.Contains(string(output), test.text) || strings.Contains(string(output), "hunter2") {
			t.Errorf("with %s: %v, %s", test.variable, err, output)
		}
	}
}

// Two replicas as two processes: what one booked the other knows, and it outlives both.
func TestReplicasShareTheirBookings(t *testing.T) {
	database := "DATABASE_URL=" + pgtest.Start(t)
	one, two := start(t, database), start(t, database)
	chosen := map[string]any{"trigger": "location_selected", "department": "home", "location": "kings_cross"}
	first := func(p *process, field string) string {
		t.Helper()
		response, err := p.exchange(t.Context(), "", "APPOINTMENT", chosen)
		if err != nil {
			t.Fatal(err)
		}
		items := response.GetNextScreen().GetData().GetFields()[field].GetListValue().GetValues()
		if len(items) == 0 {
			t.Fatalf("no %s in %v", field, response)
		}
		return items[0].GetStructValue().GetFields()["id"].GetStringValue()
	}
	chosen["date"] = first(one, "date")
	chosen["trigger"] = "date_selected"
	chosen["time"] = first(one, "time")
	form := map[string]any{"name": "Ada", "email": "ada@example.com", "phone": "1234567", "terms": true}
	for _, field := range []string{"department", "location", "date", "time"} {
		form[field] = chosen[field]
	}
	submit := func(p *process, token string) *flowv1.HandleDataExchangeResponse {
		t.Helper()
		response, err := p.exchange(t.Context(), token, "SUMMARY", form)
		if err != nil {
			t.Fatal(err)
		}
		return response
	}

	booked := submit(one, "ada")
	if booked.GetCompletion() == nil || !proto.Equal(submit(two, "ada"), booked) {
		t.Errorf("one books %v, the other answers otherwise", booked)
	}
	if again := first(two, "time"); again == chosen["time"] {
		t.Errorf("the other still offers %s", again)
	}
	if late := submit(two, "bob"); !strings.Contains(late.GetNextScreen().GetErrorMessage(), "taken") {
		t.Errorf("who is late sees %v", late)
	}
	one.stop(t)
	two.stop(t)
	if late := submit(start(t, database), "bob"); !strings.Contains(late.GetNextScreen().GetErrorMessage(), "taken") {
		t.Errorf("who comes after a restart sees %v", late)
	}
}
