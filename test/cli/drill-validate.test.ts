/** `coffre drill validate`: what can be known of a drill without a control plane. */
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { controlPlaneDnsName } from '../../src/admin/door-names.ts';
import { layerTtlMs } from '../../src/chaos/ports.ts';
import { documents, trustDomain } from '../fixtures/mesh-from.ts';
import { tenant, twoTenants } from '../fixtures/two-tenants.ts';
import { temporaryFolder } from '../identity/temporary-folder.ts';
import { runAt } from './run-command.ts';

const mesh = documents(
  `apiVersion: coffre.dev/v1alpha1
kind: Mesh
metadata: { name: default }
spec: { trustDomain: ${trustDomain} }`,
  twoTenants,
);

const consent = `
apiVersion: coffre.dev/v1alpha1
kind: DrillConsent
metadata: { name: drills, namespace: atelier }
spec:
  asTarget: { services: [api], callerTenants: [atelier], methods: [openBreaker], maxDuration: 5m, maxPercent: 100 }
  asCaller: { targetTenants: [atelier], methods: [openBreaker], maxDuration: 5m, maxPercent: 100 }
  windows: [{ days: [Tue], from: '09:00', to: '17:00' }]
`;

const drill = `
apiVersion: coffre.dev/v1alpha1
kind: Drill
metadata: { name: api-breaker, namespace: atelier }
spec:
  hypothesis: web answers while api cannot be called
  target: { service: api, port: 80 }
  method: { openBreaker: {} }
  blastRadius: { callers: [{ tenant: atelier, serviceAccounts: [web] }], percent: 50 }
  steadyState:
    - { name: up, source: { traffic: { metric: successRate, group: control } }, tolerance: { atLeast: 0.99 } }
  abortOn: [{ probe: up }]
  duration: 2m
`;

/** A Tuesday and a Wednesday, at noon. */
const [tuesday, wednesday] = ['2026-11-24T12:00:00Z', '2026-11-25T12:00:00Z'];

async function validate(files: Readonly<Record<string, string>>, ...args: readonly string[]) {
  const folder = await temporaryFolder();
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  const paths = args.filter((arg) => arg.startsWith('./')).map((path) => join(folder, path));
  return runAt(Date.parse(tuesday), 'drill', 'validate', ...paths, ...args.filter((arg) => !arg.startsWith('./')));
}

const whole = { 'mesh.yaml': mesh, 'consent.yaml': consent, 'drill.yaml': drill };

test('a drill that may be is shown with its keys, without a hash of a plan that nobody made', async () => {
  const { out, code } = await validate(whole, './');
  expect(code).toBe(0);
  expect(out).toContain('atelier/api-breaker (openBreaker) would touch 1 proxy, with 2 proxies as control group\n');
  expect(out).toContain('  atelier/web-1  circuit_breakers.atelier/api/80.default.max_requests = 0\n');
  expect(out).toMatch(/\n1 drill; 0 errors, 0 refused\n$/);
  const json = JSON.parse((await validate(whole, './', '-o', 'json')).out);
  expect(json).toMatchObject({ errors: 0, refused: 0, problems: [], drills: [{ drill: 'atelier/api-breaker' }] });
  expect(json.drills[0].plan).not.toHaveProperty('hash');
});

test('outside its window it would be refused, and another moment can be asked for', async () => {
  const refused = await validate(whole, './', '--at', wednesday);
  expect(refused).toMatchObject({ code: 1, out: expect.stringMatching(/would be refused:.*allows it at other times/) });
  expect(await validate(whole, './', '--at', tuesday)).toMatchObject({ code: 0 });
  expect(await validate(whole, './', '--at', 'soon')).toMatchObject({
    code: 2,
    err: expect.stringMatching(/`soon` is no moment/),
  });
});

test('without consent it would be refused by both sides', async () => {
  const { out, code } = await validate({ 'mesh.yaml': mesh, 'drill.yaml': drill }, './');
  expect(code).toBe(1);
  expect(out).toMatch(/would be refused: `atelier`, whose service it strikes, has consented to nothing/);
  expect(out).toMatch(/would be refused: `atelier`, whose callers feel it, has consented to nothing/);
});

test('a file by itself is looked at for its form only, and that is said', async () => {
  const { out, code } = await validate(whole, './drill.yaml', './consent.yaml');
  expect(code).toBe(0);
  expect(out).toBe('1 drill; 0 errors, 0 refused\nonly the form was looked at: name the folder of the mesh as well\n');
});

test('a file named after the folder that holds an older one stands for it', async () => {
  const folder = { ...whole, 'drill.yaml': drill.replace('2m', '9m') };
  expect(await validate(folder, './')).toMatchObject({
    code: 1,
    out: expect.stringMatching(/allows 300 s, not 540 s/),
  });
  const newer = { ...folder, 'newer.yml.txt': drill };
  expect(await validate(newer, './', './newer.yml.txt')).toMatchObject({ code: 0 });
});

describe('a drill that is none is told with file and line', () => {
  test.each([
    ['no hypothesis', drill.replace(/ {2}hypothesis.*\n/, ''), /drill\.yaml:\d+: .*hypothesis/],
    ['no end', drill.replace(/ {2}duration.*\n/, ''), /drill\.yaml:\d+: .*duration/],
    ['nothing that ends it', drill.replace(/ {2}abortOn.*\n/, ''), /drill\.yaml:\d+: .*abortOn/],
    ['a share of nobody', drill.replace('percent: 50', 'percent: 0'), /drill\.yaml:\d+: .*percent/],
    ['more than everybody', drill.replace('percent: 50', 'percent: 101'), /drill\.yaml:\d+: .*percent/],
    ['a raw runtime key', drill.replace('service: api', 'service: api/80.default.max_requests'), /service/],
    ['no YAML', `${drill}\n\t{`, /drill\.yaml:\d+: /],
  ])('%s', async (_, text, line) => {
    const { out, code } = await validate({ ...whole, 'drill.yaml': text }, './');
    expect({ code, out }).toEqual({ code: 1, out: expect.stringMatching(line) });
  });

  test('and problems of other objects are left to `coffre check`', async () => {
    const broken = tenant('other', 'environment: [prod]');
    const { out, code } = await validate({ ...whole, 'other.yaml': broken }, './');
    expect(out).not.toContain('other.yaml');
    expect(code).toBe(0);
  });
});

test('the YAML of the page about drills is a drill that may be, and the bounds that it names are ours', async () => {
  const page = await readFile(resolve(import.meta.dirname, '../../docs/drills.md'), 'utf8');
  const blocks = [...page.matchAll(/^```yaml\n(apiVersion: coffre[\s\S]*?)^```$/gm)].map(([, yaml = '']) => yaml);
  expect(blocks.map((yaml) => /^kind: (\w+)$/m.exec(yaml)?.[1])).toEqual(['DrillConsent', 'Drill']);
  const { out, code } = await validate({ 'mesh.yaml': mesh, 'page.yaml': documents(...blocks) }, './');
  expect({ out, code }).toEqual({
    out: expect.stringMatching(
      /^atelier\/api-breaker \(openBreaker\) would touch 1 proxy,[\s\S]*0 errors, 0 refused\n$/,
    ),
    code: 0,
  });
  expect(page).toContain(`a TTL of ${layerTtlMs / 1_000} s`);
  expect(page).toContain(`server_name: ${controlPlaneDnsName}`);
});

test('a path that is not there ends with 2', async () => {
  expect(await validate({}, './none.yaml')).toMatchObject({
    code: 2,
    err: expect.stringMatching(/ENOENT.*check the path/),
  });
});
