/**
 * A resource without what must not be seen: Envoy blanks in its dump the fields that its protos mark as sensitive, and so
 * must we before we compare, or no two would be equal, and a digest would be made of a private key.
 */
import {
  type DescField,
  type DescMessage,
  getOption,
  hasOption,
  type JsonObject,
  type JsonValue,
} from '@bufbuild/protobuf';
import { sensitive } from '#gen/udpa/annotations/sensitive_pb.js';
import { envoyRegistry } from '../envoy/registry.ts';
import { isObject } from './json.ts';

const blank = '[redacted]';

/** @param value an `Any` in protobuf's own JSON names. What the registry does not know is left as it is. */
export function withoutSecrets(value: JsonValue): JsonValue {
  if (!isObject(value)) return value;
  const type = typeof value['@type'] === 'string' ? value['@type'] : '';
  const message = envoyRegistry.getMessage(type.slice(type.lastIndexOf('/') + 1));
  return message === undefined ? value : blankIn(message, value);
}

function blankIn(message: DescMessage, value: JsonObject): JsonObject {
  const fields = new Map(message.fields.map((field) => [field.jsonName, field]));
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => {
      const field = fields.get(key);
      return [key, field === undefined ? member : blankField(field, member)];
    }),
  );
}

function blankField(field: DescField, value: JsonValue): JsonValue {
  if (hasOption(field, sensitive) && getOption(field, sensitive)) return blank;
  const { message } = field;
  if (message === undefined) return value;
  const inside = (each: JsonValue): JsonValue => {
    if (message.typeName === 'google.protobuf.Any') return withoutSecrets(each);
    return isObject(each) ? blankIn(message, each) : each;
  };
  if (field.fieldKind === 'list') return Array.isArray(value) ? value.map(inside) : value;
  if (field.fieldKind !== 'map') return inside(value);
  return isObject(value) ? Object.fromEntries(Object.entries(value).map(([key, each]) => [key, inside(each)])) : value;
}
