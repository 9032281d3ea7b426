/**
 * The servers whose answers to checks are measured, each in a process of its own behind mutual TLS of one CA.
 *
 *   coffre            src/worker.ts as it is deployed, from policies it remembers; its control plane is not there, or is a feed
 *   bare-grpc-go      peers/authz-grpc-go: always allows        bare-grpc-js      authz-grpc-js.ts: always allows
 *   opa-envoy         behind `COFFRE_PEER_OPA`, in clear, by the policy that its host gave it: no figure of its processor
 *
 * The processor time of a check is that of the server's whole process, from /proc.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { create } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import { SecretSchema } from '#gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js';
import type { Authority } from '../src/identity/authority.ts';
import { defaultServerDnsName } from '../src/identity/authority.ts';
import type { Leaf } from '../src/identity/leaf.ts';
import { openAuthority } from '../src/identity/open-authority.io.ts';
import { systemPorts } from '../src/identity/system-ports.io.ts';
import { type Knowledge, workerIdentitySecret } from '../src/verdict/knowledge.ts';
import { KnowledgeKeeper } from '../src/verdict/knowledge-keeper.io.ts';
import { ProgramFeed } from './authz-feed.ts';
import { authzCaller, authzSidecar, authzTrustDomain } from './authz-world.ts';
import { buildGo } from './go-program.ts';

export interface AuthzServer {
  readonly name: string;
  readonly address: string;
  /** As `checks` takes them; absent where the server speaks in clear. */
  readonly tls?: ClientTls;
  /** Of the process, in µs since its start; undefined where it is not ours to look into. */
  cpuUs(): number | undefined;
  stop(): Promise<void>;
}

export interface ClientTls {
  readonly serverName: string;
  readonly rootPem: string;
  readonly certificatePem: string;
  readonly keyPem: string;
}

/** Address of an OPA with Envoy's plugin, where one is to be measured in the same run. */
export const opaVariable = 'COFFRE_PEER_OPA';

const script = (name: string) => join(import.meta.dirname, name);
/** Of the processor's time in /proc. Source: getconf CLK_TCK, the same on every Linux that Node runs on. */
const ticksPerSecond = 100;
/** Longest wait for a process to end, in ms; then it is killed. */
const endMs = 5_000;

/** One CA for all servers of a run, and the sidecar that asks. */
export class AuthzServers {
  readonly #folder: string;
  readonly #authority: Authority;
  #workers = 0;

  private constructor(folder: string, authority: Authority) {
    this.#folder = folder;
    this.#authority = authority;
  }

  static async open(folder: string): Promise<AuthzServers> {
    const stateFolder = join(folder, 'authority');
    const authority = await openAuthority({ stateFolder, trustDomain: authzTrustDomain, ports: systemPorts });
    await authority.ensure({ tenants: [], spiffeIds: [authzSidecar, authzCaller], leafLifetimeMs: 86_400_000 });
    const servers = new AuthzServers(folder, authority);
    const { certificateChainPem, privateKeyPem } = present(authority.serverCredentials());
    mkdirSync(join(folder, 'secrets'));
    writeFileSync(join(folder, 'secrets', 'root.crt'), authority.rootPem);
    writeFileSync(join(folder, 'secrets', 'server.crt'), certificateChainPem);
    writeFileSync(join(folder, 'secrets', 'server.key'), privateKeyPem.reveal(), { mode: 0o600 });
    writeFileSync(join(folder, 'secrets', 'token'), 'a feed asks for none', { mode: 0o600 });
    return servers;
  }

