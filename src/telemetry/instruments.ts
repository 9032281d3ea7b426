/**
 * Every metric of ours, once: the only place where one is named.
 *
 * Levels that lie in time are told as the moment itself (`…_timestamp_seconds`) and not as what is left: a control plane
 * that is gone cannot count down, and `x - time()` still says how long there is.
 */
import { counter, gauge, histogram, type Instrument, otherValue, readCounter } from './instrument.ts';

/** Tenants that have a series of their own; the others are told together. */
const tenants = { valuesMax: 256 };
/** A revision is the label of one series at a time: the one that is in force. */
const revisionInForce = { valuesMax: 1 };
/** Sinks are a handful, and the mesh's author names them. */
const sinks = { valuesMax: 16 };

export const xdsTypes = [
  ...(['secret', 'cluster', 'endpoints', 'listener', 'route', 'runtime', 'extension', 'program'] as const),
  otherValue,
] as const;
export const protocols = ['sotw', 'delta'] as const;
export const refusalStatuses = ['UNAUTHENTICATED', 'PERMISSION_DENIED', 'RESOURCE_EXHAUSTED', otherValue] as const;
export const severities = ['error', 'warning'] as const;
export const verdicts = ['allow', 'deny', 'unavailable', 'undecodable'] as const;
/** `none` of an allow and of an unavailable, whose reason is a sentence. */
export const reasonClasses = [
  'none',
  ...(['unclean-path', 'token-missing', 'token-invalid', 'token-untold', 'rule-expired'] as const),
  ...([
    'no-identity',
    'quarantined',
    'tenant-wall',
    'grant-expired',
    'outside-grant',
    'deny-rule',
    'no-allow-rule',
  ] as const),
  ...(['oversized', 'malformed', 'too-many-headers', 'too-many-extensions', 'no-id', 'no-destination'] as const),
  ...(['bad-method', 'bad-path', 'path-differs', 'bad-host'] as const),
  otherValue,
] as const;
/** Of a fetch: new keys, the same ones, or none. */
const keyOutcomes = ['changed', 'unchanged', 'failed'] as const;
export const keyStates = ['fresh', 'stale', 'none'] as const;
export const drillPhases = [
  ...(['declared', 'planned', 'approved', 'running', 'aborting', 'recovering'] as const),
  ...(['completed', 'aborted', 'failed'] as const),
] as const;
export const eventKinds = [
  ...(['request', 'denial', 'plaintext-attempt', 'handshake-failure', 'undeclared-port', 'breaker-overflow'] as const),
  ...(['ejection', 'certificate', 'publication', 'push', 'ack', 'nack', 'problem', 'drill', 'human-action'] as const),
  'quarantine',
  ...(['detector', 'store', 'loss', otherValue] as const),
] as const;
export const lossPlaces = ['recorder', 'proxy', 'store', 'sink', otherValue] as const;
export const certificateNews = [
  ...(['issued', 'renewed', 'failed', 'rotation-began', 'rotation-ended', 'rotation-aborted'] as const),
  otherValue,
] as const;
export const doorOutcomes = ['ok', 'unauthenticated', 'forbidden', 'misuse', 'failed'] as const;

/** From 1 ms: what a push to a proxy beside us takes; to 60 s: what a proxy that warms a dependency takes. Seconds. */
const propagationBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
/** A run over a small mesh takes milliseconds, over the largest seconds. Seconds. */
const runBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** A check takes 30 µs of our time; Envoy waits 200 ms for it, and asks another. Seconds. */
const checkBuckets = [0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.2];

