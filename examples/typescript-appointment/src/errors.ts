/**
 * What the logic throws when it cannot answer, and the gRPC status that the edge then sees.
 *
 * It refuses to know users: what a user should read is an answer, never an error.
 */

import { status } from '@grpc/grpc-js';

/** For programs, in a `google.rpc.ErrorInfo`; the text of an error is for people and may change. */
export type Reason =
  'CANCELLED' | 'DEADLINE_EXCEEDED' | 'INTERNAL' | 'INVALID_FORM_DATA' | 'INVALID_REQUEST' | 'PANIC' | 'UNAVAILABLE';

const STATUS_OF_REASON: Readonly<Record<Reason, status>> = {
  CANCELLED: status.CANCELLED,
  DEADLINE_EXCEEDED: status.DEADLINE_EXCEEDED,
  INTERNAL: status.INTERNAL,
  INVALID_FORM_DATA: status.INVALID_ARGUMENT,
  INVALID_REQUEST: status.INVALID_ARGUMENT,
  PANIC: status.INTERNAL,
  UNAVAILABLE: status.UNAVAILABLE,
};

/**
 * A failure of the logic. The user sees the client's generic error and may press "retry".
 *
 * The text goes into logs, spans and the status, so it says what failed, and never quotes a token or what the user typed.
 */
export class LogicError extends Error {
  override readonly name = 'LogicError';
  readonly code: status;
  readonly reason: string;

  constructor(reason: Reason, text: string) {
    super(text);
    this.code = STATUS_OF_REASON[reason];
    this.reason = reason;
  }
}

/** Why the service cannot start, for whoever starts it. */
export class StartError extends Error {
  override readonly name = 'StartError';
}
