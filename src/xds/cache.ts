/**
 * The newest snapshot of every client, what is laid over it, and the streams that want to hear of it.
 *
 *   set(key, snapshot) ─┐
 *   overlay(key, …)  ───┴──▶ the listeners of that key, each as it may see it, and no others
 *
 * Before `setReady` it answers nobody: an answer made from half of the sources would be read as a deletion.
 */
import { laidOver, type Overlay, overlayOf } from './overlay.ts';
import type { Resource, ResourceSnapshot } from './resource.ts';

export interface SnapshotListener {
  /** Whether resources of this type reach the client with their TTL. */
  takesTtl(typeUrl: string): boolean;
  replaced(snapshot: ResourceSnapshot): void;
  /** The client does not exist any more. */
  vanished(): void;
}

export class SnapshotCache {
  private readonly snapshots = new Map<string, ResourceSnapshot>();
  private readonly overlays = new Map<string, Overlay>();
  private readonly listeners = new Map<string, Set<SnapshotListener>>();
  private ready = false;

  /** The sources have been read once. There is no way back: what was good stays. */
  setReady(): void {
    this.ready = true;
  }

  isReady(): boolean {
    return this.ready;
  }

  /** What a client may be told now. @param takesTtl as in `SnapshotListener`; by default nothing is shown that has a TTL. */
  get(key: string, takesTtl: (typeUrl: string) => boolean = () => false): ResourceSnapshot | undefined {
    const snapshot = this.snapshots.get(key);
    const overlay = this.overlays.get(key);
    return snapshot === undefined || overlay === undefined ? snapshot : laidOver(snapshot, overlay, takesTtl);
  }

  set(key: string, snapshot: ResourceSnapshot): void {
    if (this.snapshots.get(key) === snapshot) return;
    this.snapshots.set(key, snapshot);
    this.tell(key);
  }

  /**
   * Lays resources over those of the same type and name in the client's snapshot, in place of what was laid before,
   * through every `set`, until they are lifted (`undefined`) or the client is deleted. Over a client that has no
   * snapshot nothing is laid. A resource with a TTL is kept alive by heartbeats for as long as it lies there.
   */
  overlay(key: string, resources: readonly Resource[] | undefined): void {
    if (!this.snapshots.has(key)) return;
    if (resources === undefined) {
      if (!this.overlays.delete(key)) return;
    } else {
      this.overlays.set(key, overlayOf(resources));
    }
    this.tell(key);
  }

  /** Forgets a client and ends its streams. */
  delete(key: string): void {
    this.snapshots.delete(key);
    this.overlays.delete(key);
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

  private tell(key: string): void {
    for (const listener of this.listeners.get(key) ?? []) {
      const snapshot = this.get(key, (typeUrl) => listener.takesTtl(typeUrl));
      if (snapshot !== undefined) listener.replaced(snapshot);
    }
  }
}
