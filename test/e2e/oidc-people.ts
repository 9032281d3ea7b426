/** The provider process, and people who get their tokens from it the way a browser and a robot do. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Agent, type buildConnector, request } from 'undici';
import { createTestAuthority } from '../authz/support/pki.ts';
import { loopbackConnector } from '../oidc/support/lying-host.ts';
import type { ProviderOrder } from './oidc-provider-process.ts';

/** What is kept of the process's own words, in characters. */
const saidMax = 4_096;

export class People {
  readonly issuer: string;
  readonly connector: buildConnector.connector;
  readonly #child: ChildProcess;
  readonly #dispatcher: Agent;

  private constructor(issuer: string, connector: buildConnector.connector, child: ChildProcess) {
    this.issuer = issuer;
    this.connector = connector;
    this.#child = child;
    this.#dispatcher = new Agent({ connect: connector });
  }

  /** @param keys private, as JWKs with `kid`; the first of each kind signs. */
  static async open(keys: readonly object[]): Promise<People> {
    const authority = await createTestAuthority();
    const { certificatePem, keyPem } = await authority.issue({ type: 'dns', value: 'idp.test' });
    const script = fileURLToPath(new URL('./oidc-provider-process.ts', import.meta.url));
    const child = fork(script, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    // Warnings that it stands for no production, and what it dies of.
    let said = '';
    child.stderr?.on('data', (bytes) => (said = `${said}${bytes}`.slice(-saidMax)));
    child.once('exit', (code) => code !== null && console.error(`the provider ended with ${code}: ${said}`));
    const { issuer } = await order<{ issuer: string }>(child, { open: { cert: certificatePem, key: keyPem, keys } });
    return new People(issuer, loopbackConnector(authority.caPem), child);
  }

  /** The provider signs with these keys from now on, and lists no others. */
  async rotate(keys: readonly object[]): Promise<void> {
    await order(this.#child, { rotate: keys });
  }

  /** The robot's access token, a JWT for this resource. */
  async robotToken(resource: string): Promise<string> {
    const form = new URLSearchParams({ grant_type: 'client_credentials', resource, scope: 'read' });
    return (await this.#token('robot', form))['access_token'] ?? '';
  }

  /** Ada signs in at the web application, which gets an ID token and an opaque access token. */
  async signIn(): Promise<{ readonly idToken: string; readonly accessToken: string }> {
    const redirectUri = 'https://orders.test/callback';
    const asked = { client_id: 'orders-web', response_type: 'code', scope: 'openid', redirect_uri: redirectUri };
    const cookies = new Map<string, string>();
    let url = new URL(`${this.issuer}/auth?${new URLSearchParams(asked)}`);
    while (url.origin === this.issuer) {
      const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
      const { headers, body } = await request(url, { dispatcher: this.#dispatcher, headers: { cookie } });
      await body.dump();
      for (const set of [headers['set-cookie'] ?? []].flat()) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(set) ?? [];
        cookies.set(name, value);
      }
      if (typeof headers['location'] !== 'string') throw new Error(`no way on from ${url.pathname}`);
      url = new URL(headers['location'], url);
    }
    const code = url.searchParams.get('code') ?? '';
    const form = new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: redirectUri });
    const { id_token: idToken = '', access_token: accessToken = '' } = await this.#token('orders-web', form);
    return { idToken, accessToken };
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill('SIGKILL');
    await once(this.#child, 'exit');
  }

  async close(): Promise<void> {
    await this.#dispatcher.destroy();
    await this.kill();
  }

  async #token(client: string, form: URLSearchParams): Promise<Record<string, string>> {
    const { statusCode, body } = await request(`${this.issuer}/token`, {
      dispatcher: this.#dispatcher,
      method: 'POST',
      headers: {
        authorization: `Basic ${Buffer.from(`${client}:${client}-secret`).toString('base64')}`,
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: form.toString(),
    });
    const text = await body.text();
    if (statusCode !== 200) throw new Error(`the provider answered ${statusCode}: ${text}`);
    return JSON.parse(text);
  }
}

async function order<Reply>(child: ChildProcess, said: ProviderOrder): Promise<Reply> {
  const gone = once(child, 'exit').then(() => {
    throw new Error('the provider process ended');
  });
  child.send(said);
  const [reply] = await Promise.race([once(child, 'message'), gone]);
  return reply;
}
