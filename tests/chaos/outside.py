"""outside.py - what is around an engine under test: a receiver that records requests, and a proxy that cuts.

Offers:  Receiver (HTTP on loopback: /plain, /flaky, /lost, /repair, /look), Proxy (a Unix socket before another).
"""
import collections
import http.server
import json
import os
import re
import selectors
import socket
import threading
import time
import urllib.parse


class Part:
    """Another system. It carries a request out once for each idempotency key, and remembers all it saw."""

    def __init__(self, url):
        self.url = url
        self.lock = threading.Lock()
        self.seen = collections.defaultdict(list)      # key -> (path, body), one for each time it arrived
        self.done = collections.OrderedDict()          # key -> (path, body): carried out
        self.is_broken = True                          # /repair answers 500 until somebody mends it

    def take(self, path, key, body):
        """The status of the answer; None: carried out, and the answer never arrives."""
        with self.lock:
            is_first = not self.seen[key]
            self.seen[key].append((path, body))
            if path == "/flaky" and is_first:
                return 503
            if path == "/repair" and self.is_broken:
                return 500
            if key not in self.done:
                self.done[key] = (path, body)
            return None if path == "/lost" and is_first else 201

    def knows(self, key):
        with self.lock:
            return key in self.done


class Receiver(Part):
    """A server that is one such system, or several: part(name) gives one that knows nothing of the others."""

    def __init__(self):
        receiver = self
        self.parts = {}

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def reply(self, status, value):
                body = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def split(self):
                url = urllib.parse.urlparse(self.path)
                found = re.match("/@([^/]*)(/.*)", url.path)
                part = receiver.parts.get(found.group(1)) if found else receiver
                return part, found.group(2) if found else url.path, urllib.parse.parse_qs(url.query)

            def do_GET(self):
                part, _, query = self.split()
                is_done = part is not None and part.knows(query.get("key", [""])[0])
                self.reply(200 if is_done else 404, {"done": is_done})

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                part, path, _ = self.split()
                status = part.take(path, self.headers.get("Idempotency-Key"), body)
                if status:
                    self.reply(status, {"done": status < 300})
                else:
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_):
                pass  # a killed engine does not hang up politely

        self.server = Server(("127.0.0.1", 0), Handler)
        super().__init__("http://127.0.0.1:%d" % self.server.server_address[1])
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def part(self, name):
        self.parts[name] = Part("%s/@%s" % (self.url, name))
        return self.parts[name]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Proxy:
    """Listens in `folder` as PostgreSQL would; passes on to the socket in `target`.

    cut() ends every connection at once. limit(purpose, direction, count) lets that many more bytes pass to the "server"
    or to the "client" on connections of a purpose ("commit", "door", "read": engine/store/store_pg.c), old and new ones
    together, and ends the one on which the last of them passed.
    """

    def __init__(self, folder, target):
        os.makedirs(folder, exist_ok=True)
        os.chmod(folder, 0o755)
        self.folder, self.target = folder, target
        self.lock = threading.Lock()
        self.selector = selectors.DefaultSelector()
        self.pairs = {}       # socket -> (the other one, direction, link)
        self.accepted = 0
        self.cuts = 0         # how many limits have struck
        self.wish = None      # [purpose, direction, bytes left]
        self.purposes = {}    # connection number -> "commit"; known from its first message
        self.passed = {}      # (purpose, direction) -> bytes
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(os.path.join(folder, ".s.PGSQL.5432"))
        os.chmod(os.path.join(folder, ".s.PGSQL.5432"), 0o777)
        self.listener.listen(64)
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.is_closing = False
        self.thread = threading.Thread(target=self._loop, daemon=True)
        self.thread.start()

    def limit(self, purpose, direction, count):
        with self.lock:
            self.wish = [purpose, direction, count]

    def cut(self):
        with self.lock:
            for number in {link for _, _, link in self.pairs.values()}:
                self._end(number)

    def _end(self, number):
        for sock in [s for s, (_, _, link) in self.pairs.items() if link == number]:
            self.selector.unregister(sock)
            del self.pairs[sock]
            sock.close()

    def _accept(self):
        client, _ = self.listener.accept()
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(os.path.join(self.target, ".s.PGSQL.5432"))
        except OSError:
            client.close()
            server.close()
            return
        with self.lock:
            self.accepted += 1
            for sock, other, way in ((client, server, "server"), (server, client, "client")):
                self.pairs[sock] = (other, way, self.accepted)
                self.selector.register(sock, selectors.EVENT_READ)

    def _pass(self, sock):
        with self.lock:
            if sock not in self.pairs:
                return
            other, way, number = self.pairs[sock]
            try:
                data = sock.recv(65536)
            except OSError:
                data = b""
            if way == "server" and number not in self.purposes and data:
                found = re.search(rb"application_name\0billow (\w+)", data)
                self.purposes[number] = found.group(1).decode() if found else "?"
            what = (self.purposes.get(number), way)
            is_limit = False
            if data and self.wish and tuple(self.wish[:2]) == what:
                if len(data) >= self.wish[2]:
                    data, is_limit = data[:self.wish[2]], True
                self.wish[2] -= len(data)
            try:
                other.sendall(data)
            except OSError:
                data = b""
            self.passed[what] = self.passed.get(what, 0) + len(data)
            if is_limit:
                self.wish = None
                self.cuts += 1
            if is_limit or not data:
                self._end(number)

    def _loop(self):
        while not self.is_closing:
            for key, _ in self.selector.select(0.05):
                if key.fileobj is self.listener:
                    self._accept()
                else:
                    self._pass(key.fileobj)

    def close(self):
        self.is_closing = True
        self.thread.join()
        self.cut()
        self.listener.close()
        self.selector.close()


def wait_until(seconds, question, pause=0.01):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if question():
            return True
        time.sleep(pause)
    return bool(question())
