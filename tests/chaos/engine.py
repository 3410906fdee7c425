"""engine.py - the program under test: `billow serve` as a process, and its API.

Offers:  Engine (start, ask, what its process does, its hosts, its end), Unreachable.
"""
import http.client
import json
import os
import signal
import socket
import subprocess
import threading
import time

from pg import Failure


class Unreachable(Exception):
    """Nobody answered, or the engine said that the database is away: ask again."""


class _Connection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("billow", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Engine:
    """One process. `faults` as in BILLOW_FAULT; `watch` hears when the process stops or ends."""

    def __init__(self, build, folder, name, conninfo, faults="", environment=None, command=None):
        self.folder = folder
        self.name = name
        self.socket = os.path.join(folder, name + ".sock")
        self.trace = os.path.join(folder, name + ".trace")
        self.log = os.path.join(folder, name + ".log")
        self.is_stopped = False
        self.exit = None      # as waitpid tells: negative for a signal
        self.faults = faults
        command = command or ["serve", "--database", conninfo, "--socket", self.socket, "--private-http", "--json"]
        variables = {k: v for k, v in os.environ.items() if not k.startswith("BILLOW_")}
        variables.update(environment or {}, BILLOW_FAULT=faults)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([os.path.join(build, "bin/billow"), *command], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, env=variables, start_new_session=True)
        self.pid = self.process.pid
        self.on_stop = None
        self.on_exit = None
        self.watcher = threading.Thread(target=self._watch, daemon=True)
        self.watcher.start()

    def _watch(self):
        while self.exit is None:
            _, status = os.waitpid(self.pid, os.WUNTRACED | os.WCONTINUED)
            if os.WIFSTOPPED(status):
                self.is_stopped = True
                if self.on_stop:
                    self.on_stop(self)
            elif os.WIFCONTINUED(status):
                self.is_stopped = False
            else:
                self.exit = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
                self.process.returncode = self.exit
                if self.on_exit:
                    self.on_exit(self)

    def call(self, method, path, body=None, timeout=5, tenant="acme"):
        """(status, value); Unreachable when it has to be asked again."""
        connection = _Connection(self.socket, timeout)
        try:
            headers = {"X-Billow-Tenant": tenant, "Content-Type": "application/json", "Connection": "close"}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable("%s %s: %r" % (method, path, error)) from error
        finally:
            connection.close()
        if answer.status in (503, 504):
            raise Unreachable("%s %s: %s" % (method, path, text[:300]))
        return answer.status, json.loads(text) if text else None

    def hosts(self):
        try:
            with open("/proc/%d/task/%d/children" % (self.pid, self.pid), encoding="ascii") as children:
                return [int(pid) for pid in children.read().split()]
        except OSError:
            return []

    def kill_hosts(self):
        for pid in self.hosts():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def signal(self, number):
        try:
            if self.exit is None:
                os.kill(self.pid, number)
        except ProcessLookupError:
            pass

    def wait(self, seconds=20):
        until = time.monotonic() + seconds
        while self.exit is None and time.monotonic() < until:
            time.sleep(0.005)
        return self.exit

    def end(self):
        """Whatever it does: gone."""
        self.on_stop = self.on_exit = None
        self.kill_hosts()
        self.signal(signal.SIGKILL)
        if self.wait() is None:
            raise Failure("the engine %d does not die" % self.pid)

    def is_ready(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return '"kind":"ready"' in log.read()

    def tail(self, lines=25):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return "".join(log.readlines()[-lines:])

    def passes(self):
        """How often each fault point was passed, when BILLOW_FAULT_TRACE was its trace."""
        counts = {}
        try:
            with open(self.trace, encoding="ascii") as trace:
                for line in trace:
                    counts[line.strip()] = counts.get(line.strip(), 0) + 1
        except FileNotFoundError:
            pass
        return counts
