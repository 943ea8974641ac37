/** The checks of what was typed, and the dates that are offered. */

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import { dayChoice, findPlace, offeredDays } from '../src/catalogue.ts';
import { isEmail, isPhone } from '../src/form.ts';

suite('an email address', () => {
  for (const text of ['ada@example.com', 'a.b+c@mail.example.co.uk', 'zoë@exämple.de']) {
    test(`could be reached: ${text}`, () => {
      assert.ok(isEmail(text));
    });
  }
  const bad = ['', 'ada', 'ada@', '@example.com', 'ada@example', 'a b@example.com', 'a@b@example.com', 'a@b..c'];
  for (const text of [...bad, 'a\0@b.c', 'ada@example.com\u0085', `${'a'.repeat(250)}@example.com`]) {
    test(`could not: ${JSON.stringify(text)}`, () => {
      assert.ok(!isEmail(text));
    });
  }
});

suite('a phone number', () => {
  for (const text of ['02079460000', '+44 20 7946 0000', '(020) 7946-0000', '1234567', '+123456789012345']) {
    test(`is one: ${text}`, () => {
      assert.ok(isPhone(text));
    });
  }
  const bad = ['', '123456', '1234567890123456', '+44 20 7946 000O', '44+2079460000', 'call me', '١٢٣٤٥٦٧'];
  for (const text of bad) {
    test(`is none: ${JSON.stringify(text)}`, () => {
      assert.ok(!isPhone(text));
    });
  }
});

suite('the catalogue', () => {
  // Friday, the days of a weekend, Monday.
  for (const [today, first, last] of [
    ['2025-01-31', '2025-02-03', '2025-02-14'],
    ['2025-02-01', '2025-02-03', '2025-02-14'],
    ['2025-02-02', '2025-02-03', '2025-02-14'],
    ['2025-02-03', '2025-02-04', '2025-02-17'],
  ] as const) {
    test(`offers the ten working days after ${today}`, () => {
      const days = offeredDays(today);
      assert.deepEqual([days[0], days.at(-1), new Set(days).size], [first, last, 10]);
    });
  }

  test('gives a day an id for the code and a title for people', () => {
    assert.deepEqual(dayChoice('2025-02-03'), { id: '2025-02-03', title: 'Mon 3 Feb 2025' });
    assert.equal(dayChoice('2025-09-12').title, 'Fri 12 Sep 2025');
  });

  test('has a department at its own locations only', () => {
    assert.equal(findPlace('home', 'kings_cross')?.location.title, "King's Cross");
    assert.equal(findPlace('tailoring', 'kings_cross'), undefined);
    assert.equal(findPlace('kings_cross', 'home'), undefined);
  });
});
