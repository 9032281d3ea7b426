/** Evidence and telemetry: what `Mesh` says of them, and a named default where it says nothing. */
import { parseDurationMs } from '../duration.ts';
import {
  defaultEvidenceRules,
  type EvidenceClass,
  type EvidenceRules,
  type EvidenceSink,
  evidenceClasses,
  type TracingRules,
} from '../evidence-rules.ts';
import type { MeshObject } from '../kinds/mesh.ts';

type Spec = MeshObject['spec'];
type WrittenSink = NonNullable<NonNullable<Spec['evidence']>['sinks']>[number];

/** Where nothing else is written. Sources: RFC 5425, section 4.1; the OTLP specification. */
const syslogPort = 6_514;
const otlpPort = 4_317;
const rotateMegabytesDefault = 64;
const rotatedKeptDefault = 8;
const tracedPercentDefault = 1;

export function buildEvidenceRules(written: Spec['evidence']): EvidenceRules {
  if (written === undefined) return defaultEvidenceRules;
  const byDefault = defaultEvidenceRules;
  const keptMs = (name: EvidenceClass) => parseDurationMs(written.retention?.[name] ?? '') ?? byDefault.retention[name];
  return {
    retention: Object.fromEntries(evidenceClasses.map((name) => [name, keptMs(name)])),
    samplePercent: written.samplePercent ?? byDefault.samplePercent,
    sinks: (written.sinks ?? []).flatMap(sinkOf),
  };
}

function sinkOf({ name, classes, wholePaths, to }: WrittenSink): EvidenceSink[] {
  const common = {
    name,
    ...(classes === undefined ? {} : { classes }),
    ...(wholePaths === undefined ? {} : { wholePaths }),
  };
  const { file, stdout, syslog, http } = to;
  if (stdout) return [{ ...common, kind: 'stdout' }];
  if (http) return [{ ...common, kind: 'http', ...http }];
  if (syslog) {
    const { address, port = syslogPort, serverName = address } = syslog;
    return [{ ...common, kind: 'syslog', ...syslog, port, serverName }];
  }
  if (file === undefined) return [];
  const { path, rotateMegabytes = rotateMegabytesDefault, keep = rotatedKeptDefault } = file;
  return [{ ...common, kind: 'file', path, rotateBytes: rotateMegabytes * 1_000_000, keep }];
}

export function buildTracingRules(written: NonNullable<Spec['tracing']>): TracingRules {
  const { address, port = otlpPort, serverName = address } = written.collector;
  return { collector: { address, port, serverName }, samplePercent: written.samplePercent ?? tracedPercentDefault };
}
