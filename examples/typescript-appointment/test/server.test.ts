/** The server over real gRPC, in this process. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { suite, test, type TestContext } from 'node:test';
import { promisify } from 'node:util';

import { connectivityState, Metadata, status } from '@grpc/grpc-js';

import { type Bookings, Memory } from '../src/bookings.ts';
import { LogicError } from '../src/errors.ts';
import { Action, HandleErrorRequest, type HandleErrorResponse, PingRequest } from '../src/gen/flow/v1/flow_service.ts';
import { Server } from '../src/server.ts';
import { createLog } from '../src/telemetry.ts';
import {
  call,
  connect,
  connectToHealth,
  connectToReflection,
  exchange,
  failure,
  type HealthAnswer,
  type ReflectionAnswer,
} from './client.ts';
import { request, User, withDetails } from './conversation.ts';

const ANY_PORT = '127.0.0.1:0';
const INIT = request({ action: Action.ACTION_INIT, flowToken: 'token' });

/** Bookings that fail, or wait, when the test says so. */
class Scripted extends Memory {
  failure: Error | undefined;
  waits = false;
  readonly called = Promise.withResolvers<AbortSignal>();
  readonly release = Promise.withResolvers<unknown>();

  override async find(flowToken: string, signal?: AbortSignal): Promise<string | undefined> {
    if (this.failure) {
      throw this.failure;
    }
    if (this.waits && signal) {
      this.called.resolve(signal);
      signal.addEventListener('abort', () => {
        this.release.reject(signal.reason);
      });
      await this.release.promise;
    }
    return super.find(flowToken);
  }
}

/** A server that ends with its test, a client, and what was logged. */
async function serve(t: TestContext, bookings: Bookings, options?: Parameters<typeof Server.start>[3]) {
  const lines: string[] = [];
  const log = createLog({ write: (line) => lines.push(line) });
  const server = await Server.start(bookings, ANY_PORT, log, options);
  const client = connect(server.address);
  t.after(async () => {
    client.close();
    await server.stop();
  });
  return { server, client, lines };
}

test('a conversation over gRPC', async (t) => {
  const { client } = await serve(t, new Memory());
  const user = new User((request) => exchange(client, request), 'token');
  assert.equal((await user.init()).screen, 'APPOINTMENT');
  const { reference } = await user.submit('SUMMARY', withDetails(await user.choose(), 'Ada'));
  assert.ok((await user.init()).errorMessage.includes(reference));
  await call((done) => client.ping(PingRequest.create(), done));
});

test('health serves the server and the service by name', async (t) => {
  const { server } = await serve(t, new Memory());
  const health = connectToHealth(server.address);
  t.after(() => {
    health.close();
  });
  const check = (service: string) =>
    call<HealthAnswer>((done) => {
      health.check({ service }, done);
    });
  for (const service of ['', 'flow.v1.FlowService']) {
    assert.equal((await check(service)).status, 'SERVING');
  }
  await assert.rejects(check('flow.v1.Other'), { code: status.NOT_FOUND });
});

test('reflection lists the services and describes them', async (t) => {
  const { server } = await serve(t, new Memory());
  const reflection = connectToReflection(server.address);
  t.after(() => {
    reflection.close();
  });
  const stream = reflection.serverReflectionInfo();
  stream.write({ listServices: '' });
  stream.write({ fileContainingSymbol: 'flow.v1.FlowService' });
  stream.write({ fileByFilename: 'google/protobuf/struct.proto' });
  stream.end();
  const [listed, service, imported] = (await stream.toArray()) as ReflectionAnswer[];
  const names = listed?.listServicesResponse?.service.map(({ name }) => name);
  assert.deepEqual(names?.toSorted(), ['flow.v1.FlowService', 'grpc.health.v1.Health']);
  assert.ok(service?.fileDescriptorResponse?.fileDescriptorProto.length);
  assert.ok(imported?.fileDescriptorResponse?.fileDescriptorProto.length);
});

suite('a failure is a status with a reason for programs', () => {
  test('of the request', async (t) => {
    const { client, lines } = await serve(t, new Memory());
    const form = { action: Action.ACTION_DATA_EXCHANGE, data: { department: ['Lovelace'] } };
    assert.deepEqual(await failure(exchange(client, request({ ...form, screen: 'SUMMARY' }))), {
      code: status.INVALID_ARGUMENT,
      text: 'form data, field `department`: invalid_type',
      reason: 'INVALID_FORM_DATA',
    });
    assert.equal((await failure(exchange(client, request({})))).reason, 'INVALID_REQUEST');
    const { code, reason } = await failure(exchange(client, request({ ...form, screen: 'CELLAR' })));
    assert.deepEqual([code, reason], [status.INTERNAL, 'INTERNAL']);
    assert.equal(lines.filter((line) => line.includes('"request_id":"request-1"')).length, 3);
    assert.ok(!lines.join('').includes('Lovelace'));
  });

  test('of bookings that cannot be reached, which fail the ping too', async (t) => {
    const bookings = new Scripted();
    bookings.failure = new LogicError('UNAVAILABLE', 'the bookings cannot be reached');
    t.mock.method(bookings, 'check', () => Promise.reject(bookings.failure ?? new Error()));
    const { client } = await serve(t, bookings);
    const expected = { code: status.UNAVAILABLE, text: 'the bookings cannot be reached', reason: 'UNAVAILABLE' };
    assert.deepEqual(await failure(exchange(client, INIT)), expected);
    assert.deepEqual(await failure(call((done) => client.ping(PingRequest.create(), done))), expected);
  });

  test('of an exception, which fails its call and no other and is quoted nowhere', async (t) => {
    const bookings = new Scripted();
    const { client, lines } = await serve(t, bookings);
    for (const text of ['Lovelace', 'no\n    at Lovelace', '']) {
      bookings.failure = new RangeError(text);
      assert.deepEqual(await failure(exchange(client, INIT)), {
        code: status.INTERNAL,
        text: 'the logic threw an exception',
        reason: 'PANIC',
      });
    }
    bookings.failure = undefined;
    await exchange(client, INIT);
    assert.ok(!lines.join('').includes('Lovelace'));
    const logged = lines.filter((line) => line.includes('"type":"RangeError"'));
    assert.equal(logged.length, 3);
    assert.ok(logged.every((line) => line.includes('server.test.ts')));
  });
});

