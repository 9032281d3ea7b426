/**
 * Single objects of a cluster: read, made, replaced, applied, removed; and what came of it, as a value.
 *
 *   KubeObjects ──one request within a deadline──▶ done | missing | conflict | refused | unanswered
 *
 * Nothing is tried again here: whoever asks knows whether the wish still stands. `unanswered` leaves open whether it was
 * done: what is asked for again must be the same (`apply`), or name the version it stands on (`replace`, `remove`).
 */
import { readText } from './inform/bounded-text.ts';
import type { KubeAnswer, KubeClient, KubeRequest } from './kube-client.ts';

/** Any object, as the API server keeps it. */
export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly resourceVersion?: string;
    readonly generation?: number;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** Which objects: a collection, in one namespace or in none. */
export interface Collection {
  /** Empty text for Kubernetes' core. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly namespace?: string;
}

export type Outcome =
  | { readonly kind: 'done'; readonly object: KubeObject }
  | { readonly kind: 'missing' }
  /** It exists already, or is another version than was named. */
  | { readonly kind: 'conflict'; readonly message: string }
  /** By rights, by a webhook, or for its form: the same again comes to the same. */
  | { readonly kind: 'refused'; readonly status: number; readonly message: string }
  /** Later, perhaps. */
  | { readonly kind: 'unanswered'; readonly message: string; readonly retryAfterMs?: number };

/** Under this name fields are the control plane's: an apply by anybody else that changes them is a conflict, and any other change shows. */
export const controlPlaneManager = 'coffre';
/** Longest time for one request, in ms. */
const requestMaxMs = 30_000;
/** Longest answer that is read, in bytes: an object of 1.5 MiB, the most that etcd takes, every byte of which JSON escapes as six. */
const answerBytesMax = 10 * 1_024 * 1_024;

export class KubeObjects {
  readonly #client: Pick<KubeClient, 'send'>;
  readonly #signal: AbortSignal;
  readonly #fieldManager: string;

  /**
   * @param signal ends what is under way: it is `unanswered` then.
   * @param fieldManager under whose name fields are written: who applies less than before gives up the rest, but of its own only.
   */
  constructor(client: Pick<KubeClient, 'send'>, signal: AbortSignal, fieldManager: string = controlPlaneManager) {
    this.#client = client;
    this.#signal = signal;
    this.#fieldManager = fieldManager;
  }

  read(of: Collection, name: string): Promise<Outcome> {
    return this.#ask({ method: 'GET', path: pathOf(of, name) });
  }

  /** Reviews are asked for in the same way: what comes back bears the answer. */
  create(of: Collection, object: object): Promise<Outcome> {
    return this.#ask({ method: 'POST', path: `${pathOf(of)}?fieldManager=${this.#fieldManager}`, body: object });
  }

  /** Judged in every way as `create` is, and nothing is written. */
  rehearse(of: Collection, object: object): Promise<Outcome> {
    const path = `${pathOf(of)}?fieldManager=${this.#fieldManager}&dryRun=All`;
    return this.#ask({ method: 'POST', path, body: object });
  }

  /** @param object with the `resourceVersion` it stands on: if another was written since, there is a conflict. */
  replace(of: Collection, object: KubeObject, subresource?: 'status' | 'approval'): Promise<Outcome> {
    const path = `${pathOf(of, object.metadata.name, subresource)}?fieldManager=${this.#fieldManager}`;
    return this.#ask({ method: 'PUT', path, body: object });
  }

  /** Server-side apply of the fields that `object` has, by force: what we own is ours. Made where it is missing. */
  apply(of: Collection, object: KubeObject, subresource?: 'status'): Promise<Outcome> {
    const path = `${pathOf(of, object.metadata.name, subresource)}?fieldManager=${this.#fieldManager}&force=true`;
    return this.#ask({ method: 'PATCH', path, body: object, contentType: 'application/apply-patch+yaml' });
  }

  /** @param preconditions of the very object that is meant, not of one of its name. */
  remove(
    of: Collection,
    name: string,
    preconditions: { readonly uid: string; readonly resourceVersion?: string },
  ): Promise<Outcome> {
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Background', preconditions };
    return this.#ask({ method: 'DELETE', path: pathOf(of, name), body });
  }

  async #ask(request: KubeRequest): Promise<Outcome> {
    const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(requestMaxMs)]);
    try {
      const answer = await this.#client.send(request, signal);
      return outcomeOf(answer, await readText(answer.body, answerBytesMax));
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
      return { kind: 'unanswered', message: `no answer, or half of one (${code})` };
    }
  }
}

/** @throws for half an object. */
function outcomeOf({ status, retryAfterMs }: KubeAnswer, text: string): Outcome {
  if (status >= 200 && status < 300) return { kind: 'done', object: JSON.parse(text) as KubeObject };
  const said = messageOf(text);
  const message = `the API server answered ${status}${said === '' ? '' : `: ${said}`}`;
  if (status === 404) return { kind: 'missing' };
  if (status === 409) return { kind: 'conflict', message };
  if (status === 429 || status >= 500) {
    return { kind: 'unanswered', message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  }
  return { kind: 'refused', status, message };
}

/** Of a Status. An API server that does not know a kind, or has no time, answers in plain text. */
function messageOf(text: string): string {
  if (!text.startsWith('{')) return text.trim();
  const body: unknown = JSON.parse(text);
  return typeof body === 'object' && body !== null && 'message' in body ? String(body.message) : '';
}

function pathOf({ group, version, plural, namespace }: Collection, name?: string, subresource?: string): string {
  const parts = [
    ...(group === '' ? ['api', version] : ['apis', group, version]),
    ...(namespace === undefined ? [] : ['namespaces', namespace]),
    plural,
    ...(name === undefined ? [] : [name]),
    ...(subresource === undefined ? [] : [subresource]),
  ];
  return `/${parts.map(encodeURIComponent).join('/')}`;
}
