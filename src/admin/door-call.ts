/** A call at the management door, as it is told to whoever keeps evidence: who, what, about what, and how it ended. */
import type { Caller } from './methods.ts';

export interface DoorCall {
  /** Undefined of somebody whose certificate names nobody, or has ended. */
  readonly caller: Caller | undefined;
  /** '' where nothing was called. */
  readonly method: string;
  /** Name of what it was about, such as a drill's key; '' of the whole mesh, and of a call that was refused unread. */
  readonly about: string;
  /** HTTP status of the answer. */
  readonly status: number;
}

/** A name as Kubernetes and we give them. Whatever else a caller writes is not repeated. */
const nameShape = /^[a-z0-9][a-z0-9./-]{0,316}$/;

/** @param body JSON value from the wire. */
export function aboutOf(body: unknown): string {
  if (typeof body !== 'object' || body === null) return '';
  const { drill, workload, tenant, loss, to } = body as Readonly<Record<string, unknown>>;
  const service = typeof to === 'object' && to !== null && 'service' in to ? to.service : undefined;
  const name = [drill, workload, tenant, loss, service].find((each) => each !== undefined);
  return typeof name === 'string' && nameShape.test(name) ? name : '';
}
