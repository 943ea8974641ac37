/** The service as a process: its traces, its log, its end. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { suite, test, type TestContext } from 'node:test';
import { promisify } from 'node:util';

import { Metadata, Server, ServerCredentials, type handleUnaryCall } from '@grpc/grpc-js';

import { Action, HandleErrorRequest, type HandleErrorResponse, PingRequest } from '../src/gen/flow/v1/flow_service.ts';
import { isTracing } from '../src/telemetry.ts';
import { call, connect, connectToHealth, exchange, failure, type HealthAnswer } from './client.ts';
import { request } from './conversation.ts';
import { run, runToEnd } from './process.ts';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const PARENT_ID = 'b7ad6b7169203331';
const TRACEPARENT = new Metadata();
TRACEPARENT.set('traceparent', `00-${TRACE_ID}-${PARENT_ID}-01`);

const FORM = request({
  action: Action.ACTION_DATA_EXCHANGE,
  screen: 'DETAILS',
  flowToken: 'secret-token',
  data: { department: ['Lovelace'] },
});

interface Span {
  traceId: string;
  spanId: string;
  parentSpanId: string;
  name: string;
  kind: number;
}

interface Export {
  resourceSpans: {
    resource: { attributes: { key: string; value: { stringValue?: string } }[] };
    scopeSpans: { spans: Span[] }[];
  }[];
}

const SPAN_KIND_SERVER = 2;

/** A collector over HTTP that keeps what it gets. */
async function collectHttp(t: TestContext): Promise<{ endpoint: string; bodies: Buffer[] }> {
  const bodies: Buffer[] = [];
  const server = createServer((incoming, outgoing) => {
    assert.equal(incoming.url, '/v1/traces');
    void incoming.toArray().then((chunks: Buffer[]) => {
      bodies.push(Buffer.concat(chunks));
      outgoing.end('{}');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return { endpoint: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`, bodies };
}

/** The same over gRPC; what it gets stays as it came. */
async function collectGrpc(t: TestContext): Promise<{ endpoint: string; bodies: Buffer[] }> {
  const bodies: Buffer[] = [];
  const server = new Server();
  const asItCame = (bytes: Buffer) => bytes;
  const export_: handleUnaryCall<Buffer, Buffer> = (call, callback) => {
    bodies.push(call.request);
    callback(null, Buffer.of());
  };
  const method = {
    path: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
    requestStream: false,
    responseStream: false,
    requestSerialize: asItCame,
    requestDeserialize: asItCame,
    responseSerialize: asItCame,
    responseDeserialize: asItCame,
  };
  server.addService({ export: method }, { export: export_ });
  const port = await promisify(server.bindAsync.bind(server))('127.0.0.1:0', ServerCredentials.createInsecure());
  t.after(() => {
    server.forceShutdown();
  });
  return { endpoint: `http://127.0.0.1:${String(port)}`, bodies };
}

suite('with a collector', () => {
  test("a call is a span below the edge's, and its log lines name it", async (t) => {
    const { endpoint, bodies } = await collectHttp(t);
    const { address, lines, stop } = await run(t, {
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    });
    const client = connect(address);
    const notification = HandleErrorRequest.create({ error: 'payload-schema-error' });
    await call<HandleErrorResponse>((done) => client.handleError(notification, TRACEPARENT, done));
    assert.equal((await failure(exchange(client, FORM, TRACEPARENT))).reason, 'INVALID_FORM_DATA');
    const health = connectToHealth(address);
    await call<HealthAnswer>((done) => {
      health.check({ service: '' }, done);
    });
    health.close();
    client.close();
    assert.equal(await stop(), 0);

    const exported = bodies.flatMap((body) => (JSON.parse(body.toString()) as Export).resourceSpans);
    const spans = exported.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans));
    assert.deepEqual(
      spans.map(({ name }) => name),
      ['grpc.flow.v1.FlowService/HandleError', 'grpc.flow.v1.FlowService/HandleDataExchange'],
    );
    for (const { traceId, parentSpanId, kind } of spans) {
      assert.deepEqual([traceId, parentSpanId, kind], [TRACE_ID, PARENT_ID, SPAN_KIND_SERVER]);
    }
    const named = exported[0]?.resource.attributes.find(({ key }) => key === 'service.name');
    assert.equal(named?.value.stringValue, 'typescript-appointment');

    const ofSpans = lines.filter((line) => 'span_id' in line).map((line) => [line['trace_id'], line['span_id']]);
    assert.deepEqual(
      ofSpans,
      spans.map(({ traceId, spanId }) => [traceId, spanId]),
    );
    assert.ok(!/Lovelace|secret-token/.test(bodies.join('') + JSON.stringify(lines)));
  });

  for (const [protocol, collect] of [
    ['', collectHttp],
    ['http/protobuf', collectHttp],
    ['grpc', collectGrpc],
  ] as const) {
    test(`spans are sent by \`${protocol}\`, under the name that the variables give`, async (t) => {
      const { endpoint, bodies } = await collect(t);
      const { address, stop } = await run(t, {
        OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
        OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
        OTEL_RESOURCE_ATTRIBUTES: 'service.name=booking-desk',
      });
      const client = connect(address);
      await failure(exchange(client, FORM, TRACEPARENT));
      client.close();
      assert.equal(await stop(), 0);
      const sent = Buffer.concat(bodies);
      for (const part of [Buffer.from(TRACE_ID, 'hex'), Buffer.from(PARENT_ID, 'hex'), 'booking-desk']) {
        assert.ok(sent.includes(part), String(part));
      }
      assert.ok(!/Lovelace|secret-token/.test(sent.toString('latin1')));
    });
  }

  test('that is gone, neither calls nor the end are held up', { timeout: 60_000 }, async (t) => {
    const { address, lines, stop } = await run(t, { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' });
    const client = connect(address);
    await call((done) => client.ping(PingRequest.create(), done));
    client.close();
    assert.equal(await stop(), 0);
    assert.ok(
      lines.some((line) => line['message'] === 'the last spans could not be exported'),
      JSON.stringify(lines),
    );
  });
});

for (const variables of [
  {},
  { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1', OTEL_SDK_DISABLED: 'true' },
] as Record<string, string>[]) {
  test(`without tracing a process serves and ends on SIGTERM: ${JSON.stringify(variables)}`, async (t) => {
    const { address, lines, stop } = await run(t, variables);
    const client = connect(address);
    const notification = HandleErrorRequest.create();
    await call<HandleErrorResponse>((done) => client.handleError(notification, TRACEPARENT, done));
    client.close();
    assert.equal(await stop(), 0);
    assert.equal(lines.at(-1)?.['message'], 'stopped');
    assert.ok(!lines.some((line) => 'trace_id' in line));
  });
}

test('a process that cannot listen says so in one line, and fails', async (t) => {
  const { address } = await run(t);
  for (const [listen, why] of [
    [address, 'EADDRINUSE'],
    ['localhost', 'must be an IP address'],
  ] as const) {
    const { code, text } = await runToEnd({ FLOW_LOGIC_LISTEN: listen });
    assert.equal(code, 1);
    const said = text.split('\n').filter((line) => line.startsWith('typescript-appointment: '));
    assert.equal(said.length, 1);
    assert.ok(said[0]?.includes('FLOW_LOGIC_LISTEN') && said[0].includes(why), text);
  }
});

for (const [variables, expected] of [
  [{}, false],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: '' }, false],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' }, true],
  [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://collector:4318/v1/traces' }, true],
  [{ OTEL_TRACES_EXPORTER: 'console' }, true],
  [{ OTEL_TRACES_EXPORTER: 'none', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' }, false],
  [{ OTEL_TRACES_EXPORTER: 'otlp', OTEL_SDK_DISABLED: 'TRUE' }, false],
] as [Record<string, string>, boolean][]) {
  test(`traces are off unless a standard variable asks for them: ${JSON.stringify(variables)}`, () => {
    assert.equal(isTracing(variables), expected);
  });
}
