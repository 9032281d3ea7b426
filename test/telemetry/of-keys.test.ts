/** What is told of the keys of identity providers. */
import { expect, test } from 'vitest';
import { telemetryOfKeys } from '../../src/telemetry/of-keys.ts';
import { measuring } from './measuring.ts';

test('fetches are counted by what they brought, and issuers by what their tokens are judged by', async () => {
  const { meters, series } = measuring();
  const told = telemetryOfKeys(meters, () => ({ states: { fresh: 3, stale: 1, none: 2 }, oldestMs: 1_500 }));
  told({ kind: 'fetched', changed: true });
  told({ kind: 'fetched', changed: false });
  told({ kind: 'fetched', changed: false });
  told({ kind: 'failed' });
  expect(Object.fromEntries(await series())).toMatchObject({
    'coffre_oidc_key_fetches_total{outcome="changed"}': 1,
    'coffre_oidc_key_fetches_total{outcome="unchanged"}': 2,
    'coffre_oidc_key_fetches_total{outcome="failed"}': 1,
    'coffre_oidc_issuers{keys="fresh"}': 3,
    'coffre_oidc_issuers{keys="stale"}': 1,
    'coffre_oidc_issuers{keys="none"}': 2,
    coffre_oidc_oldest_keys_timestamp_seconds: 1.5,
  });
});

test('before the first fetch every outcome is 0, and there is no oldest', async () => {
  const { meters, series } = measuring();
  telemetryOfKeys(meters, () => ({ states: { fresh: 0, stale: 0, none: 0 }, oldestMs: undefined }));
  const seen = await series();
  expect(seen.get('coffre_oidc_key_fetches_total{outcome="failed"}')).toBe(0);
  expect(seen.get('coffre_oidc_oldest_keys_timestamp_seconds')).toBe(0);
});
