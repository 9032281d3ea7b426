/** What `Mesh` says of evidence and telemetry. */
import Type from 'typebox';
import { evidenceClasses } from '../evidence-rules.ts';
import { dnsLabel, duration, listOf, ourObject, portNumber } from './fields.ts';

const hostPattern = '^([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*)$';

function kept(what: string, byDefault: string) {
  return Type.Optional(duration(`How long ${what} is kept, from 1h to 87600h; ${byDefault} by default.`, byDefault));
}

function filePath(description: string, example: string) {
  return Type.String({
    description,
    examples: [example],
    minLength: 2,
    maxLength: 1_024,
    pattern: '^/[^\\x00-\\x1f]+$',
  });
}

function host(description: string, example: string) {
  return Type.String({ description, examples: [example], minLength: 1, maxLength: 253, pattern: hostPattern });
}

const caFile = Type.Optional(
  filePath('CA certificates in PEM; absent means those of the system.', '/etc/coffre/siem-ca.pem'),
);

const destination = ourObject(
  {
    file: Type.Optional(
      ourObject(
        {
          path: filePath('File that gets one JSON line an event.', '/var/log/coffre/events.jsonl'),
          rotateMegabytes: Type.Optional(
            Type.Integer({
              description: 'Size at which the file is rotated, in MB; 64 by default.',
              examples: [64],
              minimum: 1,
              maximum: 10_240,
            }),
          ),
          keep: Type.Optional(
            Type.Integer({
              description: 'Rotated files that are kept; 8 by default.',
              examples: [8],
              minimum: 1,
              maximum: 1_000,
            }),
          ),
        },
        'A file of the control plane’s host.',
      ),
    ),
    stdout: Type.Optional(
      Type.Literal(true, { description: 'Standard output of the control plane.', examples: [true] }),
    ),
    syslog: Type.Optional(
      ourObject(
        {
          address: host('Host of the receiver.', 'siem.example'),
          port: Type.Optional(portNumber('Port of the receiver; 6514 by default.')),
          serverName: Type.Optional(host('Name in its certificate; the address by default.', 'siem.example')),
          caFile,
        },
        'Syslog (RFC 5424) over TLS.',
      ),
    ),
    http: Type.Optional(
      ourObject(
        {
          url: Type.String({
            description: 'Where batches are posted: https, or http on a loopback address.',
            examples: ['https://siem.example/ingest'],
            minLength: 8,
            maxLength: 2_048,
            pattern: '^https?://[^ \\t\\n]+$',
          }),
          caFile,
          authorizationFile: Type.Optional(
            filePath('File with the value of the Authorization header.', '/etc/coffre/siem-token'),
          ),
        },
        'Batches of JSON over HTTP.',
      ),
    ),
  },
  'Exactly one of these.',
);

export const evidenceSchema = Type.Optional(
  ourObject(
    {
      retention: Type.Optional(
        ourObject(
          {
            traffic: kept('what callers did', '168h'),
            security: kept('what was refused', '2160h'),
            operations: kept('what the control plane did', '720h'),
            audit: kept('what people and drills did', '9600h'),
          },
          'How long the bodies of events are kept; that they existed stays in the chain.',
        ),
      ),
      samplePercent: Type.Optional(
        Type.Number({
          description: 'Share of the healthy requests that are recorded, in percent; 1 by default.',
          examples: [1],
          minimum: 0,
          maximum: 100,
        }),
      ),
      sinks: Type.Optional(
        listOf(
          ourObject(
            {
              name: dnsLabel('Name of the sink; where it had got to is kept under it.', 'siem'),
              classes: Type.Optional(
                listOf(
                  Type.Enum([...evidenceClasses], { description: 'Class of events.', examples: ['security'] }),
                  'Classes that it gets; absent means all.',
                  evidenceClasses.length,
                ),
              ),
              wholePaths: Type.Optional(
                Type.Boolean({
                  description: 'Whether it gets the paths of requests as they were; absent means their shape only.',
                  examples: [true],
                }),
              ),
              to: destination,
            },
            'One receiver of events.',
          ),
          'Who gets events as they are kept.',
          8,
        ),
      ),
    },
    'What is recorded, how long it is kept, and who else gets it.',
  ),
);

export const tracingSchema = Type.Optional(
  ourObject(
    {
      collector: ourObject(
        {
          address: host('Host of the collector.', 'collector.example'),
          port: Type.Optional(portNumber('Port of the collector; 4317 by default.')),
          serverName: Type.Optional(host('Name in its certificate; the address by default.', 'collector.example')),
        },
        'Where sidecars send their spans: OTLP over gRPC and TLS, vouched for by the system CAs.',
      ),
      samplePercent: Type.Optional(
        Type.Number({
          description: 'Share of the requests without a trace of their own that begin one, in percent; 1 by default.',
          examples: [1],
          minimum: 0,
          maximum: 100,
        }),
      ),
    },
    'Traces of requests.',
  ),
);

export const telemetrySchema = Type.Optional(
  ourObject(
    {
      scrapers: listOf(
        ourObject(
          {
            namespace: dnsLabel('Namespace of the scraper.', 'observability'),
            serviceAccount: dnsLabel('Service account of the scraper.', 'prometheus'),
          },
          'One identity.',
        ),
        'Identities that may read the statistics of every sidecar.',
        8,
      ),
    },
    'Statistics of sidecars.',
  ),
);
