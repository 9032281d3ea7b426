/** Who waits for a handshake: crowds one after another, and nobody holds a place by saying nothing. */
import { expect, test } from 'vitest';
import { HandshakeGate } from '../../src/grpc/handshake-gate.ts';
import { TestClock } from '../xds/test-clock.ts';

const limits = {
  atOnceMax: 2,
  waitingMax: 3,
  silentMax: 4,
  turnMs: 100,
  silentTurns: 20,
  waitingTurns: 50,
  patienceTurns: 4,
};

interface Client {
  readonly name: string;
}

function door() {
  const clock = new TestClock();
  const begun: string[] = [];
  const cut: string[] = [];
  const gate = new HandshakeGate<Client>(
    {
      begin: ({ name }) => begun.push(name),
      cut: ({ name }) => cut.push(name),
      setTimer: (ms, then) => clock.setTimer(ms, then),
    },
    limits,
  );
  return {
    ...{ begun, cut, clock, gate },
    turns: (count: number) => clock.advance(count * limits.turnMs),
    come(...names: readonly string[]): readonly Client[] {
      const clients = names.map((name) => ({ name }));
      for (const client of clients) gate.arrived(client);
      return clients;
    },
    speak(clients: readonly Client[]) {
      for (const client of clients) gate.spoke(client);
    },
  };
}

test('no more begin at once than may, and the next begins when one is done, first come first', () => {
  const { begun, come, gate, speak } = door();
  const [a, b, c, d] = come('a', 'b', 'c', 'd');
  if (!a || !b || !c || !d) throw new Error('four came');
  speak([a, b, d, c]);
  expect(begun).toEqual(['a', 'b']);
  gate.left(b);
  expect(begun).toEqual(['a', 'b', 'd']);
  gate.left(d);
  gate.left(a);
  expect(begun).toEqual(['a', 'b', 'd', 'c']);
});

test('who says nothing holds no place, however many they are', () => {
  const { begun, come, cut, speak } = door();
  come('s1', 's2', 's3', 's4', 's5', 's6');
  speak(come('client'));
  expect(begun).toEqual(['client']);
  expect(cut).toEqual(['s1', 's2', 's3']);
});

test('who says nothing in its time is cut', () => {
  const { come, cut, turns } = door();
  come('silent');
  turns(limits.silentTurns - 1);
  expect(cut).toEqual([]);
  turns(1);
  expect(cut).toEqual(['silent']);
});

test('a handshake that goes no further loses its place to who waits, the oldest first, and keeps it while nobody does', () => {
  const { begun, come, cut, speak, turns } = door();
  speak(come('half1', 'half2'));
  turns(2 * limits.patienceTurns);
  expect(cut).toEqual([]);
  speak(come('client'));
  expect(begun).not.toContain('client');
  turns(1);
  expect(cut).toEqual(['half1']);
  expect(begun).toContain('client');
});

test('a handshake that has just begun is not cut for who waits', () => {
  const { come, cut, speak, turns } = door();
  speak(come('a', 'b', 'waiting'));
  turns(limits.patienceTurns - 1);
  expect(cut).toEqual([]);
});

test('beyond the line the newest is cut, and who stands in it too long', () => {
  const { come, cut, gate, speak, turns } = door();
  speak(come('a', 'b'));
  speak(come('c', 'd', 'e'));
  speak(come('late'));
  expect(cut).toEqual(['late']);
  expect(gate.counts()).toEqual({ silent: 0, waiting: 3, underway: 2 });
  turns(limits.waitingTurns);
  expect(gate.counts()).toEqual({ silent: 0, waiting: 0, underway: expect.any(Number) });
});

test('a process that was busy for long cuts nobody in the turn it comes back', () => {
  const { clock, come, cut, speak } = door();
  const late: (() => void)[] = [];
  const { setTimer } = clock;
  // The timer fires once, long after its time, as in a process that did something else.
  clock.setTimer = (_ms, then) => {
    late.push(then);
    return () => undefined;
  };
  speak(come('a', 'b', 'waiting'));
  clock.advance(60_000);
  late[0]?.();
  expect(cut).toEqual([]);
  clock.setTimer = setTimer;
});

test('where nobody is left no timer runs, and after a close nobody is', () => {
  const { clock, come, cut, gate, speak, turns } = door();
  const clients = come('a', 'b', 'c');
  speak(clients);
  expect(clock.armed).toBe(1);
  for (const client of clients) gate.left(client);
  turns(1);
  expect(clock.armed).toBe(0);
  speak(come('d', 'e', 'f'));
  come('g');
  gate.close();
  expect(clock.armed).toBe(0);
  expect(cut.toSorted()).toEqual(['d', 'e', 'f', 'g']);
  expect(gate.counts()).toEqual({ silent: 0, waiting: 0, underway: 0 });
});
