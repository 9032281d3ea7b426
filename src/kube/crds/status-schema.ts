/** What Coffre writes into the status of every kind of its own: conditions, in the form that `kubectl wait` reads. */
import type { StructuralSchema } from './crd.ts';

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

export const statusSchema: StructuralSchema = {
  description: 'Written by Coffre, read by people.',
  type: 'object',
  properties: {
    conditions: {
      description: 'What is so of the object.',
      type: 'array',
      maxItems: conditionsMax,
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['type'],
      items: condition,
    },
  },
};
