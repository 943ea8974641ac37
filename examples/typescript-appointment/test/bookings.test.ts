/** What bookings promise: a slot is booked once, a token books once, the same form twice is one booking. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { type Booking, type Bookings, Memory, type Outcome } from '../src/bookings.ts';

const DAY = '2031-05-05';
const SLOT_TAKEN: Outcome = { kind: 'slot taken' };
const { signal } = new AbortController();

function booking(name: string, time: string): Booking {
  return {
    department: 'home',
    location: 'kings_cross',
    date: DAY,
    time,
    name,
    email: 'somebody@example.com',
    phone: '1234567',
    moreDetails: '',
  };
}

function booked(outcome: Outcome): string {
  assert.equal(outcome.kind, 'booked');
  return 'reference' in outcome ? outcome.reference : '';
}

async function takenTimes(bookings: Bookings, since: string): Promise<string[]> {
  const taken = await bookings.taken('home', 'kings_cross', since, signal);
  return taken.map(({ date, time }) => `${date} ${time}`).sort();
}

test('in memory', async () => {
  const bookings: Bookings = new Memory();
  const book = (flowToken: string | undefined, wanted: Booking) => bookings.book(flowToken, wanted, signal);
  const ada = booking('Ada', '10:30');
  await bookings.check(signal);
  assert.deepEqual(await takenTimes(bookings, DAY), []);
  assert.equal(await bookings.find('token', signal), undefined);

  const reference = booked(await book('token', ada));
  assert.equal(reference.length, 8);
  assert.equal(booked(await book('token', ada)), reference);
  assert.equal(await bookings.find('token', signal), reference);

  // The token again, for anything else.
  const tokenUsed: Outcome = { kind: 'token used', reference };
  assert.deepEqual(await book('token', { ...ada, email: 'other@example.com' }), tokenUsed);
  assert.deepEqual(await book('token', booking('Ada', '12:00')), tokenUsed);

  // The slot again, for anybody else, even in the same words.
  assert.deepEqual(await book('other', ada), SLOT_TAKEN);
  assert.deepEqual(await book(undefined, ada), SLOT_TAKEN);
  assert.equal(await bookings.find('other', signal), undefined);

  // Without a token two different bookings are two, and equal ones are one.
  const bob = booking('Bob', '14:00');
  const ofBob = booked(await book(undefined, bob));
  assert.equal(booked(await book(undefined, bob)), ofBob);
  assert.notEqual(booked(await book(undefined, booking('Eve', '15:30'))), ofBob);
  assert.deepEqual(await book(undefined, booking('Eve', '14:00')), SLOT_TAKEN);

  // Another place has the same hours, and may be booked at them.
  booked(await book('third', { ...ada, location: 'covent_garden' }));

  assert.deepEqual(await takenTimes(bookings, DAY), [`${DAY} 10:30`, `${DAY} 14:00`, `${DAY} 15:30`]);
  assert.deepEqual(await takenTimes(bookings, '2031-05-06'), []);
});
