/** A pod of `shop/web`'s account that asks the API without a pause, by two clients, and what both were answered. */
import type { SteadyAnswer } from '../../e2e/steady-traffic.ts';
import { restricted } from '../inject/settings.ts';

/** @param periodMs between two requests of each client. */
export function trafficPod(periodMs: number): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'traffic', namespace: 'shop' },
    spec: {
      serviceAccountName: 'web',
      containers: [
        {
          name: 'app',
          image: 'registry.example/lab-traffic:1',
          args: ['http://api.shop.svc/', String(periodMs)],
          securityContext: restricted,
        },
      ],
    },
  };
}

/** @param log of its container, which may still be written: a last line without its end is left for the next look. */
export function answersIn(log: string): readonly SteadyAnswer[] {
  const whole = log.split('\n').slice(0, -1);
  return whole.map((line) => JSON.parse(line));
}

/** Those that were not served, each with its place among all. */
export function lostOf(answers: readonly SteadyAnswer[]): readonly string[] {
  return answers.flatMap(({ client, outcome }, at) => (outcome === 200 ? [] : [`${at}: ${client} ${outcome}`]));
}
