/** What is kept of the loop: each problem when it comes and when it goes, each revision with the objects that made it. */
import { expect, test } from 'vitest';
import { objectsNamedMax, recordLoop, reportToAll } from '../../src/controller/evidence-of-loop.io.ts';
import type { Problem } from '../../src/model/problem.ts';
import { type SourcedObject, widestScope } from '../../src/model/sourced-object.ts';
import { listeningTeller } from '../evidence/teller.ts';

const problem: Problem = {
  code: 'missing-tenant',
  severity: 'warning',
  where: { file: 'pods.yaml', line: 3 },
  path: 'metadata.namespace',
  message: 'nobody owns the namespace `shop`',
  advice: 'write a tenant',
};

function object(kind: string, name: string, hash: string, line = 1): SourcedObject {
  const ref = { kind, namespace: kind === 'Tenant' ? '' : 'shop', name };
  const where = { file: 'shop.yaml', line };
  const id = `${kind}/${ref.namespace}/${name}`;
  return { kind: 'broken', id, ref, where, lines: new Map(), scope: widestScope, hash };
}

test('a problem is told when it comes and when it goes, to whoever owns the object', () => {
  const teller = listeningTeller();
  const report = recordLoop(teller, () => []);
  const owned = {
    ...problem,
    where: { file: 'pods.yaml', line: 9 },
    object: { kind: 'Pod', namespace: 'shop', name: 'web' },
  };
  const ofTenant = { ...problem, path: '', object: { kind: 'Tenant', namespace: '', name: 'bank' } };
  report.problems([problem, owned]);
  report.problems([problem, ofTenant]);
  report.problems([problem, ofTenant]);
  report.problems([]);
  const told = teller.heard().map((event) => event.kind === 'problem' && `${event.what} ${event.tenant} ${event.text}`);
  expect(told).toEqual([
    expect.stringMatching(/^appeared coffre-system pods.yaml:3: /),
    expect.stringMatching(/^appeared shop pods.yaml:9: /),
    expect.stringMatching(/^solved shop pods.yaml:9: /),
    expect.stringMatching(/^appeared bank pods.yaml:3: /),
    expect.stringMatching(/^solved coffre-system pods.yaml:3: /),
    expect.stringMatching(/^solved bank pods.yaml:3: /),
  ]);
});

test('a publication names what came, changed and went; a place that moved is no change', () => {
  const teller = listeningTeller();
  let objects = [object('Tenant', 'shop', 't'), object('Grant', 'b', 'g1'), object('Pod', 'web', 'p')];
  const report = recordLoop(teller, () => objects);
  report.published('r1', 2, ['shop/web']);
  report.published('r1', 2, ['shop/web']);
  objects = [object('Tenant', 'shop', 't', 40), object('Grant', 'b', 'g2', 7), object('Service', 'api', 's')];
  report.published('r2', 3, []);
  report.published('r2', 4, []);
  expect(teller.heard()).toMatchObject([
    { kind: 'publication', revision: 'r1', proxies: 2, withheld: ['shop/web'], withheldCount: 1, objectCount: 0 },
    {
      revision: 'r2',
      objects: [
        'changed Grant shop/b (shop.yaml:7)',
        'went Pod shop/web (shop.yaml:1)',
        'came Service shop/api (shop.yaml:1)',
      ],
      objectCount: 3,
    },
    { revision: 'r2', proxies: 4, objectCount: 0 },
  ]);
});

test('a second object of one name is a change of what that name means', () => {
  const teller = listeningTeller();
  let objects = [object('Grant', 'b', 'g1')];
  const report = recordLoop(teller, () => objects);
  report.published('r1', 1, []);
  objects = [object('Grant', 'b', 'g1'), object('Grant', 'b', 'g2', 9)];
  report.published('r2', 1, []);
  expect(teller.heard()[1]).toMatchObject({ objects: ['changed Grant shop/b (shop.yaml:1)'] });
});

test('a publication names a hundred objects, and counts all', () => {
  const teller = listeningTeller();
  let objects: SourcedObject[] = [];
  const report = recordLoop(teller, () => objects);
  report.published('r1', 0, []);
  objects = Array.from({ length: 250 }, (_, index) => object('Pod', `web-${index}`, 'h'));
  report.published(
    'r2',
    0,
    Array.from({ length: 250 }, (_, index) => `shop/web-${index}`),
  );
  const event = teller.heard()[1];
  expect(event).toMatchObject({ objectCount: 250, withheldCount: 250 });
  expect(event?.kind === 'publication' && [event.objects.length, event.withheld.length]).toEqual([
    objectsNamedMax,
    objectsNamedMax,
  ]);
});

test('what is reported to all is reported to each', () => {
  const tellers = [listeningTeller(), listeningTeller()];
  const report = reportToAll(...tellers.map((teller) => recordLoop(teller, () => [])));
  report.problems([problem]);
  report.published('r1', 1, []);
  for (const teller of tellers) expect(teller.heard().map(({ kind }) => kind)).toEqual(['problem', 'publication']);
});
