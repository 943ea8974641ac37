/** The service as a process, as it is run. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

export type Line = Readonly<Record<string, unknown>>;

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));

export interface Running {
  readonly address: string;
  /** What was logged so far: JSON, each line of it. */
  readonly lines: Line[];
  /** Sends SIGTERM, and brings the exit code. */
  readonly stop: () => Promise<number | null>;
}

export async function run(t: TestContext, variables: Record<string, string> = {}): Promise<Running> {
  const child = spawn(process.execPath, [MAIN], {
    env: { PATH: process.env['PATH'], FLOW_LOGIC_LISTEN: '127.0.0.1:0', ...variables },
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  const closed = once(child, 'close');
  t.after(() => child.kill('SIGKILL'));
  const lines: Line[] = [];
  const listening = new Promise<string>((resolve, reject) => {
    createInterface(child.stderr).on('line', (text) => {
      const line = JSON.parse(text) as Line;
      lines.push(line);
      if (line['message'] === 'listening') {
        resolve(String(line['address']));
      }
    });
    closed.then(() => {
      reject(new Error(JSON.stringify(lines)));
    }, reject);
  });
  return {
    address: await listening,
    lines,
    stop: async () => {
      assert.ok(child.kill('SIGTERM'));
      const [code] = (await closed) as [number | null];
      return code;
    },
  };
}

/** Runs one that cannot start: its exit code and what it says. */
export async function runToEnd(variables: Record<string, string>): Promise<{ code: number | null; text: string }> {
  const child = spawn(process.execPath, [MAIN], { env: { PATH: process.env['PATH'], ...variables } });
  let text = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, text };
}
