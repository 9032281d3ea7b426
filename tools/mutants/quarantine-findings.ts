/**
 * What a quarantine closes beside the rules, by hand: doors, ways, exits, statistics, certificates, and all that is kept.
 *
 *   atelier   web, clerk ─▶ api, db (db and replica behind it), peers (headless: api)     web and clerk read statistics
 *   notaire   web, whom atelier lets in to api and db
 */
import { isDeepStrictEqual } from 'node:util';
import { create } from '@bufbuild/protobuf';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { type PolicyProgram, QuarantineSchema } from '#gen/coffre/policy/v1/program_pb.js';
import { ListenerSchema } from '#gen/envoy/config/listener/v3/listener_pb.js';
import { rightsOf } from '../../src/controller/rights.ts';
import { Roster } from '../../src/controller/roster.ts';
import { waitMs } from '../../src/controller/schedule.ts';
import { stationListeners, wayListeners } from '../../src/envoy/listener.ts';
import { denyRules } from '../../src/envoy/rbac.ts';
import type { EnvoyResource } from '../../src/envoy/resource.ts';
import { quarantineRule, standingAt } from '../../src/model/quarantine.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { SnapshotBuilder } from '../../src/model/snapshot-builder.ts';
import { programOf, readProgram } from '../../src/policy/program.ts';
import { type Slices, slicesOf } from '../../src/policy/tenant-slice.ts';
import { type ProxyView, viewOf } from '../../src/policy/view.ts';
import { classesOf, memberView, type ViewClasses } from '../../src/policy/view-classes.ts';
import { documents, meshFrom, objectsFrom, trustDomain } from '../../test/fixtures/mesh-from.ts';
import { quarantined } from '../../test/fixtures/random-quarantines.ts';
import { pod, service, tenant } from '../../test/fixtures/two-tenants.ts';

const endMs = 1_000_000;
const tcp = 'name: tcp, port: 5432';
const http = 'name: http, port: 80, targetPort: 8080';
const exit = '{ name: api.example, port: 443, protocol: http, region: eu, jurisdiction: FR }';

const grant = (to: string) => `
apiVersion: coffre.dev/v1alpha1
kind: Grant
metadata: { name: ${to}, namespace: atelier }
spec: { from: { tenant: notaire }, to: { service: ${to} }, notAfter: "2101-01-01T00:00:00Z", reason: a test }
`;

const text = documents(
  `
apiVersion: coffre.dev/v1alpha1
kind: Mesh
metadata: { name: default }
spec:
  trustDomain: ${trustDomain}
  telemetry: { scrapers: [{ namespace: atelier, serviceAccount: web }, { namespace: atelier, serviceAccount: clerk }] }
`,
  tenant('atelier', `environment: prod, egress: [${exit}]`),
  tenant('notaire'),
  pod('atelier', 'web', '10.1.0.1'),
  pod('atelier', 'clerk', '10.1.0.2'),
  pod('atelier', 'api', '10.1.0.3'),
  pod('atelier', 'db', '10.1.0.4'),
  pod('atelier', 'replica', '10.1.0.5').replace('app: replica', 'app: db'),
  pod('notaire', 'web', '10.2.0.1'),
  service('atelier', 'web', '10.96.1.1', http),
  service('atelier', 'api', '10.96.1.2', http),
  service('atelier', 'db', '10.96.1.3', tcp),
  service('atelier', 'peers', 'None', http).replace('app: peers', 'app: api'),
  service('notaire', 'web', '10.96.2.1', http),
  grant('api'),
  grant('db'),
);
const open = meshFrom(text);

function id(account: string): string {
  return quarantined('atelier', account, endMs).spiffeId;
}

/** @param who as `tenant/account`. */
function cutOff(...who: readonly string[]) {
  return who.map((each) => {
    const [name = '', account = ''] = each.split('/');
    return quarantined(name, account, endMs);
  });
}

/** @param former of which the rest is the very same. */
function under(who: readonly string[], former: Snapshot = open): Snapshot {
  return { ...former, quarantines: standingAt(cutOff(...who), 0, former.quarantines) };
}