test('an error notification is logged without what it quotes', async (t) => {
  const { client, lines } = await serve(t, new Memory());
  const notification = HandleErrorRequest.create({
    requestId: 'request-7',
    flowToken: 'secret-token',
    error: 'payload-schema-error',
    errorMessage: 'Lovelace is not a number',
  });
  await call<HandleErrorResponse>((done) => client.handleError(notification, done));
  const line = lines.find((line) => line.includes('payload-schema-error'));
  assert.ok(line?.includes('"request_id":"request-7"'));
  assert.ok(!/Lovelace|secret-token/.test(lines.join('')));
});

test('a call past its deadline is answered and its work told to stop', async (t) => {
  const bookings = new Scripted();
  bookings.waits = true;
  const { client, lines } = await serve(t, bookings);
  const late = call((done) => client.handleDataExchange(INIT, new Metadata(), { deadline: Date.now() + 200 }, done));
  await assert.rejects(late, { code: status.DEADLINE_EXCEEDED });
  const signal = await bookings.called.promise;
  if (!signal.aborted) {
    await once(signal, 'abort');
  }
  assert.ok(!lines.join('').includes('"level":"ERROR"'));
});

suite('a stop', () => {
  test('tells those who watch health, and lets a call in flight finish', async (t) => {
    const bookings = new Scripted();
    bookings.waits = true;
    const { server, client } = await serve(t, bookings);
    const health = connectToHealth(server.address);
    t.after(() => {
      health.close();
    });
    const watches = ['', 'flow.v1.FlowService'].map((service) => health.watch({ service }).iterator());
    for (const watch of watches) {
      assert.deepEqual((await watch.next()).value, { status: 'SERVING' });
    }
    const inFlight = exchange(client, INIT);
    await bookings.called.promise;

    const stopped = t.mock.fn();
    const stopping = server.stop().then(stopped);
    for (const watch of watches) {
      assert.deepEqual((await watch.next()).value, { status: 'NOT_SERVING' });
      // Or it would hold up the stop.
      assert.ok((await watch.next()).done);
    }
    const [host = '', port] = server.address.split(':');
    await assert.rejects(once(connectTcp(Number(port), host), 'connect'), { code: 'ECONNREFUSED' });
    assert.equal(stopped.mock.callCount(), 0);
    bookings.release.resolve(undefined);
    assert.equal((await inFlight).outcome?.$case, 'nextScreen');
    await stopping;
  });

  test('cuts off a call that does not finish', async (t) => {
    const bookings = new Scripted();
    bookings.waits = true;
    const { server, client, lines } = await serve(t, bookings, { drainMs: 100 });
    const inFlight = assert.rejects(exchange(client, INIT));
    await bookings.called.promise;
    await server.stop();
    await inFlight;
    assert.ok(lines.join('').includes('calls in flight are cut off'));
  });
});

test('a connection ends at its age, and the next call takes another', async (t) => {
  const bookings = new Scripted();
  bookings.waits = true;
  const { client } = await serve(t, bookings, { maxConnectionAgeMs: 300 });
  const inFlight = exchange(client, INIT);
  await bookings.called.promise;
  const channel = client.getChannel();
  assert.equal(channel.getConnectivityState(false), connectivityState.READY);
  const watch = promisify(channel.watchConnectivityState.bind(channel));
  await watch(connectivityState.READY, Date.now() + 30_000);
  bookings.release.resolve(undefined);
  assert.equal((await inFlight).outcome?.$case, 'nextScreen');
  await exchange(client, INIT);
});

for (const address of [
  '',
  '50051',
  ':50051',
  'localhost:50051',
  'http://127.0.0.1:50051',
  '127.0.0.1:99999',
  '::1:50051',
  '127.0.0.1:',
]) {
  test(`a bad address is named with what would be right: \`${address}\``, async () => {
    const log = createLog({ write: () => undefined });
    const started = Server.start(new Memory(), address, log);
    await assert.rejects(started, {
      name: 'StartError',
      message: /^FLOW_LOGIC_LISTEN is `.*`; it must be an IP address/,
    });
  });
}
