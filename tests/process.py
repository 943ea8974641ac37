"""What the scripts that start a flow-edge share: a process that says in its log how far it is, and the certificate.

It refuses to know what the process is, and whether anything is slow.
"""

import pathlib
import subprocess
import sys
import threading

# Seconds. Whatever takes longer than this, a JVM on a busy machine included, is waited for in vain.
PATIENCE = 60


class Process:
    """A started process, killed at the end of a `with`. Its log is its standard error; `options` are those of Popen."""

    def __init__(self, command, **options):
        self.process = subprocess.Popen([*map(str, command)], stderr=subprocess.PIPE, text=True, **options)
        self.lines = []

    def wait_for(self, text):
        """The first line with this text, whatever came before it. It may have been waited for already."""
        late = threading.Timer(PATIENCE, self.process.kill)
        late.start()
        try:
            line = next(line for line in self._log() if text in line)
        except StopIteration:
            sys.exit(f"{self.process.args[0]} did not say {text}:\n{''.join(self.lines)}")
        finally:
            late.cancel()
        return line

    def _log(self):
        yield from self.lines
        for line in self.process.stderr:
            self.lines.append(line)
            yield line

    def read_on(self):
        """From now on nobody asks for new lines, and still it never waits for a full pipe."""
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    def stop(self):
        """Its exit code on SIGTERM."""
        self.process.terminate()
        return self.process.wait(PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def make_certificate(folder, name="IP:127.0.0.1"):
    """A key and a certificate that nobody signed, tls.key and tls.crt in the folder, for a name as `subjectAltName` has it."""
    folder = pathlib.Path(folder)
    subprocess.run(
        [
            *"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=flow-edge".split(),
            *("-addext", f"subjectAltName={name}", "-addext", "basicConstraints=critical,CA:FALSE"),
            *("-keyout", folder / "tls.key", "-out", folder / "tls.crt"),
        ],
        check=True,
        capture_output=True,
    )
