/**
 * Certificates for people, by what RBAC says of them: the leader answers each request once.
 *
 *   request ──may this user `use` the role, there?──▶ SubjectAccessReview ──yes──▶ approved, signed
 *                                                                         └─no──▶ denied, with what is missing
 *
 * Nobody's token comes to us, and the API server knows its users by whatever it knows them by. The door itself stays as
 * it is: it lets in certificates and nothing else.
 */

import { readText } from '../inform/bounded-text.ts';
import type { KubeClient } from '../kube-client.ts';
import { type Collection, type KubeObject, KubeObjects, type Outcome } from '../objects.ts';
import type { PolicyRule } from '../policy-rule.ts';
import { type PersonRequest, personRequest } from './person-request.ts';

/** Between two looks at the requests, in ms: somebody waits at a terminal. */
const lookMs = 2_000;
/** Requests on one page: those of kubelets and others lie among them, and must not hide ours. */
const requestsMax = 500;
/** Longest answer that is read, in bytes: that many requests, with their certificates. */
const answerBytesMax = 16 * 1_024 * 1_024;
const path = `/apis/certificates.k8s.io/v1/certificatesigningrequests?limit=${requestsMax}`;

const requests: Collection = { group: 'certificates.k8s.io', version: 'v1', plural: 'certificatesigningrequests' };
const reviews: Collection = { group: 'authorization.k8s.io', version: 'v1', plural: 'subjectaccessreviews' };

/** Named in rules of RBAC alone: there is no such object. */
export const rolesResource = 'doorroles';
const signerNames = 'coffre.dev/*';

/** What this needs, cluster-wide. */
export const peopleRules: readonly PolicyRule[] = [
  { apiGroups: [requests.group], resources: [requests.plural], verbs: ['get', 'list'] },
  {
    apiGroups: [requests.group],
    resources: [`${requests.plural}/approval`, `${requests.plural}/status`],
    verbs: ['update'],
  },
  { apiGroups: [requests.group], resources: ['signers'], resourceNames: [signerNames], verbs: ['approve', 'sign'] },
  { apiGroups: [reviews.group], resources: [reviews.plural], verbs: ['create'] },
];

export interface PeopleSignerPorts {
  readonly client: KubeClient;
  /** Of this replica, while it leads. */
  term(): number | undefined;
  /** @returns the certificate and its chain; why not, where the request is none or there is no such role. */
  certify(asked: PersonRequest): Promise<{ readonly pem: string } | { readonly why: string }>;
  /** Must not throw. */
  report(event: PeopleEvent): void;
}

export type PeopleEvent =
  | { readonly kind: 'signed'; readonly user: string; readonly role: string; readonly scope: string }
  | {
      readonly kind: 'denied';
      readonly user: string;
      readonly role: string;
      readonly scope: string;
      readonly why: string;
    }
  | { readonly kind: 'troubled'; readonly why: string };

interface Page {
  readonly items: readonly KubeObject[];
  readonly metadata?: { readonly continue?: string };
}

export function signPeople(ports: PeopleSignerPorts) {
  const stop = new AbortController();
  const objects = new KubeObjects(ports.client, stop.signal);
  let timer = setTimeout(() => void look(), lookMs);

  async function look(): Promise<void> {
    try {
      if (ports.term() !== undefined) for await (const each of listed()) await answer(each);
    } catch (error) {
      if (!stop.signal.aborted) ports.report({ kind: 'troubled', why: String(error) });
    }
    if (!stop.signal.aborted) timer = setTimeout(() => void look(), lookMs);
  }

  async function* listed(): AsyncGenerator<KubeObject> {
    let rest = '';
    do {
      const { status, body } = await ports.client.get(`${path}${rest}`, stop.signal);
      const text = await readText(body, answerBytesMax);
      if (status !== 200) throw new Error(`requests of people cannot be listed: the API server answered ${status}`);
      const { items, metadata } = JSON.parse(text) as Page;
      yield* items;
      rest = metadata?.continue ? `&continue=${encodeURIComponent(metadata.continue)}` : '';
    } while (rest !== '');
  }

  async function answer(object: KubeObject): Promise<void> {
    const asked = personRequest(object);
    if (asked === undefined || ports.term() === undefined) return;
    const { role, tenant, user } = asked;
    const scope = tenant ?? 'the mesh';
    const allowed = await mayUse(asked);
    if (allowed === undefined) return;
    const why = `\`${user.user}\` may not \`use\` \`${rolesResource}.coffre.dev/${role}\` in ${tenant === undefined ? 'the cluster' : `\`${tenant}\``}`;
    const made = allowed ? await ports.certify(asked) : { why };
    if ('why' in made) {
      const denied = await decided(object, 'Denied', made.why);
      if (denied !== undefined) ports.report({ kind: 'denied', user: user.user, role, scope, why: made.why });
      return;
    }
    const approved = await decided(object, 'Approved', 'RBAC lets this user bear the role');
    if (approved === undefined) return;
    const status = { ...(approved['status'] as object), certificate: Buffer.from(made.pem).toString('base64') };
    const signed = taken(await objects.replace(requests, { ...approved, status }, 'status'));
    if (signed !== undefined) ports.report({ kind: 'signed', user: user.user, role, scope });
  }

  /** @returns undefined where nobody could say. */
  async function mayUse({ role, tenant = '', user }: PersonRequest): Promise<boolean | undefined> {
    const attributes = { group: 'coffre.dev', resource: rolesResource, name: role, verb: 'use', namespace: tenant };
    const review = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview' };
    const answered = taken(
      await objects.create(reviews, { ...review, spec: { ...user, resourceAttributes: attributes } }),
    );
    const status = answered?.['status'] as { readonly allowed?: boolean } | undefined;
    return status?.allowed;
  }

  async function decided(object: KubeObject, type: 'Approved' | 'Denied', message: string) {
    const { conditions = [] } = (object['status'] ?? {}) as { readonly conditions?: readonly { type: string }[] };
    if (conditions.some((each) => each.type === type)) return object;
    const condition = { type, status: 'True', reason: 'CoffreRole', message };
    const status = { ...(object['status'] as object), conditions: [...conditions, condition] };
    return taken(await objects.replace(requests, { ...object, status }, 'approval'));
  }

  /** What changed meanwhile is seen at the next look. */
  function taken(outcome: Outcome): KubeObject | undefined {
    if (outcome.kind === 'done') return outcome.object;
    if (outcome.kind === 'refused' || outcome.kind === 'unanswered') {
      ports.report({ kind: 'troubled', why: outcome.message });
    }
    return undefined;
  }

  return {
    close() {
      stop.abort();
      clearTimeout(timer);
    },
  };
}
