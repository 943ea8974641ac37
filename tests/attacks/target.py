"""What an attack has in its hands: connections to an edge, whose bytes are counted, and a place for what it expected and missed.

It refuses to know what is right: that the attacks say.
"""

import contextlib
import socket
import ssl
import struct
import time

import hpack

import frames
from envelope import post
from place import MIB

# How long a peer may take for what takes a moment.
PATIENCE = 10


class Target:
    def __init__(self, edge, is_long):
        self.edge, self.place, self.is_long = edge, edge.place, is_long
        self.address, self.path, self.platform = edge.address, edge.path, edge.place.platform
        self.limits = edge.configuration["limits"]
        self.opened, self.bytes = 0, 0
        self.misses, self.notes = [], []
        self.connections = []
        self.trust = {}
        for protocol in ("h2", "http/1.1"):
            self.trust[protocol] = ssl.create_default_context(cafile=self.place.folder / "tls.crt")
            self.trust[protocol].check_hostname = False
            self.trust[protocol].set_alpn_protocols([protocol])

    def pick(self, short, long):
        return long if self.is_long else short

    def expect(self, condition, text):
        if not condition:
            self.misses.append(text)

    def note(self, text):
        self.notes.append(text)

    def connect(self, protocol="http/1.1", seconds=PATIENCE, reads=True):
        return Connection(self, self.address, self.trust[protocol], seconds, reads)

    def connect_plain(self, address=None, seconds=PATIENCE):
        """Without TLS, which on the public port is a client that never begins."""
        return Connection(self, address or self.address, None, seconds)

    def connect_http2(self, settings=(), seconds=PATIENCE, reads=True):
        return Http2(self, settings, seconds, reads)

    def close(self):
        """Ends all connections, without a farewell."""
        for connection in self.connections:
            connection.close()
        self.connections.clear()

    def hold(self, seconds):
        """Lets what was sent do its harm for a while, as long as there is somebody to harm."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.edge.must_live()
            time.sleep(0.05)

    def memory(self):
        """MiB that are resident."""
        return self.edge.status("VmRSS") / MIB

    def exchange(self, sealed, connection=None, path=None):
        """One signed request; its status and its body."""
        own = connection or self.connect()
        own.send(post(path or self.path, sealed.body, sealed.signature))
        answer = own.answer()
        if not connection:
            own.close()
        return answer

    def count(self, name, **labels):
        """The sum of a metric of those labels."""
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        metrics = self.edge.metrics().items()
        return sum(value for key, value in metrics if key.split("{")[0] == name and all(part in key for part in wanted))


class Connection:
    """A client's connection that does what it is told. What it gives back as None or empty is that the peer has ended it.

    Where nothing will be read, its kernel takes no more than it must either.
    """

    def __init__(self, target, address, trust, seconds, reads=True):
        self.target, self.received = target, bytearray()
        self.socket = socket.socket()
        if not reads:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.settimeout(seconds)
        target.connections.append(self)
        try:
            self.socket.connect(address)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            target.opened += 1
            if trust:
                self.socket = trust.wrap_socket(self.socket, server_hostname="localhost")
        except TimeoutError:
            raise
        except OSError:
            # Ended by the peer before it began, which it has a right to: then nothing can be sent, and nothing comes.
            self.close()

    def send(self, data, seconds=PATIENCE):
        """Whether all of it could be sent: not where the peer has closed, or takes nothing for so long."""
        self.socket.settimeout(seconds)
        try:
            self.socket.sendall(data)
        except OSError:
            return False
        self.target.bytes += len(data)
        return True

    def receive(self, seconds=PATIENCE):
        """Some more bytes, empty at the end; TimeoutError where none come in time."""
        self.socket.settimeout(max(0.001, seconds))
        try:
            return self.socket.recv(1 << 16)
        except TimeoutError:
            raise
        except OSError:
            return b""

    def is_closed(self, seconds=PATIENCE):
        """Whether the peer ends it in that time."""
        end = time.monotonic() + seconds
        with contextlib.suppress(TimeoutError):
            while left := self.receive(end - time.monotonic()):
                self.received += left
                if time.monotonic() > end:
                    return False
            return True
        return False

    def answer(self, seconds=PATIENCE):
        """Status and body of the next answer in HTTP/1.1; None at the end."""
        end = time.monotonic() + seconds
        while True:
            head, blank, rest = bytes(self.received).partition(b"\r\n\r\n")
            if blank:
                first, *fields = head.decode("latin-1").split("\r\n")
                length = next((int(one[15:]) for one in fields if one.lower().startswith("content-length:")), 0)
                if len(rest) >= length:
                    del self.received[: len(head) + 4 + length]
                    return int(first.split()[1]), rest[:length]
            if not (data := self.receive(end - time.monotonic())):
                return None
            self.received += data

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.close()


class Http2(Connection):
    """A connection in HTTP/2, whose frames are written by hand."""

    def __init__(self, target, settings, seconds, reads):
        super().__init__(target, target.address, target.trust["h2"], seconds, reads)
        self.parser, self.statuses, self.resets, self.goaway = frames.Parser(), {}, {}, None
        self.decoder, self.windows, self.initial_window = hpack.Decoder(), {0: frames.DEFAULT_WINDOW}, frames.DEFAULT_WINDOW
        self.send(frames.PREFACE + frames.settings(settings))

    def take(self, seconds=PATIENCE):
        """Reads once; whether the connection goes on. Answers' statuses, resets and a farewell are noted by stream."""
        data = self.receive(seconds)
        for kind, flags, stream, payload in self.parser.feed(data):
            if kind == frames.HEADERS:
                fields = dict(self.decoder.decode(payload))
                self.statuses.setdefault(stream, int(fields.get(":status", 0)))
            elif kind == frames.RST_STREAM:
                self.resets[stream] = int.from_bytes(payload)
            elif kind == frames.GOAWAY:
                self.goaway = int.from_bytes(payload[4:8])
            elif kind == frames.SETTINGS and not flags & frames.ACK:
                values = dict(struct.iter_unpack(">HI", payload))
                self.initial_window = values.get(frames.INITIAL_WINDOW_SIZE, self.initial_window)
                self.send(frames.frame(frames.SETTINGS, frames.ACK))
            elif kind == frames.WINDOW_UPDATE:
                self.windows[stream] = self.windows.get(stream, self.initial_window) + int.from_bytes(payload)
        return bool(data)

    def send_body(self, stream, length, seconds=0.5):
        """As much of a body as its windows allow, without an end; how much that was."""
        sent, self.windows[stream] = 0, self.windows.get(stream, self.initial_window)
        while sent < length:
            part = min(length - sent, self.windows[0], self.windows[stream], 16_384)
            if part <= 0:
                if not self.take_until(lambda: min(self.windows[0], self.windows[stream]) > 0, seconds):
                    break
            elif not self.send(frames.frame(frames.DATA, 0, stream, bytes(part)), seconds):
                break
            else:
                sent, self.windows[0], self.windows[stream] = sent + part, self.windows[0] - part, self.windows[stream] - part
        return sent

    def take_until(self, condition, seconds=PATIENCE):
        """Reads until the condition holds; whether it did before the end of the connection and of that time."""
        end = time.monotonic() + seconds
        with contextlib.suppress(TimeoutError):
            while not condition():
                if time.monotonic() > end or not self.take(end - time.monotonic()):
                    break
        return bool(condition())

    def is_ended(self, seconds=PATIENCE):
        """Whether the peer says farewell, or ends it without."""
        end = time.monotonic() + seconds
        with contextlib.suppress(TimeoutError):
            while self.goaway is None:
                if not self.take(end - time.monotonic()):
                    return True
        return self.goaway is not None

