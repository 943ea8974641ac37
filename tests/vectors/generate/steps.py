"""How a request is made and a case written down. A request goes through wrap, seal, edit, write and sign like a real
one; a case replaces the steps that have its fault. This module knows no case."""

import base64
import hashlib
import hmac
import json
import subprocess
from pathlib import Path

import cryptography
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

HERE = Path(__file__).resolve().parent
FOLDER = HERE.parent
SECRET = "test-only-5f0c1e27a9d84b36"
STATUS = {"signature": 432, "envelope": 400, "decryption": 421, "message": 400, "opened": 200}
CASES = {}


def version(program, flag):
    return subprocess.run([program, flag], check=True, capture_output=True, text=True).stdout.split()


PYTHON = "Python cryptography " + ".".join(cryptography.__version__.split(".")[:2])
NODE = "Node crypto " + version("node", "--version")[0].lstrip("v").split(".")[0]
JAVA = "Java JCE " + version("java", "--version")[1].split(".")[0]
OPENSSL = "OpenSSL " + ".".join(version("openssl", "version")[1].split(".")[:2])


def public_key(name):
    return serialization.load_pem_public_key((FOLDER / f"keys/{name}.pub").read_bytes())


def wrap(aes_key, key="current", digest=hashes.SHA256, mask=hashes.SHA256):
    key = public_key(key) if isinstance(key, str) else key
    return key.encrypt(aes_key, padding.OAEP(padding.MGF1(mask()), digest(), label=None))


def seal(aes_key, iv, plaintext, additional=None):
    return AESGCM(aes_key).encrypt(iv, plaintext, additional)


def edit(fields):
    return fields


def write(fields):
    return json.dumps(fields, separators=(",", ":")).encode()


def sign(body, secret, digest="sha256"):
    return f"{digest}=" + hmac.new(secret.encode(), body, digest).hexdigest()


def openssl(*arguments, given):
    return subprocess.run(["openssl", *arguments], input=given, check=True, capture_output=True).stdout


def openssl_wrap(aes_key, key="current", mode="oaep", more=("rsa_oaep_md:sha256", "rsa_mgf1_md:sha256")):
    options = [word for option in (f"rsa_padding_mode:{mode}", *more) for word in ("-pkeyopt", option)]
    return openssl("pkeyutl", "-encrypt", "-pubin", "-inkey", FOLDER / f"keys/{key}.pub", *options, given=aes_key)


def openssl_sign(body, secret):
    return "sha256=" + openssl("dgst", "-sha256", "-hmac", secret, "-r", given=body).decode().split()[0]


def whole(program, slip, secret, aes_key, iv, plaintext, answer):
    """Body, signature and sealed answer, made whole in another language; `slip` names its mistake."""
    helper = HERE / {"node": "seal.mjs", "java": "Seal.java"}[program]
    command = [program, helper, FOLDER / "keys/current.pub", secret, aes_key.hex(), iv.hex(), slip]
    given = f"{b64(plaintext)}\n{b64(answer)}\n"
    done = subprocess.run(command, input=given, check=True, capture_output=True, text=True)
    body, signature, sealed = done.stdout.splitlines()
    return body.encode(), signature, sealed


def b64(data):
    return base64.b64encode(data).decode()


def seeded(name, what):
    return hashlib.sha256(f"{name}/{what}".encode()).digest()[:16]


def inverted(iv):
    return bytes(byte ^ 0xFF for byte in iv)


def plain(message):
    """The bytes of a message; bytes pass as they are."""
    if isinstance(message, bytes):
        return message
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode()


def either(field, value):
    """A field in text, or in base64 where that is no text."""
    if value is None:
        return {}
    data = value.encode() if isinstance(value, str) else value
    try:
        return {field: data.decode()}
    except UnicodeDecodeError:
        return {f"{field}_base64": b64(data)}


def read_as(plaintext):
    """What the plaintext is, short where it is long."""
    text = either("plaintext", plaintext)
    if "plaintext" in text and len(plaintext) <= 4096:
        return text
    return {"plaintext_sha256": hashlib.sha256(plaintext).hexdigest(), "plaintext_length": len(plaintext)}


def case(name, description, message, outcome, request=None, answer=b"", made_by=PYTHON, secret=SECRET,
         ring=("current",), aes_key=None, iv=None, wrap=wrap, seal=seal, edit=edit, write=write, sign=sign,
         by=None, slip="none"):
    """Makes a case; with `by`, the other language takes all steps."""
    assert name not in CASES, name
    aes_key = seeded(name, "AES key") if aes_key is None else aes_key
    iv = seeded(name, "IV") if iv is None else iv
    plaintext, answer = plain(message), plain(answer)
    if by:
        made_by = {"node": NODE, "java": JAVA}[by]
        body, signature, sealed = whole(by, slip, secret, aes_key, iv, plaintext, answer)
    else:
        flow_data = b64(seal(aes_key, iv, plaintext))
        fields = {"encrypted_flow_data": flow_data, "encrypted_aes_key": b64(wrap(aes_key)), "initial_vector": b64(iv)}
        body = write(edit(fields))
        signature = sign(body, secret)
    expect = {"outcome": outcome, "status": STATUS[outcome]}
    if outcome in ("message", "opened"):
        expect |= read_as(plaintext)
    if outcome == "opened":
        sealed = sealed if by else b64(AESGCM(aes_key).encrypt(inverted(iv), answer, None))
        expect |= {"request": request} if request else {}
        expect |= {"answers": [{"plaintext": answer.decode(), "sealed": sealed}]}
    CASES[name] = {
        "description": description,
        "made_by": made_by,
        "app_secret": secret,
        "private_keys": [f"keys/{key}.pem" for key in ring],
        **either("signature", signature),
        **either("body", body),
        "expect": expect,
    }


def write_cases():
    for file in FOLDER.glob("*.json"):
        file.unlink()
    for name, content in CASES.items():
        text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        (FOLDER / f"{name}.json").write_text(text, encoding="utf-8", newline="\n")
    print(f"{len(CASES)} cases")
