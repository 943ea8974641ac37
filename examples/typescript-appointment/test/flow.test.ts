/** What a user sees, in conversations with the logic in this process. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Memory } from '../src/bookings.ts';
import { LogicError } from '../src/errors.ts';
import { Appointments } from '../src/flow.ts';
import { Action } from '../src/gen/flow/v1/flow_service.ts';
import { type Form, request, users, withDetails } from './conversation.ts';

test('a time that was taken is offered no more and refused kindly', async () => {
  const user = users();
  const [ada, bob] = [user('ada'), user('bob')];
  const chosen = await ada.choose();
  assert.deepEqual(await bob.choose(), chosen);
  const booked = await ada.submit('SUMMARY', withDetails(chosen, 'Ada'));
  assert.deepEqual(booked.params, { ...chosen, reference: booked.reference });
  assert.match(booked.reference, /^[2-9A-HJ-NP-Z]{8}$/);

  const refused = await bob.submit('SUMMARY', withDetails(chosen, 'Bob'));
  refused.asksAgain('APPOINTMENT', 'taken');
  assert.notDeepEqual(await bob.choose(), chosen);
});

test('the same form again is the same booking', async () => {
  const ada = users()('ada');
  const form = withDetails(await ada.choose(), 'Ada');
  const first = await ada.submit('SUMMARY', form);
  // What goes missing or comes along on the way does not count.
  const forms = [form, { ...form, name: ' Ada ' }, { ...form, unknown: 1 }, { ...form, more_details: null }];
  for (const again of forms) {
    assert.deepEqual((await ada.submit('SUMMARY', again)).params, first.params);
  }
});

test('a finished token is told its reference whatever it does', async () => {
  const user = users();
  const ada = user('ada');
  const form = withDetails(await ada.choose(), 'Ada');
  const { reference } = await ada.submit('SUMMARY', form);
  const answers = [
    await ada.init(),
    await ada.back('DETAILS'),
    await ada.submit('APPOINTMENT', { trigger: 'department_selected', department: 'home' }),
    await ada.submit('DETAILS', form),
    await ada.submit('SUMMARY', { ...form, name: 'Somebody else' }),
  ];
  for (const answer of answers) {
    assert.equal(answer.outcome, 'invalidFlowToken');
    assert.equal(
      answer.errorMessage,
      `Your appointment is booked already, under ${reference}. To change it, write to us.`,
    );
  }
  // Another message is another conversation.
  assert.equal((await user('bob').init()).screen, 'APPOINTMENT');
});

for (const flowToken of ['unused', '']) {
  test(`without a token of one's own every conversation can book: \`${flowToken}\``, async () => {
    const user = users();
    const references = new Set<string>();
    for (const name of ['Ada', 'Bob']) {
      const somebody = user(flowToken);
      const form = withDetails(await somebody.choose(), name);
      const booked = await somebody.submit('SUMMARY', form);
      assert.deepEqual((await somebody.submit('SUMMARY', form)).params, booked.params);
      references.add(booked.reference);
      assert.equal((await somebody.init()).screen, 'APPOINTMENT');
    }
    assert.equal(references.size, 2);
  });
}

test('details are checked on both screens', async () => {
  const ada = users()('ada');
  const form = withDetails(await ada.choose(), 'Ada');
  const mistakes: [field: string, value: string, text: string][] = [
    ['name', ' ', 'name'],
    ['name', 'a'.repeat(81), 'name'],
    ['email', 'ada@example', 'email'],
    ['phone', 'call me', 'phone'],
    ['more_details', 'a'.repeat(501), '500'],
  ];
  for (const screen of ['DETAILS', 'SUMMARY']) {
    for (const [field, value, text] of mistakes) {
      const answer = await ada.submit(screen, { ...form, [field]: value });
      answer.asksAgain('DETAILS', text);
      assert.equal(answer.data['time'], form['time']);
    }
  }
  // A letter counts once, also where UTF-16 needs two units for it.
  const long = { ...form, name: '𝒜'.repeat(80), more_details: '𝒜'.repeat(500) };
  assert.equal((await ada.submit('DETAILS', long)).screen, 'SUMMARY');
});

test('nothing is booked before the terms are accepted', async () => {
  const ada = users()('ada');
  const form = withDetails(await ada.choose(), 'Ada');
  for (const refused of [
    { ...form, terms: false },
    { ...form, terms: undefined },
  ]) {
    (await ada.submit('SUMMARY', refused)).asksAgain('SUMMARY', 'terms');
  }
  const summary = await ada.submit('DETAILS', form);
  assert.equal(summary.screen, 'SUMMARY');
  assert.match(
    String(summary.data['appointment']),
    /^Home & Garden at King's Cross\n\w{3} \d{1,2} \w{3} \d{4} at 09:00$/,
  );
  assert.equal(summary.data['details'], 'Name: Ada\nEmail: ada@example.com\nPhone: +44 20 7946 0000');
});

test('what is not offered is not booked', async () => {
  const ada = users()('ada');
  const form = withDetails(await ada.choose(), 'Ada');
  const mistakes: Form[] = [
    { department: 'garage' },
    { location: 'oxford_street' },
    { date: '2001-01-01' },
    { date: '9999-12-31' },
    { date: 'tomorrow' },
    { time: '03:00' },
    { time: '' },
  ];
  for (const screen of ['DETAILS', 'SUMMARY']) {
    for (const mistake of mistakes) {
      (await ada.submit(screen, { ...form, ...mistake })).asksAgain('APPOINTMENT', 'no longer offered');
    }
  }
});

test('what is not offered cannot be chosen', async () => {
  const ada = users()('ada');
  const choices = [
    { trigger: 'department_selected', department: 'garage' },
    { trigger: 'location_selected', department: 'home', location: 'garage' },
    { trigger: 'date_selected', department: 'home', location: 'kings_cross', date: '2001-01-01' },
  ];
  for (const choice of choices) {
    (await ada.submit('APPOINTMENT', choice)).asksAgain('APPOINTMENT', 'no longer offered');
  }
});

test('a place without free times says so', async () => {
  const user = users();
  const place = { department: 'tailoring', location: 'oxford_street' };
  // Ten days of four times.
  for (let index = 0; index < 40; index++) {
    const somebody = user(`user ${String(index)}`);
    const booked = await somebody.submit('SUMMARY', withDetails(await somebody.choose(place), 'Ada'));
    assert.ok(booked.params);
  }
  const dates = await user('late').submit('APPOINTMENT', { trigger: 'location_selected', ...place });
  dates.asksAgain('APPOINTMENT', 'Everything is booked here');
  assert.equal(dates.data['is_date_enabled'], false);
});

const BROKEN_FORMS: [screen: string, form: Form, text: string][] = [
  ['APPOINTMENT', { trigger: 'Lovelace' }, 'form data, field `trigger`: invalid_union'],
  ['APPOINTMENT', { department: 'Lovelace' }, 'form data, field `trigger`: invalid_union'],
  ['APPOINTMENT', { trigger: 'department_selected' }, 'form data, field `department`: invalid_type'],
  ['DETAILS', { name: 'Lovelace' }, 'form data, field `department`: invalid_type'],
  ['SUMMARY', { department: ['Lovelace'] }, 'form data, field `department`: invalid_type'],
  ['TERMS', { name: 'Lovelace' }, 'the flow has no such screen that submits'],
];

for (const [screen, form, text] of BROKEN_FORMS) {
  test(`a form that does not fit the code is an error that quotes nothing: ${screen} ${text}`, async () => {
    await assert.rejects(
      users()('ada').submit(screen, form),
      new LogicError(text.startsWith('form data') ? 'INVALID_FORM_DATA' : 'INTERNAL', text),
    );
  });
}

for (const action of [Action.ACTION_UNSPECIFIED, Action.ACTION_NAVIGATE, 99 as Action]) {
  test(`an action that no screen sends is refused: ${String(action)}`, async () => {
    const answer = new Appointments(new Memory()).dataExchange(request({ action }), AbortSignal.abort());
    await assert.rejects(answer, { reason: 'INVALID_REQUEST' });
  });
}
