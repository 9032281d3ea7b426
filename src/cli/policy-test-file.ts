/**
 * A file of expectations about policies, as its author wrote it: `*.test.yaml` beside the YAML of the mesh.
 *
 *   text ──parse──▶ plain data with lines ──schema──▶ cases, each with its line   |   problems that say what to write
 *
 * It is no object of the API: no control plane reads it, and one that finds it in its folder says so and passes it by.
 */
import type { JsonObject } from '@bufbuild/protobuf';
import Type from 'typebox';
import { Compile } from 'typebox/compile';
import { LineCounter, parseAllDocuments } from 'yaml';
import { dnsLabel, listOf, moment, ourObject } from '../model/kinds/fields.ts';
import type { Problem, ProblemCode } from '../model/problem.ts';
import { findingsOf } from '../model/schema-findings.ts';
import type { SourceRef } from '../model/source-ref.ts';
import { whereOf } from '../model/sourced-object.ts';
import { plainData } from '../model/yaml-tree.ts';

/** Most fields and list items of one file. */
const nodesMax = 100_000;
/** Most fields that the aliases of one file expand to. */
const aliasNodesMax = 10_000;
/** Most cases of one document. */
const casesMax = 1_000;
/** Longest text of one field, in characters. */
const textMax = 2_048;

export const testFilePattern = /\.test\.ya?ml$/;

const text = (description: string, example: string) =>
  Type.String({ description, examples: [example], minLength: 1, maxLength: textMax });

const token = Type.Union(
  [
    Type.Literal('invalid'),
    ourObject(
      {
        provider: dnsLabel('Identity provider of the tenant that vouches for it.', 'staff'),
        subject: Type.Optional(text('Whom it is about.', 'u-17')),
        groups: Type.Optional(listOf(text('Group of its bearer.', 'finance'), 'Groups of its bearer.')),
        claims: Type.Optional(
          Type.Record(Type.String(), Type.Unknown(), { description: 'Its claims.', examples: ['{ level: 3 }'] }),
        ),
      },
      'A valid token.',
    ),
  ],
  {
    description:
      '`invalid`, or `provider` of a valid token and any of its `subject`, `groups` and `claims`; absent means none.',
    examples: ['{ provider: staff, groups: [finance] }'],
  },
);

const headerValue = text('Value of the header.', 'red');

const testCase = ourObject(
  {
    name: text('What is expected, as a sentence.', 'the web reads documents'),
    from: text('Who asks: `tenant/service-account`, or a SPIFFE ID.', 'notaire/web'),
    to: Type.String({
      description: 'Service that is asked: `tenant/service`, or `tenant/service:port`.',
      examples: ['notaire/deeds:80'],
      maxLength: textMax,
      pattern: '^[a-z0-9-]+/[a-z0-9.-]+(:[0-9]{1,5})?$',
    }),
    method: Type.Optional(text('HTTP method; absent means `GET`.', 'POST')),
    path: Type.Optional(
      Type.String({
        description: 'Path without query, as Envoy leaves it; absent means `/`.',
        examples: ['/documents/7'],
        maxLength: textMax,
        pattern: '^/[^?#]*$',
      }),
    ),
    host: Type.Optional(
      Type.String({
        description: 'Host in lower case, without port; absent means the name of the service, `service.tenant`.',
        examples: ['deeds.notaire.example'],
        maxLength: textMax,
        pattern: '^[^A-Z]+$',
      }),
    ),
    headers: Type.Optional(
      Type.Record(Type.String(), Type.Union([headerValue, listOf(headerValue, 'Lines of the header.', 16)]), {
        description: 'Headers by name, each with its value or its lines.',
        examples: ['{ x-team: red }'],
      }),
    ),
    token: Type.Optional(token),
    at: Type.Optional(moment('When it is asked; absent means now.')),
    expect: Type.Enum(['allow', 'deny'], { description: 'What is to come of it.', examples: ['deny'] }),
    reason: Type.Optional(text('Code of the refusal, such as `coffre explain` tells.', 'token-missing')),
    rule: Type.Optional(
      text('Name of the rule or grant that is to decide.', 'access-policy/notaire/documents/allow/0'),
    ),
  },
  'One request, and what is to come of it.',
);

