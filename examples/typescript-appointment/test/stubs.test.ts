/** The committed stubs are those of the contract. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('..', import.meta.url));

/** Every file of the stubs, by its path. */
function stubs(folder: string): Record<string, string> {
  const files = readdirSync(join(folder, 'src/gen'), { recursive: true, withFileTypes: true });
  const paths = files.filter((file) => file.isFile()).map((file) => join(file.parentPath, file.name));
  return Object.fromEntries(paths.sort().map((path) => [path.slice(folder.length), readFileSync(path, 'base64')]));
}

test('the stubs are current', (t) => {
  const made = `${mkdtempSync(join(tmpdir(), 'stubs-'))}/`;
  t.after(() => {
    rmSync(made, { recursive: true });
  });
  execFileSync(join(FOLDER, 'generate'), [made]);
  assert.ok(JSON.stringify(stubs(made)) === JSON.stringify(stubs(FOLDER)), 'run ./generate');
});
