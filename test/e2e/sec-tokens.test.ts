/**
 * What a caller with a good certificate can do with a token, and a host with an issuer's keys, to an application that
 * asks for tokens behind a real sidecar and worker.
 *
 *   the tables of `test/oidc` ──▶ real        each is refused for its own reason, and the application sees nothing
 *                             ──▶ credulous   a worker that believes every token: each of them must turn red
 *                             ──▶ open door   a sidecar that asks nobody: whatever arrives has no allow
 *
 * A good token goes before and after, and alongside in every story of keys.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { keysFreshMs, keysStaleMs } from '../../src/oidc/key-book.ts';
import { goodToken, hostileTokens, issuerKeys, rsa } from '../oidc/support/hostile-tokens.ts';
import { claims, nowMs, provider } from '../oidc/support/issuer.ts';
import {
  brokenDocuments,
  hundredMebibytes,
  issuerKey as liedKey,
  keys as liedKeys,
  refusedAnswers,
} from '../oidc/support/key-lies.ts';
import { type Answer, json } from '../oidc/support/lying-host.ts';
import { signingKey, token } from '../oidc/support/token-forge.ts';
import { inLab } from './differential/in-lab.ts';
import { openDoor } from './sec/careless.ts';
import {
  bearer,
  type Finding,
  insideIssuers,
  otherIssuer,
  TokenRig,
  type TokenRow,
  tokenRow,
} from './sec/token-rig.ts';

/** How long an answer is waited for where the sidecar is wrong on purpose, in ms. */
const impatientMs = 1_000;

const honest = json({ keys: issuerKeys });
const refused = (name: string, text: string, why: RegExp) =>
  tokenRow({ name, verdict: 'token-invalid', why }, bearer(text));
const served = (text: string) =>
  tokenRow({ name: 'a good token', verdict: 'allow', why: /^HTTP\/1.1 200/ }, bearer(text));

/** Signed by the other tenant's issuer, as that issuer would for its own. */
const otherKey = signingKey('of-other', 'P-256');
const otherToken = token(otherKey, { ...claims, iss: otherIssuer }, { alg: 'ES256' });
const strangers = /no identity provider of this tenant has the issuer/;
/** Of hostile tokens, and of a good one where it says nothing. */
const tokenRows: readonly TokenRow[] = [
  ...hostileTokens.map(({ name, text, why }) => refused(`SEC-42 ${name}`, text, why)),
  refused('SEC-42 a good token of another tenant’s issuer', otherToken, strangers),
  refused('SEC-42 the other tenant’s issuer, signed by ours', token(rsa, { ...claims, iss: otherIssuer }), strangers),
];
/** Refused before a token is looked at: only an open door lets these in. */
const formRows: readonly TokenRow[] = [
  tokenRow({ name: 'SEC-42 no token', verdict: 'token-missing', why: /does not bring/ }, []),
  tokenRow(
    { name: 'SEC-42 a good token in the query', verdict: 'token-missing', why: /does not bring/ },
    [],
    `?access_token=${goodToken}`,
  ),
  tokenRow({ name: 'SEC-42 a good token under another scheme', verdict: 'token-missing', why: /does not bring/ }, [
    `Authorization: Basic ${goodToken}`,
  ]),
  tokenRow({ name: 'SEC-42 a word and no token', verdict: 'token-invalid', why: /it is empty/ }, [
    'Authorization: Bearer',
  ]),
  // Envoy makes one line of two.
  tokenRow(
    { name: 'SEC-42 a good token and a second line', verdict: 'token-invalid', why: /not written as a bearer/ },
    [...bearer(goodToken), ...bearer('ya29.opaque')],
  ),
];
const rows = [...tokenRows, ...formRows];

