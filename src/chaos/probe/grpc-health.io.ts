/** One question to `grpc.health.v1.Health`, on a connection of its own. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import {
  HealthCheckRequestSchema,
  HealthCheckResponse_ServingStatus,
  HealthCheckResponseSchema,
} from '#gen/grpc/health/v1/health_pb.js';
import { addressesOf } from './guarded-lookup.io.ts';
import { endpointOf } from './probe-target.ts';
import { none, type ProbeReading, value } from './reading.ts';

const path = '/grpc.health.v1.Health/Check';

/** Largest answer, in bytes; a real one has two. */
const answerBytesMax = 4_096;

/** @param url of scheme `http:` (plaintext) or `https:` (TLS, trusted as Node trusts). @throws where the name resolves to nothing it may. */
export async function grpcHealth(url: URL, service: string, signal: AbortSignal): Promise<ProbeReading> {
  const { host, port } = endpointOf(url);
  const [first] = await addressesOf(host);
  const address = first?.family === 6 ? `[${first.address}]:${port}` : `${first?.address}:${port}`;
  const trust = url.protocol === 'https:' ? credentials.createSsl() : credentials.createInsecure();
  const client = new Client(address, trust, {
    'grpc.default_authority': url.host,
    'grpc.ssl_target_name_override': host,
    'grpc.max_receive_message_length': answerBytesMax,
    'grpc.enable_retries': 0,
    'grpc.enable_http_proxy': 0,
    'grpc.service_config_disable_resolution': 1,
    'grpc.use_local_subchannel_pool': 1,
  });
  try {
    return await new Promise((resolve) => {
      const call = client.makeUnaryRequest(
        path,
        (name: string) =>
          Buffer.from(toBinary(HealthCheckRequestSchema, create(HealthCheckRequestSchema, { service: name }))),
        (bytes) => fromBinary(HealthCheckResponseSchema, bytes),
        service,
        new Metadata(),
        {},
        (error, answer) => resolve(error === null ? servingOf(answer?.status) : failureOf(error)),
      );
      signal.addEventListener('abort', () => call.cancel(), { once: true });
    });
  } finally {
    client.close();
  }
}

function servingOf(said: HealthCheckResponse_ServingStatus | undefined): ProbeReading {
  return value(said === HealthCheckResponse_ServingStatus.SERVING ? 1 : 0);
}

/** A server that answers with an error is there and does not serve; one that does not answer is silent. */
function failureOf({ code, details }: ServiceError): ProbeReading {
  const unanswered = [status.UNAVAILABLE, status.CANCELLED].includes(code);
  return unanswered ? none(`no answer: ${details}`) : value(0);
}
