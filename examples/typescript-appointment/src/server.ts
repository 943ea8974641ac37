/**
 * The server around the flow: address, health, reflection, the age of connections, and a stop that lets calls finish.
 *
 * It refuses to know TLS: flow-edge and its logic share a private network, or a service mesh encrypts between them.
 */

import { readFileSync } from 'node:fs';
import { isIPv4, isIPv6 } from 'node:net';
import { promisify } from 'node:util';

import { Server as GrpcServer, ServerCredentials, type ServerWritableStream } from '@grpc/grpc-js';
import { loadFileDescriptorSetFromBuffer, loadSync } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import { HealthImplementation, protoPath as healthProto, type ServingStatus } from 'grpc-health-check';
import type { Logger } from 'pino';

import type { Bookings } from './bookings.ts';
import { conformanceMode } from './conformance.ts';
import { StartError } from './errors.ts';
import { Appointments } from './flow.ts';
import { FlowServiceService } from './gen/flow/v1/flow_service.ts';
import { flowService } from './service.ts';

export const DEFAULT_ADDRESS = '127.0.0.1:50051';

/** What may be asked after: the server as a whole, and the service by name. */
const HEALTH_NAMES = ['', 'flow.v1.FlowService'];

const DEFAULTS = {
  // A client keeps its connection for as long as it can, so behind an address that balances connections, such as a plain
  // Kubernetes Service, a replica that came later would never be called. gRPC spreads the age by a tenth.
  maxConnectionAgeMs: 5 * 60 * 1000,
  // The platform gives up on a call after 10 seconds, so no answer is worth a longer wait.
  drainMs: 10 * 1000,
  isConformanceMode: false,
};

/** The flow, health and reflection on one address. */
export class Server {
  /** Where it listens, with the port that the system chose where 0 was asked for. */
  readonly address: string;
  readonly #grpc: GrpcServer;
  readonly #health: Health;
  readonly #drainMs: number;
  readonly #log: Logger;

  private constructor(address: string, grpc: GrpcServer, health: Health, drainMs: number, log: Logger) {
    this.address = address;
    this.#grpc = grpc;
    this.#health = health;
    this.#drainMs = drainMs;
    this.#log = log;
  }

  static async start(bookings: Bookings, address: string, log: Logger, options: Partial<typeof DEFAULTS> = {}) {
    const host = hostOf(address);
    const { maxConnectionAgeMs, drainMs, isConformanceMode } = { ...DEFAULTS, ...options };
    const grpc = new GrpcServer({
      'grpc.max_connection_age_ms': maxConnectionAgeMs,
      'grpc.max_connection_age_grace_ms': drainMs,
    });
    const flow = flowService(new Appointments(bookings), log);
    grpc.addService(FlowServiceService, isConformanceMode ? conformanceMode(flow, log) : flow);
    const health = new Health(grpc);
    reflection().addToServer(grpc);
    let port: number;
    try {
      port = await promisify(grpc.bindAsync.bind(grpc))(address, ServerCredentials.createInsecure());
    } catch (error) {
      const why = error instanceof Error ? error.message : '';
      throw new StartError(`cannot listen on ${address}, FLOW_LOGIC_LISTEN chooses another address: ${why}`);
    }
    const server = new Server(`${host}:${String(port)}`, grpc, health, drainMs, log);
    log.info({ address: server.address }, 'listening');
    return server;
  }

  /** Tells those who watch health, takes no more calls, and resolves when those in flight are done. */
  async stop(): Promise<void> {
    this.#log.info('stopping, calls in flight may finish');
    this.#health.stop();
    const timeout = setTimeout(() => {
      this.#log.warn('calls in flight are cut off');
      this.#grpc.forceShutdown();
    }, this.#drainMs);
    await promisify(this.#grpc.tryShutdown.bind(this.#grpc))();
    clearTimeout(timeout);
    this.#log.info('stopped');
  }
}

/** The stock service, but its watches end with the server: a stream that stays open would hold up the stop. */
class Health {
  readonly #stock = new HealthImplementation();
  readonly #watches = new Set<ServerWritableStream<unknown, unknown>>();

  constructor(grpc: GrpcServer) {
    this.#set('SERVING');
    this.#stock.addToServer({
      addService: (service, { watch, ...others }) => {
        const tracked = (call: ServerWritableStream<unknown, unknown>) => {
          this.#watches.add(call);
          call.on('cancelled', () => this.#watches.delete(call));
          (watch as typeof tracked)(call);
        };
        grpc.addService(service, { ...others, watch: tracked });
      },
    });
  }

  stop(): void {
    this.#set('NOT_SERVING');
    this.#watches.forEach((call) => call.end());
  }

  #set(status: ServingStatus): void {
    for (const name of HEALTH_NAMES) {
      this.#stock.setStatus(name, status);
    }
  }
}

function reflection(): ReflectionService {
  const descriptors = readFileSync(new URL('gen/flow.v1.binpb', import.meta.url));
  return new ReflectionService({ ...loadFileDescriptorSetFromBuffer(descriptors), ...loadSync(healthProto) });
}

/** The part before the port, of an address that is one. */
function hostOf(address: string): string {
  const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(address) ?? [];
  const isHost = isIPv4(host) || (/^\[.*\]$/.test(host) && isIPv6(host.slice(1, -1)));
  if (!isHost || Number(port) > 65535) {
    throw new StartError(
      `FLOW_LOGIC_LISTEN is \`${address}\`; it must be an IP address and a port, ` +
        `such as ${DEFAULT_ADDRESS}, 0.0.0.0:50051 or [::]:50051`,
    );
  }
  return host;
}
