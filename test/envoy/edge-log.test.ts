/** The edge log: on every way to a service, silent unless a drill says so, and on no other way. */
import type { JsonValue } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { isDrillKey } from '../../src/envoy/drill-keys.ts';
import { randomTestMs } from '../fixtures/random-mesh.ts';
import { everyConfiguration } from './every-configuration.ts';
import { at, fieldsNamed, objectsIn } from './json.ts';

const options = { timeout: randomTestMs };

/** Loggers with a runtime key of a drill. */
function edgeLoggers(listener: JsonValue) {
  return loggers(listener).filter((logger) =>
    fieldsNamed(logger, 'runtime_key').some((key) => String(key).startsWith('drill.')),
  );
}

function loggers(listener: JsonValue) {
  return objectsIn(listener).filter((object) => String(object['name']).startsWith('envoy.access_loggers.'));
}

test('every way to a service has one edge log, at 0 % and under the key of that service', options, () => {
  everyConfiguration(({ listener }) => {
    for (const [name, value] of listener) {
      if (!name.startsWith('out/') || name.startsWith('out/external/')) continue;
      const service = name.split('/').slice(1, -1).join('/');
      const found = edgeLoggers(value);
      expect(found, name).toHaveLength(1);
      expect(fieldsNamed(found, 'runtime_filter')).toEqual([
        { runtime_key: `drill.log.${service}`, percent_sampled: {}, use_independent_randomness: true },
      ]);
      expect(isDrillKey(`drill.log.${service}`), service).toBe(true);
    }
  });
});

test('neither inbound traffic nor what leaves the mesh has one', options, () => {
  everyConfiguration(({ listener }) => {
    for (const [name, value] of listener) {
      if (name.startsWith('out/') && !name.startsWith('out/external/')) continue;
      expect(edgeLoggers(value), name).toEqual([]);
    }
  });
});

test(
  'a log of one name is the same to the byte wherever it stands, since each that differs has a stream of its own',
  options,
  () => {
    everyConfiguration(({ listener }) => {
      const configs = [...listener.values()]
        .flatMap(loggers)
        .flatMap((logger) => fieldsNamed(logger, 'common_config'))
        .map((config) => [String(at(config, 'log_name')), JSON.stringify(config)] as const);
      expect(new Set(configs.map(([, text]) => text)).size).toBe(new Set(configs.map(([name]) => name)).size);
    });
  },
);

test('a log that is full drops what comes, as none has a buffer without a bound', options, () => {
  everyConfiguration(({ listener }) => {
    const sizes = [...listener.values()].flatMap((value) => fieldsNamed(value, 'buffer_size_bytes'));
    expect(sizes.filter((size) => !(Number(size) > 0 && Number(size) <= 16_384))).toEqual([]);
    expect(sizes.length).toBeGreaterThan(0);
  });
});
