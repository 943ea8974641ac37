// The messaging client of a WhatsApp Flow, on node:crypto and node:https.
//
// Seals, signs and sends every line of standard input, and prints a line for each answer. It refuses to know what is
// in a message.

import { constants, createCipheriv, createDecipheriv, createHmac, publicEncrypt, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import https from 'node:https';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';

const CIPHER = 'aes-128-gcm';
const TAG_LENGTH = 16;
// The platform gives up after as long.
const TIMEOUT_MS = 10_000;

/** The key and the initial vector of one request, which also open its answer. */
class Session {
  #key = randomBytes(16);
  #initialVector = randomBytes(16);

  /** The body of the request. */
  seal(message, publicKey) {
    const cipher = createCipheriv(CIPHER, this.#key, this.#initialVector, { authTagLength: TAG_LENGTH });
    const sealed = Buffer.concat([cipher.update(message), cipher.final(), cipher.getAuthTag()]);
    // MGF1 follows `oaepHash`.
    const oaep = { key: publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' };
    return JSON.stringify({
      encrypted_flow_data: sealed.toString('base64'),
      encrypted_aes_key: publicEncrypt(oaep, this.#key).toString('base64'),
      initial_vector: this.#initialVector.toString('base64'),
    });
  }

  /** The plaintext of a sealed answer. */
  open(body) {
    const sealed = Buffer.from(body, 'base64');
    // Node's decoder skips what it does not know.
    if (sealed.toString('base64') !== body) throw new Error('not base64');
    const inverted = this.#initialVector.map((byte) => byte ^ 0xff);
    // Without `authTagLength` a body shorter than a tag would pass for a shorter tag.
    const decipher = createDecipheriv(CIPHER, this.#key, inverted, { authTagLength: TAG_LENGTH });
    decipher.setAuthTag(sealed.subarray(-TAG_LENGTH));
    return Buffer.concat([decipher.update(sealed.subarray(0, -TAG_LENGTH)), decipher.final()]);
  }
}

/** The value of `X-Hub-Signature-256`. */
function sign(body, appSecret) {
  return `sha256=${createHmac('sha256', appSecret).update(body).digest('hex')}`;
}

/** Status, content type and body of the answer. */
async function post(url, agent, body, signature) {
  const headers = { 'Content-Type': 'application/json', 'X-Hub-Signature-256': signature };
  const request = https.request(url, { method: 'POST', agent, headers, signal: AbortSignal.timeout(TIMEOUT_MS) });
  request.end(body);
  const [response] = await once(request, 'response');
  return [response.statusCode, response.headers['content-type'] ?? '-', await text(response)];
}

/** The lines of a stream; node:readline would also end one at U+2028, which JSON may contain. */
async function* lines(stream) {
  let rest = '';
  for await (const chunk of stream) {
    const complete = (rest + chunk).split('\n');
    rest = complete.pop();
    yield* complete;
  }
  if (rest !== '') yield rest;
}

function fail(message) {
  console.error(message);
  process.exit(1);
}

const names = ['url', 'ca', 'public-key', 'app-secret-file'];
const { values: options } = parseArgs({ options: Object.fromEntries(names.map((name) => [name, { type: 'string' }])) });
for (const name of names) options[name] ?? fail(`--${name} is missing`);
const agent = new https.Agent({ ca: readFileSync(options.ca), keepAlive: true });
const publicKey = readFileSync(options['public-key'], 'utf8');
const appSecret = readFileSync(options['app-secret-file'], 'utf8').trim();

// Latin-1 has a character for each byte, so messages pass as the bytes that they are.
for await (const line of lines(process.stdin.setEncoding('latin1'))) {
  const session = new Session();
  const body = session.seal(Buffer.from(line, 'latin1'), publicKey);
  const [status, contentType, answer] = await post(options.url, agent, body, sign(body, appSecret));
  let opened = '-';
  if (status === 200 || (status === 427 && answer !== '')) {
    try {
      opened = session.open(answer).toString('latin1');
    } catch (error) {
      fail(`the answer of status ${status} does not open: ${error.message}`);
    }
  }
  // In JSON a line break stands only between tokens, where a space does as well.
  process.stdout.write(`${status}\t${contentType}\t${opened.replace(/[\r\n]/g, ' ')}\n`, 'latin1');
}
