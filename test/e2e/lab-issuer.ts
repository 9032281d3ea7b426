/** An OpenID Connect provider inside a lab, in its private network: it issues tokens, changes its keys, dies and comes back. */
import { fileURLToPath } from 'node:url';
import { labHost } from '../../src/lab/addresses.ts';
import type { Lab } from '../../src/lab/lab.ts';
import type { LabProcess } from '../../src/lab/lab-process.ts';
import { hostPlace } from '../../src/lab/protocol.ts';
import type { Leaf } from '../authz/support/pki.ts';
import { type SigningKey, token } from '../oidc/support/token-forge.ts';
import type { ProviderOrder } from './oidc-provider-process.ts';

/** Longest start of the provider on a loaded machine, in ms. */
const startMs = 20_000;
/** Longest that one token may take, in ms. */
const tokenMs = 10_000;

export class LabIssuer {
  readonly issuer: string;
  readonly audience: string;
  readonly #port: number;
  readonly #leaf: Leaf;
  #lab: Lab | undefined;
  #process: LabProcess | undefined;
  #key: SigningKey | undefined;

  /** @param leaf with the address of the lab's host in it. @param audience of all its tokens, a URL. */
  constructor(port: number, leaf: Leaf, audience: string) {
    this.issuer = `https://${labHost.ipv4}:${port}`;
    this.audience = audience;
    this.#port = port;
    this.#leaf = leaf;
  }

  /** Begins to issue, or issues from now on, by this RSA key and no other. */
  async start(lab: Lab, key: SigningKey): Promise<void> {
    await this.kill();
    const { certificatePem: cert, keyPem } = this.#leaf;
    const keys = [{ ...key.privateKey.export({ format: 'jwk' }), kid: key.kid, use: 'sig' }];
    const order: ProviderOrder = {
      open: { cert, key: keyPem, keys, at: { address: labHost.ipv4, port: this.#port } },
    };
    const script = fileURLToPath(new URL('./oidc-provider-process.ts', import.meta.url));
    this.#lab = lab;
    this.#key = key;
    this.#process = await lab.spawn({
      ...{ in: hostPlace, argv: [process.execPath, script], confined: false, name: 'issuer' },
      stdin: JSON.stringify(order),
    });
    await this.#process.waitForLine(/^issuer /, startMs);
  }

  async kill(): Promise<void> {
    await this.#process?.kill('SIGKILL');
    await this.#process?.exited;
  }

  /** An access token that the provider gave. @param client of which it is; its group is the plural. */
  async tokenOf(client: 'robot' | 'guest'): Promise<string> {
    const form = ['grant_type=client_credentials', 'scope=read', `resource=${this.audience}`];
    const argv = [
      'curl',
      '-sSk',
      '-u',
      `${client}:${client}-secret`,
      ...form.flatMap((field) => ['--data-urlencode', field]),
    ];
    const ran = await this.#lab?.run({
      ...{ in: hostPlace, argv: [...argv, `${this.issuer}/token`], confined: false, timeoutMs: tokenMs },
    });
    const { access_token: given }: { access_token?: string } = JSON.parse(ran?.stdout ?? '{}');
    if (given === undefined) throw new Error(`no token for ${client}: ${ran?.stdout}${ran?.stderr}`);
    return given;
  }

  /** A robot's token that ended a while ago, signed as the provider signs. */
  expiredToken(): string {
    const endedSeconds = Math.floor(Date.now() / 1_000) - 300;
    return this.#sign({ iat: endedSeconds - 60, exp: endedSeconds, groups: ['robots'] });
  }

  /** A person's token, signed as the provider signs, who is in more groups than it holds. */
  overageToken(): string {
    const nowSeconds = Math.floor(Date.now() / 1_000);
    return this.#sign({ iat: nowSeconds, exp: nowSeconds + 3_600, _claim_names: { groups: 'src1' } });
  }

  #sign(claims: object): string {
    if (this.#key === undefined) throw new Error('the issuer was not started');
    return token(this.#key, { iss: this.issuer, sub: 'ada', aud: this.audience, ...claims });
  }
}