  /** A control plane that feeds a worker, with the certificate of this CA. */
  feed(): Promise<ProgramFeed> {
    const leaf = present(this.#authority.serverCredentials());
    return ProgramFeed.serve(leaf, heldIdentity(leaf).any);
  }

  /** A worker that remembers these programs. @param xds where its control plane is; nobody is at the default. */
  async worker(programs: Knowledge['programs'], xds = '127.0.0.1:1'): Promise<AuthzServer> {
    this.#workers += 1;
    const state = join(this.#folder, `worker-${this.#workers}`);
    await remember(state, programs, present(this.#authority.serverCredentials()));
    const child = spawn(
      process.execPath,
      [
        script('../src/worker.ts'),
        ...['--xds', xds, '--files', this.#folder, '--listen', '127.0.0.1:0'],
        ...['--state', state, '--decisions', join(state, 'decisions.jsonl')],
      ],
      { stdio: ['pipe', 'ignore', 'pipe'] },
    );
    return this.#serving('coffre', child, child.stderr);
  }

  bareGrpcGo(): Promise<AuthzServer> {
    const path = buildGo({
      module: 'bench/peers/authz-grpc-go',
      main: '.',
      binary: '.cache/bench/authz-grpc-go',
    });
    const child = spawn(path, [join(this.#folder, 'secrets')], { stdio: ['pipe', 'pipe', 'inherit'] });
    return this.#serving('bare-grpc-go', child, child.stdout);
  }

  bareGrpcJs(): Promise<AuthzServer> {
    const child = spawn(process.execPath, [script('authz-grpc-js.ts'), join(this.#folder, 'secrets')], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    return this.#serving('bare-grpc-js', child, child.stdout);
  }

  /** @returns undefined where nobody says where one is. */
  opa(): AuthzServer | undefined {
    const address = process.env[opaVariable];
    return address ? { name: 'opa-envoy', address, cpuUs: () => undefined, stop: async () => undefined } : undefined;
  }

  /** @param lines of which one, in JSON, says the `address`. */
  async #serving(name: string, child: ChildProcess, lines: Readable): Promise<AuthzServer> {
    const address = await addressIn(lines, name);
    return { ...{ name, address }, tls: this.tlsOf(authzSidecar), ...processOf(child) };
  }

  /** What somebody of the mesh shows, to whoever has the certificate of `worker` or of a peer. */
  tlsOf(spiffeId: string): ClientTls {
    return this.#shown(present(this.#authority.leaf(spiffeId)));
  }

  /** What a server shows. */
  tlsOfServer(): ClientTls {
    return this.#shown(present(this.#authority.serverCredentials()));
  }

  #shown(leaf: Leaf): ClientTls {
    return {
      serverName: defaultServerDnsName,
      rootPem: this.#authority.rootPem,
      certificatePem: leaf.certificateChainPem,
      keyPem: leaf.privateKeyPem.reveal(),
    };
  }
}

/** Of a process of ours that is a server. */
export function processOf(child: ChildProcess): Pick<AuthzServer, 'cpuUs' | 'stop'> {
  return { cpuUs: () => cpuUsOf(child), stop: () => stop(child) };
}

/** Through the worker's own record, so that what it starts from is what a worker would have written. */
async function remember(state: string, programs: Knowledge['programs'], leaf: Leaf): Promise<void> {
  const keeper = await KnowledgeKeeper.open(state, systemPorts.entropy, (cause) => {
    throw cause;
  });
  const identities = { revision: 'bench', held: new Map([[workerIdentitySecret, heldIdentity(leaf)]]) };
  keeper.keep({ programs, identities, confirmedAtMs: Date.now() });
  await keeper.settled();
}

function heldIdentity({ certificateChainPem, privateKeyPem }: Leaf) {
  const value = { certificateChainPem, privateKeyPem: privateKeyPem.reveal() };
  const inline = (text: string) => ({ specifier: { case: 'inlineString' as const, value: text } });
  const secret = create(SecretSchema, {
    name: workerIdentitySecret,
    type: {
      case: 'tlsCertificate',
      value: { certificateChain: inline(value.certificateChainPem), privateKey: inline(value.privateKeyPem) },
    },
  });
  return { version: 'bench', value, any: anyPack(SecretSchema, secret) };
}

async function addressIn(lines: Readable, name: string): Promise<string> {
  for await (const line of createInterface({ input: lines })) {
    const { address } = JSON.parse(line) as { readonly address?: string };
    if (address === undefined) continue;
    lines.resume(); // nobody reads the rest, and nothing waits for a reader
    return address;
  }
  throw new Error(`\`${name}\` ended before it listened`);
}

/** Fields 14 and 15 of /proc/PID/stat, counted from behind the name, which may hold anything. */
function cpuUsOf({ pid }: ChildProcess): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const [user = 0, system = 0] = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .map(Number);
  return ((user + system) * 1e6) / ticksPerSecond;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), endMs);
  await ended;
  clearTimeout(timer);
}

function present(leaf: Leaf | undefined): Leaf {
  if (leaf === undefined) throw new Error('the CA has issued nothing');
  return leaf;
}
