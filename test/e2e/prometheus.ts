/** A real Prometheus with the files that we ship: only the address, the folder of the scraper and the pace are the test's. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deploy } from '../deploy/shipped.ts';

export interface PrometheusOptions {
  /** Where its files and its data lie. */
  readonly folder: string;
  /** With the scraper's certificate, as `coffre admin issue` writes it. */
  readonly scraper: string;
  /** `address:port` of the management port. */
  readonly target: string;
  /** `address:port` where it is asked. */
  readonly listen: string;
}

export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

/** @returns what to run. */
export async function prometheusArgv(options: PrometheusOptions): Promise<readonly string[]> {
  const { folder, scraper, target, listen } = options;
  const shipped = join(deploy, 'prometheus');
  const config = (await readFile(join(shipped, 'prometheus.yaml'), 'utf8'))
    .replaceAll('/etc/prometheus/coffre', scraper)
    .replaceAll('coffre.example:15014', target)
    .replaceAll(/(scrape|evaluation)_interval: 15s/g, '$1_interval: 1s')
    .replaceAll('refresh_interval: 30s', 'refresh_interval: 1s');
  await writeFile(join(folder, 'prometheus.yaml'), config);
  await writeFile(join(folder, 'rules.yaml'), await readFile(join(shipped, 'rules.yaml')));
  const data = `--storage.tsdb.path=${join(folder, 'tsdb')}`;
  return ['prometheus', `--config.file=${join(folder, 'prometheus.yaml')}`, data, `--web.listen-address=${listen}`];
}

/** @param text what `/api/v1/query` answered. @throws with its own words where it could not answer. */
export function samplesOf(text: string): readonly Sample[] {
  const said: {
    readonly status: string;
    readonly error?: string;
    readonly data: {
      readonly result: readonly { readonly metric: Record<string, string>; readonly value: [number, string] }[];
    };
  } = JSON.parse(text);
  if (said.status !== 'success') throw new Error(said.error);
  return said.data.result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
}
