import { expect, test } from 'vitest';
import { checkCel } from '../../../src/model/cel/check-cel.ts';
import { namedHeaders } from '../../../src/model/cel/named-headers.ts';

test.each([
  ['request.headers["x-team"] == ["red"]', ['x-team']],
  ['"x-team" in request.headers', ['x-team']],
  ['"red" in request.headers["x-team"]', ['x-team']],
  ['"x-a" in request.headers && "red" in request.headers["x-b"]', ['x-a', 'x-b']],
  ['request.headers["x-team"].exists(each, each == "red")', ['x-team']],
  ['size(request.headers.te) > 0', ['te']],
  ['"a" in [request.headers["x-a"][0], "b"] ? "x-b" in request.headers : true', ['x-a', 'x-b']],
  ["request.headers['x-team'] == []", ['x-team']],
  ['"red" in ["x-team"]', []],
  ['request.path == "x-team"', []],
  ['{"k": request.headers["x-team"]} == {"k": ["red"]}', ['x-team']],
])('%s names %j', (condition, names) => {
  expect(checkCel(condition)).toEqual({ kind: 'ok' });
  expect([...namedHeaders(condition)].sort()).toEqual([...names].sort());
});
