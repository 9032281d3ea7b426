/**
 * A mesh that is rearranged at random and always stays servable: what its owner might write, one edit after another.
 *
 *   MovingMesh.move() ──▶ {what, files to write}        the model here is the truth that proxies must have at the end
 *
 * Every edit is one file, because an author's edit is atomic only as far as a file is. No deployment stands behind a service
 * that stays: a port may be declared for the first time and routed to in the same edit, and lose its last service in the
 * edit that routes elsewhere, so that callers and callees have to change in order.
 */
import { documents, podText, serviceText } from './mesh-folder.ts';

export type Move = 'endpoint' | 'service' | 'route' | 'replacement';

export interface Edit {
  readonly move: Move;
  readonly file: string;
  readonly text: string;
}

/** Deployments behind the services, each with so many pods. */
const deployments: Readonly<Record<string, number>> = { a: 2, b: 2, c: 1 };
/** Most services beside the one that is dialled. */
const servicesMax = 12;
const backendsMax = 3;

/** A pseudo-random number from 0 (included) to 1 (excluded): mulberry32. */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export class MovingMesh {
  readonly #random: () => number;
  /** Names of pods that are not ready. */
  readonly #unready = new Set<string>();
  /** Deployment by service. */
  readonly #services = new Map<string, string>([['s0', 'a']]);
  /** Weight by service. */
  #backends = new Map<string, number>([['s0', 1]]);
  #named = 1;

  constructor(seed: number) {
    this.#random = randomFrom(seed);
  }

  /** Services that the route names now, by weight. */
  get backends(): ReadonlyMap<string, number> {
    return this.#backends;
  }

  files(): Readonly<Record<string, string>> {
    return { 'tenant.yaml': tenant, 'pods.yaml': this.#pods(), 'shop.yaml': this.#shop() };
  }

  move(): Edit {
    const move = this.#pick<Move>(['endpoint', 'endpoint', 'service', 'route', 'replacement']);
    switch (move) {
      case 'endpoint':
        this.#moveEndpoint();
        return { move, file: 'pods.yaml', text: this.#pods() };
      case 'service':
        this.#moveService();
        break;
      case 'route':
        this.#moveRoute();
        break;
      case 'replacement':
        this.#replace();
        break;
    }
    return { move, file: 'shop.yaml', text: this.#shop() };
  }

  /** One pod leaves or comes back; the last of a deployment stays. */
  #moveEndpoint(): void {
    const app = this.#pick(Object.keys(deployments));
    const pods = podNames(app);
    const pod = this.#pick(pods);
    if (this.#unready.delete(pod)) return;
    if (pods.filter((name) => !this.#unready.has(name)).length > 1) this.#unready.add(pod);
  }

  /** A service nobody is routed to comes or goes. */
  #moveService(): void {
    const idle = [...this.#services.keys()].filter((name) => !this.#backends.has(name));
    if (idle.length > 0 && (this.#random() < 0.5 || this.#services.size >= servicesMax)) {
      this.#services.delete(this.#pick(idle));
    } else this.#add();
  }

  #moveRoute(): void {
    const names = [...this.#services.keys()].sort(() => this.#random() - 0.5);
    const chosen = names.slice(0, 1 + Math.floor(this.#random() * Math.min(backendsMax, names.length)));
    // Alone, a backend has no weight that a proxy could be asked for.
    const weight = () => (chosen.length === 1 ? 1 : 1 + Math.floor(this.#random() * 9));
    this.#backends = new Map(chosen.map((name) => [name, weight()]));
  }

  /** Make before break, in one edit: a new service takes over, and those it replaces are gone. */
  #replace(): void {
    for (const name of this.#backends.keys()) this.#services.delete(name);
    this.#backends = new Map([[this.#add(), 1]]);
  }

  #add(): string {
    const name = `s${this.#named}`;
    this.#named += 1;
    this.#services.set(name, this.#pick(Object.keys(deployments)));
    return name;
  }

  #pick<T>(from: readonly T[]): T {
    const picked = from[Math.floor(this.#random() * from.length)];
    if (picked === undefined) throw new Error('nothing to pick from');
    return picked;
  }

  #pods(): string {
    const backends = Object.keys(deployments).flatMap((app, group) =>
      podNames(app).map((name, index) => {
        const text = podText({
          namespace: 'shop',
          name,
          account: app,
          addresses: [`10.99.2.${10 * group + index + 1}`],
          ports: [8_080],
        });
        return this.#unready.has(name) ? text.replace('status: "True"', 'status: "False"') : text;
      }),
    );
    return documents(
      podText({ namespace: 'shop', name: 'web-0', account: 'web', addresses: ['10.99.1.1'], ports: [8_080] }),
      ...backends,
    );
  }

  #shop(): string {
    const refs = [...this.#backends].map(([name, weight]) => `{ name: ${name}, port: 80, weight: ${weight} }`);
    return documents(
      serviceText('shop', 'front', '10.96.0.1', 'none', httpPort),
      ...[...this.#services].map(([name, app]) => serviceText('shop', name, addressOf(name), app, httpPort)),
      `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: front, namespace: shop }
spec:
  parentRefs: [{ group: "", kind: Service, name: front }]
  rules: [{ backendRefs: [${refs.join(', ')}] }]
`,
    );
  }
}

const httpPort = 'name: http, port: 80, targetPort: 8080';

const tenant = `
apiVersion: coffre.dev/v1alpha1
kind: Tenant
metadata: { name: shop }
spec: { environment: test }
`;

function podNames(app: string): readonly string[] {
  return Array.from({ length: deployments[app] ?? 0 }, (_, index) => `${app}-${index}`);
}

/** An address of its own for ever: one that is used again would be another service's listener. */
function addressOf(name: string): string {
  const number = Number(name.slice(1)) + 2;
  return `10.96.${1 + Math.floor(number / 250)}.${1 + (number % 250)}`;
}
