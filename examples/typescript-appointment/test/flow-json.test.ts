/** `examples/flows/appointment.json` and the code agree: screens, their data, ways between them, what they submit. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { type Answer, type Form, users } from './conversation.ts';

type Model =
  | { type: 'string' | 'boolean' }
  | { type: 'array'; items: Model }
  | { type: 'object'; properties: Record<string, Model> };

interface Flow {
  routing_model: Record<string, string[]>;
  screens: { id: string; data: Record<string, Model>; layout: unknown }[];
}

const FLOW = JSON.parse(readFileSync(new URL('../../flows/appointment.json', import.meta.url), 'utf8')) as Flow;
const ROUTES = FLOW.routing_model;

/** The payloads of the actions that call the endpoint, with their placeholders. */
function submissions(node: unknown): Record<string, string>[] {
  if (typeof node !== 'object' || node === null) {
    return [];
  }
  const own = 'name' in node && node.name === 'data_exchange' && 'payload' in node ? [node.payload] : [];
  return [...(own as Record<string, string>[]), ...Object.values(node).flatMap(submissions)];
}

/** What the client checks of an answer before it shows it. */
function check(answer: Answer, cameFrom?: string): void {
  const { screen = '' } = answer;
  const declared = FLOW.screens.find(({ id }) => id === screen)?.data;
  assert.ok(declared, screen);
  assert.ok(fits({ type: 'object', properties: declared }, answer.data), screen);
  if (cameFrom === undefined) {
    assert.ok(Object.values(ROUTES).every((targets) => !targets.includes(screen)));
  } else if (cameFrom !== screen) {
    const neighbours = [
      [cameFrom, screen],
      [screen, cameFrom],
    ] as const;
    assert.ok(neighbours.some(([from, to]) => ROUTES[from]?.includes(to)));
  }
}

function fits(model: Model, value: unknown): boolean {
  switch (model.type) {
    case 'string':
    case 'boolean':
      return typeof value === model.type;
    case 'array':
      return Array.isArray(value) && value.every((item) => fits(model.items, item));
    case 'object': {
      const fields = value as Form;
      const properties = Object.entries(model.properties);
      return (
        Object.keys(fields).length === properties.length && properties.every(([key, inner]) => fits(inner, fields[key]))
      );
    }
  }
}

/** The payload as the client sends it. */
function fill(payload: Record<string, string>, known: Form): Form {
  const filled = Object.entries(payload).map(([key, value]) => {
    const name = /^\$\{\w+\.(\w+)\}$/.exec(value)?.[1];
    return [key, name === undefined ? value : known[name]];
  });
  return Object.fromEntries(filled) as Form;
}

test('every payload is understood and every answer is what the flow declares', async () => {
  const user = users();
  const ada = user('ada');
  check(await ada.init());
  check(await ada.back('DETAILS'), 'DETAILS');

  // What the user chose or typed so far, by the names of the fields.
  const known: Form = {
    department: 'home',
    location: 'kings_cross',
    name: 'Ada',
    email: 'ada@example.com',
    phone: '1234567',
    more_details: 'Hello',
    terms: true,
  };
  const tried: [screen: string, trigger: string | undefined][] = [];
  let last: Answer | undefined;
  for (const { id, layout } of FLOW.screens) {
    for (const payload of submissions(layout)) {
      const form = fill(payload, known);
      if ('email' in form) {
        check(await ada.submit(id, { ...form, email: 'no address' }), id);
      }
      last = await ada.submit(id, form);
      if (last.outcome === 'nextScreen') {
        check(last, id);
      }
      for (const key of ['date', 'time']) {
        known[key] = last.first(key) ?? known[key];
      }
      tried.push([id, payload['trigger']]);
    }
  }
  assert.deepEqual(tried, [
    ['APPOINTMENT', 'department_selected'],
    ['APPOINTMENT', 'location_selected'],
    ['APPOINTMENT', 'date_selected'],
    ['DETAILS', undefined],
    ['SUMMARY', undefined],
  ]);
  assert.ok(last?.params);

  // Somebody else wants the same time: from SUMMARY back to APPOINTMENT.
  const late = await user('late').submit('SUMMARY', known);
  assert.equal(late.screen, 'APPOINTMENT');
  check(late, 'SUMMARY');
});
