/** Names for what proxies log: looked up in the mesh as it is now, and none where it might be the wrong one. */
import { expect, test } from 'vitest';
import { meshDirectory } from '../../src/compose/mesh-directory.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { documents, meshFrom } from '../fixtures/mesh-from.ts';
import { pod, service, twoTenants } from '../fixtures/two-tenants.ts';

test('a service is known by its address and a port that it has', () => {
  const directory = meshDirectory(() => meshFrom(twoTenants));
  expect(directory.serviceAt('10.96.1.2', 80)).toBe('atelier/api');
  expect(directory.serviceAt('10.96.1.2', 8080)).toBeUndefined();
  expect(directory.serviceAt('10.1.0.2', 80)).toBeUndefined();
});

test('an address that two tenants claim names neither, from the moment that it does', () => {
  let mesh: Snapshot | undefined;
  const directory = meshDirectory(() => mesh);
  const found = () => directory.serviceAt('10.96.1.2', 80);
  expect(found()).toBeUndefined();
  mesh = meshFrom(twoTenants);
  expect(found()).toBe('atelier/api');
  const twin = [pod('notaire', 'twin', '10.2.0.9'), service('notaire', 'twin', '10.96.1.2', 'name: http, port: 80')];
  mesh = meshFrom(documents(twoTenants, ...twin));
  expect(found()).toBeUndefined();
});
