/**
 * The state of a mesh in Secrets, where all replicas read and write it: see `SharedRecords` for what it promises.
 *
 *   read, create, replace ──by revision──▶ API server ──watch──▶ changed(record), at every replica
 *
 * Of two that make a record at once the API server lets one, and the other reads what there is. A record is replaced by
 * the revision that was read here last, so what another replica wrote meanwhile is never written over.
 * The surprise: a write that nobody answered may have been done. Its content, sealed with a nonce of its own, tells.
 */
import type { KeyObject } from 'node:crypto';
import type { Entropy } from '../../identity/ports.ts';
import { seal, unseal } from '../../identity/seal.io.ts';
import { parseSealKey, readSealKey, sealKeyBytes } from '../../identity/seal-key.io.ts';
import type { SharedRecords } from '../../identity/shared-records.ts';
import { StateError } from '../../identity/state-error.ts';
import type { Problem } from '../../model/problem.ts';
import { systemNamespace } from '../../model/system-namespace.ts';
import { askUntil } from '../ask-until.ts';
import type { KubeClient } from '../kube-client.ts';
import { type KubeObject, KubeObjects, type Outcome } from '../objects.ts';
import { followRecords } from './follow-records.ts';
import { contentOf, recordName, sealKeySecret, secretName, secretOf, secretPath, secrets } from './state-secret.ts';

export interface StateSecretsHost {
  readonly client: KubeClient;
  /** The sealing key, kept outside the cluster's Secrets; absent: in one of them. */
  readonly keyFile: string | undefined;
  readonly entropy: Entropy;
  /** Another replica, or a person, has written this record or taken it away. Must not throw. */
  changed(record: string): void;
  /** Secrets cannot be read now: why, and what to do. Until they were read once the opening waits. Must not throw. */
  troubled(problem: Problem): void;
  /** Ends that wait. */
  readonly signal: AbortSignal;
}

/** How long what nobody answered is asked again, in ms: as long as an API server may be away where another takes its place. */
const answeredMaxMs = 5_000;

/** Whom is asked, and until when. */
interface Reach {
  readonly objects: KubeObjects;
  readonly signal: AbortSignal;
}

const sealedField = 'sealed';
const keyField = 'key';

export class StateSecrets implements SharedRecords {
  readonly path: string = `secrets of namespace ${systemNamespace}`;
  readonly #reach: Reach;
  readonly #entropy: Entropy;
  readonly #key: KeyObject;
  readonly #followed: Awaited<ReturnType<typeof followRecords>>;
  readonly #stop: AbortController;
  /** By the name of the Secret: as it was read or written here last. Bounded by the records of the mesh. */
  readonly #seen: Map<string, KubeObject>;

  private constructor(parts: {
    readonly reach: Reach;
    readonly entropy: Entropy;
    readonly key: KeyObject;
    readonly followed: Awaited<ReturnType<typeof followRecords>>;
    readonly stop: AbortController;
    readonly seen: Map<string, KubeObject>;
  }) {
    this.#reach = parts.reach;
    this.#entropy = parts.entropy;
    this.#key = parts.key;
    this.#followed = parts.followed;
    this.#stop = parts.stop;
    this.#seen = parts.seen;
  }

  /** @throws StateError where Secrets cannot be read, or the key that seals them is not theirs. */
  static async open({ client, keyFile, entropy, changed, troubled, signal }: StateSecretsHost): Promise<StateSecrets> {
    const stop = new AbortController();
    const reach: Reach = { objects: new KubeObjects(client, stop.signal), signal: stop.signal };
    const seen = new Map<string, KubeObject>();
    const followed = await followRecords(client, {
      changed(secret, content) {
        const record = recordName(secret);
        const own = seen.get(secret);
        if (record === undefined || (own !== undefined && content === contentOf(own, sealedField)?.toString('base64')))
          return;
        changed(record);
      },
      ...{ troubled, signal },
    });
    try {
      // Before the key is looked for: a key is made before anything is sealed with it.
      const records = followed.names();
      const key = keyFile === undefined ? await keptKey(reach, entropy, records.length) : await readSealKey(keyFile);
      return new StateSecrets({ reach, entropy, key, followed, stop, seen });
    } catch (error) {
      followed.close();
      throw error;
    }
  }

