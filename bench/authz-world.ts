/**
 * What authorization is measured with: one workload behind so many rules, and the checks that its sidecar would ask.
 *
 *   authzWorld(200) ──▶ snapshot ──▶ program, as the control plane sends it        checks(…) ──▶ CheckRequests, as Envoy writes them
 *
 * Half of the rules name an exact path and half a template; every tenth one denies. One check in five is denied, by a rule or for
 * want of one. A check that is asked often would flatter whoever remembers answers, so no two of a round are the same.
 */
import { create, toBinary } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import { PolicyProgramSchema } from '#gen/coffre/policy/v1/program_pb.js';
import { CheckRequestSchema } from '#gen/envoy/service/auth/v3/external_auth_pb.js';
import { buildSnapshot } from '../src/model/build-snapshot.ts';
import { parseDocument } from '../src/model/parse-document.ts';
import type { Snapshot } from '../src/model/snapshot.ts';
import { isOfKind, type SourcedObject, validObject } from '../src/model/sourced-object.ts';
import { checkContext, programOf, readProgram } from '../src/policy/program.ts';
import { viewOf } from '../src/policy/view.ts';
import type { Knowledge } from '../src/verdict/knowledge.ts';
import { range } from './standard-mesh.ts';

export const authzTrustDomain = 'bench.example';
export const authzWorkload = 'shop/items-1';
/** The sidecar that asks. */
export const authzSidecar = spiffeId('items');

const applicationPort = 8_080;
/** As many as one AccessPolicy may have of each kind, in round figures. */
const rulesPerPolicy = 100;
/** Service accounts that call, each named by as many rules as any other. */
const callers = 50;
/** Rules of which one denies. */
const denyEvery = 10;
const revision = 'bench';

/** @param rules in all, over as many policies as that takes. @param mode whether a worker is asked about what is static. */
export function authzWorld(rules: number, mode: 'everyRequest' | 'dynamicOnly' = 'everyRequest'): Snapshot {
  const snapshot = buildSnapshot([...parsed(meshText(mode)), ...policies(rules)]);
  const [problem] = snapshot.problems;
  if (problem !== undefined) throw new Error(`the mesh of the bench is not valid: ${problem.path}: ${problem.message}`);
  return snapshot;
}

/** As a worker holds it that was fed by a control plane. */
export function programsOf(snapshot: Snapshot): Knowledge['programs'] {
  const held = [...snapshot.workloads.values()].map((workload) => {
    const message = programOf(viewOf(snapshot, workload, 0));
    const read = readProgram(message);
    if (read.kind === 'refused') throw new Error(read.why);
    const any = anyPack(PolicyProgramSchema, message);
    return [message.workload, { version: revision, value: read.program, any }] as const;
  });
  return { revision, held: new Map(held) };
}

/** Who may ask for `authzCallerPaths`. */
export const authzCaller = spiffeId(callerOf(0));

/** @returns what the rules allow that caller. */
export function authzCallerPaths(rules: number): readonly string[] {
  return range(rules)
    .filter((rule) => callerOf(rule) === callerOf(0) && !isDeny(rule))
    .map((rule) => pathOf(rule, '1'));
}

/** @param bytes of each message, to within a header's name. @param rules of the world that is asked. */
export function checks(count: number, bytes: number, rules: number): readonly Buffer[] {
  return range(count).map((index) => {
    const bare = checkOf(index, rules, '');
    return checkOf(index, rules, 'x'.repeat(Math.max(0, bytes - bare.length)));
  });
}

