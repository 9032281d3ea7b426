/** The book of quarantines: what begins, what is heard twice, what is over, and how much it holds. */

import { expect, test } from 'vitest';
import {
  alarmAgeMaxMs,
  alarmsMax,
  type BookStep,
  begin,
  emptyBook,
  hear,
  pass,
  type QuarantineBook,
  quarantinesMax,
  release,
} from '../../src/controller/quarantine-book.ts';
import { contentHash } from '../../src/model/canonical-json.ts';
import { quarantined } from '../fixtures/random-quarantines.ts';

const nowMs = 1_000_000_000;
const endMs = nowMs + 60_000;
const web = quarantined('atelier', 'web', endMs);

function bookOf(step: BookStep): QuarantineBook {
  if (step.kind !== 'done') throw new Error(step.kind);
  return step.book;
}

test('a person who begins one anew changes it, and no other', () => {
  const api = quarantined('atelier', 'api', endMs);
  const book = bookOf(begin(bookOf(begin(emptyBook, api)), web));
  const longer = { ...web, untilMs: endMs + 1, reason: 'worse' };
  expect(bookOf(begin(book, longer)).standing).toEqual([api, longer]);
});

test('no more stand than the book holds, and one of those can still be changed', () => {
  let book = emptyBook;
  for (let index = 0; index < quarantinesMax; index += 1) {
    book = bookOf(begin(book, quarantined('atelier', `account-${index}`, endMs)));
  }
  expect(begin(book, web)).toMatchObject({ kind: 'refused', code: 'full' });
  expect(begin(book, quarantined('atelier', 'account-7', endMs + 1)).kind).toBe('done');
});

test('a full memory of alarms takes none, rather than forget one that could be said again', () => {
  const heard = Array.from({ length: alarmsMax }, (_, index) => ({ id: `edr ${index}`, forgetMs: nowMs }));
  const book = { standing: [], heard };
  expect(hear(book, { id: 'edr new', atMs: nowMs }, web, nowMs)).toMatchObject({ kind: 'refused', code: 'full' });
  const later = pass(book, nowMs + 1).book;
  expect(hear(later, { id: 'edr new', atMs: nowMs }, web, nowMs + 1).kind).toBe('done');
});

test('an alarm is remembered for as long as it could be taken, from the past or from the future', () => {
  for (const atMs of [nowMs - alarmAgeMaxMs, nowMs, nowMs + alarmAgeMaxMs]) {
    const alarm = { id: 'edr 1', atMs };
    const book = release(bookOf(hear(emptyBook, alarm, web, nowMs)), web.spiffeId) ?? emptyBook;
    for (let laterMs = nowMs; laterMs <= nowMs + 3 * alarmAgeMaxMs; laterMs += alarmAgeMaxMs / 4) {
      expect(hear(pass(book, laterMs).book, alarm, web, laterMs).kind).not.toBe('done');
    }
  }
});

test('an alarm about whom is cut off already is remembered, and prolongs nothing', () => {
  const book = bookOf(begin(emptyBook, web));
  const step = hear(book, { id: 'edr 1', atMs: nowMs }, { ...web, untilMs: endMs + 1 }, nowMs);
  expect(step).toMatchObject({
    kind: 'nothing-new',
    quarantine: web,
    book: { standing: [web], heard: [{ id: contentHash('edr 1') }] },
  });
});

test('at its end one is over, and a book in which nothing is over is the very same', () => {
  const book = bookOf(begin(emptyBook, web));
  expect(pass(book, endMs - 1).book).toBe(book);
  expect(pass(book, endMs)).toEqual({ book: emptyBook, ended: [web] });
});
