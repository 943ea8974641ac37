/** A gRPC client, for tests: calls as promises, and what a status says. */

import assert from 'node:assert/strict';

import {
  credentials,
  loadPackageDefinition,
  type Metadata,
  type ServiceError,
  type ClientReadableStream,
  type ClientDuplexStream,
  type Client,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { protoPath as healthProto } from 'grpc-health-check';
import { ErrorInfo } from 'nice-grpc-error-details';
import { Status } from 'nice-grpc-error-details/lib/proto/google/rpc/status.js';

import {
  FlowServiceClient,
  type HandleDataExchangeRequest,
  type HandleDataExchangeResponse,
} from '../src/gen/flow/v1/flow_service.ts';

export type Callback<Response> = (error: ServiceError | null, response: Response) => void;

/** One call, as a promise. */
export function call<Response>(start: (callback: Callback<Response>) => unknown): Promise<Response> {
  return new Promise((resolve, reject) => {
    start((error, response) => {
      if (error) {
        reject(error);
      } else {
        resolve(response);
      }
    });
  });
}

export function connect(address: string): FlowServiceClient {
  return new FlowServiceClient(address, credentials.createInsecure());
}

export function exchange(client: FlowServiceClient, request: HandleDataExchangeRequest, metadata?: Metadata) {
  return call<HandleDataExchangeResponse>((done) =>
    metadata ? client.handleDataExchange(request, metadata, done) : client.handleDataExchange(request, done),
  );
}

/** The status of a call that fails, with the reason for programs. */
export async function failure(answer: Promise<unknown>): Promise<{ code: number; text: string; reason: string }> {
  const error = (await answer.then(
    () => assert.fail('the call succeeded'),
    (reason: unknown) => reason,
  )) as ServiceError;
  const [details] = error.metadata.get('grpc-status-details-bin');
  const [detail] = Status.decode(details as Buffer).details;
  assert.equal(detail?.typeUrl, 'type.googleapis.com/google.rpc.ErrorInfo');
  const info = ErrorInfo.decode(detail.value);
  assert.equal(info.domain, 'flow.v1');
  return { code: error.code, text: error.details, reason: info.reason };
}

export interface HealthAnswer {
  status: string;
}

export interface HealthClient extends Client {
  check(request: { service: string }, callback: Callback<HealthAnswer>): void;
  watch(request: { service: string }): ClientReadableStream<HealthAnswer>;
}

export interface ReflectionAnswer {
  listServicesResponse?: { service: { name: string }[] };
  fileDescriptorResponse?: { fileDescriptorProto: Buffer[] };
}

export interface ReflectionClient extends Client {
  serverReflectionInfo(): ClientDuplexStream<object, ReflectionAnswer>;
}

export function connectToHealth(address: string): HealthClient {
  return stockClient(healthProto, ['grpc', 'health', 'v1', 'Health'], address) as HealthClient;
}

export function connectToReflection(address: string): ReflectionClient {
  const proto = new URL(import.meta.resolve('@grpc/reflection/build/proto/grpc/reflection/v1/reflection.proto'));
  return stockClient(proto.pathname, ['grpc', 'reflection', 'v1', 'ServerReflection'], address) as ReflectionClient;
}

function stockClient(proto: string, path: string[], address: string): Client {
  const loaded = loadPackageDefinition(loadSync(proto, { enums: String, defaults: true, oneofs: true }));
  const constructor = path.reduce((node: unknown, name) => (node as Record<string, unknown>)[name], loaded);
  return new (constructor as new (...args: unknown[]) => Client)(address, credentials.createInsecure());
}
