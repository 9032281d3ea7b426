/**
 * Where what the mesh has one of is kept: in the state folder, or in Secrets where replicas share it.
 *
 * This is part of the composition root: it joins rooms that do not know each other, and decides nothing.
 */
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import { type SharedRecords, sharedRecordBytesMax } from '../identity/shared-records.ts';
import { StateFolder } from '../identity/state-folder.io.ts';
import { systemPorts } from '../identity/system-ports.io.ts';
import type { KubeClient } from '../kube/kube-client.ts';
import { StateSecrets } from '../kube/secrets/state-secrets.ts';

export interface OpenRecords {
  readonly records: SharedRecords;
  /** @param listener told of each record that another replica has written, those written since the opening, too. */
  follow(listener: (record: string) => void): void;
  close(): void;
}

export interface RecordsHost {
  readonly config: Pick<Config, 'state' | 'stateKeyFile'>;
  readonly cluster: KubeClient | undefined;
  readonly log: Pick<Logger, 'error'>;
  /** Ends the wait for the first look at what is kept. */
  readonly signal: AbortSignal;
}

/** @throws StateError */
export async function openRecords({ config, cluster, log, signal }: RecordsHost): Promise<OpenRecords> {
  const { state, stateKeyFile } = config;
  const { entropy } = systemPorts;
  if (cluster === undefined) {
    const records = await StateFolder.open(state, stateKeyFile, entropy, sharedRecordBytesMax);
    return { records, follow: () => undefined, close: () => undefined };
  }
  const unheard = new Set<string>();
  let hear = (record: string): void => {
    unheard.add(record);
  };
  const records = await StateSecrets.open({
    ...{ client: cluster, keyFile: stateKeyFile, entropy, signal },
    changed: (record) => hear(record),
    troubled: ({ message, advice }) => log.error({ advice }, message),
  });
  return {
    records,
    follow(listener) {
      hear = listener;
      for (const record of unheard) listener(record);
    },
    close: () => records.close(),
  };
}
