/**
 * The network of the one node that the tests have, in a namespace of its own, and its wire to the machine.
 *
 *   machine (API server, kubelet) ──link── node ──routes, DNAT──┬── pod
 *                                                               └── pod
 *
 * Pods hang on the node each by a link of its own, not on a bridge: every packet is routed, so that a service's address is
 * translated in both directions, and a pod knows its peers by their own addresses.
 * The API server listens on the machine's loopback alone, where no pod comes: a relay stands on the machine's end of the
 * link, and Service `kubernetes` leads to it.
 */
import { randomInt } from 'node:crypto';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { NetworkNamespace, runOrThrow } from './namespace.ts';

/** Where every pod finds its node. Nobody else is ever asked for it. */
const gateway = '169.254.1.1';
/** Networks that nodes of tests draw from: a second of 10/8, three times. */
const networks = 60;
/** Nodes that one machine's tests have at once, and a few that others left it to guess. */
const drawsMax = 20;
/** As many as a test needs, and as the third and fourth byte of an address hold. */
const podsMax = 60_000;

export interface NodeNetwork {
  /** For the API server's `--service-cluster-ip-range`. */
  readonly serviceRange: string;
  /** First of the range, which is Service `kubernetes`. */
  readonly apiService: string;
  /** From where the machine speaks to pods: the kubelet's own address. */
  readonly address: string;
  /** @param address of a former pod, to be given again. */
  addPod(address?: string): Promise<PodNetwork>;
  /** @param rules of the table `nat`, for `iptables-restore`. */
  translate(rules: string): void;
  /** Lets pods reach a port of the machine's loopback. @returns the port at `address`. */
  relay(port: number): Promise<number>;
  close(): Promise<void>;
}

export interface PodNetwork {
  readonly address: string;
  readonly namespace: NetworkNamespace;
  close(): Promise<void>;
}

export async function makeNodeNetwork(): Promise<NodeNetwork> {
  const node = await NetworkNamespace.make();
  try {
    const index = claimNetwork(node);
    return nodeNetwork(node, index);
  } catch (error) {
    await node.close();
    throw error;
  }
}

const rangesOf = (index: number) => ({
  link: `10.${64 + index}.0`,
  pods: `10.${128 + index}`,
  services: `10.${192 + index}`,
});

/** Tries until it has one that no other test's node has: the machine takes no route twice. */
function claimNetwork(node: NetworkNamespace): number {
  for (let draw = 0; ; draw += 1) {
    const index = randomInt(networks);
    const { link, pods, services } = rangesOf(index);
    const device = `cfn${node.pid}`;
    runOrThrow(['ip', 'link', 'add', device, 'type', 'veth', 'peer', 'name', 'up0', 'netns', String(node.pid)]);
    try {
      node.ip('link set lo up', `addr add ${link}.2/30 dev up0`, 'link set up0 up', `route add default via ${link}.1`);
      node.run(['sysctl', '-qw', 'net.ipv4.ip_forward=1']);
      node.run(['iptables-restore'], nobodyThere(`${services}.0.0/16`, `${pods}.0.0/16`));
      const lines = [
        `addr add ${link}.1/30 dev ${device}`,
        `link set ${device} up`,
        `route add ${pods}.0.0/16 via ${link}.2`,
        `route add ${services}.0.0/16 via ${link}.2`,
      ];
      runOrThrow(['ip', '-batch', '-'], `${lines.join('\n')}\n`);
      return index;
    } catch (error) {
      runOrThrow(['ip', 'link', 'del', device]);
      if (draw === drawsMax) throw error;
    }
  }
}

/**
 * What still goes to a service when all was translated has nobody behind it, and an address of a pod that leads away from
 * the node is of a pod that is gone: refused at once, and not sent to the machine and back.
 */
function nobodyThere(services: string, pods: string): string {
  const lines = [
    '*filter',
    ':INPUT ACCEPT [0:0]',
    ':FORWARD ACCEPT [0:0]',
    ':OUTPUT ACCEPT [0:0]',
    `-A FORWARD -d ${services} -p tcp -j REJECT --reject-with tcp-reset`,
    `-A FORWARD -o up0 -d ${pods} -p tcp -j REJECT --reject-with tcp-reset`,
    'COMMIT',
  ];
  return `${lines.join('\n')}\n`;
}

function nodeNetwork(node: NetworkNamespace, index: number): NodeNetwork {
  const { link, pods, services } = rangesOf(index);
  const address = `${link}.1`;
  const relays: { readonly server: Server; readonly sockets: Set<Socket> }[] = [];
  let given = 0;

  function nextAddress(): string {
    given += 1;
    if (given > podsMax) throw new Error(`a node of the tests has addresses for ${podsMax} pods; start another`);
    return `${pods}.${Math.floor(given / 250)}.${(given % 250) + 1}`;
  }

  return {
    serviceRange: `${services}.0.0/16`,
    apiService: `${services}.0.1`,
    address,
    async addPod(podAddress = nextAddress()) {
      const namespace = await NetworkNamespace.make();
      const device = `pod${namespace.pid}`;
      node.ip(
        `link add ${device} type veth peer name eth0 netns ${namespace.pid}`,
        `addr add ${gateway}/32 dev ${device}`,
        `link set ${device} addrgenmode none`,
        `link set ${device} up`,
        `route replace ${podAddress}/32 dev ${device}`,
      );
      namespace.ip(
        'link set lo up',
        'link set eth0 addrgenmode none',
        `addr add ${podAddress}/32 dev eth0`,
        'link set eth0 up',
        `route add ${gateway}/32 dev eth0 src ${podAddress}`,
        `route add default via ${gateway} src ${podAddress}`,
      );
      return { address: podAddress, namespace, close: () => namespace.close() };
    },
    translate: (rules) => node.run(['iptables-restore'], rules),
    async relay(port) {
      const sockets = new Set<Socket>();
      const server = createServer((near) => join(near, connect(port, '127.0.0.1'), sockets));
      relays.push({ server, sockets });
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(0, address, resolve);
      });
      const bound = server.address();
      if (typeof bound !== 'object' || bound === null) throw new Error('the relay has no port');
      return bound.port;
    },
    async close() {
      for (const { server, sockets } of relays) {
        server.close();
        for (const socket of sockets) socket.destroy();
      }
      await node.close();
    },
  };
}

/** What one end says the other hears; when one has gone, so has the other. */
function join(near: Socket, far: Socket, sockets: Set<Socket>): void {
  for (const [one, other] of [
    [near, far],
    [far, near],
  ] as const) {
    sockets.add(one);
    one.on('error', () => one.destroy());
    one.on('close', () => {
      sockets.delete(one);
      other.destroy();
    });
    one.pipe(other);
  }
}
