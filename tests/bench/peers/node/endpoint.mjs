// A plain endpoint on node:http and node:crypto, as the platform's guide describes one: its sample, and what its text asks for
// beside it. No dependencies, no TLS.
//
// usage: node endpoint.mjs PRIVATE-KEY APP-SECRET ANSWER [PORT]

import { constants, createCipheriv, createDecipheriv, createHmac } from 'node:crypto';
import { createPrivateKey, privateDecrypt, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';

const [privateKeyFile, appSecretFile, answerFile, port = '0'] = process.argv.slice(2);
const PRIVATE_KEY = createPrivateKey(readFileSync(privateKeyFile));
const APP_SECRET = readFileSync(appSecretFile, 'utf8').trim();
const ANSWER = JSON.parse(readFileSync(answerFile, 'utf8'));
const TAG_LENGTH = 16;

class StatusError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

function checkSignature(body, header = '') {
  const expected = Buffer.from(`sha256=${createHmac('sha256', APP_SECRET).update(body).digest('hex')}`);
  const actual = Buffer.from(header);
  if (actual.length !== expected.length || !timingSafeEqual(actual, expected)) {
    throw new StatusError(432, 'the signature does not match');
  }
}

function decryptRequest(body) {
  try {
    const oaep = { key: PRIVATE_KEY, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' };
    const key = privateDecrypt(oaep, Buffer.from(body.encrypted_aes_key, 'base64'));
    const data = Buffer.from(body.encrypted_flow_data, 'base64');
    const vector = Buffer.from(body.initial_vector, 'base64');
    const decipher = createDecipheriv('aes-128-gcm', key, vector);
    decipher.setAuthTag(data.subarray(-TAG_LENGTH));
    const text = Buffer.concat([decipher.update(data.subarray(0, -TAG_LENGTH)), decipher.final()]).toString();
    return { message: JSON.parse(text), key, vector };
  } catch {
    throw new StatusError(421, 'the request cannot be decrypted');
  }
}

function encryptResponse(response, key, vector) {
  const cipher = createCipheriv('aes-128-gcm', key, vector.map((byte) => ~byte));
  const sealed = [cipher.update(JSON.stringify(response), 'utf8'), cipher.final(), cipher.getAuthTag()];
  return Buffer.concat(sealed).toString('base64');
}

function answer({ action, screen, data, flow_token }) {
  if (action === 'ping') return { data: { status: 'active' } };
  if (data?.error) return { data: { acknowledged: true } };
  if (action === 'data_exchange' && screen === 'SUMMARY') {
    return { screen: 'SUCCESS', data: { extension_message_response: { params: { flow_token } } } };
  }
  return ANSWER;
}

const server = createServer(async (request, response) => {
  try {
    const raw = await buffer(request);
    checkSignature(raw, request.headers['x-hub-signature-256']);
    const { message, key, vector } = decryptRequest(JSON.parse(raw));
    const sealed = encryptResponse(answer(message), key, vector);
    response.writeHead(200, { 'Content-Type': 'text/plain' }).end(sealed);
  } catch (error) {
    response.writeHead(error.status ?? 500).end();
  }
});
server.listen(Number(port), '127.0.0.1', () => {
  console.error(JSON.stringify({ message: 'listening', address: `127.0.0.1:${server.address().port}` }));
});
