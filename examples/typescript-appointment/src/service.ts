/** Between the contract and the flow: an exception becomes a status, and each log line has the call's name. */

import { type handleUnaryCall, Metadata, type ServerUnaryCall, type ServiceError } from '@grpc/grpc-js';
import { ErrorInfo } from 'nice-grpc-error-details';
import { Status } from 'nice-grpc-error-details/lib/proto/google/rpc/status.js';
import type { Logger } from 'pino';

import { LogicError } from './errors.ts';
import type { Appointments } from './flow.ts';
import type { FlowServiceServer } from './gen/flow/v1/flow_service.ts';

/** Where the reasons have their meaning: the package of the contract. */
const DOMAIN = 'flow.v1';

/** The flow as a gRPC service. */
export function flowService(flow: Appointments, log: Logger): FlowServiceServer {
  return {
    handleDataExchange: unary(log, (request, { signal }) => flow.dataExchange(request, signal)),
    handleError: unary(log, ({ endpoint, screen, error }, { callLog }) => {
      // Its error_message may quote the answer, so it is left out.
      callLog.warn({ endpoint, screen, error }, 'the client refused an answer');
      return Promise.resolve({});
    }),
    ping: unary(log, async (_request, { signal }) => {
      await flow.ping(signal);
      return {};
    }),
  };
}

interface CallContext {
  /** Aborts when the call was cancelled or its deadline has passed. */
  readonly signal: AbortSignal;
  readonly callLog: Logger;
}

export function unary<Request extends { requestId: string }, Response>(
  log: Logger,
  answer: (request: Request, context: CallContext) => Promise<Response>,
): handleUnaryCall<Request, Response> {
  return (call, callback) => {
    const cancelled = new AbortController();
    call.on('cancelled', () => {
      cancelled.abort();
    });
    const callLog = log.child({ request_id: call.request.requestId });
    answer(call.request, { signal: cancelled.signal, callLog }).then(
      (response) => {
        callback(null, response);
      },
      (error: unknown) => {
        callback(toServiceError(toLogicError(error, call, callLog)));
      },
    );
  };
}

/** The failure for the edge; what is not ours is logged here, for its text stays behind: it may quote what the user typed. */
function toLogicError(error: unknown, call: ServerUnaryCall<unknown, unknown>, callLog: Logger): LogicError {
  if (error instanceof LogicError) {
    callLog.warn({ reason: error.reason, error: error.message }, 'the call failed');
    return error;
  }
  if (call.cancelled) {
    const isLate = Number(call.getDeadline()) <= Date.now();
    callLog.warn('nobody waits for the answer any more');
    return isLate
      ? new LogicError('DEADLINE_EXCEEDED', 'the deadline has passed')
      : new LogicError('CANCELLED', 'the call was cancelled');
  }
  callLog.error({ err: error }, 'the logic threw an exception');
  return new LogicError('PANIC', 'the logic threw an exception');
}

function toServiceError({ name, message, code, reason }: LogicError): ServiceError {
  const info = ErrorInfo.encode(ErrorInfo.create({ reason, domain: DOMAIN })).finish();
  const details = [{ typeUrl: `type.googleapis.com/${ErrorInfo.$type}`, value: info }];
  const metadata = new Metadata();
  const status = Status.encode(Status.create({ code, message, details })).finish();
  metadata.set('grpc-status-details-bin', Buffer.from(status));
  return { name, message, code, details: message, metadata };
}
