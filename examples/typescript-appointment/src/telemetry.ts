/** Logs and traces. Neither holds a payload, a token, or the text of an exception, which may quote one. */

import { createRequire } from 'node:module';

import { diag, DiagLogLevel, isSpanContextValid, trace } from '@opentelemetry/api';
import { GrpcInstrumentation } from '@opentelemetry/instrumentation-grpc';
import { defaultResource, resourceFromAttributes } from '@opentelemetry/resources';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { ATTR_SERVICE_NAME } from '@opentelemetry/semantic-conventions';
import { type DestinationStream, type Logger, pino } from 'pino';

const SERVICE_NAME = 'typescript-appointment';

/** Health is asked every few seconds, and nobody looks for it in a trace. */
const UNTRACED_METHODS = ['Check', 'Watch', 'List', 'ServerReflectionInfo'];

type Environment = Readonly<Record<string, string | undefined>>;

/** One JSON object for each line: what happened, its facts, and the span that it belongs to. */
export function createLog(destination: DestinationStream): Logger {
  return pino(
    {
      base: null,
      messageKey: 'message',
      timestamp: () => `,"timestamp":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label.toUpperCase() }) },
      serializers: { err: describe },
      mixin: () => {
        const span = trace.getActiveSpan()?.spanContext();
        return span && isSpanContextValid(span) ? { trace_id: span.traceId, span_id: span.spanId } : {};
      },
    },
    destination,
  );
}

/** Where an exception was thrown and of which type, without its text. */
function describe(error: unknown): { type: string; stack?: string } {
  if (!(error instanceof Error)) {
    return { type: typeof error };
  }
  // The frames follow the text, which may have lines of its own.
  const { message, stack = '' } = error;
  const text = stack.indexOf(message);
  const frames = stack.indexOf('\n', text + message.length);
  const type = error.constructor.name;
  return text === -1 || frames === -1 ? { type } : { type, stack: stack.slice(frames + 1) };
}

/** Whether the standard variables ask for traces: without any there are none. */
export function isTracing(environment: Environment): boolean {
  const value = (name: string) => environment[name]?.trim().toLowerCase() ?? '';
  if (value('OTEL_SDK_DISABLED') === 'true') {
    return false;
  }
  if (value('OTEL_TRACES_EXPORTER')) {
    return value('OTEL_TRACES_EXPORTER') !== 'none';
  }
  return Boolean(value('OTEL_EXPORTER_OTLP_ENDPOINT') || value('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'));
}

/** Starts tracing where the variables ask for it; the function that comes back exports the last spans. */
export function startTracing(log: Logger): () => Promise<void> {
  if (!isTracing(process.env)) {
    return () => Promise.resolve();
  }
  // Such as that the collector cannot be reached.
  const line = (level: 'error' | 'warn' | 'debug') => (text: string) => {
    log[level]({ logger: 'opentelemetry' }, text);
  };
  const [error, warn, debug] = [line('error'), line('warn'), line('debug')];
  diag.setLogger({ error, warn, info: debug, debug, verbose: debug }, DiagLogLevel.WARN);
  // The SDK would send these to the same collector; they are not asked for by asking for traces.
  process.env['OTEL_METRICS_EXPORTER'] ??= 'none';
  process.env['OTEL_LOGS_EXPORTER'] ??= 'none';
  const sdk = new NodeSDK({
    // The variables' name for the service wins over this one.
    resource: defaultResource().merge(resourceFromAttributes({ [ATTR_SERVICE_NAME]: SERVICE_NAME })),
    instrumentations: [new GrpcInstrumentation({ ignoreGrpcMethods: UNTRACED_METHODS })],
  });
  sdk.start();
  // The instrumentation sees what is loaded by `require`, and changes it for those who import it too.
  createRequire(import.meta.url)('@grpc/grpc-js');
  return () =>
    sdk.shutdown().catch((error: unknown) => {
      log.warn({ err: error }, 'the last spans could not be exported');
    });
}
