/**
 * The newest snapshot of every client, and the streams that want to hear of it.
 *
 *   set(key, snapshot) ──▶ the listeners of that key, and no others
 *
 * Before `setReady` it answers nobody: an answer made from half of the sources would be read as a deletion.
 */
import type { ResourceSnapshot } from './resource.ts';

export interface SnapshotListener {
  replaced(snapshot: ResourceSnapshot): void;
  /** The client does not exist any more. */
  vanished(): void;
}

export class SnapshotCache {
  private readonly snapshots = new Map<string, ResourceSnapshot>();
  private readonly listeners = new Map<string, Set<SnapshotListener>>();
  private ready = false;

  /** The sources have been read once. There is no way back: what was good stays. */
  setReady(): void {
    this.ready = true;
  }

  isReady(): boolean {
    return this.ready;
  }

  get(key: string): ResourceSnapshot | undefined {
    return this.snapshots.get(key);
  }

  set(key: string, snapshot: ResourceSnapshot): void {
    if (this.snapshots.get(key) === snapshot) return;
    this.snapshots.set(key, snapshot);
    for (const listener of this.listeners.get(key) ?? []) listener.replaced(snapshot);
  }

  /** Forgets a client and ends its streams. */
  delete(key: string): void {
    this.snapshots.delete(key);
    for (const listener of [...(this.listeners.get(key) ?? [])]) listener.vanished();
  }

  /** @returns a function that ends the subscription, and may be called twice. */
  subscribe(key: string, listener: SnapshotListener): () => void {
    const listeners = this.listeners.get(key) ?? new Set();
    this.listeners.set(key, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.listeners.get(key) === listeners) this.listeners.delete(key);
    };
  }
}
