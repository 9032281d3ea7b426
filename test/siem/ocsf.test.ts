/** Every kind of event as OCSF: readable in golden/, and judged by what the schema requires. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { eventKinds } from '../../src/evidence/event.ts';
import { ocsfOf, ocsfOfHead } from '../../src/siem/ocsf.ts';
import type { Json, JsonObject, OcsfRecord } from '../../src/siem/ocsf-record.ts';
import { placed, sampleEvents } from './sample-events.ts';

const head = {
  replica: 'coffre-0',
  position: 88,
  hash: 'ab'.repeat(32),
  atMs: Date.UTC(2026, 10, 3),
  signature: 'c2ln',
};

const samples: Readonly<Record<string, OcsfRecord>> = {
  ...Object.fromEntries(
    Object.entries(sampleEvents).map(([name, event], index) => [
      name,
      ocsfOf(placed(event, index + 1), { paths: 'shape' }),
    ]),
  ),
  'evidence-head': ocsfOfHead(head),
};

test('every kind of event has a sample, and every golden file a sample it comes from', () => {
  expect(new Set(Object.values(sampleEvents).map(({ kind }) => kind))).toEqual(new Set(eventKinds));
  const files = readdirSync(join(import.meta.dirname, 'golden'));
  expect(files.toSorted()).toEqual(
    Object.keys(samples)
      .map((name) => `${name}.json`)
      .toSorted(),
  );
});

test.each(Object.entries(samples))('%s is told as its golden file shows', async (name, record) => {
  await expect(pretty(record)).toMatchFileSnapshot(`golden/${name}.json`);
});

/**
 * Attributes that are required, those of which one at least must be there (`|`), and activities by class.
 * Source: ocsf-schema, branch v1.4.0: events/base_event.json, the classes' files, and what they include.
 */
const base = ['activity_id', 'category_uid', 'class_uid', 'type_uid', 'time', 'metadata', 'severity_id'];
const classes: Readonly<
  Record<
    number,
    { readonly category: number; readonly required: readonly string[]; readonly activities: readonly number[] }
  >
> = {
  2004: { category: 2, required: ['finding_info'], activities: [0, 1, 2, 3, 99] },
  3004: { category: 3, required: ['entity'], activities: [0, ...upTo(13), 99] },
  4001: { category: 4, required: ['src_endpoint|dst_endpoint'], activities: [0, ...upTo(7), 99] },
  4002: {
    category: 4,
    required: ['src_endpoint|dst_endpoint', 'http_request|http_response'],
    activities: [0, ...upTo(8), 99],
  },
  6003: { category: 6, required: ['actor', 'api', 'src_endpoint'], activities: [0, ...upTo(4), 99] },
  6008: { category: 6, required: ['message'], activities: [0, 1, 2, 99] },
};
/** The same of objects, wherever an attribute of the name stands. Source: objects/ of the same branch. */
const endpoint = ['ip|uid|name|hostname|svc_name'];
const objects: Readonly<Record<string, readonly string[]>> = {
  metadata: ['product', 'version'],
  product: ['name|uid', 'vendor_name'],
  src_endpoint: endpoint,
  dst_endpoint: endpoint,
  owner: ['account|name|uid'],
  user: ['account|name|uid'],
  actor: ['process|user|invoked_by|session|app_name|app_uid'],
  api: ['operation'],
  connection_info: ['direction_id'],
  entity: ['name|uid'],
  finding_info: ['uid'],
  analytic: ['name|uid', 'type_id'],
  related_events: ['uid'],
  resources: ['name|uid'],
  observables: ['type_id'],
  firewall_rule: ['name|uid'],
  http_response: ['code'],
  url: ['url_string|path'],
  tls: ['version'],
  trace: ['uid'],
};
/** Attributes of a profile, which must be named in `metadata.profiles`. */
const ofProfile: Readonly<Record<string, string>> = {
  action_id: 'security_control',
  disposition_id: 'security_control',
  firewall_rule: 'security_control',
  is_alert: 'security_control',
  trace: 'trace',
};

describe.each(Object.entries(samples))('the record of %s', (_, record) => {
  const rules = classes[record.class_uid];

  test('is of a class that we know, with its category, activity and type', () => {
    const { activity_id, category_uid, type_uid, class_uid } = record;
    expect(category_uid).toBe(rules?.category);
    expect(rules?.activities).toContain(activity_id);
    expect(type_uid).toBe(class_uid * 100 + Number(activity_id));
    if (activity_id === 99) expect(record['activity_name']).toEqual(expect.any(String));
  });

  test('has what its class and its objects require', () => {
    expect([...missing(record, [...base, ...(rules?.required ?? [])]), ...missingWithin(record)]).toEqual([]);
  });

  test('names the profiles that it draws on', () => {
    const used = Object.keys(record).flatMap((name) => (record[name] === undefined ? [] : (ofProfile[name] ?? [])));
    expect(new Set(record.metadata['profiles'] as readonly string[] | undefined)).toEqual(new Set(used));
  });
});

test('a record without a required attribute would be found', () => {
  const { denial } = samples;
  expect(missing({ ...denial, time: undefined }, base)).toEqual(['time']);
  expect(missingWithin({ ...denial, tls: {} })).toEqual(['tls.version']);
});

test('a claimed identity is told as a claim and as nothing else', () => {
  const { 'handshake-failure': failure } = samples;
  const { unmapped, ...rest } = { unmapped: {}, ...failure };
  const claimed = 'spiffe://mesh.example/ns/shop/sa/admin';
  expect(unmapped).toMatchObject({ claimed_identity: claimed });
  expect(JSON.stringify(rest)).not.toContain(claimed);
});

test('no sealed name leaves, from a person or from the journal of a drill', () => {
  expect(JSON.stringify(samples)).not.toContain('c2VhbGVk');
  expect(samples['human-action']).toMatchObject({ actor: { user: { uid: 'p:0a1b2c3d4e5f' } } });
});

function missing(record: JsonObject, required: readonly string[]): string[] {
  return required.filter((names) => names.split('|').every((name) => record[name] === undefined));
}

function missingWithin(record: JsonObject): string[] {
  return Object.entries(record).flatMap(([name, value]) =>
    name === 'unmapped' || value === undefined
      ? []
      : objectsOf(value).flatMap((object) => [
          ...missing(object, objects[name] ?? []).map((names) => `${name}.${names}`),
          ...missingWithin(object),
        ]),
  );
}

function objectsOf(value: Json): JsonObject[] {
  if (Array.isArray(value)) return value.flatMap(objectsOf);
  return typeof value === 'object' ? [value as JsonObject] : [];
}

function upTo(last: number): number[] {
  return Array.from({ length: last }, (_, index) => index + 1);
}

/** As the formatter of this repository writes JSON: a list of plain values stands on one line. */
function pretty(record: OcsfRecord): string {
  const text = JSON.stringify(record, null, 2);
  return `${text.replaceAll(/\[\n([^[\]{}]*?)\n\s*\]/g, (_, items: string) => `[${items.trim().replaceAll(/\n\s*/g, ' ')}]`)}\n`;
}
