"""The messaging client of a WhatsApp Flow, on `cryptography` and the standard library.

Seals, signs and sends every line of standard input, and prints a line for each answer. It refuses to know what is in
a message.
"""

import argparse
import base64
import binascii
import hashlib
import hmac
import http.client
import json
import secrets
import ssl
import sys
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

# The platform gives up after as long.
TIMEOUT_SECONDS = 10


class Session:
    """The key and the initial vector of one request, which also open its answer."""

    def __init__(self) -> None:
        self.key = secrets.token_bytes(16)
        self.initial_vector = secrets.token_bytes(16)

    def seal(self, message: bytes, public_key: rsa.RSAPublicKey) -> bytes:
        """The body of the request."""
        oaep = padding.OAEP(mgf=padding.MGF1(SHA256()), algorithm=SHA256(), label=None)
        envelope = {
            "encrypted_flow_data": AESGCM(self.key).encrypt(self.initial_vector, message, None),
            "encrypted_aes_key": public_key.encrypt(self.key, oaep),
            "initial_vector": self.initial_vector,
        }
        return json.dumps({name: base64.b64encode(value).decode() for name, value in envelope.items()}).encode()

    def open(self, body: bytes) -> bytes:
        """The plaintext of a sealed answer; its tag is the last 16 bytes, as `AESGCM` wants it."""
        inverted = bytes(byte ^ 0xFF for byte in self.initial_vector)
        return AESGCM(self.key).decrypt(inverted, base64.b64decode(body, validate=True), None)


def sign(body: bytes, app_secret: bytes) -> str:
    """The value of `X-Hub-Signature-256`."""
    return "sha256=" + hmac.new(app_secret, body, hashlib.sha256).hexdigest()


def post(url: str, trust: ssl.SSLContext, body: bytes, signature: str) -> tuple[int, str, bytes]:
    """Status, content type and body of the answer."""
    parts = urlsplit(url)
    path = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
    # One connection for each message: `http.client` learns only by failing that the other side has closed an idle one.
    connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=TIMEOUT_SECONDS, context=trust)
    try:
        headers = {"Content-Type": "application/json", "X-Hub-Signature-256": signature}
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
        return response.status, response.getheader("Content-Type", "-"), response.read()
    finally:
        connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True, help="the endpoint")
    parser.add_argument("--ca", required=True, help="PEM file of the certificates to trust")
    parser.add_argument("--public-key", required=True, type=Path, help="PEM file of the endpoint's public key")
    parser.add_argument("--app-secret-file", required=True, type=Path, help="file of the app secret")
    options = parser.parse_args()
    trust = ssl.create_default_context(cafile=options.ca)
    public_key = load_pem_public_key(options.public_key.read_bytes())
    app_secret = options.app_secret_file.read_bytes().strip()

    # Bytes, so that messages pass as they are, whatever the locale.
    for line in sys.stdin.buffer:
        session = Session()
        body = session.seal(line.removesuffix(b"\n"), public_key)
        status, content_type, answer = post(options.url, trust, body, sign(body, app_secret))
        opened = b"-"
        if status == 200 or (status == 427 and answer):
            try:
                opened = session.open(answer)
            except (binascii.Error, InvalidTag) as error:
                sys.exit(f"the answer of status {status} does not open: {error!r}")
        # In JSON a line break stands only between tokens, where a space does as well.
        opened = opened.replace(b"\r", b" ").replace(b"\n", b" ")
        sys.stdout.buffer.write(f"{status}\t{content_type}\t".encode("latin-1") + opened + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
