/**
 * What Coffre writes into the status of every kind of its own: conditions, in the form that `kubectl wait` reads, and of a
 * drill how far it has come.
 *
 * The surprise is the rule: an API server that keeps a status of one term takes none of an earlier one. So a leader that was
 * stopped for a while, and does not know that there is another, writes over nothing that the other has written.
 */
import { drillMessageMax } from '../status/drill-fields.ts';
import type { StructuralSchema } from './crd.ts';
import type { OurKind } from './resource-facts.ts';

/** Most conditions of one object: there are four kinds of them so far. */
const conditionsMax = 8;

const condition: StructuralSchema = {
  description: 'One thing that is so, is not so, or that nobody knows yet.',
  type: 'object',
  required: ['type', 'status', 'lastTransitionTime', 'reason', 'message'],
  properties: {
    type: {
      description: 'What it speaks of, such as `Accepted`.',
      type: 'string',
      maxLength: 316,
      pattern: '^[A-Za-z0-9]([A-Za-z0-9./_-]*[A-Za-z0-9])?$',
    },
    status: { description: 'Whether it is so.', type: 'string', enum: ['True', 'False', 'Unknown'] },
    observedGeneration: {
      description: 'Generation of the object that was judged.',
      type: 'integer',
      format: 'int64',
      minimum: 0,
    },
    lastTransitionTime: { description: 'Moment at which `status` changed last.', type: 'string', format: 'date-time' },
    reason: {
      description: 'Why, as one word for programs.',
      type: 'string',
      minLength: 1,
      maxLength: 1_024,
      pattern: '^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$',
    },
    message: { description: 'Why, and what to do, for people.', type: 'string', maxLength: 32_768 },
  },
};

const term: StructuralSchema = {
  description: 'Term of the leader that wrote it; a later leader has a greater one.',
  type: 'integer',
  format: 'int64',
  minimum: 1,
};

function text(description: string, maxLength: number): StructuralSchema {
  return { description, type: 'string', maxLength };
}

function moment(description: string): StructuralSchema {
  return { description, type: 'string', format: 'date-time' };
}

/** Of a person's name, a hash, one word. */
const nameMax = 256;

const drillProperties: Readonly<Record<string, StructuralSchema>> = {
  phase: {
    description: 'How far it has come.',
    type: 'string',
    enum: ['declared', 'planned', 'approved', 'running', 'aborting', 'recovering', 'completed', 'aborted', 'failed'],
  },
  message: text('Why it ended, or ends.', drillMessageMax),
  run: {
    description: 'The newest run, or the plan of the next.',
    type: 'object',
    required: ['planHash', 'verdict'],
    properties: {
      planHash: text('Names the plan, and by it the run: no two runs are of one plan.', nameMax),
      verdict: {
        description: 'Whether the hypothesis held, judged at the end.',
        type: 'string',
        enum: ['pending', 'held', 'deviated', 'unproven'],
      },
      plannedBy: text('Who planned it.', nameMax),
      approvedBy: text('Who approved it, where that takes a second person.', nameMax),
      startedBy: text('Who started it.', nameMax),
      startedAt: moment('When it was started.'),
      faultAt: moment('When the fault was laid.'),
      deadline: moment('When the fault ends at the latest.'),
      endedAt: moment('When it was over.'),
    },
  },
};

export function statusSchema(kind: OurKind): StructuralSchema {
  return {
    description: 'Written by Coffre, read by people.',
    type: 'object',
    properties: {
      ...(kind === 'Drill' ? drillProperties : {}),
      conditions: {
        description: 'What is so of the object.',
        type: 'array',
        maxItems: conditionsMax,
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['type'],
        items: condition,
      },
      term,
    },
    'x-kubernetes-validations': [
      {
        rule: '!has(oldSelf.term) || (has(self.term) && self.term >= oldSelf.term)',
        message: 'a later leader has written this status',
      },
    ],
  };
}