  async read(name: string): Promise<unknown> {
    const secret = secretName(name);
    const found = await readSecret(this.#reach, secret);
    if (found === undefined) {
      this.#seen.delete(secret);
      return undefined;
    }
    const sealed = contentOf(found, sealedField);
    const plain = sealed === undefined ? null : unseal(this.#key, name, sealed);
    if (plain === null) throw damaged(secret);
    this.#seen.set(secret, found);
    return JSON.parse(plain);
  }

  async create(name: string, record: object): Promise<boolean> {
    return this.#write(this.#secretOf(name, record, undefined), (object) =>
      this.#reach.objects.create(secrets, object),
    );
  }

  async replace(name: string, record: object): Promise<boolean> {
    const over = this.#seen.get(secretName(name));
    if (over === undefined) return this.create(name, record);
    return this.#write(this.#secretOf(name, record, over), (object) => this.#reach.objects.replace(secrets, object));
  }

  async list(): Promise<readonly string[]> {
    return this.#followed
      .names()
      .flatMap((secret) => recordName(secret) ?? [])
      .sort();
  }

  close(): void {
    this.#stop.abort();
    this.#followed.close();
  }

  #secretOf(name: string, record: object, over: KubeObject | undefined): KubeObject {
    const sealed = seal(this.#key, name, JSON.stringify(record), this.#entropy);
    return secretOf(secretName(name), sealedField, sealed, over);
  }

  async #write(object: KubeObject, ask: (object: KubeObject) => Promise<Outcome>): Promise<boolean> {
    const { name } = object.metadata;
    const outcome = await answered(this.#reach, () => ask(object));
    if (outcome.kind === 'done') {
      this.#seen.set(name, outcome.object);
      return true;
    }
    // What was replaced is gone: it is no business of a write to bring it back.
    if (outcome.kind === 'missing' && object.metadata.resourceVersion !== undefined) return false;
    if (outcome.kind !== 'conflict') throw unusable(name, outcome);
    const found = await readSecret(this.#reach, name);
    if (found === undefined || !contentOf(found, sealedField)?.equals(contentOf(object, sealedField) ?? Buffer.of()))
      return false;
    this.#seen.set(name, found);
    return true;
  }
}

/** The key in a Secret of its own; made once, where there is no record yet. */
async function keptKey(reach: Reach, entropy: Entropy, records: number): Promise<KeyObject> {
  const found = await readSecret(reach, sealKeySecret);
  if (found !== undefined) return keyIn(found);
  if (records > 0) {
    throw new StateError(
      'seal-key-missing',
      secretPath(sealKeySecret),
      `is missing though ${records} records are sealed with it; put it back from a backup, or name the file that holds the key: ` +
        '`--state-key-file FILE`',
    );
  }
  const text = Buffer.from(entropy.bytes(sealKeyBytes)).toString('base64');
  const made = secretOf(sealKeySecret, keyField, Buffer.from(text));
  const outcome = await answered(reach, () => reach.objects.create(secrets, made));
  if (outcome.kind !== 'done' && outcome.kind !== 'conflict') throw unusable(sealKeySecret, outcome);
  const kept = await readSecret(reach, sealKeySecret);
  if (kept === undefined) throw unusable(sealKeySecret, { kind: 'missing' });
  return keyIn(kept);
}

function keyIn(secret: KubeObject): KeyObject {
  return parseSealKey(contentOf(secret, keyField)?.toString('utf8') ?? '', secretPath(sealKeySecret));
}

async function readSecret(reach: Reach, name: string): Promise<KubeObject | undefined> {
  const outcome = await answered(reach, () => reach.objects.read(secrets, name));
  if (outcome.kind === 'done') return outcome.object;
  if (outcome.kind === 'missing') return undefined;
  throw unusable(name, outcome);
}

/** Asks again where nobody answered. */
function answered({ signal }: Reach, ask: () => Promise<Outcome>): Promise<Outcome> {
  return askUntil(ask, {
    isFinal: ({ kind }) => kind !== 'unanswered',
    signal: AbortSignal.any([signal, AbortSignal.timeout(answeredMaxMs)]),
  });
}

function damaged(secret: string): StateError {
  return new StateError(
    'damaged',
    secretPath(secret),
    'is damaged, of another name or sealed with another key; put it and the key back from the same backup',
  );
}

function unusable(secret: string, outcome: Outcome): StateError {
  const path = secretPath(secret);
  switch (outcome.kind) {
    case 'missing':
      return new StateError(
        'unreadable',
        path,
        `cannot be made: there is no namespace \`${systemNamespace}\`; install Coffre there`,
      );
    case 'refused':
      return new StateError(
        'unreadable',
        path,
        `${outcome.message}; allow the control plane's service account what \`coffre install --dry-run\` says on secrets`,
      );
    case 'done':
    case 'conflict':
    case 'unanswered': {
      const why = outcome.kind === 'done' ? '' : `: ${outcome.message}`;
      return new StateError('unreadable', path, `cannot be had${why}; see how the API server is`);
    }
  }
}
