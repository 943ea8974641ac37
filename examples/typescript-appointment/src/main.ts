/** Serves the flow on `FLOW_LOGIC_LISTEN`, with its bookings in memory. */

import { once } from 'node:events';

import { setLogger } from '@grpc/grpc-js';
import { destination } from 'pino';

import { Memory } from './bookings.ts';
import { StartError } from './errors.ts';
import { DEFAULT_ADDRESS, Server } from './server.ts';
import { createLog, startTracing } from './telemetry.ts';

const STDERR = 2;

// The stubs make plain objects of what comes, by assignment. With this setter the key `__proto__` would get lost on the way.
Reflect.deleteProperty(Object.prototype, '__proto__');

const log = createLog(destination({ fd: STDERR, sync: true }));
setLogger({
  error: (text: string) => {
    log.error({ logger: 'grpc' }, text);
  },
});
// Once only: a second signal ends the process.
const stop = Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
const stopTracing = startTracing(log);
try {
  log.info('bookings are kept in memory, and gone with the process');
  const address = process.env['FLOW_LOGIC_LISTEN'] ?? DEFAULT_ADDRESS;
  const isConformanceMode = process.env['FLOW_CONFORMANCE_MODE'] === '1';
  const server = await Server.start(new Memory(), address, log, { isConformanceMode });
  await stop;
  await server.stop();
} catch (error) {
  if (!(error instanceof StartError)) {
    throw error;
  }
  process.stderr.write(`typescript-appointment: ${error.message}\n`);
  process.exitCode = 1;
} finally {
  await stopTracing();
}
