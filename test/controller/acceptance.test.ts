/** What a proxy may be working with: everything since the last that it surely has. */
import { expect, test } from 'vitest';
import { Acceptance, effectMs, silenceMs } from '../../src/controller/acceptance.ts';
import { keyOf } from '../../src/controller/references.ts';
import type { Resource } from '../../src/xds/resource.ts';
import { cluster, snapshot } from './made-up-proxy.ts';

const [one, two, three] = [1, 2, 3].map((ms) => cluster('api', ms)) as [Resource, Resource, Resource];
const key = keyOf(one);

class Answering {
  readonly acceptance = new Acceptance(snapshot([one]));
  nowMs = 0;

  give(...resources: readonly Resource[]): void {
    this.acceptance.give(snapshot(resources), this.nowMs);
  }

  ack(resource: Resource): void {
    const { typeUrl, name, version } = resource;
    this.acceptance.answered(typeUrl, new Map([[name, version]]), [], this.nowMs);
  }

  get possible() {
    return this.acceptance.possible(key, this.nowMs).map((each) => each?.version);
  }
}

test('what a proxy begins with is what it has', () => {
  expect(new Answering().possible).toEqual([one.version]);
});

test('what is given is possible, and so is what was there before, until a moment after the ACK', () => {
  const proxy = new Answering();
  proxy.give(two);
  expect(proxy.possible).toEqual([one.version, two.version]);
  proxy.ack(two);
  proxy.nowMs += effectMs - 1;
  expect(proxy.possible).toEqual([one.version, two.version]);
  proxy.nowMs += 1;
  expect(proxy.possible).toEqual([two.version]);
});

test('an ACK of what was given before the newest leaves the newest open', () => {
  const proxy = new Answering();
  proxy.give(two);
  proxy.give(three);
  proxy.ack(two);
  proxy.nowMs += effectMs;
  expect(proxy.possible).toEqual([two.version, three.version]);
});

test('what is gone is possible until the proxy says that it is gone', () => {
  const proxy = new Answering();
  proxy.give();
  expect(proxy.possible).toEqual([one.version, undefined]);
  expect(proxy.acceptance.possibleOf(one.typeUrl, proxy.nowMs)).toEqual([one]);
  proxy.acceptance.answered(one.typeUrl, new Map(), ['api'], proxy.nowMs);
  proxy.nowMs += effectMs;
  expect(proxy.possible).toEqual([undefined]);
});

test('a proxy that never answers is taken at our word after a while', () => {
  const proxy = new Answering();
  proxy.give(two);
  proxy.nowMs += silenceMs - 1;
  expect(proxy.possible).toEqual([one.version, two.version]);
  proxy.nowMs += 1;
  expect(proxy.possible).toEqual([two.version]);
});

test('an ACK of what nobody gave changes nothing', () => {
  const proxy = new Answering();
  proxy.give(two);
  proxy.ack(three);
  proxy.nowMs += effectMs;
  expect(proxy.possible).toEqual([one.version, two.version]);
});
