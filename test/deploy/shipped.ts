/** What we ship for Prometheus and Grafana, as the tests look at it: each query and where it stands. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parse } from 'yaml';

export const deploy = join(import.meta.dirname, '../../deploy');
export const runbooks = join(import.meta.dirname, '../../docs/runbooks');

export interface Query {
  /** Dashboard and panel, or alert. */
  readonly where: string;
  readonly expr: string;
}

export interface AlertRule extends Query {
  readonly alert: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly Panel[];
}

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets: readonly { readonly expr: string; readonly legendFormat: string }[];
}

export function dashboardFiles(): readonly { readonly name: string; readonly dashboard: Dashboard }[] {
  const folder = join(deploy, 'grafana');
  return readdirSync(folder).map((file) => ({
    name: basename(file, '.json'),
    dashboard: JSON.parse(readFileSync(join(folder, file), 'utf8')),
  }));
}

export function dashboards(): readonly Query[] {
  return dashboardFiles().flatMap(({ name, dashboard }) =>
    dashboard.panels.flatMap(({ title, targets }) => targets.map(({ expr }) => ({ where: `${name}: ${title}`, expr }))),
  );
}

export function alertRules(): readonly AlertRule[] {
  const { groups }: { readonly groups: readonly { readonly rules: readonly Omit<AlertRule, 'where'>[] }[] } = parse(
    readFileSync(join(deploy, 'prometheus/rules.yaml'), 'utf8'),
  );
  return groups.flatMap(({ rules }) => rules).map((rule) => ({ ...rule, where: rule.alert }));
}

/** Names of metrics in a query, as they begin: those of ours, of a process, and of Envoy. */
export function metricsIn(expr: string): readonly string[] {
  return [...expr.matchAll(/\b(?:coffre|envoy|process|nodejs)_[a-z0-9_]+\b/g)]
    .map(([name]) => name)
    .filter((name) => !['envoy_response_code_class'].includes(name));
}

/** With the variables of a dashboard as Grafana fills them in. */
export function filledIn(expr: string): string {
  return expr.replaceAll('$namespace', '.*');
}
