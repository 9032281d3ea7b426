/** The roll-out of a change, event by event: who is given what, and when. */
import { expect, test } from 'vitest';
import { Canaries, canaryWaitMs } from '../../src/controller/canary.ts';
import type { CanaryEvent } from '../../src/controller/canary-state.ts';
import type { Resource } from '../../src/xds/resource.ts';
import { typeUrls } from '../../src/xds/type-url.ts';
import { cluster, route, secret, snapshot, way } from './made-up-proxy.ts';

const api = 'shop/api/80';
const cart = 'shop/cart/80';

/** A roll-out under way: what each proxy was given last, and a clock. */
class RollOut {
  nowMs = 0;
  wakeAtMs = Infinity;
  readonly given = new Map<string, readonly string[]>();
  readonly #canaries = new Canaries();
  readonly #owners = new Map<string, string>();

  /** Connected proxies of one tenant, each with `resources`. */
  constructor(resources: readonly Resource[], proxies: readonly string[] = ['shop/a', 'shop/b', 'shop/c']) {
    this.want(Object.fromEntries(proxies.map((proxy) => [proxy, resources])));
    for (const proxy of proxies) this.take({ kind: 'connected', proxy });
    this.given.clear();
  }

  take(event: CanaryEvent): void {
    const { publish, wakeAtMs } = this.#canaries.take(event, this.nowMs);
    this.wakeAtMs = wakeAtMs;
    for (const [proxy, { types }] of publish) {
      this.given.set(proxy, [...types.values()].flatMap((all) => [...all.values()].map(text)).sort());
    }
  }

  want(resources: Readonly<Record<string, readonly Resource[]>>, gone: readonly string[] = []): void {
    const proxies = Object.entries(resources).map(([proxy, wanted]) => {
      const owner = this.#owners.get(proxy) ?? proxy.slice(0, proxy.indexOf('/'));
      return [proxy, { snapshot: snapshot(wanted), owner, mates: owner }] as const;
    });
    this.take({ kind: 'wanted', proxies: new Map(proxies), gone });
  }

  wantAll(resources: readonly Resource[], proxies: readonly string[] = ['shop/a', 'shop/b', 'shop/c']): void {
    this.want(Object.fromEntries(proxies.map((proxy) => [proxy, resources])));
  }

  ack(proxy: string, ...resources: readonly Resource[]): void {
    for (const [typeUrl, ofType] of Map.groupBy(resources, (each) => each.typeUrl)) {
      this.take({ kind: 'acked', proxy, typeUrl, resources: versions(ofType) });
    }
  }

  nack(proxy: string, message: string, ...resources: readonly Resource[]): void {
    this.take({ kind: 'nacked', proxy, typeUrl: resources[0]?.typeUrl ?? '', message, resources: versions(resources) });
  }

  pass(ms: number): void {
    this.nowMs += ms;
    this.take({ kind: 'time' });
  }

  /** Proxies that were given all of these, whatever else. */
  having(...resources: readonly Resource[]): readonly string[] {
    return [...this.given].filter(([, all]) => resources.every((each) => all.includes(text(each)))).map(([key]) => key);
  }

  refusals() {
    return this.#canaries.refusals();
  }
}

function text({ typeUrl, name, version }: Resource): string {
  return `${typeUrl.slice(typeUrl.lastIndexOf('.') + 1)} ${name} ${version}`;
}

function versions(resources: readonly Resource[]): ReadonlyMap<string, string> {
  return new Map(resources.map(({ name, version }) => [name, version]));
}

const slower = cluster(api, 2);

test('a change goes to one proxy, and to the others once that has accepted it', () => {
  const rollOut = new RollOut(way(api));
  rollOut.wantAll([...way(api), slower]);
  expect(rollOut.having(slower)).toEqual(['shop/a']);
  rollOut.ack('shop/a', slower);
  expect(rollOut.having(slower)).toEqual(['shop/a', 'shop/b', 'shop/c']);
  expect(rollOut.wakeAtMs).toBe(Infinity);
});

test('a refusal stops the change: its proxy gets the last good back, the others are never given it', () => {
  const rollOut = new RollOut(way(api));
  rollOut.wantAll([...way(api), slower]);
  rollOut.nack('shop/a', `Error adding/updating cluster(s) ${api}: no`, slower);
  expect(rollOut.having(slower)).toEqual([]);
  expect(rollOut.having(cluster(api))).toEqual(['shop/a']);
  expect(rollOut.refusals()).toEqual([
    { kind: 'held', proxy: 'shop/a', typeUrl: typeUrls.cluster, names: [api], message: expect.stringContaining('no') },
  ]);
});

