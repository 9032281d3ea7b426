/**
 * How we speak to an API server: by a kubeconfig, or as the service account of our own pod.
 *
 *   kubeconfig | in-cluster ──▶ who we are, whom we believe ──▶ get(path), send(request) ─▶ status, bytes as they come
 *
 * The library reads the credentials and renews them; the requests are ours, because its own watch keeps lines of any
 * length, passes over those it cannot read, and opens a pool of connections for every request.
 * An API server is believed by its certificate, always: one reached over plain HTTP or without verification is refused.
 */
import type { RequestOptions } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';
import { Agent } from 'undici';
import { contentHash } from '../model/canonical-json.ts';

/** Where an API server is and who we are there. */
export type KubeAccess = { readonly kind: 'kubeconfig'; readonly file: string } | { readonly kind: 'in-cluster' };

export interface KubeAnswer {
  readonly status: number;
  /** As the API server asked for it, in ms. */
  readonly retryAfterMs: number | undefined;
  /** Ends with an error where the connection is cut. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** Something to be changed, or asked with a body. */
export interface KubeRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With its query. */
  readonly path: string;
  /** Becomes JSON. */
  readonly body?: unknown;
  /** Of the body; default `application/json`. */
  readonly contentType?: string;
}

export interface KubeClient {
  /** @param path with its query. @throws where there is no answer. */
  get(path: string, signal: AbortSignal): Promise<KubeAnswer>;
  /** @throws where there is no answer: what was asked for may have been done all the same. */
  send(request: KubeRequest, signal: AbortSignal): Promise<KubeAnswer>;
  close(): Promise<void>;
}

/** What the kubeconfig says cannot be used; the message is for whoever wrote it. */
export class KubeAccessRefused extends Error {}

/** Longest wait for a connection, in ms. */
const connectMaxMs = 10_000;
/** Longest wait for the head of an answer, in ms: a list of the largest page takes a slow API server some seconds. */
const headMaxMs = 30_000;
/** How long a connection may be idle before the kernel asks whether the other end still lives, in ms; ten unanswered questions later, a second each, it is dead. */
const aliveAfterMs = 5_000;

/** @throws KubeAccessRefused */
export function openKubeClient(access: KubeAccess): KubeClient {
  const config = readAccess(access);
  const server = serverOf(config);
  let pool: { readonly of: string; readonly agent: Agent } | undefined;

  /** A new one only where certificates were renewed; what runs over the former ends by itself. */
  function poolFor({ ca, cert, key, servername }: RequestOptions): Agent {
    const of = contentHash([ca, cert, key, servername].map(String).join('\n'));
    if (pool?.of === of) return pool.agent;
    void pool?.agent.close();
    const timing = { timeout: connectMaxMs, keepAlive: true, keepAliveInitialDelay: aliveAfterMs };
    const agent = new Agent({
      // A watch is silent for as long as nothing happens: whoever follows it says when that is too long.
      ...{ headersTimeout: headMaxMs, bodyTimeout: 0 },
      connect: { ...timing, ...defined({ ca, cert, key, servername }) },
    });
    pool = { of, agent };
    return agent;
  }

  async function send(asked: KubeRequest, signal: AbortSignal): Promise<KubeAnswer> {
    const { method, path, contentType = 'application/json' } = asked;
    const options: RequestOptions = {};
    await config.applyToHTTPSOptions(options);
    const answer = await poolFor(options).request({
      ...{ origin: server.origin, path: `${server.pathname.replace(/\/$/, '')}${path}`, method, signal },
      headers: {
        ...{ accept: 'application/json', 'user-agent': 'coffre', ...textHeaders(options.headers) },
        ...(asked.body === undefined ? {} : { 'content-type': contentType }),
      },
      body: asked.body === undefined ? null : JSON.stringify(asked.body),
    });
    const seconds = Number(answer.headers['retry-after']);
    const retryAfterMs = Number.isFinite(seconds) && seconds > 0 ? seconds * 1_000 : undefined;
    return { status: answer.statusCode, retryAfterMs, body: answer.body };
  }

  return {
    get: (path, signal) => send({ method: 'GET', path }, signal),
    send,
    async close() {
      await pool?.agent.destroy();
    },
  };
}

function readAccess(access: KubeAccess): KubeConfig {
  const config = new KubeConfig();
  try {
    if (access.kind === 'kubeconfig') config.loadFromFile(access.file);
    else config.loadFromCluster();
  } catch (error) {
    const where =
      access.kind === 'kubeconfig' ? `the kubeconfig \`${access.file}\`` : 'the service account of this pod';
    throw new KubeAccessRefused(`${where} cannot be read; check that it is there, whole, and may be read`, {
      cause: error,
    });
  }
  return config;
}

/** @throws KubeAccessRefused */
function serverOf(config: KubeConfig): URL {
  const cluster = config.getCurrentCluster();
  if (cluster === null) {
    throw new KubeAccessRefused('the kubeconfig names no cluster; set `current-context` to one of its contexts');
  }
  if (!URL.canParse(cluster.server) || new URL(cluster.server).protocol !== 'https:') {
    throw new KubeAccessRefused(
      `\`${cluster.server}\` is no API server to be believed: anybody could answer for it; write an \`https://\` address (in a pod, see that the service account is mounted)`,
    );
  }
  if (cluster.skipTLSVerify) {
    throw new KubeAccessRefused(
      'the kubeconfig says `insecure-skip-tls-verify`, so anybody could answer for the API server; name its authority in `certificate-authority`',
    );
  }
  if (cluster.proxyUrl) {
    throw new KubeAccessRefused(
      'the kubeconfig names a `proxy-url`, which is not followed; name the API server itself',
    );
  }
  return new URL(cluster.server);
}

function textHeaders(headers: RequestOptions['headers']): Record<string, string> {
  const texts = Object.entries(headers ?? {}).map(([name, value]) => [name, String(value)] as const);
  return Object.fromEntries(texts);
}

function defined<Fields extends object>(fields: Fields): Partial<Fields> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<Fields>;
}