const policyTest = ourObject(
  {
    apiVersion: Type.Literal('test.coffre.dev/v1alpha1', {
      description: 'Version of this file.',
      examples: ['test.coffre.dev/v1alpha1'],
    }),
    kind: Type.Literal('PolicyTest', { description: 'Kind of this file.', examples: ['PolicyTest'] }),
    metadata: ourObject({ name: dnsLabel('Name of the test.', 'documents') }, 'Name of the test.'),
    cases: listOf(testCase, 'Requests, and what is to come of each.', casesMax),
  },
  'What policies are expected to decide.',
);

const validator = Compile(policyTest);

type WrittenCase = Type.Static<typeof testCase>;

export interface PolicyCase extends Omit<WrittenCase, 'token'> {
  /** Name of the document it stands in. */
  readonly test: string;
  readonly token?: 'invalid' | CaseToken;
  readonly where: SourceRef;
}

export interface CaseToken {
  readonly provider: string;
  readonly subject?: string;
  readonly groups?: readonly string[];
  readonly claims?: JsonObject;
}

export interface PolicyTestFile {
  readonly cases: readonly PolicyCase[];
  readonly problems: readonly Problem[];
}

/** @param file name shown to authors. Never throws. A document with a problem has no cases: half a test proves nothing. */
export function readPolicyTests(written: string, file: string): PolicyTestFile {
  const lineCounter = new LineCounter();
  const parsed = parseAllDocuments(written, {
    ...{ lineCounter, schema: 'core', merge: false, stringKeys: true, uniqueKeys: false },
    ...{ prettyErrors: false, logLevel: 'silent' },
  });
  const documents = Array.isArray(parsed) ? parsed : [];
  const [error] = documents.flatMap(({ errors }) => errors);
  if (error !== undefined) {
    const { line } = lineCounter.linePos(error.pos[0]);
    const message = `the file is not YAML that can be read: ${error.message}`;
    return { cases: [], problems: [problem({ file, line }, 'yaml-syntax', '', message, 'mend this line')] };
  }
  const budget = { nodes: nodesMax, aliasNodes: aliasNodesMax };
  const read = documents.map(({ contents }) => readOne(plainData(contents, lineCounter, budget), file));
  if (read.every(({ cases, problems }) => cases.length + problems.length === 0)) {
    const advice = 'write `apiVersion: test.coffre.dev/v1alpha1`, `kind: PolicyTest`, `metadata.name` and `cases`';
    return { cases: [], problems: [problem({ file, line: 1 }, 'not-an-object', '', 'the file tests nothing', advice)] };
  }
  return { cases: read.flatMap(({ cases }) => cases), problems: read.flatMap(({ problems }) => problems) };
}

function readOne(data: ReturnType<typeof plainData>, file: string): PolicyTestFile {
  const slips = data.kind === 'refused' ? [data.refusal] : data.slips;
  if (data.kind === 'refused' || slips.length > 0) {
    const problems = slips.map(({ code, line, path, message, advice }) =>
      problem({ file, line }, code, path, message, advice),
    );
    return { cases: [], problems };
  }
  const { value, lines } = data;
  if (value === null) return { cases: [], problems: [] };
  const at = (path: string) => whereOf({ where: { file, line: lines.get('') ?? 1 }, lines }, path);
  if (!validator.Check(value)) {
    const problems = findingsOf(policyTest, value, validator.Errors(value)).map(({ code, path, message, advice }) =>
      problem(at(path), code, path, message, advice),
    );
    return { cases: [], problems };
  }
  const unreal = value.cases.findIndex((each) => each.at !== undefined && Number.isNaN(Date.parse(each.at)));
  if (unreal >= 0) {
    const path = `cases[${unreal}].at`;
    const message = `\`${path}\` is no moment of any calendar`;
    return {
      cases: [],
      problems: [problem(at(path), 'bad-value', path, message, 'write such as 2027-01-31T18:00:00Z')],
    };
  }
  const cases = value.cases.map((each, index): PolicyCase => {
    // YAML without slips is JSON, so its claims are too.
    const said = each.token as PolicyCase['token'];
    const { token: _, ...rest } = each;
    const where = at(`cases[${index}]`);
    return { ...rest, test: value.metadata.name, ...(said === undefined ? {} : { token: said }), where };
  });
  return { cases, problems: [] };
}

function problem(where: SourceRef, code: ProblemCode, path: string, message: string, advice: string): Problem {
  return { code, severity: 'error', where, path, message, advice };
}
