"""pg.py - private PostgreSQL servers for the tests, and the few words of its protocol that they need.

Offers:  Server (a cluster on a Unix socket: start, stop, immediate stop, standby), connect and Session.query.
Relies on: PostgreSQL's programs; no Python package. The servers answer to no network.
"""
import glob
import os
import pwd
import re
import shutil
import signal
import socket
import struct
import subprocess
import time

USER = "billow_test"
# A test never pulls the plug: what a killed server wrote is still with the kernel.
SETTINGS = {
    "listen_addresses": "''", "fsync": "off", "shared_buffers": "16MB", "max_connections": "120",
    "max_wal_size": "4GB", "checkpoint_timeout": "1h", "log_min_messages": "warning", "autovacuum_naptime": "1h",
    "restart_after_crash": "off", "wal_level": "replica", "max_wal_senders": "4", "update_process_title": "off",
}


class Failure(Exception):
    """What a test found."""


class SqlError(Exception):
    """PostgreSQL said no."""

    def __init__(self, fields):
        super().__init__("%s (%s)" % (fields.get("M"), fields.get("C")))
        self.state = fields.get("C", "")


class Session:
    """One connection, simple protocol, everything as text."""

    def __init__(self, host, database, port=5432, timeout=20):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(timeout)
        self.sock.connect("%s/.s.PGSQL.%d" % (host, port))
        self.data = b""
        words = b"".join(w.encode() + b"\0" for w in ("user", USER, "database", database)) + b"\0"
        self.sock.sendall(struct.pack("!ii", 8 + len(words), 196608) + words)
        self._until_ready()

    def _take(self, count):
        while len(self.data) < count:
            more = self.sock.recv(65536)
            if not more:
                raise ConnectionError("PostgreSQL closed the connection")
            self.data += more
        taken, self.data = self.data[:count], self.data[count:]
        return taken

    def _until_ready(self):
        rows, error = [], None
        while True:
            kind, size = struct.unpack("!ci", self._take(5))
            body = self._take(size - 4)
            if kind == b"D":
                rows.append(_row(body))
            elif kind == b"E":
                error = {f[:1].decode(): f[1:].decode() for f in body.split(b"\0") if f}
                if error.get("S") == "FATAL":
                    raise SqlError(error)
            elif kind == b"Z":
                if error:
                    raise SqlError(error)
                return rows

    def query(self, sql):
        text = sql.encode() + b"\0"
        self.sock.sendall(b"Q" + struct.pack("!i", 4 + len(text)) + text)
        return self._until_ready()

    def one(self, sql):
        return self.query(sql)[0][0]

    def close(self):
        self.sock.close()


def _row(body):
    count, at, row = struct.unpack("!h", body[:2])[0], 2, []
    for _ in range(count):
        size = struct.unpack("!i", body[at:at + 4])[0]
        at += 4
        row.append(None if size < 0 else body[at:at + size].decode())
        at += max(size, 0)
    return row


def programs():
    """The folder of the newest PostgreSQL, or None."""
    found = glob.glob("/usr/lib/postgresql/*/bin/initdb")
    if not found:
        return os.path.dirname(shutil.which("initdb") or "") or None
    return os.path.dirname(max(found, key=lambda path: int(re.search(r"/(\d+)/bin", path).group(1))))


def _server_user():
    """PostgreSQL refuses root."""
    return pwd.getpwnam("postgres").pw_uid if os.getuid() == 0 else None


class Server:
    """A cluster under `folder`, which is also where its socket is."""

    def __init__(self, folder, settings=None, data=None):
        self.folder = folder
        self.data = data or os.path.join(folder, "data")
        self.settings = dict(SETTINGS, unix_socket_directories=folder, **(settings or {}))
        self.process = None
        os.makedirs(folder, exist_ok=True)
        os.chmod(folder, 0o755)
        if _server_user() is not None:
            shutil.chown(folder, "postgres")

    def _run(self, *command):
        made = subprocess.run([os.path.join(programs(), command[0]), *command[1:]], user=_server_user(),
                              cwd=self.folder, capture_output=True, text=True, check=False)
        if made.returncode:
            raise Failure("%s: %s" % (command[0], made.stdout + made.stderr))

    def create(self):
        self._run("initdb", "-D", self.data, "-U", USER, "-A", "trust", "-N", "--no-instructions", "-E", "UTF8",
                  "--locale=C")
        return self

    def copy_to(self, folder, settings=None):
        """A stopped cluster as another one: no initdb."""
        other = Server(folder, settings)
        subprocess.run(["cp", "-a", "--reflink=auto", self.data, other.data], check=True)
        return other

    def base_backup(self, folder, name, settings=None):
        """A physical standby of this running one."""
        other = Server(folder, settings)
        self._run("pg_basebackup", "-D", other.data, "-h", self.folder, "-U", USER, "-X", "stream", "-c", "fast",
                  "-N", "-R")
        with open(os.path.join(other.data, "postgresql.auto.conf"), "a", encoding="ascii") as conf:
            conf.write("primary_conninfo = 'host=%s user=%s application_name=%s'\n" % (self.folder, USER, name))
        return other

    def start(self, wait=True):
        log = open(os.path.join(self.folder, "log"), "ab")
        arguments = [a for name, value in self.settings.items()
                     for a in ("-c", "%s=%s" % (name, value.strip("'")))]
        try:
            os.remove(os.path.join(self.data, "postmaster.pid"))  # of one that was killed
        except FileNotFoundError:
            pass
        self.process = subprocess.Popen([os.path.join(programs(), "postgres"), "-D", self.data, *arguments],
                                        user=_server_user(), stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                        start_new_session=True, cwd=self.folder)
        log.close()
        if wait:
            self.wait()
        return self

    def wait(self, seconds=30):
        until = time.monotonic() + seconds
        while True:
            try:
                Session(self.folder, "postgres").close()
                return
            except (OSError, SqlError) as error:
                if time.monotonic() > until or self.process.poll() is not None:
                    raise Failure("PostgreSQL does not start: %s; see %s/log" % (error, self.folder)) from error
            time.sleep(0.01)

    def _end(self, number):
        if self.process:
            self.process.send_signal(number)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
            self.process = None

    def stop(self):
        self._end(signal.SIGINT)

    def stop_immediately(self):
        """As pg_ctl stop -m immediate: no checkpoint, the next start recovers."""
        self._end(signal.SIGQUIT)

    def reload(self, **settings):
        with self.session("postgres") as session:
            for name, value in settings.items():
                session.query("ALTER SYSTEM SET %s = '%s'" % (name, value))
            session.query("SELECT pg_reload_conf()")

    def conninfo(self, database, host=None):
        return "host=%s dbname=%s user=%s" % (host or self.folder, database, USER)

    def session(self, database):
        return Closing(Session(self.folder, database))


class Closing:
    def __init__(self, session):
        self.inner = session

    def __enter__(self):
        return self.inner

    def __exit__(self, *_):
        self.inner.close()
