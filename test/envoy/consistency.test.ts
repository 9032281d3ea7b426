/** A configuration is whole: nothing refers to what is not there, and nothing stands in another's place. */
import { expect, test } from 'vitest';
import { randomTestMs } from '../fixtures/random-mesh.ts';
import { everyConfiguration } from './every-configuration.ts';
import { at, expectDistinct, fieldsNamed, isObject } from './json.ts';

const options = { timeout: randomTestMs };

test('every route configuration that a listener names exists, and every one that exists is named', options, () => {
  everyConfiguration(({ listener, route }) => {
    const named = [...listener.values()].flatMap((value) => fieldsNamed(value, 'route_config_name'));
    expect([...route.keys()]).toEqual(expect.arrayContaining(named));
    // A headless service has routes that nobody asks for yet: it has no address to listen on.
    const unasked = [...route.keys()].filter((name) => !named.includes(name));
    expect(unasked.filter((name) => !name.startsWith('out/'))).toEqual([]);
  });
});

test('every cluster that a route, a TCP proxy or an authorization filter names exists', options, () => {
  everyConfiguration(({ listener, route, cluster }) => {
    const values = [...listener.values(), ...route.values()];
    const named = values.flatMap((value) => [...fieldsNamed(value, 'cluster'), ...fieldsNamed(value, 'cluster_name')]);
    // The chain that never matches needs a filter, and its filter a name; the admin interface and the way of the records come from the bootstrap.
    expect([...cluster.keys(), 'never', 'coffre-admin', 'coffre-evidence']).toEqual(expect.arrayContaining(named));
  });
});

test('every secret that a TLS context names exists, and every one that exists is named', options, () => {
  everyConfiguration(({ listener, cluster, secret }) => {
    const contexts = [...listener.values(), ...cluster.values()].flatMap((value) => [
      ...fieldsNamed(value, 'tls_certificate_sds_secret_configs').flat(),
      ...fieldsNamed(value, 'validation_context_sds_secret_config'),
    ]);
    const named = new Set(contexts.flatMap((context) => at(context, 'name')));
    const unused = [...secret.keys()].filter((name) => !named.has(name) && name !== 'identity');
    expect([...secret.keys()]).toEqual(expect.arrayContaining([...named]));
    expect(unused).toEqual([]);
  });
});

test('every cluster that waits for endpoints has an assignment, and every assignment a cluster', options, () => {
  everyConfiguration(({ cluster, endpoints }) => {
    const waiting = [...cluster].filter(([, value]) => at(value, 'type')[0] === 'EDS').map(([name]) => name);
    // The bootstrap has the cluster of the records.
    expect([...endpoints.keys()].sort()).toEqual([...waiting, 'coffre-evidence'].sort());
    for (const [name, value] of endpoints) expect(at(value, 'cluster_name')).toEqual([name]);
  });
});

test('a resource says its own name', options, () => {
  everyConfiguration(({ listener, route, cluster, secret, runtime }) => {
    for (const [name, value] of [listener, route, cluster, secret, runtime].flatMap((ofType) => [...ofType])) {
      expect(at(value, 'name')).toEqual([name]);
    }
  });
});

test('no two listeners share an address, and no two chains a match', options, () => {
  everyConfiguration(({ listener }) => {
    expectDistinct([...listener.values()].flatMap((value) => at(value, 'address')));
    for (const value of listener.values()) {
      expectDistinct(at(value, 'filter_chains', 'filter_chain_match'));
      expectDistinct(at(value, 'filter_chains', 'name'));
    }
  });
});

test('the runtime layer is there and empty', options, () => {
  everyConfiguration(({ runtime }) => {
    expect([...runtime]).toEqual([['drill', expect.objectContaining({ name: 'drill' })]]);
    for (const value of runtime.values()) expect(isObject(value) ? (value['layer'] ?? {}) : value).toEqual({});
  });
});
