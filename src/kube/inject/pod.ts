/**
 * A pod as far as injection reads it. Everything else in it passes through untouched.
 *
 * An API server hands over what it has decoded itself; a file may hold anything, so both are read by this schema first.
 */
import type { JsonValue } from '@bufbuild/protobuf';
import Type from 'typebox';
import { Compile } from 'typebox/compile';

const port = Type.Union([Type.Integer({ minimum: 1, maximum: 65_535 }), Type.String()]);
const texts = Type.Record(Type.String(), Type.String());
const json = Type.Unsafe<JsonValue>(Type.Unknown());

const handlerFields = {
  exec: Type.Optional(json),
  sleep: Type.Optional(json),
  httpGet: Type.Optional(
    Type.Object({
      path: Type.Optional(Type.String()),
      port,
      host: Type.Optional(Type.String()),
      scheme: Type.Optional(Type.String()),
      httpHeaders: Type.Optional(json),
    }),
  ),
  tcpSocket: Type.Optional(Type.Object({ port, host: Type.Optional(Type.String()) })),
  grpc: Type.Optional(
    Type.Object({
      port: Type.Integer({ minimum: 1, maximum: 65_535 }),
      service: Type.Optional(Type.Union([Type.String(), Type.Null()])),
    }),
  ),
};
export const handlerSchema = Type.Object(handlerFields);

const probe = Type.Object({
  ...handlerFields,
  periodSeconds: Type.Optional(Type.Integer({ minimum: 1 })),
  timeoutSeconds: Type.Optional(Type.Integer({ minimum: 1 })),
});

/** What the kernel and its modules keep a process from, of a pod or of one container. */
const confinement = {
  seccompProfile: Type.Optional(Type.Object({ type: Type.Optional(Type.String()) })),
  appArmorProfile: Type.Optional(Type.Object({ type: Type.Optional(Type.String()) })),
  seLinuxOptions: Type.Optional(texts),
  windowsOptions: Type.Optional(Type.Object({ hostProcess: Type.Optional(Type.Boolean()) })),
};

const container = Type.Object({
  name: Type.String(),
  image: Type.Optional(Type.String()),
  ports: Type.Optional(
    Type.Array(
      Type.Object({
        name: Type.Optional(Type.String()),
        containerPort: Type.Integer(),
        hostPort: Type.Optional(Type.Integer()),
      }),
    ),
  ),
  livenessProbe: Type.Optional(probe),
  readinessProbe: Type.Optional(probe),
  startupProbe: Type.Optional(probe),
  lifecycle: Type.Optional(
    Type.Object({ postStart: Type.Optional(handlerSchema), preStop: Type.Optional(handlerSchema) }),
  ),
  securityContext: Type.Optional(
    Type.Object({
      privileged: Type.Optional(Type.Boolean()),
      allowPrivilegeEscalation: Type.Optional(Type.Boolean()),
      runAsUser: Type.Optional(Type.Integer()),
      procMount: Type.Optional(Type.String()),
      ...confinement,
      capabilities: Type.Optional(
        Type.Object({
          add: Type.Optional(Type.Array(Type.String())),
          drop: Type.Optional(Type.Array(Type.String())),
        }),
      ),
    }),
  ),
  volumeMounts: Type.Optional(Type.Array(Type.Object({ name: Type.String(), mountPath: Type.String() }))),
});

const volume = Type.Object({
  name: Type.String(),
  projected: Type.Optional(
    Type.Object({
      sources: Type.Optional(
        Type.Array(
          Type.Object({ serviceAccountToken: Type.Optional(Type.Object({ audience: Type.Optional(Type.String()) })) }),
        ),
      ),
    }),
  ),
});

const ephemeralContainer = Type.Object({
  ...container.properties,
  targetContainerName: Type.Optional(Type.String()),
});

export const podSchema = Type.Object({
  metadata: Type.Optional(
    Type.Object({
      name: Type.Optional(Type.String()),
      generateName: Type.Optional(Type.String()),
      namespace: Type.Optional(Type.String()),
      labels: Type.Optional(texts),
      annotations: Type.Optional(texts),
    }),
  ),
  spec: Type.Object({
    containers: Type.Array(container),
    initContainers: Type.Optional(Type.Array(container)),
    ephemeralContainers: Type.Optional(Type.Array(ephemeralContainer)),
    volumes: Type.Optional(Type.Array(volume)),
    serviceAccountName: Type.Optional(Type.String()),
    nodeName: Type.Optional(Type.String()),
    nodeSelector: Type.Optional(texts),
    tolerations: Type.Optional(
      Type.Array(
        Type.Object({
          key: Type.Optional(Type.String()),
          operator: Type.Optional(Type.String()),
          value: Type.Optional(Type.String()),
          effect: Type.Optional(Type.String()),
        }),
      ),
    ),
    os: Type.Optional(Type.Object({ name: Type.String() })),
    hostNetwork: Type.Optional(Type.Boolean()),
    hostPID: Type.Optional(Type.Boolean()),
    hostIPC: Type.Optional(Type.Boolean()),
    shareProcessNamespace: Type.Optional(Type.Boolean()),
    terminationGracePeriodSeconds: Type.Optional(Type.Integer({ minimum: 0 })),
    securityContext: Type.Optional(Type.Object({ runAsUser: Type.Optional(Type.Integer()), ...confinement })),
  }),
});

export type Pod = Type.Static<typeof podSchema>;
export type Container = Type.Static<typeof container>;
export type EphemeralContainer = Type.Static<typeof ephemeralContainer>;
export type Handler = Type.Static<typeof handlerSchema>;
export type Probe = Type.Static<typeof probe>;

const compiled = Compile(podSchema);

/** @returns the very value, or the path of the first field that is no pod's. */
export function readPod(value: unknown): { readonly pod: Pod } | { readonly wrongAt: string } {
  if (compiled.Check(value)) return { pod: value };
  const [first] = compiled.Errors(value);
  return { wrongAt: first?.instancePath.slice(1).replaceAll('/', '.') ?? '' };
}

/** As text for JSON: a pod came from it, and nothing but JSON was added. */
export function jsonOf(pod: Pod | Container): JsonValue {
  return JSON.parse(JSON.stringify(pod));
}
