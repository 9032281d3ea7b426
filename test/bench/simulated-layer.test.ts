/** What a simulated proxy holds of a drill is what an Envoy would. */
import { describe, expect, test } from 'vitest';
import { runtimePage, SimulatedLayer } from '../../bench/simulated-layer.ts';
import { runtimeLayers } from '../../src/inspect/runtime-layer.ts';

const fault = new Map([['circuit_breakers.vault/api/80.default.max_requests', 0]]);
const ttlMs = 10_000;

describe('a simulated layer', () => {
  test('that is not renewed is gone after its TTL', () => {
    const layer = new SimulatedLayer();
    layer.take({ settings: fault, ttlMs }, 0);
    expect(layer.settings(ttlMs - 1)).toEqual(fault);
    expect(layer.settings(ttlMs)).toEqual(new Map());
  });

  test('lives on with each heartbeat, and one that comes too late brings nothing back', () => {
    const layer = new SimulatedLayer();
    layer.take({ settings: fault, ttlMs }, 0);
    layer.take({ ttlMs }, 3_000);
    expect(layer.settings(ttlMs + 1)).toEqual(fault);
    layer.take({ ttlMs }, 3_000 + ttlMs);
    expect(layer.settings(3_000 + ttlMs)).toEqual(new Map());
  });

  test('without a TTL stays until another takes its place', () => {
    const layer = new SimulatedLayer();
    layer.take({ settings: fault }, 0);
    expect(layer.settings(1e9)).toEqual(fault);
    layer.take({ settings: new Map() }, 1e9);
    expect(layer.settings(1e9)).toEqual(new Map());
  });
});

test('its page is read as that of an Envoy', () => {
  expect(runtimeLayers(runtimePage('drill', fault))).toEqual(new Map([['drill', fault]]));
  expect(runtimeLayers(runtimePage('drill', new Map()))).toEqual(new Map([['drill', new Map()]]));
});
