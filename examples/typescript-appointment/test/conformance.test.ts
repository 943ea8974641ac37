/** Whether the conformance mode is on, as the process has it. `flowctl conformance` asks for every command. */

import assert from 'node:assert/strict';
import { suite, test, type TestContext } from 'node:test';

import { Action } from '../src/gen/flow/v1/flow_service.ts';
import { connect, exchange } from './client.ts';
import { Answer, request } from './conversation.ts';
import { run } from './process.ts';

// As main.ts does: the stubs are used on this side too.
Reflect.deleteProperty(Object.prototype, '__proto__');

const ECHO = { text: 'żółw', nothing: null, ['__proto__']: { a: 1 } };

async function send(t: TestContext, variables: Record<string, string>, endpoint = 'conformance'): Promise<Answer> {
  const client = connect((await run(t, variables)).address);
  t.after(() => {
    client.close();
  });
  const data = { conformance: { echo: ECHO } };
  return new Answer(await exchange(client, request({ endpoint, action: Action.ACTION_INIT, data })));
}

suite('a command of the conformance mode', () => {
  test('is obeyed where the mode is on', async (t) => {
    const { screen, data } = await send(t, { FLOW_CONFORMANCE_MODE: '1' });
    assert.deepEqual({ screen, data }, { screen: 'CONFORMANCE', data: { echo: ECHO } });
  });

  test("is the flow's own request under another endpoint", async (t) => {
    assert.equal((await send(t, { FLOW_CONFORMANCE_MODE: '1' }, 'appointments')).screen, 'APPOINTMENT');
  });

  for (const variables of [{}, { FLOW_CONFORMANCE_MODE: 'true' }]) {
    test(`is the flow's own request with ${JSON.stringify(variables)}`, async (t) => {
      assert.equal((await send(t, variables)).screen, 'APPOINTMENT');
    });
  }
});