inLab('tokens at a sidecar', () => {
  let rig: TokenRig;
  beforeAll(async () => {
    rig = await TokenRig.start();
    rig.host.answers.set('/other-keys', json({ keys: [otherKey.listed()] }));
    // What a fetcher finds that follows a redirect.
    rig.host.answers.set('/elsewhere', json(liedKeys));
  });
  afterAll(() => rig?.stop());

  const nothingWrong = (findings: readonly Finding[]) =>
    findings.flatMap(({ objections, unauthorised }) => [...objections, ...unauthorised]);

  async function honestly(): Promise<void> {
    rig.nowMs = nowMs;
    rig.credulous = false;
    rig.host.answers.set('/keys', honest);
    expect(await rig.begin()).toMatchObject({ kind: 'fetched' });
  }

  describe('SEC-42: a token that somebody made to be let in', () => {
    const findings = new Map<
      TokenRow,
      { readonly real: Finding; readonly credulous: Finding; readonly open: Finding }
    >();
    let around: readonly Finding[];
    let asked: readonly string[];

    beforeAll(async () => {
      await honestly();
      const theirs = [{ ...provider, issuer: otherIssuer, jwksUri: `${rig.host.issuer}/other-keys` }];
      expect(await rig.verifier.verify(theirs, otherToken, nowMs)).toMatchObject({ kind: 'valid' });
      rig.asked.length = 0;
      const before = await rig.send([served(goodToken)]);
      const real = await rig.send(rows);
      around = [...before, ...(await rig.send([served(goodToken)]))];
      asked = [...rig.asked];
      rig.credulous = true;
      const credulous = await rig.send(rows);
      rig.credulous = false;
      await rig.publish(openDoor);
      const open = await rig.send(rows, impatientMs);
      await rig.publish();
      for (const [index, row] of rows.entries()) {
        const [one, two, three] = [real[index], credulous[index], open[index]];
        if (one && two && three) findings.set(row, { real: one, credulous: two, open: three });
      }
    });

    const findingsOf = (row: TokenRow) => findings.get(row) ?? expect.fail('it was not sent');

    test.each(rows.map((row) => [row.name, row] as const))('%s is refused by its reason', (_, row) => {
      expect(findingsOf(row).real).toEqual({ objections: [], arrived: [], unauthorised: [] });
    });

    test('a good token is let in before and after', () => {
      expect(nothingWrong(around)).toEqual([]);
      expect(around.map(({ arrived }) => arrived.length)).toEqual([1, 1]);
    });

    test('nobody was asked for anything, by whatever address a token names', () => {
      expect(asked).toEqual([]);
    });

    test.each(tokenRows.map((row) => [row.name, row] as const))('%s finds out a credulous worker', (_, row) => {
      const { objections, arrived } = findingsOf(row).credulous;
      expect({ isRed: objections.length > 0, arrived }).toEqual({ isRed: true, arrived: [row.path] });
    });

    test('every one finds out a sidecar that asks nobody: it arrives without an allow', () => {
      const green = rows.filter((row) => {
        const { objections, unauthorised } = findingsOf(row).open;
        return objections.length === 0 || unauthorised.length === 0;
      });
      expect(green.map(({ name }) => name)).toEqual([]);
    });
  });

  describe('SEC-43: keys that cannot be had', () => {
    const weekly = { ...claims, exp: claims.exp + 7 * 86_400 };
    const good = token(rsa, weekly);
    /** By the key that most lies bring along. */
    const lied = token(liedKey, weekly, { alg: 'ES256' });
    const lies: readonly (readonly [name: string, answer: Answer, why: RegExp])[] = [
      ...refusedAnswers,
      ...brokenDocuments,
      ['a hundred mebibytes', hundredMebibytes(), /more than/],
      ['nothing until nobody waits any more', () => rig.giveUp(), /too slow/],
    ];

    interface Story {
      readonly news: readonly unknown[];
      /** What must be let in all the while. */
      readonly served: readonly Finding[];
      readonly refused: readonly Finding[];
    }

    /** Good keys, then a lie, until they are too old, and a worker that begins with the lie. */
    async function tell(answer: Answer, credulous: boolean): Promise<Story> {
      await honestly();
      rig.credulous = credulous;
      const before = await rig.send([served(good)]);
      rig.host.answers.set('/keys', answer);
      rig.nowMs = nowMs + keysFreshMs;
      const failing = rig.nextNews();
      const [kept, unknown] = await rig.send([served(good), refused('lied', lied, /no key/)]);
      const failed = await failing;
      rig.nowMs = nowMs + keysStaleMs;
      const tooOld = /keys of the issuer are too old/;
      const failingAgain = rig.nextNews();
      const aged = await rig.send([refused('aged', good, tooOld), refused('lied', lied, tooOld)]);
      const failedAgain = await failingAgain;
      const begun = await rig.begin();
      const none = /keys of the issuer cannot be had/;
      const fresh = await rig.send([refused('begun', good, none), refused('lied', lied, none)]);
      return {
        news: [failed, failedAgain, begun],
        served: [...before, ...(kept ? [kept] : [])],
        refused: [...(unknown ? [unknown] : []), ...aged, ...fresh],
      };
    }

    test.each(lies)('SEC-43 %s: the last good ones up to their age, and then nobody', async (_, answer, why) => {
      const story = await tell(answer, false);
      expect(story.news).toMatchObject(
        ['stale', 'none', 'none'].map((meanwhile) => ({ kind: 'failed', why: expect.stringMatching(why), meanwhile })),
      );
      expect(nothingWrong([...story.served, ...story.refused])).toEqual([]);
      expect(story.refused.flatMap(({ arrived }) => arrived)).toEqual([]);
    });

    test.each(lies)('SEC-43 %s finds out a credulous worker', async (_, answer) => {
      const story = await tell(answer, true);
      expect(nothingWrong(story.served)).toEqual([]);
      const green = story.refused.filter(({ objections, arrived }) => objections.length === 0 || arrived.length === 0);
      expect({ refused: story.refused.length, green }).toEqual({ refused: 5, green: [] });
    });

    /** @returns what becomes of a good token whose key the issuer lists no longer. */
    async function withdraw(credulous: boolean): Promise<readonly Finding[]> {
      await honestly();
      rig.credulous = credulous;
      expect(nothingWrong(await rig.send([served(good)]))).toEqual([]);
      rig.host.answers.set('/keys', json(liedKeys));
      rig.nowMs = nowMs + keysFreshMs;
      const renewing = rig.nextNews();
      expect(nothingWrong(await rig.send([served(good)]))).toEqual([]);
      expect(await renewing).toMatchObject({ kind: 'fetched', changed: true });
      return rig.send([refused('withdrawn', good, /no key of the issuer/)]);
    }

    test('SEC-43 a key that the issuer withdrew ends with the next look at its list', async () => {
      expect(await withdraw(false)).toEqual([{ objections: [], arrived: [], unauthorised: [] }]);
      const [careless] = await withdraw(true);
      expect(careless?.objections).not.toEqual([]);
      expect(careless?.arrived).toHaveLength(1);
    });

    test.each(Object.entries(insideIssuers))('SEC-43 keys at an address inside are not fetched: %s', async (_, iss) => {
      await honestly();
      rig.host.asked.length = 0;
      const inside = () => refused(iss, token(rsa, { ...claims, iss }), /an address that no provider may have/);
      expect(await rig.send([inside()])).toEqual([{ objections: [], arrived: [], unauthorised: [] }]);
      expect(rig.host.asked).toEqual([]);
      rig.credulous = true;
      const [careless] = await rig.send([inside()]);
      expect(careless?.objections).not.toEqual([]);
      expect(careless?.arrived).toHaveLength(1);
    });
  });
});
