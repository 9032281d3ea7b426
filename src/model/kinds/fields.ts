/**
 * Fields that several kinds share, each with its limits, its description and an example.
 *
 * A schema here is read four times: TypeScript takes the type from it, the validator the rule, the author of a mistake
 * the description and example, and a CRD the whole. So a limit lives here or nowhere. Patterns stay inside RE2, which
 * a Kubernetes API server uses: no lookahead, no back reference.
 */
import Type, { type TSchema } from 'typebox';

/** Longest list in one field of ours. Source: far above hand-written policy, far below what slows a proxy. */
const listItemsMax = 256;
/** Longest name of a Kubernetes object: an RFC 1123 subdomain. */
const subdomainLengthMax = 253;
/** Longest `reason` and other prose, in characters. */
const proseLengthMax = 1_024;

const dnsLabelPattern = '^[a-z0-9]([a-z0-9-]*[a-z0-9])?$';
const subdomainPattern = '^[a-z0-9]([a-z0-9-]*[a-z0-9])?([.][a-z0-9]([a-z0-9-]*[a-z0-9])?)*$';
/** One segment of a path in a rule: no `%`, `\`, `;`, `?`, `#` or `*`, and neither `.` nor `..`. */
const segment =
  "([A-Za-z0-9_~!$&'()+,=:@-][A-Za-z0-9._~!$&'()+,=:@-]*|[.][A-Za-z0-9_~!$&'()+,=:@-][A-Za-z0-9._~!$&'()+,=:@-]*|[.][.][A-Za-z0-9._~!$&'()+,=:@-]+)";

/** RFC 3339; whether a month has so many days is left to the rules of each kind. */
const dayPattern = '[12][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])';
const timePattern = '([01][0-9]|2[0-3]):[0-5][0-9]';

export function dnsLabel(description: string, example: string) {
  return Type.String({ description, examples: [example], minLength: 1, maxLength: 63, pattern: dnsLabelPattern });
}

export function subdomain(description: string, example: string) {
  return Type.String({
    description,
    examples: [example],
    minLength: 1,
    maxLength: subdomainLengthMax,
    pattern: subdomainPattern,
  });
}

export function prose(description: string, example: string) {
  return Type.String({
    description,
    examples: [example],
    minLength: 1,
    maxLength: proseLengthMax,
    pattern: '[^ \\t\\n]',
  });
}

/** A list that says something: an empty one could be read as "nobody" or as "anyone", so it cannot be written. */
export function listOf<Item extends TSchema>(item: Item, description: string, itemsMax: number = listItemsMax) {
  return Type.Array(item, { description, minItems: 1, maxItems: itemsMax });
}

export function portNumber(description: string) {
  return Type.Integer({ description, examples: [8080], minimum: 1, maximum: 65_535 });
}

/** From 1 to 100: none at all is no share, and what is more than all was never meant. */
export function percent(what: string) {
  return Type.Integer({ description: `${what}, in percent, from 1 to 100.`, examples: [50], minimum: 1, maximum: 100 });
}

/** Ranges are in the rules of each kind, as a pattern cannot say them. */
export function duration(description: string, example: string) {
  return Type.String({ description, examples: [example], maxLength: 16, pattern: '^[1-9][0-9]*(ms|s|m|h)$' });
}

export function moment(description: string) {
  return Type.String({
    description,
    examples: ['2027-01-31T18:00:00Z'],
    maxLength: 40,
    pattern: `^${dayPattern}T${timePattern}:[0-5][0-9]([.][0-9]{1,9})?(Z|[+-]${timePattern})$`,
  });
}

export function region(description: string, example: string) {
  return Type.String({
    description,
    examples: [example],
    minLength: 1,
    maxLength: 63,
    pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*$',
  });
}

/** Written without surrounding brackets; what the pattern lets through and is no address is told apart when it is read. */
export function ipAddress(description: string) {
  return Type.String({ description, examples: ['10.0.0.7'], minLength: 2, maxLength: 45, pattern: '^[0-9a-fA-F:.]+$' });
}

