// Seals and signs one request with Node's crypto. See generate.py for the arguments, the input and the output.

import { constants, createCipheriv, createHmac, createPublicKey, publicEncrypt } from "node:crypto";
import { readFileSync } from "node:fs";

const [publicKeyFile, appSecret, keyHex, vectorHex, slip] = process.argv.slice(2);
const [plaintext, answer] = readFileSync(0, "utf8").split("\n").map((line) => Buffer.from(line, "base64"));
const key = Buffer.from(keyHex, "hex");
const vector = Buffer.from(vectorHex, "hex");

function encrypt(nonce, text) {
  const cipher = createCipheriv("aes-128-gcm", key, nonce);
  return Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]);
}

const transport = { key: createPublicKey(readFileSync(publicKeyFile)), padding: constants.RSA_PKCS1_OAEP_PADDING };
// Without oaepHash Node takes SHA-1.
if (slip !== "oaep-sha1") transport.oaepHash = "sha256";

const alphabet = slip === "base64url" ? "base64url" : "base64";
const body = JSON.stringify({
  encrypted_flow_data: encrypt(vector, plaintext).toString(alphabet),
  encrypted_aes_key: publicEncrypt(transport, key).toString(alphabet),
  initial_vector: vector.toString(alphabet),
});

console.log(body);
console.log("sha256=" + createHmac("sha256", appSecret).update(body).digest("hex"));
console.log(encrypt(vector.map((byte) => ~byte), answer).toString("base64"));