test('what was refused is not tried again, however often the same is wanted, and whoever comes back', () => {
  const rollOut = new RollOut(way(api));
  rollOut.wantAll([...way(api), slower]);
  rollOut.nack('shop/a', api, slower);
  rollOut.given.clear();
  for (let turn = 0; turn < 3; turn += 1) {
    rollOut.wantAll([...way(api), slower]);
    rollOut.take({ kind: 'disconnected', proxy: 'shop/b' });
    rollOut.take({ kind: 'connected', proxy: 'shop/b' });
    rollOut.pass(canaryWaitMs);
  }
  expect(rollOut.having(slower)).toEqual([]);
});

test('a correction starts anew, and the refusal is forgotten', () => {
  const rollOut = new RollOut(way(api));
  rollOut.wantAll([...way(api), slower]);
  rollOut.nack('shop/a', api, slower);
  const corrected = cluster(api, 3);
  rollOut.wantAll([...way(api), corrected]);
  expect(rollOut.refusals()).toEqual([]);
  expect(rollOut.having(corrected)).toEqual(['shop/a']);
  rollOut.ack('shop/a', corrected);
  expect(rollOut.having(corrected)).toEqual(['shop/a', 'shop/b', 'shop/c']);
});

test('a canary that stays silent releases the others after the wait, and not before', () => {
  const rollOut = new RollOut(way(api));
  rollOut.wantAll([...way(api), slower]);
  expect(rollOut.wakeAtMs).toBe(canaryWaitMs);
  rollOut.pass(canaryWaitMs - 1);
  expect(rollOut.having(slower)).toEqual(['shop/a']);
  rollOut.pass(1);
  expect(rollOut.having(slower)).toEqual(['shop/a', 'shop/b', 'shop/c']);
});

test('a canary that went away without a word is followed by one other, not by all', () => {
  const rollOut = new RollOut(way(api));
  rollOut.wantAll([...way(api), slower]);
  rollOut.take({ kind: 'disconnected', proxy: 'shop/a' });
  rollOut.pass(canaryWaitMs);
  expect(rollOut.having(slower)).toEqual(['shop/b']);
  expect(rollOut.having(cluster(api))).toEqual(['shop/a']);
});

test('what nobody is there for waits for the first that comes', () => {
  const rollOut = new RollOut(way(api));
  for (const proxy of ['shop/a', 'shop/b', 'shop/c']) rollOut.take({ kind: 'disconnected', proxy });
  rollOut.wantAll([...way(api), slower]);
  expect(rollOut.having(slower)).toEqual([]);
  rollOut.take({ kind: 'connected', proxy: 'shop/c' });
  expect(rollOut.having(slower)).toEqual(['shop/c']);
});

test('a proxy that comes with the very change that its like wait for begins with the last good', () => {
  const rollOut = new RollOut(way(api), ['shop/b']);
  rollOut.wantAll([...way(api), slower], ['shop/a', 'shop/b']);
  expect(rollOut.having(slower)).toEqual(['shop/b']);
  expect(rollOut.having(cluster(api))).toEqual(['shop/a']);
});

test('what may not wait goes to everybody at once, beside what waits', () => {
  const rollOut = new RollOut([...way(api), secret('servers', 'old')]);
  const renewed = secret('servers', 'new');
  rollOut.wantAll([...way(api), slower, renewed]);
  expect(rollOut.having(renewed)).toEqual(['shop/a', 'shop/b', 'shop/c']);
  expect(rollOut.having(slower)).toEqual(['shop/a']);
});

test('a removal goes to everybody at once, also of what is being tried', () => {
  const rollOut = new RollOut([...way(api), ...way(cart)]);
  rollOut.wantAll([...way(api), slower, ...way(cart)]);
  rollOut.wantAll(way(cart));
  for (const proxy of ['shop/a', 'shop/b', 'shop/c']) expect(rollOut.given.get(proxy)).toHaveLength(3);
});

test('another service goes on while one is refused, and another tenant while one tries', () => {
  const both = ['shop/a', 'shop/b', 'bank/a', 'bank/b'];
  const rollOut = new RollOut([...way(api), ...way(cart)], both);
  rollOut.wantAll([...way(api), slower, ...way(cart)], both);
  expect(rollOut.having(slower)).toEqual(['shop/a', 'bank/a']);
  rollOut.nack('shop/a', api, slower);
  rollOut.ack('bank/a', slower);
  expect(rollOut.having(slower)).toEqual(['bank/a', 'bank/b']);
  const moved = cluster(cart, 2);
  rollOut.wantAll([...way(api), slower, ...way(cart), moved], both);
  expect(rollOut.having(moved)).toContain('shop/a');
  rollOut.ack('shop/a', moved);
  expect(rollOut.having(moved)).toEqual(expect.arrayContaining(['shop/a', 'shop/b']));
  expect(rollOut.having(moved, slower)).not.toContain('shop/a');
});

