/**
 * A mesh under attack, and everybody who should know of it: the person at the command line, the SIEM and the dashboard.
 *
 * The queries are the same before and after: before, they answer nothing.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { alertRules, dashboards, filledIn } from '../deploy/shipped.ts';
import { type Attack, isLike, type Panel } from './attack.ts';
import { attacks } from './attacks.ts';
import { inLab } from './differential/in-lab.ts';
import { identities, showMs, WatchedMesh } from './watched-mesh.ts';

/** Kinds that stand for what callers do, or try to. */
const traffic = ['request', 'denial', 'plaintext-attempt', 'handshake-failure', 'undeclared-port', 'breaker-overflow'];
const flagsOf = (...kinds: readonly string[]) => kinds.flatMap((kind) => ['--kind', kind]);

inLab('a mesh under attack', () => {
  let mesh: WatchedMesh;

  beforeAll(async () => {
    mesh = await WatchedMesh.start();
  });
  afterAll(() => mesh?.stop());

  const eventsOf = async ({ event }: Attack) =>
    (await mesh.events(...flagsOf(event.kind))).map((stored) => stored.event).filter((each) => isLike(each, event));
  const linesOf = ({ event, siem }: Attack, id: string) =>
    mesh.siem().filter((line) => isLike(line, { ...siem, metadata: { uid: id, event_code: event.kind } }));
  const shownBy = async ({ where, metric = '', labels }: Panel) => {
    const asked = [...dashboards(), ...alertRules()].filter((query) => query.where === where);
    const [query, ...others] = asked.filter(({ expr }) => expr.includes(metric));
    if (query === undefined || others.length > 0) throw new Error(`\`${where}\` is not one query`);
    const samples = await mesh.query(`(${filledIn(query.expr)}) > 0`);
    return samples.filter((sample) => isLike(sample.metric, labels));
  };

  test('of healthy traffic there is no event, and before an attack every eye sees nothing', async () => {
    await mesh.startPrometheus();
    const { status } = await mesh.ask('shop/web-0', 'http://api/open/[1-50]');
    expect([status, (await mesh.ask('bank/desk-0', 'http://api.shop/open/1')).status]).toEqual([200, 200]);
    const isShown = () => shownBy({ where: 'mesh: Requests at the destination, by class of answer', labels: {} });
    await expect.poll(isShown, { timeout: showMs, interval: 250 }).not.toEqual([]);
    for (const [name, attack] of Object.entries(attacks)) {
      const seen = [await eventsOf(attack), await shownBy(attack.panel)];
      expect([name, ...seen]).toEqual([name, [], []]);
    }
    await mesh.fence('shop/web-0', 'http://api/admin/fence');
    expect(await mesh.events(...flagsOf(...traffic))).toMatchObject([{ event: { request: { path: '/admin/fence' } } }]);
    await expect.poll(() => mesh.siem().length, { timeout: showMs }).toBeGreaterThan(0);
  });

  test('nobody gets anywhere', async () => {
    await mesh.steal('web', identities.web);
    await mesh.steal('desk', identities.desk);
    for (const [name, { act, got }] of Object.entries(attacks)) {
      const outcome = await act(mesh);
      expect({ name, outcome }).toEqual({ name, outcome: got instanceof RegExp ? expect.stringMatching(got) : got });
    }
  });

  test.for(Object.entries(attacks))(
    '%s is found by the command line, in the SIEM and on a panel',
    async ([, attack]) => {
      await expect.poll(() => eventsOf(attack), { timeout: showMs }).toHaveLength(1);
      const [event] = await eventsOf(attack);
      await expect.poll(() => linesOf(attack, event?.id ?? '').length, { timeout: showMs }).toBeGreaterThan(0);
      await expect.poll(() => shownBy(attack.panel), { timeout: showMs, interval: 250 }).not.toEqual([]);
    },
  );

  test('nothing that a caller wrote is a line of its own, or a character that a terminal obeys', async () => {
    const { out } = await mesh.coffre('events', '--limit', '1000');
    expect(out.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
    // A line each, and the table's head.
    expect(out.trimEnd().split('\n')).toHaveLength(1 + (await mesh.events()).length);
    const told = readFileSync(mesh.siemFile, 'utf8');
    expect(told.replaceAll('\n', '')).toMatch(/^[\x20-\x7e]*$/);
    const lines = told.split('\n').slice(0, -1);
    expect(lines.map((line) => JSON.parse(line).metadata.log_provider)).toEqual(lines.map(() => 'coffre'));
  });
});
