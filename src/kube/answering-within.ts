import type { KubeClient } from './kube-client.ts';

/** The same client for those who wait no longer than `ms` for an answer: what took longer is asked no more, and was not answered. */
export function answeringWithin(client: Pick<KubeClient, 'send'>, ms: number): Pick<KubeClient, 'send'> {
  return { send: (request, signal) => client.send(request, AbortSignal.any([signal, AbortSignal.timeout(ms)])) };
}
