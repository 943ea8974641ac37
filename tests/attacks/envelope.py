"""The messaging client's side of one request: sealed and signed as the platform does it, on `cryptography`.

It refuses to know what is in a message, and how it is sent.
"""

import base64
import hashlib
import hmac
import json
import secrets

from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

OAEP = padding.OAEP(mgf=padding.MGF1(SHA256()), algorithm=SHA256(), label=None)


class Platform:
    """Who may sign: it has the app secret and the public key."""

    def __init__(self, public_key, app_secret):
        self.public_key, self.app_secret = load_pem_public_key(public_key), app_secret

    def seal(self, message):
        return Sealed(self, message if isinstance(message, bytes) else json.dumps(message).encode())

    def sign(self, body):
        return "sha256=" + hmac.new(self.app_secret, body, hashlib.sha256).hexdigest()


class Sealed:
    """One request, which also opens its answer."""

    def __init__(self, platform, message):
        self.key, self.initial_vector = secrets.token_bytes(16), secrets.token_bytes(16)
        fields = {
            "encrypted_flow_data": AESGCM(self.key).encrypt(self.initial_vector, message, None),
            "encrypted_aes_key": platform.public_key.encrypt(self.key, OAEP),
            "initial_vector": self.initial_vector,
        }
        self.body = json.dumps({name: base64.b64encode(value).decode() for name, value in fields.items()}).encode()
        self.signature = platform.sign(self.body)

    def open(self, answer):
        inverted = bytes(byte ^ 0xFF for byte in self.initial_vector)
        return json.loads(AESGCM(self.key).decrypt(inverted, base64.b64decode(answer, validate=True), None))


def data_exchange(screen="APPOINTMENT", data=None):
    data = data or {"department": "beauty", "date": "2025-01-01"}
    message = {"version": "3.0", "action": "data_exchange", "screen": screen, "data": data}
    return message | {"flow_token": secrets.token_hex(16)}


def post(path, body, signature, host="localhost", more=""):
    """The bytes of a request in HTTP/1.1."""
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n{more}"
    return f"{head}X-Hub-Signature-256: {signature}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
