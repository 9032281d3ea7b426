/**
 * Alerts from outside, of two spellings, as one.
 *
 *   Alertmanager's webhook, version "4" ─┐
 *   {alerts: [{name, state, …}]} ────────┴─▶ Alert[]
 *
 * Alertmanager's may hold fields that nobody here has heard of: its next release must not silence a drill's brake. In
 * the generic spelling a field too many is refused, because there it is a slip. Labels are cut to bounds and never a
 * reason to refuse: to lose the end of a label is cheap, and to lose the alert is not.
 * Source: Prometheus documentation, Alerting, Configuration, "webhook_config".
 */
import Type, { type Static } from 'typebox';
import { Compile, type Validator } from 'typebox/compile';
import type { Alert } from '../chaos/drill-engine.ts';
import { findingsOf } from '../model/schema-findings.ts';
import type { ReadBody } from './request-reader.ts';

/** Most alerts of one request. Alertmanager sends no more than it is told to: `max_alerts`. */
const alertsMax = 1_000;
/** Most labels of an alert that are kept, in the order of their names. */
const labelsMax = 64;
/** Longest name of an alert or label, and longest value of a label, in UTF-16 code units. */
const textLengthMax = 1_024;

const state = Type.Union([Type.Literal('firing'), Type.Literal('resolved')], {
  description: '`firing` or `resolved`.',
  examples: ['firing'],
});
const labels = Type.Record(Type.String(), Type.String(), { description: 'Labels, each with a text as its value.' });
const time = Type.String({
  description: 'Moment, as RFC 3339 writes it.',
  examples: ['2027-01-31T18:00:00Z'],
  maxLength: 64,
  pattern: '^\\d{4}-\\d{2}-\\d{2}[Tt]\\d{2}:\\d{2}:\\d{2}([.]\\d+)?([Zz]|[+-]\\d{2}:\\d{2})$',
});

const alertmanagerSchema = Type.Object(
  {
    version: Type.Literal('4', { description: 'Version of the webhook: "4".', examples: ['4'] }),
    alerts: Type.Array(Type.Object({ status: state, labels, startsAt: Type.Optional(time) }), {
      description: 'Alerts of one group.',
      maxItems: alertsMax,
    }),
  },
  { description: 'What Alertmanager sends.' },
);

const genericSchema = Type.Object(
  {
    alerts: Type.Array(
      Type.Object(
        {
          name: Type.String({ description: 'Name of the alert.', examples: ['ErrorRateHigh'], minLength: 1 }),
          state,
          labels: Type.Optional(labels),
          startsAt: Type.Optional(time),
        },
        { description: 'One alert.', additionalProperties: false },
      ),
      { description: 'Alerts.', maxItems: alertsMax },
    ),
  },
  { description: 'Alerts.', additionalProperties: false },
);

const alertmanager = Compile(alertmanagerSchema);
const generic = Compile(genericSchema);

/** What a poster of alerts may write; the answer is the number that was taken. */
export type AlertsRequest = Static<typeof alertmanagerSchema> | Static<typeof genericSchema>;

/**
 * @param value JSON from the wire. Never throws.
 * @param tenant whose drills may hear it; undefined: everybody's.
 * @returns no alert for what carries no `alertname`: no condition can mean it.
 */
export function readAlerts(value: unknown, tenant: string | undefined): ReadBody<readonly Alert[]> {
  const heard = tenant === undefined ? {} : { tenant };
  if (typeof value === 'object' && value !== null && 'version' in value) {
    if (!alertmanager.Check(value)) return refusal(alertmanager, value);
    const alerts = value.alerts.flatMap((alert) => {
      const name = Object.hasOwn(alert.labels, 'alertname') ? alert.labels['alertname'] : undefined;
      return name === undefined || name === ''
        ? []
        : [{ name: cut(name), state: alert.status, ...kept(alert), ...heard }];
    });
    return { kind: 'ok', value: alerts };
  }
  if (!generic.Check(value)) return refusal(generic, value);
  const alerts = value.alerts.map((alert) => ({ name: cut(alert.name), state: alert.state, ...kept(alert), ...heard }));
  return { kind: 'ok', value: alerts };
}

function kept(alert: { readonly labels?: Record<string, string>; readonly startsAt?: string }) {
  const entries = Object.entries(alert.labels ?? {}).sort(([left], [right]) => (left < right ? -1 : 1));
  // Alertmanager writes the year 1 where it knows no moment.
  const startsAtMs = Date.parse(alert.startsAt ?? '');
  return {
    labels: Object.fromEntries(entries.slice(0, labelsMax).map(([name, text]) => [cut(name), cut(text)])),
    ...(startsAtMs > 0 ? { startsAtMs } : {}),
  };
}

function cut(text: string): string {
  return text.length > textLengthMax ? `${text.slice(0, textLengthMax - 1)}…` : text;
}

function refusal(validator: Validator, value: unknown): ReadBody<never> {
  const [finding] = findingsOf(validator.Type(), value, validator.Errors(value));
  return {
    kind: 'bad-request',
    message: finding?.message ?? 'the request holds no alerts',
    advice: finding?.advice ?? 'send what Alertmanager sends, or `{"alerts":[{"name":…,"state":"firing"}]}`',
  };
}