function viewIn(snapshot: Snapshot, key: string): ProxyView {
  const workload = snapshot.workloads.get(key);
  if (workload === undefined) throw new Error(`the mesh has no workload \`${key}\``);
  return viewOf(snapshot, workload, 0);
}

export function quarantineFindings(): string[] {
  return [...viewRows(), ...modelRows(), ...controllerRows()]
    .flatMap(([what, found, want]) =>
      isDeepStrictEqual(found, want) ? [] : [`quarantine: ${what}: ${JSON.stringify(found)}`],
    )
    .concat(keptFindings(), programFindings());
}

type Row = readonly [what: string, found: unknown, want: unknown];

function viewRows(): Row[] {
  const lost = viewIn(under(['atelier/web']), 'atelier/web-1');
  const caller = viewIn(under(['atelier/replica', 'atelier/api']), 'atelier/web-1');
  const way = (view: ProxyView, to: string) => view.outbound.find(({ service }) => service === to);
  const [door] = viewIn(under(['atelier/web']), 'atelier/db-1').inbound;
  const own = door?.callers.find((each) => each.tenant === 'atelier');
  const db = way(caller, 'atelier/db');
  const isRenamed = (of: typeof doorNames, key: string, some: readonly string[], others: readonly string[]) =>
    !isDeepStrictEqual(of(viewIn(under(some), key)), of(viewIn(under(others), key)));
  const api = viewIn(under(['atelier/web']), 'atelier/api-1').inbound[0]?.policy;
  return [
    ['its doors', lost.inbound.flatMap(({ callers }) => callers.map((each) => each.tenant)), []],
    ['its ways', lost.outbound.length, 0],
    ['its exits', lost.external.length, 0],
    ['exits of another', caller.external.length, 1],
    ['who may connect', own?.spiffeIds, [id('api'), id('clerk'), id('db'), id('replica')]],
    ['who may connect no more', own?.cutOff, [id('web')]],
    ['who is believed', db?.serverSpiffeIds, [id('db')]],
    ['who is dialled', db?.endpoints.map(({ workload }) => workload), ['atelier/db-1']],
    ['whose connections end', db?.cutOff, [id('replica')]],
    ['a way to nobody', way(caller, 'atelier/api')?.service, undefined],
    ['a pod by itself', way(caller, 'atelier/peers')?.pod, undefined],
    ['another that reads statistics', scrapersUnder('atelier/clerk'), [[id('web')]]],
    ['nobody reads statistics', scrapersUnder('atelier/web', 'atelier/clerk'), []],
    ['a chain is another', isRenamed(doorNames, 'atelier/db-1', [], ['atelier/web']), true],
    ['a chain is another again', isRenamed(doorNames, 'atelier/db-1', ['atelier/web'], ['atelier/clerk']), true],
    ['a chain of an HTTP port is another', isRenamed(doorNames, 'atelier/api-1', [], ['atelier/web']), false],
    ['a way is another', isRenamed(wayNames, 'atelier/web-1', [], ['atelier/replica']), true],
    ['a way is another again', isRenamed(wayNames, 'atelier/web-1', ['atelier/replica'], ['atelier/db']), true],
    ['first in the logs', api && Object.keys(denyRules(api).policies).sort()[0], quarantineRule],
  ];
}

function scrapersUnder(...who: readonly string[]) {
  return viewIn(under(who), 'notaire/web-1').observation.scrapers.map(({ spiffeIds }) => spiffeIds);
}

function doorNames(view: ProxyView): readonly string[] {
  return stationListeners(view).flatMap(chainNames);
}

/** Of the way to the database. */
function wayNames(view: ProxyView): readonly string[] {
  const ways = view.outbound.filter((way) => way.service === 'atelier/db');
  return ways.flatMap((way) => wayListeners(view, way)).flatMap(chainNames);
}

function chainNames({ any }: EnvoyResource): readonly string[] {
  return (anyUnpack(any, ListenerSchema)?.filterChains ?? []).map(({ name }) => name);
}