test('what hangs together is given together, and only when all of it has passed', () => {
  const rollOut = new RollOut(way(api));
  const [route2, cluster2] = [route(`out/${api}`, [api, cart]), cluster(cart)];
  rollOut.wantAll([...way(api), route2, cluster2]);
  expect(rollOut.having(route2, cluster2)).toEqual(['shop/a']);
  rollOut.ack('shop/a', cluster2);
  expect(rollOut.having(cluster2)).toEqual(['shop/a']);
  rollOut.nack('shop/a', 'no such thing', route2);
  expect(rollOut.having(cluster2)).toEqual([]);
  expect(rollOut.having(route2)).toEqual([]);
});

test('a route whose former backend is gone does not wait: what it might still name was taken away', () => {
  const rollOut = new RollOut([...way(api), route(`out/${api}`, [api, cart]), cluster(cart)]);
  rollOut.wantAll(way(api));
  for (const proxy of ['shop/a', 'shop/b', 'shop/c'])
    expect(rollOut.given.get(proxy)).toEqual(way(api).map(text).sort());
});

test('of several that one unnamed refusal may mean, the guilty one alone is held', () => {
  const rollOut = new RollOut([...way(api), ...way(cart)]);
  const [bad, good] = [route(`out/${api}`, [api], 9), route(`out/${cart}`, [cart], 9)];
  rollOut.wantAll([...way(api), bad, ...way(cart), good]);
  expect(rollOut.having(bad, good)).toEqual(['shop/a']);
  rollOut.nack('shop/a', 'value must be less than 9', bad, good);
  expect(rollOut.having(bad, good)).toEqual([]);
  expect(rollOut.refusals()).toEqual([]);
  // One after the other, each alone at its proxy.
  for (let turn = 0; turn < 4; turn += 1) {
    for (const [proxy, all] of [...rollOut.given]) {
      if (all.includes(text(bad))) rollOut.nack(proxy, 'value must be less than 9', bad);
      else if (all.includes(text(good))) rollOut.ack(proxy, good);
    }
  }
  expect(rollOut.having(good)).toEqual(['shop/a', 'shop/b', 'shop/c']);
  expect(rollOut.having(bad)).toEqual([]);
  expect(rollOut.refusals()).toEqual([expect.objectContaining({ kind: 'held', names: [`out/${api}`] })]);
});

test('a proxy that refuses what the others took is told of, and changes nothing for them', () => {
  const rollOut = new RollOut(way(api));
  rollOut.wantAll([...way(api), slower]);
  rollOut.ack('shop/a', slower);
  rollOut.given.clear();
  rollOut.nack('shop/b', `cluster(s) ${api}: no`, slower);
  expect(rollOut.given.size).toBe(0);
  expect(rollOut.refusals()).toEqual([expect.objectContaining({ kind: 'lone', proxy: 'shop/b', names: [api] })]);
  rollOut.ack('shop/b', slower);
  expect(rollOut.refusals()).toEqual([]);
});

test('a new proxy begins with all that is wanted, but what its like were refused', () => {
  const rollOut = new RollOut(way(api));
  rollOut.wantAll([...way(api), slower]);
  rollOut.nack('shop/a', api, slower);
  rollOut.want({ 'shop/d': [...way(api), slower, ...way(cart)], 'bank/a': [...way(api), slower] });
  expect(rollOut.having(slower)).toEqual(['bank/a']);
  expect(rollOut.having(cluster(api))).toEqual(expect.arrayContaining(['shop/d']));
  // The way to the other service is new to its like as well, and nobody refused it.
  rollOut.take({ kind: 'connected', proxy: 'shop/d' });
  expect(rollOut.having(...way(cart))).toEqual(['shop/d']);
});

test('what a proxy tried that is no more, another tries', () => {
  const rollOut = new RollOut(way(api));
  rollOut.wantAll([...way(api), slower]);
  rollOut.want({}, ['shop/a']);
  expect(rollOut.having(slower)).toContain('shop/b');
  expect(rollOut.having(slower)).not.toContain('shop/c');
});
