/** The edge log: on every way to a service, silent unless a drill says so, and on no other way. */
import { expect, test } from 'vitest';
import { isDrillKey } from '../../src/envoy/drill-keys.ts';
import { randomTestMs } from '../fixtures/random-mesh.ts';
import { everyConfiguration } from './every-configuration.ts';
import { at, objectsIn } from './json.ts';

const options = { timeout: randomTestMs };
const edgeLoggers = ['envoy.access_loggers.http_grpc', 'envoy.access_loggers.tcp_grpc'];

test('every way to a service has one edge log, at 0 % and under the key of that service', options, () => {
  everyConfiguration(({ listener }) => {
    for (const [name, value] of listener) {
      if (!name.startsWith('out/') || name.startsWith('out/external/')) continue;
      const service = name.split('/').slice(1, -1).join('/');
      const loggers = objectsIn(value).filter((object) => edgeLoggers.includes(String(object['name'])));
      expect(loggers, name).toHaveLength(1);
      expect(at(loggers[0], 'filter', 'runtime_filter')).toEqual([
        {
          runtime_key: `drill.log.${service}`,
          percent_sampled: {},
          use_independent_randomness: true,
        },
      ]);
      expect(isDrillKey(`drill.log.${service}`), service).toBe(true);
    }
  });
});

test('neither inbound traffic nor what leaves the mesh has one', options, () => {
  everyConfiguration(({ listener }) => {
    for (const [name, value] of listener) {
      if (name.startsWith('out/') && !name.startsWith('out/external/')) continue;
      const loggers = objectsIn(value).filter((object) => edgeLoggers.includes(String(object['name'])));
      expect(loggers, name).toEqual([]);
    }
  });
});

test('the log of HTTP is the same for every service, since each that differs has a stream of its own', options, () => {
  everyConfiguration(({ listener }) => {
    const configs = [...listener.values()]
      .flatMap((value) => objectsIn(value))
      .filter((object) => object['name'] === 'envoy.access_loggers.http_grpc')
      .map((object) => JSON.stringify(object['typed_config']));
    expect(new Set(configs).size).toBeLessThanOrEqual(1);
  });
});
