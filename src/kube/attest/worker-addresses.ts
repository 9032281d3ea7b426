/**
 * Where the authorization workers of a cluster are: as the EndpointSlices of their Service say.
 *
 *   EndpointSlices ──ready──▶ addresses, sorted       none is ready ──▶ all of them
 *
 * A worker that ends is not ready and is named no more, while it still answers; Envoy lets what is under way end. Where
 * none is ready all are named: each sidecar asks them for their health itself, and asking nobody is a refusal for certain.
 * Whoever could write here a wrong address would gain no verdict: a sidecar believes a worker by its certificate.
 */
import { compareText } from '../../model/canonical-json.ts';
import type { EndpointSliceObject } from '../../model/kinds/endpoint-slice.ts';
import { isOfKind, type SourcedObject, type ValidObject } from '../../model/sourced-object.ts';
import { systemNamespace } from '../../model/system-namespace.ts';

/** Service of the workers, in the system's namespace. */
const workerService = 'coffre-authz';
/** Most workers that sidecars are told of: each is asked for its health by every sidecar. */
const workersMax = 64;

export interface WorkerAddress {
  readonly address: string;
  readonly port: number;
}

type SliceEndpoint = NonNullable<EndpointSliceObject['endpoints']>[number];

/** Whether it says where a worker is. */
export function isWorkerSlice(object: SourcedObject): object is ValidObject<'EndpointSlice'> {
  if (object.ref.namespace !== systemNamespace || !isOfKind(object, 'EndpointSlice')) return false;
  return object.object.metadata.labels?.['kubernetes.io/service-name'] === workerService;
}

export function workerAddresses(objects: readonly SourcedObject[]): readonly WorkerAddress[] {
  const slices = objects.filter(isWorkerSlice).map(({ object }) => object);
  const endpoints = slices.flatMap((slice) => (slice.addressType === 'FQDN' ? [] : endpointsOf(slice)));
  const ready = endpoints.filter(({ isReady }) => isReady);
  const named = ready.length > 0 ? ready : endpoints;
  const byText = new Map(named.map(({ address, port }) => [`${address} ${port}`, { address, port }]));
  return [...byText]
    .sort(([left], [right]) => compareText(left, right))
    .slice(0, workersMax)
    .map(([, worker]) => worker);
}

function endpointsOf({ endpoints = [], ports = [] }: EndpointSliceObject) {
  const port = ports.find((each) => each.port !== undefined)?.port;
  if (port === undefined) return [];
  return endpoints.flatMap(({ addresses, conditions }: SliceEndpoint) => {
    const [address] = addresses;
    // What is not said counts as ready: so Kubernetes has it.
    return address === undefined ? [] : [{ address, port, isReady: conditions?.ready !== false }];
  });
}