export const instruments = {
  // The process, by the names that every Prometheus client library uses.
  cpu: readCounter('process_cpu_seconds_total', 's', 'CPU time used by this process, user and system.', {}),
  startTime: gauge('process_start_time_seconds', 's', 'When this process started, in epoch seconds.', {}),
  residentMemory: gauge('process_resident_memory_bytes', 'By', 'Memory of this process that is in RAM.', {}),
  openFds: gauge('process_open_fds', '{fd}', 'File descriptors that are open.', {}),
  heapUsed: gauge('nodejs_heap_size_used_bytes', 'By', 'JavaScript heap in use.', {}),
  heapTotal: gauge('nodejs_heap_size_total_bytes', 'By', 'JavaScript heap that is reserved.', {}),
  eventLoopDelay: gauge(
    'coffre_event_loop_delay_seconds',
    's',
    'How late the event loop was since it was last asked: median, 99th percentile and most.',
    { statistic: ['p50', 'p99', 'max'] },
  ),
  eventLoopActive: readCounter(
    'coffre_event_loop_active_seconds_total',
    's',
    'Time in which the event loop was not idle; its rate is the utilisation.',
    {},
  ),

  // xDS.
  xdsStreams: gauge('coffre_xds_streams', '{stream}', 'ADS streams that are open.', { protocol: protocols }),
  xdsStreamsOpened: counter('coffre_xds_streams_opened_total', '{stream}', 'ADS streams that were admitted.', {
    protocol: protocols,
  }),
  xdsRefused: counter('coffre_xds_streams_refused_total', '{stream}', 'ADS streams that were refused, unserved.', {
    status: refusalStatuses,
  }),
  xdsPushes: counter('coffre_xds_pushes_total', '{push}', 'Responses sent to proxies.', { type: xdsTypes }),
  xdsPushedResources: counter('coffre_xds_pushed_resources_total', '{resource}', 'Resources in those responses.', {
    type: xdsTypes,
  }),
  xdsPushedBytes: counter('coffre_xds_pushed_bytes_total', 'By', 'Bytes of those responses.', { type: xdsTypes }),
  xdsAcks: counter('coffre_xds_acks_total', '{answer}', 'Responses that proxies accepted.', { type: xdsTypes }),
  xdsNacks: counter('coffre_xds_nacks_total', '{answer}', 'Responses that proxies refused.', { type: xdsTypes }),
  xdsRefusing: gauge(
    'coffre_xds_refusing_streams',
    '{stream}',
    'Streams whose newest answer for the type is a refusal: the proxy keeps what it had.',
    { type: xdsTypes },
  ),
  xdsPropagation: histogram(
    'coffre_xds_propagation_seconds',
    's',
    'From the push of a response to its acceptance.',
    { type: xdsTypes },
    propagationBuckets,
  ),
  xdsUnanswered: gauge('coffre_xds_unanswered_pushes', '{push}', 'Responses that no proxy has answered yet.', {}),
  xdsStalls: counter(
    'coffre_xds_write_stalls_total',
    '{stream}',
    'Streams ended because the client stopped reading.',
    {},
  ),

  // The loop.
  loopRuns: counter('coffre_loop_runs_total', '{run}', 'Looks at the mesh that published, and that failed.', {
    outcome: ['published', 'failed'],
  }),
  loopDuration: histogram(
    'coffre_loop_publish_seconds',
    's',
    'From the look at the sources to the publication.',
    {},
    runBuckets,
  ),
  loopPublished: gauge(
    'coffre_loop_published_timestamp_seconds',
    's',
    'When a revision was last published, in epoch seconds; 0 before the first.',
    {},
  ),
  revision: gauge('coffre_mesh_revision_info', '1', 'The revision in force, as the label; always 1.', {
    revision: revisionInForce,
  }),
  proxiesConfigured: gauge('coffre_proxies_configured', '{proxy}', 'Proxies that have a configuration.', {}),
  proxiesWithheld: gauge(
    'coffre_proxies_withheld',
    '{proxy}',
    'Proxies that get none, since something that they need is missing.',
    {},
  ),
  buildFailures: counter('coffre_build_failures_total', '{failure}', 'Configurations that could not be built.', {}),
  slowWays: counter(
    'coffre_configure_slow_way_total',
    '{look}',
    'Looks at a tenant in which all of it was made anew, since something of ours threw.',
    {},
  ),
  problems: gauge('coffre_problems', '{problem}', 'Problems of the mesh, as `coffre check` tells them.', {
    severity: severities,
  }),

  // Authorization, in the worker.
  decisions: readCounter('coffre_authz_decisions_total', '{decision}', 'Decisions, by verdict and class of reason.', {
    verdict: verdicts,
    reason: reasonClasses,
  }),
  checkDuration: histogram(
    'coffre_authz_check_seconds',
    's',
    'From the bytes of a check to its answer, in the worker.',
    {},
    checkBuckets,
  ),
  checksShed: readCounter(
    'coffre_authz_checks_shed_total',
    '{check}',
    'Checks refused unread, since their connection asked for too many.',
    {},
  ),
  decisionLinesLost: readCounter(
    'coffre_authz_decision_lines_lost_total',
    '{line}',
    'Lines of the decision log that were never written.',
    {},
  ),
  authzConnected: gauge(
    'coffre_authz_control_plane_connected',
    '1',
    '1 while the worker is fed by a control plane, else 0.',
    {},
  ),
  keyFetches: counter('coffre_oidc_key_fetches_total', '{fetch}', 'Fetches of the keys of identity providers.', {
    outcome: keyOutcomes,
  }),
  keyIssuers: gauge(
    'coffre_oidc_issuers',
    '{issuer}',
    'Issuers, by what their tokens are judged by: fresh keys, stale ones until newer are had, or none.',
    { keys: keyStates },
  ),
  keysOldest: gauge(
    'coffre_oidc_oldest_keys_timestamp_seconds',
    's',
    'When the oldest keys in use were fetched, in epoch seconds; 0 while there are none.',
    {},
  ),

  // Certificates.
  certificateEnd: gauge(
    'coffre_certificate_next_end_timestamp_seconds',
    's',
    'When the first of the tenant’s certificates ends that is not replaced yet, in epoch seconds.',
    { tenant: tenants },
  ),
  certificateNews: counter('coffre_certificate_events_total', '{event}', 'Certificates issued, renewed, failed.', {
    what: certificateNews,
  }),
  issueFailures: counter(
    'coffre_certificate_issue_failures_total',
    '{failure}',
    'Certificates that could not be issued; each is tried again.',
    {},
  ),

  // Drills.
  drills: gauge('coffre_drills', '{drill}', 'Drills, by phase.', { phase: drillPhases }),
  drillFaultsLaid: gauge(
    'coffre_drill_faults_laid',
    '{proxy}',
    'Proxies that a drill has laid a fault on and that have not been seen clean.',
    {},
  ),
  drillOverrun: gauge(
    'coffre_drill_overrun_seconds',
    's',
    'Longest that a fault has lasted beyond the end of its drill; 0 while none does.',
    {},
  ),

  // Evidence.
  events: counter('coffre_evidence_events_total', '{event}', 'Events recorded, by kind.', { kind: eventKinds }),
  losses: readCounter(
    'coffre_evidence_losses_total',
    '{event}',
    'Events that could not be kept, by where they were lost.',
    {
      where: lossPlaces,
    },
  ),
  evidenceQueue: gauge('coffre_evidence_queue_events', '{event}', 'Events that wait to be written.', {}),
  evidenceBlocked: gauge(
    'coffre_evidence_store_blocked',
    '1',
    '1 while the evidence store cannot be written, else 0.',
    {},
  ),
  evidenceHead: gauge('coffre_evidence_head_position', '{record}', 'Position of the newest signed record.', {}),
  evidenceHeadTime: gauge(
    'coffre_evidence_head_timestamp_seconds',
    's',
    'When the newest head was signed, in epoch seconds; 0 before the first.',
    {},
  ),
  sinkLag: gauge('coffre_sink_lag_events', '{event}', 'Events in the store that the sink has not been given.', {
    sink: sinks,
  }),
  sinkDelivered: readCounter('coffre_sink_delivered_total', '{event}', 'Events that the sink has taken.', {
    sink: sinks,
  }),
  sinkDeadLetters: readCounter(
    'coffre_sink_dead_letters_total',
    '{event}',
    'Events that the sink refused for good and that lie in its dead letters.',
    { sink: sinks },
  ),
  sinkLost: readCounter(
    'coffre_sink_lost_total',
    '{event}',
    'Events whose bodies retention took before the sink was given them.',
    { sink: sinks },
  ),

  // The management door.
  doorCalls: counter('coffre_door_calls_total', '{call}', 'Calls of the management door, by what became of them.', {
    outcome: doorOutcomes,
  }),
} as const satisfies Record<string, Instrument>;
