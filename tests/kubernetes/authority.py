"""Certificates as cert-manager would make them of the manifests, by OpenSSL. It refuses to know who uses them."""
import itertools
import subprocess
import tempfile

# What cert-manager's names of usages are in X.509.
KEY_USAGES = {"digital signature": "digitalSignature"}
EXTENDED = {"server auth": "serverAuth", "client auth": "clientAuth"}
NUMBERS = itertools.count(1)
# Without the system's, whose extensions would come beside ours.
CONFIG = b"[req]\ndistinguished_name = subject\n[subject]\n"


def private_key():
    return openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")


def secrets(objects):
    """The content of each Certificate's Secret, by the Secret's name, and the authorities by that of their Issuer."""
    certificates = [object["spec"] for object in objects if object["kind"] == "Certificate"]
    issuers = {object["metadata"]["name"]: object["spec"] for object in objects if object["kind"] == "Issuer"}
    made = {}

    def secret(name):
        if name not in made:
            spec = next(spec for spec in certificates if spec["secretName"] == name)
            issuer = issuers[spec["issuerRef"]["name"]]
            made[name] = issue(spec, None if "selfSigned" in issuer else secret(issuer["ca"]["secretName"]))
        return made[name]

    return {spec["secretName"]: secret(spec["secretName"]) for spec in certificates}


def issue(spec, authority=None, key=None, addresses=()):
    """A Secret with tls.crt, tls.key and ca.crt. Signed by itself where no authority is given, with a new key unless one is."""
    key = key or private_key()
    usages = [KEY_USAGES[usage] for usage in spec.get("usages", []) if usage in KEY_USAGES] or ["digitalSignature"]
    extended = [EXTENDED[usage] for usage in spec.get("usages", []) if usage in EXTENDED]
    names = [f"DNS:{name}" for name in spec.get("dnsNames", [])] + [f"IP:{address}" for address in addresses]
    extensions = [
        f"basicConstraints=critical,CA:{'TRUE' if spec.get('isCA') else 'FALSE'}",
        f"keyUsage=critical,{','.join(usages + ['keyCertSign'] * bool(spec.get('isCA')))}",
        "subjectKeyIdentifier=hash",
        *([f"extendedKeyUsage={','.join(extended)}"] if extended else []),
        *([f"subjectAltName=critical,{','.join(names)}"] if names else []),
    ]
    # Without a common name the subject is empty, as cert-manager leaves it.
    subject = f"/CN={spec['commonName']}" if "commonName" in spec else "/"
    arguments = ["req", "-config", file(CONFIG), "-new", "-x509", "-days", "2", "-set_serial", str(next(NUMBERS)), "-subj", subject, "-key", file(key)]
    for extension in extensions:
        arguments += ["-addext", extension]
    if authority:
        arguments += ["-CA", file(authority["tls.crt"]), "-CAkey", file(authority["tls.key"])]
    certificate = openssl(*arguments)
    return {"tls.crt": certificate, "tls.key": key, "ca.crt": authority["tls.crt"] if authority else certificate}


FOLDER = tempfile.TemporaryDirectory()


def file(content):
    with tempfile.NamedTemporaryFile(dir=FOLDER.name, delete=False) as named:
        named.write(content)
    return named.name


def openssl(*arguments):
    return subprocess.run(["openssl", *arguments], check=True, capture_output=True).stdout
