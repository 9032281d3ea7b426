/**
 * A workload that asks for tokens, behind a real sidecar and worker, and the host that its issuer's keys come from.
 *
 *   token ──▶ Envoy ─check─▶ worker ──▶ verifier ──HTTPS──▶ a host in a test's hands
 *               └──▶ the application writes down
 *
 * The verifier is the one of `src/oidc`, whose clock stands where the tokens of `test/oidc` were made. While the rig is
 * `credulous` the worker believes every token instead: what still is refused then, is not refused for its token.
 */
import type { Snapshot } from '../../../src/model/snapshot.ts';
import { httpsKeyFetcher } from '../../../src/oidc/https-key-fetcher.io.ts';
import type { IdentityProvider } from '../../../src/oidc/identity-provider.ts';
import type { KeyNews } from '../../../src/oidc/key-book.ts';
import { TokenVerifier } from '../../../src/oidc/token-verifier.ts';
import type { VerifiedToken } from '../../../src/verdict/bearer-token.ts';
import type { ResourceSnapshot } from '../../../src/xds/resource.ts';
import { documents, meshFrom, trustDomain } from '../../fixtures/mesh-from.ts';
import { pod, service, tenant } from '../../fixtures/two-tenants.ts';
import { nowMs, provider } from '../../oidc/support/issuer.ts';
import { type LyingHost, openLyingHost } from '../../oidc/support/lying-host.ts';
import { JudgedSidecar } from './judged-sidecar.ts';
import { differences, inWords, type Outcome, type Row, request } from './row.ts';
import { volley } from './volley.ts';

export interface TokenRow extends Row {
  /** Its own, by which the worker's record of it is found. */
  readonly path: string;
  /** What the worker writes down: `allow`, or the code of a denial. */
  readonly verdict: string;
  /** What the caller is told. */
  readonly why: RegExp;
}

export interface Finding {
  /** What is otherwise than the row says; empty where all is as it should be. */
  readonly objections: readonly string[];
  /** Paths of requests that the application saw, and those among them that have no allow of their own. */
  readonly arrived: readonly string[];
  readonly unauthorised: readonly string[];
}

/** Issuers of the tenant whose keys are said to be where no provider may be. */
export const insideIssuers = { loopback: 'https://loopback.example', metadata: 'https://metadata.example' } as const;
/** Of another tenant. */
export const otherIssuer = 'https://idp.bank.example';

const believed: VerifiedToken = {
  ...{ kind: 'valid', provider: provider.name, issuer: provider.issuer, subject: 'ada', claims: {}, groups: [] },
  expiresAtMs: Number.MAX_SAFE_INTEGER,
};

export class TokenRig {
  readonly #sidecar: JudgedSidecar;
  readonly #mesh: Snapshot;
  readonly host: LyingHost;
  readonly #staff: IdentityProvider;
  /** Addresses of keys that a verifier asked for, whether or not they may be dialled. */
  readonly asked: string[] = [];
  /** Of the verifier, in epoch ms. */
  nowMs = nowMs;
  credulous = false;
  verifier: TokenVerifier;
  #heard: (news: KeyNews) => void = () => undefined;
  /** Ends the fetch that was begun last. */
  #limit = new AbortController();

  private constructor(sidecar: JudgedSidecar, host: LyingHost, mesh: Snapshot, switchboard: Switchboard) {
    this.#sidecar = sidecar;
    this.#mesh = mesh;
    this.host = host;
    this.#staff = { ...provider, jwksUri: `${host.issuer}/keys` };
    this.verifier = this.#newVerifier();
    switchboard.verify = (providers, token) => {
      const said = this.verifier.verify(providers, token, this.nowMs);
      return this.credulous ? believed : said;
    };
  }

  static async start(): Promise<TokenRig> {
    const host = await openLyingHost();
    const switchboard: Switchboard = { verify: () => ({ kind: 'invalid', why: 'the rig is not there yet' }) };
    const mesh = meshOf(host.issuer);
    const sidecar = await JudgedSidecar.start(mesh, {
      verify: (providers, token) => switchboard.verify(providers, token),
    });
    const rig = new TokenRig(sidecar, host, mesh, switchboard);
    await rig.publish();
    return rig;
  }

  /** Tells the sidecar what a control plane would. @param edit makes it wrong on purpose. */
  async publish(edit: (resources: ResourceSnapshot) => ResourceSnapshot = (ours) => ours): Promise<void> {
    await this.#sidecar.sidecar.publish(edit(this.#sidecar.resources(this.#mesh)));
  }