/** One allowed by the rule that it is made for, or denied by it; every tenth asks for what no rule knows. */
function checkOf(index: number, rules: number, filling: string): Buffer {
  const rule = Math.floor((index * rules) / 64 + index * 7) % rules;
  const path = index % denyEvery === 3 ? `/nowhere/${index}` : pathOf(rule, String(index));
  const id = `${String(index).padStart(8, '0')}-5b1c-4c6e-9d55-0242ac120002`;
  const headers = [
    [':authority', 'items.shop'],
    [':path', path],
    [':method', 'GET'],
    [':scheme', 'https'],
    ['x-request-id', id],
    ['accept', 'application/json'],
    ['accept-encoding', 'gzip, br'],
    ['user-agent', 'shop-web/4.2 (linux)'],
    ['x-forwarded-proto', 'https'],
    ['x-forwarded-client-cert', `By=${authzSidecar};URI=${spiffeId(callerOf(rule))}`],
    ['traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00'],
    ['cookie', filling],
  ] as const;
  const address = (text: string, port: number) => ({
    address: {
      case: 'socketAddress' as const,
      value: { address: text, portSpecifier: { case: 'portValue' as const, value: port } },
    },
  });
  const message = create(CheckRequestSchema, {
    attributes: {
      source: { principal: spiffeId(callerOf(rule)), address: { address: address('10.1.0.9', 41_300).address } },
      destination: { principal: authzSidecar, address: { address: address('10.1.0.1', applicationPort).address } },
      request: {
        time: { seconds: 1_790_000_000n, nanos: 1 },
        http: {
          ...{ id: '1234567890', method: 'GET', path, host: 'items.shop', scheme: 'https', protocol: 'HTTP/2' },
          headerMap: { headers: headers.map(([key, value]) => ({ key, rawValue: Buffer.from(value) })) },
        },
      },
      contextExtensions: { [checkContext.workload]: authzWorkload, [checkContext.port]: String(applicationPort) },
    },
  });
  return Buffer.from(toBinary(CheckRequestSchema, message));
}

function spiffeId(serviceAccount: string): string {
  return `spiffe://${authzTrustDomain}/ns/shop/sa/${serviceAccount}`;
}

function callerOf(rule: number): string {
  return `caller-${rule % callers}`;
}

function pathOf(rule: number, id: string): string {
  return rule % 2 === 0 ? `/area-${rule}/list` : `/area-${rule}/items/${id}`;
}

const meshText = (mode: string): string =>
  [
    `{apiVersion: coffre.dev/v1alpha1, kind: Mesh, metadata: {name: default}, spec: {trustDomain: ${authzTrustDomain}, authorization: {mode: ${mode}}}}`,
    '{apiVersion: coffre.dev/v1alpha1, kind: Tenant, metadata: {name: shop}, spec: {environment: bench, defaultAccess: none}}',
    podText('items', '10.1.0.1'),
    ...range(callers).map((caller) => podText(callerOf(caller), `10.2.0.${caller + 1}`)),
    `
apiVersion: v1
kind: Service
metadata: { name: items, namespace: shop }
spec: { clusterIP: 10.96.1.1, selector: { app: items }, ports: [{ name: http, port: 80, targetPort: ${applicationPort} }] }
`,
  ].join('\n---\n');

function podText(name: string, ip: string): string {
  return `
apiVersion: v1
kind: Pod
metadata: { name: ${name}-1, namespace: shop, labels: { app: ${name} } }
spec: { serviceAccountName: ${name} }
status: { podIPs: [{ ip: ${ip} }], conditions: [{ type: Ready, status: "True" }] }
`;
}

/** One is read, and the others are like it: to read a hundred thousand rules takes longer than what is measured. */
function policies(rules: number): readonly SourcedObject[] {
  const [first] = parsed(
    '{apiVersion: coffre.dev/v1alpha1, kind: AccessPolicy, metadata: {name: any, namespace: shop}, spec: {allow: [{}]}}',
  );
  if (first === undefined || !isOfKind(first, 'AccessPolicy')) throw new Error('the policy of the bench is none');
  const { object, ref } = first;
  return range(Math.ceil(rules / rulesPerPolicy)).map((at) => {
    const own = range(Math.min(rulesPerPolicy, rules - at * rulesPerPolicy)).map(
      (index) => at * rulesPerPolicy + index,
    );
    const [deny, allow] = [own.filter(isDeny), own.filter((rule) => !isDeny(rule))].map((of) => of.map(ruleOf));
    const name = `rules-${at}`;
    const spec = { ...(deny?.length ? { deny } : {}), ...(allow?.length ? { allow } : {}) };
    return validObject(
      { ...first, ref: { ...ref, name } },
      { ...object, metadata: { ...object.metadata, name }, spec },
    );
  });
}

function isDeny(rule: number): boolean {
  return rule % denyEvery === denyEvery - 1;
}

function ruleOf(rule: number) {
  return {
    from: { serviceAccounts: [callerOf(rule)] },
    to: { methods: ['GET'], paths: [pathOf(rule, '{id}')] },
  };
}

function parsed(text: string): readonly SourcedObject[] {
  const { objects, problems } = parseDocument(text, 'authz-world.yaml');
  const [problem] = problems;
  if (problem !== undefined) throw new Error(`the mesh of the bench is not valid: ${problem.path}: ${problem.message}`);
  return objects;
}
