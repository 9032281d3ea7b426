/** One issuer whose keys are in a test's hands, and a verifier that believes it. */
import type { IdentityProvider } from '../../../src/oidc/identity-provider.ts';
import type { KeyNews, KeySource } from '../../../src/oidc/key-book.ts';
import { TokenVerifier } from '../../../src/oidc/token-verifier.ts';

export const nowMs = Date.UTC(2027, 0, 31, 18);
export const nowSeconds = nowMs / 1_000;

export const provider: IdentityProvider = {
  name: 'staff',
  preset: 'oidc',
  issuer: 'https://idp.shop.example',
  audiences: ['orders'],
  hostedDomains: [],
};

export const claims = {
  iss: provider.issuer,
  sub: 'ada',
  aud: 'orders',
  iat: nowSeconds - 10,
  exp: nowSeconds + 3_600,
};

/** Documents by issuer, answered at the next turn; an `Error` is an outage. */
export class FakeIssuers {
  readonly documents = new Map<string, Uint8Array | Error>();
  readonly asked: KeySource[] = [];
  readonly news: KeyNews[] = [];

  readonly verifier = new TokenVerifier({
    fetchKeys: async (source) => {
      this.asked.push(source);
      const document = this.documents.get(source.jwksUri ?? source.issuer);
      if (document instanceof Uint8Array) return { document };
      throw document ?? new Error('the host answered 404');
    },
    report: (news) => this.news.push(news),
  });

  constructor(document?: Uint8Array) {
    if (document !== undefined) this.documents.set(provider.issuer, document);
  }
}