export const methods = listOf(
  Type.String({
    description: 'HTTP method, in capitals.',
    examples: ['GET'],
    minLength: 1,
    maxLength: 32,
    pattern: '^[A-Z][A-Z_-]*$',
  }),
  'HTTP methods the rule speaks of; absent means every method.',
  32,
);

/** One segment of a template, whatever it holds; its name is for the reader. */
const anySegment = '[{][A-Za-z][A-Za-z0-9_-]*[}]';

export const paths = listOf(
  Type.String({
    description:
      'Path as `/admin`, exactly that, `/admin/*`, that and everything below it, or `/documents/{id}`, one segment for each `{…}`.',
    examples: ['/admin/*'],
    minLength: 1,
    maxLength: 1_024,
    pattern: `^(/|/[*]|(/${segment})+(/|/[*])?|(/${segment})*(/${anySegment})(/(${segment}|${anySegment}))*)$`,
  }),
  'Paths the rule speaks of, without query; absent means every path.',
);

export function labels(description: string) {
  return Type.Record(
    Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9./_-]{0,316}$' }),
    Type.String({ description: 'Value of the label.', examples: ['cart'], maxLength: 63 }),
    { description, maxProperties: 64, additionalProperties: false },
  );
}

/** Set by an API server and none of our business: accepted where an object of ours comes from a cluster, read by nobody. */
const serverFields = {
  labels: Type.Optional(Type.Unknown({ description: 'Labels, for the author’s own use.' })),
  annotations: Type.Optional(Type.Unknown({ description: 'Annotations, for the author’s own use.' })),
  uid: Type.Optional(Type.Unknown({ description: 'Set by the API server.' })),
  resourceVersion: Type.Optional(Type.Unknown({ description: 'Set by the API server.' })),
  generation: Type.Optional(Type.Unknown({ description: 'Set by the API server.' })),
  creationTimestamp: Type.Optional(Type.Unknown({ description: 'Set by the API server.' })),
  deletionTimestamp: Type.Optional(Type.Unknown({ description: 'Set by the API server.' })),
  deletionGracePeriodSeconds: Type.Optional(Type.Unknown({ description: 'Set by the API server.' })),
  finalizers: Type.Optional(Type.Unknown({ description: 'Set by controllers.' })),
  ownerReferences: Type.Optional(Type.Unknown({ description: 'Set by controllers.' })),
  managedFields: Type.Optional(Type.Unknown({ description: 'Set by the API server.' })),
};

/** An object of ours: unknown fields are errors, because a misspelt rule that is ignored is a hole. */
export function ourObject<Properties extends Record<string, TSchema>>(properties: Properties, description: string) {
  return Type.Object(properties, { description, additionalProperties: false });
}

export function ourMetadata<Name extends TSchema>(name: Name) {
  return ourObject({ name, ...serverFields }, 'Name of the object.');
}

export function ourNamespacedMetadata() {
  return ourObject(
    {
      name: subdomain('Name of the object, unique in its namespace.', 'reports'),
      namespace: dnsLabel('Namespace, and so the tenant, that the object belongs to.', 'shop'),
      ...serverFields,
    },
    'Name and namespace of the object.',
  );
}

/** As an API server writes it, to the second: text that comes first is a moment that came first. */
export const creationTimestamp = Type.Optional(
  Type.String({
    description: 'Moment it was made, set by the API server.',
    examples: ['2027-01-31T18:00:00Z'],
    maxLength: 40,
    pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$',
  }),
);

/** Of a kind of Gateway API: like ours, and the moment it was made, which decides between two routes that match alike. */
export function gatewayMetadata() {
  const { properties } = ourNamespacedMetadata();
  return ourObject(
    {
      ...properties,
      creationTimestamp,
    },
    'Name, namespace and age of the object.',
  );
}

export const ourStatus = Type.Optional(Type.Unknown({ description: 'Written by Coffre, read by people.' }));
