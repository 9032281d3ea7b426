/** Who gets in, who waits, and who is turned away. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AdmissionGate, type Arrival } from '../../src/xds/admission-gate.ts';

class Client implements Arrival {
  admissions = 0;
  admit(): void {
    this.admissions += 1;
  }
}

test('clients enter while there is room, then wait, then are turned away', () => {
  const gate = new AdmissionGate(2, 1);
  const enter = () => gate.enter(new Client());
  expect([enter(), enter(), enter(), enter()]).toEqual(['inside', 'inside', 'waiting', 'full']);
  expect(gate.counts()).toEqual({ inside: 2, waiting: 1 });
});

test('a place that is given back goes to who came first, and once', () => {
  const gate = new AdmissionGate(1, 2);
  const [inside, first, second] = [new Client(), new Client(), new Client()];
  for (const client of [inside, first, second]) gate.enter(client);
  gate.leave(inside);
  gate.leave(inside);
  expect([first.admissions, second.admissions]).toEqual([1, 0]);
});

test('who leaves the line is not admitted, and his place in it is free', () => {
  const gate = new AdmissionGate(1, 1);
  const [inside, gone, next] = [new Client(), new Client(), new Client()];
  gate.enter(inside);
  gate.enter(gone);
  gate.leave(gone);
  expect(gate.enter(next)).toBe('waiting');
  gate.leave(inside);
  expect([gone.admissions, next.admissions]).toEqual([0, 1]);
});

test('nobody waits while there is room, and there are never more inside than may be', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 20 }), { maxLength: 200 }), (moves) => {
      const gate = new AdmissionGate(3, 4);
      const clients = Array.from({ length: 21 }, () => new Client());
      const known = new Set<Client>();
      for (const index of moves) {
        const client = clients[index] ?? new Client();
        if (known.delete(client)) gate.leave(client);
        else if (gate.enter(client) !== 'full') known.add(client);
        const { inside, waiting } = gate.counts();
        expect(inside).toBe(Math.min(known.size, 3));
        expect(waiting).toBe(known.size - inside);
      }
    }),
  );
});
