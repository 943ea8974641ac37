/**
 * The conformance mode of `proto/CONFORMANCE.md`: as `flowctl conformance` says, the service answers, fails and sleeps.
 *
 * For tests alone: whoever can reach the service can make it do so. It refuses to know the flow.
 */

import { setTimeout } from 'node:timers/promises';

import { type ServerUnaryCall, status } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import { z } from 'zod';

import { LogicError } from './errors.ts';
import type {
  FlowServiceServer,
  HandleDataExchangeRequest,
  HandleDataExchangeResponse,
} from './gen/flow/v1/flow_service.ts';
import { unary } from './service.ts';

const SCREEN = 'CONFORMANCE';

const TEXT = z.string();
const OBJECT = z.record(TEXT, z.unknown());
const STATUS = z.object({ code: z.enum(status), reason: TEXT });

type Call = ServerUnaryCall<HandleDataExchangeRequest, HandleDataExchangeResponse>;

/** The failure that a command asks for. */
class ToldError extends LogicError {
  override readonly code: status;
  override readonly reason: string;

  constructor({ code, reason }: z.infer<typeof STATUS>) {
    super('INTERNAL', 'as told');
    this.code = code;
    this.reason = reason;
  }
}

/** The flow, but for requests that hold a command. */
export function conformanceMode(flow: FlowServiceServer, log: Logger): FlowServiceServer {
  let cancelled = 0;

  async function obey(
    name: string,
    value: unknown,
    call: Call,
    signal: AbortSignal,
  ): Promise<HandleDataExchangeResponse> {
    switch (name) {
      case 'echo':
        return answer(name, value);
      case 'complete':
        return { outcome: { $case: 'completion', value: { params: OBJECT.parse(value) } } };
      case 'invalid_flow_token':
        return { outcome: { $case: 'invalidFlowToken', value: { errorMessage: TEXT.parse(value) } } };
      case 'error_message':
        return {
          outcome: { $case: 'nextScreen', value: { screen: SCREEN, data: {}, errorMessage: TEXT.parse(value) } },
        };
      case 'status':
        throw new ToldError(STATUS.parse(value));
      case 'panic':
        throw new Error(TEXT.parse(value));
      case 'sleep_ms':
        try {
          await setTimeout(z.number().parse(value), undefined, { signal });
        } catch (error) {
          cancelled += 1;
          throw error;
        }
        return answer(name, value);
      case 'cancelled':
        return answer(name, cancelled);
      case 'metadata':
        return answer(name, metadataOf(call));
      default:
        throw new LogicError('INVALID_REQUEST', 'an unknown command');
    }
  }

  return {
    ...flow,
    handleDataExchange: (call, callback) => {
      const command = OBJECT.safeParse(call.request.data?.['conformance']);
      const [[name, value] = [], ...others] = Object.entries(command.data ?? {});
      if (call.request.endpoint !== 'conformance' || name === undefined || others.length > 0) {
        flow.handleDataExchange(call, callback);
      } else {
        unary(log, (_request, { signal }) => obey(name, value, call, signal))(call, callback);
      }
    },
  };
}

function answer(name: string, value: unknown): HandleDataExchangeResponse {
  return { outcome: { $case: 'nextScreen', value: { screen: SCREEN, data: { [name]: value }, errorMessage: '' } } };
}

/** What came beside the message, null where it did not. */
function metadataOf(call: Call) {
  const [traceparent = null] = call.metadata.get('traceparent');
  const [requestId = null] = call.metadata.get('x-request-id');
  const remaining = Number(call.getDeadline()) - Date.now();
  return { traceparent, 'x-request-id': requestId, remaining_ms: Number.isFinite(remaining) ? remaining : null };
}