  /** As a worker that begins: it holds no keys, and asks for them. @returns what became of it. */
  begin(): Promise<KeyNews> {
    this.verifier = this.#newVerifier();
    const news = this.nextNews();
    this.verifier.prepare([this.#staff], this.nowMs);
    return news;
  }

  /** Resolves with what becomes of the next fetch of the staff's keys. */
  nextNews(): Promise<KeyNews> {
    return new Promise((resolve) => {
      this.#heard = resolve;
    });
  }

  /** In place of the time that a worker gives a host. */
  giveUp(): void {
    this.#limit.abort(new Error('too slow'));
  }

  async send(rows: readonly TokenRow[], patienceMs?: number): Promise<readonly Finding[]> {
    const { records } = this.#sidecar.worker.observer;
    const before = records.length;
    const { outcomes, strays } = await volley(this.#sidecar, rows, patienceMs);
    const judged = Map.groupBy(records.slice(before), (each) => ('request' in each ? each.request.path : ''));
    return rows.map((row) => {
      const verdicts = (judged.get(row.path) ?? []).map((each) =>
        each.verdict === 'deny' ? each.reason : each.verdict,
      );
      const outcome = outcomes.get(row) ?? { answers: 'not sent', text: '', seen: [] };
      return findingOf(row, { ...outcome, seen: [...outcome.seen, ...strays] }, verdicts);
    });
  }

  async stop(): Promise<void> {
    await this.#sidecar.stop();
    await this.host.close();
  }

  /** One that dials the host in the test's hands by its name, and anybody else with the guard that workers have. */
  #newVerifier(): TokenVerifier {
    const timeLimit = () => {
      this.#limit = new AbortController();
      return this.#limit.signal;
    };
    const ofHost = httpsKeyFetcher({ connector: this.host.connector, timeLimit });
    const guarded = httpsKeyFetcher();
    const verifier: TokenVerifier = new TokenVerifier({
      fetchKeys: (source) => {
        const address = source.jwksUri ?? source.issuer;
        this.asked.push(address);
        return (address.startsWith(`${this.host.issuer}/`) ? ofHost : guarded)(source);
      },
      report: (news) => {
        if (verifier === this.verifier && news.issuer === this.#staff.issuer) this.#heard(news);
      },
    });
    return verifier;
  }
}

/** The worker is there before the rig is. */
interface Switchboard {
  verify: (providers: readonly IdentityProvider[], token: string) => VerifiedToken | Promise<VerifiedToken>;
}

let rowsMade = 0;

/** @param lines its headers. @param query with its question mark. */
export function tokenRow(
  { name, verdict, why }: Pick<TokenRow, 'name' | 'verdict' | 'why'>,
  lines: readonly string[],
  query = '',
): TokenRow {
  rowsMade += 1;
  const path = `/orders/${rowsMade}`;
  const becomes = verdict === 'allow' ? `200 GET ${path}` : '403';
  return { name, path, verdict, why, becomes, bytes: request(`${path}${query}`, lines) };
}

export const bearer = (text: string) => [`Authorization: Bearer ${text}`];

function findingOf(row: TokenRow, outcome: Outcome, verdicts: readonly string[]): Finding {
  const arrived = outcome.seen.map(({ path }) => path);
  const judged = [...new Set(verdicts)].join();
  return {
    objections: [
      ...differences(row, outcome),
      ...(judged === row.verdict ? [] : [`was judged \`${judged}\`, not \`${row.verdict}\``]),
      ...(row.why.test(outcome.text) ? [] : [`${row.why} was not said: ${inWords(outcome)}`]),
    ],
    arrived,
    unauthorised: verdicts.includes('allow') ? arrived.filter((path) => path !== row.path) : arrived,
  };
}

function meshOf(host: string) {
  const staff = providerText(provider.name, provider.issuer, `${host}/keys`);
  const loopback = providerText('loopback', insideIssuers.loopback, `https://127.0.0.1:${new URL(host).port}/keys`);
  const metadata = providerText('metadata', insideIssuers.metadata, 'https://169.254.169.254/keys');
  const rules = [provider.name, 'loopback', 'metadata'].map(
    (name) => `{ to: { paths: ["/orders/*"] }, token: { provider: ${name} } }`,
  );
  return meshFrom(
    documents(
      `
apiVersion: coffre.dev/v1alpha1
kind: Mesh
metadata: { name: default }
spec: { trustDomain: ${trustDomain}, authorization: { mode: everyRequest } }
`,
      tenant('aurore', `environment: prod, identityProviders: [${staff}, ${loopback}, ${metadata}]`),
      tenant(
        'bastion',
        `environment: prod, identityProviders: [${providerText('staff', otherIssuer, `${host}/other-keys`)}]`,
      ),
      pod('aurore', 'adele', '10.1.0.1'),
      service('aurore', 'adele', '10.96.1.1', 'name: http, port: 80, targetPort: 8080'),
      `
apiVersion: coffre.dev/v1alpha1
kind: AccessPolicy
metadata: { name: people, namespace: aurore }
spec: { selector: { matchLabels: { app: adele } }, allow: [${rules}] }
`,
    ),
  );
}

function providerText(name: string, issuer: string, jwksUri: string): string {
  const audiences = JSON.stringify(provider.audiences);
  return `{ name: ${name}, preset: oidc, issuer: "${issuer}", audiences: ${audiences}, jwksUri: "${jwksUri}" }`;
}