function modelRows(): Row[] {
  const [one] = cutOff('atelier/web');
  if (one === undefined) throw new Error('nobody is cut off');
  const standing = (nowMs?: number) => standingAt([one], nowMs).size;
  const builder = new SnapshotBuilder();
  const objects = objectsFrom(text);
  const revisions = [builder.build(objects, 0), builder.build(objects, 0, [one]), builder.build(objects, endMs, [one])];
  return [
    ['who looks before its end, at it, and never', [standing(endMs - 1), standing(endMs), standing()], [1, 0, 1]],
    ['what a snapshot holds', revisions.map(({ quarantines }) => quarantines.size), [0, 1, 0]],
    ['revisions', new Set(revisions.map(({ revision }) => revision)).size, 2],
  ];
}

function controllerRows(): Row[] {
  const roster = new Roster();
  const withheld = [under([]), under(['atelier/web']), under([])].map((snapshot) => roster.wanted(snapshot).withheld);
  const places = (...who: readonly string[]) => rightsOf(under(who), 0).places;
  return [
    ['who gets no certificate', withheld, [[], [id('web')], []]],
    ['whether rights are others', places('atelier/web') === places(), false],
    ['when to look', waitMs(under(['atelier/web']), [], endMs - 50), 50],
  ];
}

/** One look after another, each made of the one before, told as by one that remembers nothing. */
function keptFindings(): string[] {
  const one = ['atelier/replica', 'notaire/web', 'atelier/clerk', 'atelier/web'].map((who) => [who]);
  const looks: readonly (readonly string[])[] = [[], ...one, ['atelier/web', 'atelier/api'], ['atelier/db'], []];
  let snapshot = open;
  let slices: Slices | undefined;
  const classes = new Map<string, ViewClasses>();
  for (const who of looks) {
    snapshot = under(who, snapshot);
    const before = slices;
    slices = slicesOf(snapshot, 0, before);
    for (const [name, slice] of slices.slices) {
      // A slice that is the same is not looked at.
      if (before?.slices.get(name)?.snapshot !== slice.snapshot) {
        classes.set(name, classesOf(slice.snapshot, name, 0, classes.get(name)));
      }
    }
    for (const workload of snapshot.workloads.values()) {
      const all = [...(classes.get(workload.tenant)?.classes.values() ?? [])];
      const own = all.find(({ members }) => members.some(({ key }) => key === workload.key));
      const kept = own && memberView(own, workload);
      const fresh = viewOf(snapshot, workload, 0);
      if (!isDeepStrictEqual(kept, fresh)) return [`quarantine: kept views of ${workload.key} under ${who}`];
    }
  }
  return [];
}

function programFindings(): string[] {
  const unknown = [{ no: 31, wireType: 2, data: new Uint8Array([0]) }];
  const first = ({ quarantinedCallers: [found] }: PolicyProgram) => found ?? {};
  const bad: readonly [string, (program: PolicyProgram) => unknown][] = [
    ['a caller who is nobody', (program) => Object.assign(first(program), { spiffeId: 'web' })],
    ['an owner who is nobody', (program) => Object.assign(program, { quarantine: create(QuarantineSchema) })],
    ['an unknown field', (program) => Object.assign(first(program), { $unknown: unknown })],
    ['a beginning before the epoch', (program) => Object.assign(first(program), { sinceMs: -1n })],
    ['an end before the epoch', (program) => Object.assign(first(program), { untilMs: -1n })],
    ['an end after all time', (program) => Object.assign(first(program), { untilMs: 1n << 60n })],
  ];
  const read = (edit: (program: PolicyProgram) => unknown): string => {
    const program = programOf(viewIn(under(['atelier/web']), 'atelier/api-1'));
    edit(program);
    return readProgram(program).kind;
  };
  return [
    ...(read(() => undefined) === 'ok' ? [] : ['quarantine: a whole program is refused']),
    ...bad.flatMap(([what, edit]) => (read(edit) === 'refused' ? [] : [`quarantine: ${what} is read`])),
  ];
}
