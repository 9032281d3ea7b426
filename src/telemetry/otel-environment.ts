/**
 * What the standard `OTEL_*` variables ask of us, read without effects: what leaves the process, and where to.
 *
 *   env ──▶ settings + problems
 *
 * Nothing leaves by default, which is where we differ from the specification (its default is `otlp`): a control plane
 * that dials out because nobody said no would be a surprise. A value that is not understood is told, and that one
 * exporter is left out; telemetry never stops a start.
 * `OTEL_EXPORTER_OTLP_*` (endpoint, headers, timeout, compression, certificates) are read by the exporters themselves;
 * here it is only made sure that they will understand the protocol and the endpoint.
 * Source: OpenTelemetry specification, "Environment Variable Specification".
 */

export type Environment = Readonly<Record<string, string | undefined>>;

export type Sampling =
  | { readonly kind: 'always' }
  | { readonly kind: 'never' }
  | { readonly kind: 'ratio'; readonly ratio: number };

export interface OtelSettings {
  readonly disabled: boolean;
  readonly serviceName: string;
  readonly metricsByOtlp: boolean;
  readonly tracesByOtlp: boolean;
  /** Between two exports of metrics, in ms. */
  readonly metricsEveryMs: number;
  /** Of traces that begin here; whoever asks with a trace of their own has decided already, if `parentBased`. */
  readonly sampling: Sampling;
  readonly parentBased: boolean;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface ReadSettings {
  readonly settings: OtelSettings;
  /** One sentence each, with what to write instead. */
  readonly problems: readonly string[];
}

/** Source: the specification's default. */
const metricsEveryMsDefault = 60_000;
/** Shorter would be a load and no information. */
const metricsEveryMsMin = 1_000;
/** Attributes of the resource that are taken, and the longest value; what is beyond is cut. */
const attributesMax = 64;
const attributeLengthMax = 256;

/** @param serviceName where `OTEL_SERVICE_NAME` does not say. */
export function readOtelEnvironment(env: Environment, serviceName: string): ReadSettings {
  const problems: string[] = [];
  // What is set to nothing is not set: so the specification has it.
  const value = (name: string) => env[name]?.trim() || undefined;
  const ignore = (name: string, cure: string) =>
    void problems.push(`\`${name}\` is \`${value(name)}\` and is ignored; ${cure}`);

  const exports = (signal: 'METRICS' | 'TRACES'): boolean => {
    const name = `OTEL_${signal}_EXPORTER`;
    const wanted = value(name) ?? 'none';
    if (wanted === 'otlp') return speaksOtlp(value, signal, problems);
    if (wanted !== 'none' && !(wanted === 'prometheus' && signal === 'METRICS')) ignore(name, 'write `otlp` or `none`');
    return false;
  };

  const disabled = value('OTEL_SDK_DISABLED')?.toLowerCase() ?? 'false';
  if (disabled !== 'true' && disabled !== 'false') ignore('OTEL_SDK_DISABLED', 'write `true` or `false`');
  const attributes = readAttributes(value('OTEL_RESOURCE_ATTRIBUTES') ?? '');
  if (attributes === undefined) ignore('OTEL_RESOURCE_ATTRIBUTES', 'write `key=value,key=value`, percent-encoded');
  const settings: OtelSettings = {
    disabled: disabled === 'true',
    serviceName: value('OTEL_SERVICE_NAME') ?? attributes?.['service.name'] ?? serviceName,
    metricsByOtlp: exports('METRICS'),
    tracesByOtlp: exports('TRACES'),
    metricsEveryMs: readInterval(value('OTEL_METRIC_EXPORT_INTERVAL'), () =>
      ignore('OTEL_METRIC_EXPORT_INTERVAL', `write milliseconds, at least ${metricsEveryMsMin}`),
    ),
    ...readSampler(value, ignore),
    attributes: attributes ?? {},
  };
  return { settings, problems };
}

type Value = (name: string) => string | undefined;

/** The variable of the signal wins over the common one: so the specification has it. */
function speaksOtlp(value: Value, signal: 'METRICS' | 'TRACES', problems: string[]): boolean {
  const found = problems.length;
  for (const [what, judge] of [
    ['PROTOCOL', (text: string) => (text === 'http/protobuf' ? '' : 'only `http/protobuf` is spoken')],
    ['ENDPOINT', (text: string) => (isHttpUrl(text) ? '' : 'write such as `https://collector.example:4318`')],
  ] as const) {
    const names = [`OTEL_EXPORTER_OTLP_${signal}_${what}`, `OTEL_EXPORTER_OTLP_${what}`];
    const name = names.find((each) => value(each) !== undefined);
    const text = name === undefined ? undefined : value(name);
    const cure = text === undefined ? '' : judge(text);
    if (cure !== '') problems.push(`\`${name}\` is \`${text}\`, so no ${signal.toLowerCase()} are exported; ${cure}`);
  }
  return problems.length === found;
}

function isHttpUrl(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && (url.protocol === 'https:' || url.protocol === 'http:');
}

function readInterval(text: string | undefined, ignore: () => void): number {
  if (text === undefined) return metricsEveryMsDefault;
  const ms = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (ms >= metricsEveryMsMin) return ms;
  ignore();
  return metricsEveryMsDefault;
}

const samplers: Readonly<Record<string, Pick<OtelSettings, 'sampling' | 'parentBased'> | 'ratio' | 'parent-ratio'>> = {
  always_on: { sampling: { kind: 'always' }, parentBased: false },
  always_off: { sampling: { kind: 'never' }, parentBased: false },
  traceidratio: 'ratio',
  parentbased_always_on: { sampling: { kind: 'always' }, parentBased: true },
  parentbased_always_off: { sampling: { kind: 'never' }, parentBased: true },
  parentbased_traceidratio: 'parent-ratio',
};

/** Default: whoever asks decides, and what begins here is sampled. */
function readSampler(value: Value, ignore: (name: string, cure: string) => void) {
  const name = value('OTEL_TRACES_SAMPLER') ?? 'parentbased_always_on';
  const sampler = Object.hasOwn(samplers, name) ? samplers[name] : undefined;
  if (sampler === undefined) ignore('OTEL_TRACES_SAMPLER', `write one of ${Object.keys(samplers).join(', ')}`);
  if (sampler === undefined) return { sampling: { kind: 'always' }, parentBased: true } as const;
  if (typeof sampler === 'object') return sampler;
  const text = value('OTEL_TRACES_SAMPLER_ARG') ?? '1';
  const ratio = Number(text);
  const holds = ratio >= 0 && ratio <= 1;
  if (!holds) ignore('OTEL_TRACES_SAMPLER_ARG', 'write a number from 0 to 1');
  return { sampling: { kind: 'ratio', ratio: holds ? ratio : 1 }, parentBased: sampler === 'parent-ratio' } as const;
}

/** @returns undefined where it is no list of `key=value`. */
function readAttributes(text: string): Record<string, string> | undefined {
  const pairs = text.split(',').filter((pair) => pair.trim() !== '');
  const attributes: Record<string, string> = {};
  for (const pair of pairs.slice(0, attributesMax)) {
    const [, key, raw] = /^\s*([^=\s]+)\s*=(.*)$/.exec(pair) ?? [];
    if (key === undefined || raw === undefined) return undefined;
    try {
      attributes[decodeURIComponent(key)] = decodeURIComponent(raw.trim()).slice(0, attributeLengthMax);
    } catch {
      return undefined;
    }
  }
  return attributes;
}
