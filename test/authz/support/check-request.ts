/** Check requests as Envoy writes them with `encode_raw_headers`, by protobuf-es: the reader under test has no part in it. */
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { CheckRequestSchema } from '#gen/envoy/service/auth/v3/external_auth_pb.js';

export interface RequestSketch {
  readonly id?: string;
  readonly principal?: string;
  readonly address?: string;
  readonly port?: number;
  readonly method?: string;
  readonly path?: string;
  readonly host?: string;
  readonly scheme?: string;
  /** Beside `:path` and `x-request-id`, which are made from `path` and `id`. */
  readonly headers?: readonly (readonly [string, string | Uint8Array])[];
  /** Without `encode_raw_headers`. */
  readonly joined?: Readonly<Record<string, string>>;
  readonly extensions?: Readonly<Record<string, string>>;
  readonly sni?: string;
}

export const cart = 'spiffe://mesh.example/ns/shop/sa/cart';

export function checkRequest(sketch: RequestSketch = {}): Buffer {
  return encode(checkRequestInit(sketch));
}

export function encode(init: MessageInitShape<typeof CheckRequestSchema>): Buffer {
  return Buffer.from(toBinary(CheckRequestSchema, create(CheckRequestSchema, init)));
}

export function checkRequestInit(sketch: RequestSketch): MessageInitShape<typeof CheckRequestSchema> {
  const { id = 'f3a1', method = 'GET', path = '/items?page=2', host = 'shop.example', scheme = 'https' } = sketch;
  const lines: readonly (readonly [string, string | Uint8Array])[] = [
    [':path', path],
    ['x-request-id', id],
    ...(sketch.headers ?? []),
  ];
  const raw = lines.map(([key, value]) => ({ key, rawValue: typeof value === 'string' ? Buffer.from(value) : value }));
  return {
    attributes: {
      source: { principal: sketch.principal ?? cart },
      destination: {
        address: {
          address: {
            case: 'socketAddress',
            value: {
              address: sketch.address ?? '10.0.0.7',
              portSpecifier: { case: 'portValue', value: sketch.port ?? 8080 },
            },
          },
        },
      },
      request: {
        http: {
          id: '17',
          method,
          path,
          host,
          scheme,
          ...(sketch.joined === undefined ? { headerMap: { headers: raw } } : { headers: sketch.joined }),
        },
      },
      contextExtensions: sketch.extensions ?? {},
      ...(sketch.sni === undefined ? {} : { tlsSession: { sni: sketch.sni } }),
    },
  };
}
