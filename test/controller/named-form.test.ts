/** What was encoded once and filled in for a name is, to the byte, what encoding it for that name gives. */
import { create } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { VirtualHostSchema } from '#gen/envoy/config/route/v3/route_components_pb.js';
import { RouteConfigurationSchema } from '#gen/envoy/config/route/v3/route_pb.js';
import { encoded } from '../../src/controller/encode.ts';
import { formNameOf, namedResources } from '../../src/controller/named-form.ts';
import { resource } from '../../src/envoy/resource.ts';

/** A message that says the name at several depths, beside what looks like a name. */
function routesOf(others: readonly string[], isCalledSo = false) {
  return (name: string) => {
    const hosts = [...others, name, ...others].map((domain) =>
      create(VirtualHostSchema, { name: domain, domains: ['a', domain, 'b'] }),
    );
    const message = create(RouteConfigurationSchema, { name, virtualHosts: hosts });
    return resource(RouteConfigurationSchema, isCalledSo ? name : 'in/8080', message);
  };
}

const anyName = fc.oneof(
  fc.string({ minLength: 1, maxLength: 200 }),
  fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 6 }),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
);

test('for every name, the bytes and the version are those of its own message', () => {
  fc.assert(
    fc.property(
      fc.array(anyName, { maxLength: 3 }),
      fc.array(anyName, { minLength: 1 }),
      fc.boolean(),
      (others, names, isCalledSo) => {
        const build = routesOf(others, isCalledSo);
        const make = namedResources(build, () => undefined);
        for (const name of names) {
          const { form, ...made } = make(name);
          expect(made).toEqual(encoded(build(name)));
        }
      },
    ),
  );
});

test('a message is encoded once for all names of one length, and what is made of it has one form', () => {
  let count = 0;
  const make = namedResources(routesOf(['a', 'web']), () => {
    count += 1;
  });
  const [web, api, longer] = [make('web'), make('api'), make('mail')];
  expect(count).toBe(2);
  expect(formNameOf(api)).toBe(formNameOf(web));
  expect(formNameOf(longer)).not.toBe(formNameOf(web));
  expect(formNameOf(encoded(routesOf(['a', 'web'])('web')))).toBeUndefined();
});

test('two contents have two forms', () => {
  const forms = [['x'], ['y'], ['x', 'y'], []].map((others) =>
    formNameOf(namedResources(routesOf(others), () => {})('web')),
  );
  expect(new Set(forms).size).toBe(forms.length);
});

test('a message that changes its name is refused, rather than filled in wrongly', () => {
  for (const change of [
    (name: string) => `${name}${name.length > 2 ? name[0] : ''}x`,
    (name: string) => name.toUpperCase(),
  ]) {
    const make = namedResources(
      (name) => routesOf([])(change(name)),
      () => undefined,
    );
    expect(() => make('web')).toThrow('changes the name that it is given');
  }
});
