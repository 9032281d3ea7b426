import fc from 'fast-check';
import { expect, test } from 'vitest';
import { notBeforeSlackMs, validityOf } from '../../src/identity/certificate-profile.ts';
import { isDue, renewAtMs } from '../../src/identity/renewal-schedule.ts';
import { dayMs, hourMs, startMs } from './fake-ports.ts';

const validity = validityOf(dayMs, startMs, Infinity);

test('every certificate is renewed between four and five tenths of its life, at the same moment for the same name', () => {
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 60_000, max: 400 * dayMs }), (name, lifetimeMs) => {
      const its = validityOf(lifetimeMs, startMs, Infinity);
      const share = (renewAtMs(name, its) - its.notBeforeMs) / (its.notAfterMs - its.notBeforeMs);
      expect(share).toBeGreaterThanOrEqual(0.399);
      expect(share).toBeLessThanOrEqual(0.5);
      expect(renewAtMs(name, its)).toBe(renewAtMs(name, its));
    }),
  );
});

test('a mesh issued in one second is not renewed in one second', () => {
  const moments = Array.from({ length: 100 }, (_, index) => renewAtMs(`leaves/shop/${index}`, validity));
  expect(new Set(moments).size).toBe(100);
});

test('a fresh certificate is not due, and is due from its renewal on', () => {
  const atMs = renewAtMs('a', validity);
  expect(isDue('a', validity, dayMs, startMs)).toBe(false);
  expect(isDue('a', validity, dayMs, atMs - 1)).toBe(false);
  expect(isDue('a', validity, dayMs, atMs)).toBe(true);
});

test('a certificate from the future, and one that lives longer than the mesh now allows, are due', () => {
  expect(isDue('a', validity, dayMs, startMs - notBeforeSlackMs - 1_000)).toBe(true);
  expect(isDue('a', validity, hourMs, startMs)).toBe(true);
});

test('nothing outlives its issuer', () => {
  const issuerNotAfterMs = startMs + hourMs;
  expect(validityOf(dayMs, startMs, issuerNotAfterMs).notAfterMs).toBe(issuerNotAfterMs);
});
