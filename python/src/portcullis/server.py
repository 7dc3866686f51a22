"""Servers, started and stopped."""

from __future__ import annotations

import os
import pathlib
import queue
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import threading

START_SECONDS = 30
STOP_SECONDS = 20


class StartError(RuntimeError):
    """A server did not start; the message is what it said."""


def program() -> str:
    """The path of the program: what PORTCULLIS names, what the wheel brought along, or what is on the PATH."""
    named = os.environ.get("PORTCULLIS")
    if named:
        return named
    schemes = [sysconfig.get_default_scheme(), sysconfig.get_preferred_scheme("user")] if sys.version_info >= (3, 10) \
        else [None]
    for scheme in schemes:
        scripts = sysconfig.get_path("scripts", scheme) if scheme else sysconfig.get_path("scripts")
        beside = os.path.join(scripts, "portcullis")
        if os.access(beside, os.X_OK):
            return beside
    found = shutil.which("portcullis")
    if found is None:
        raise StartError("there is no program called portcullis: set PORTCULLIS to its path")
    return found


class Server:
    """A server on a free port, ready when it is made.

    `options` are those of `portcullis serve`. Without `data_dir` the data lie in a directory that is removed when the
    server stops.
    """

    def __init__(self, *options: str, data_dir: str | os.PathLike[str] | None = None) -> None:
        self._thrown_away = None
        if data_dir is None:
            self._thrown_away = tempfile.mkdtemp(prefix="portcullis-")
            options = ("--unsafe-no-fsync", *options)
        self.data_dir = pathlib.Path(data_dir or self._thrown_away)
        command = [program(), "serve", "--secure-port=0", f"--data-dir={self.data_dir}", *options]
        self._log = tempfile.TemporaryFile()
        try:
            self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._log, text=True)
            try:
                self.url = self._address()
            except BaseException:
                self.stop()
                raise
        except BaseException:
            self._clean_up()
            raise

    def _address(self) -> str:
        said: queue.Queue[str] = queue.Queue()
        out = self._process.stdout
        assert out is not None

        def read() -> None:
            for line in out:
                said.put(line)
            said.put("")

        threading.Thread(target=read, daemon=True).start()
        try:
            line = said.get(timeout=START_SECONDS)
        except queue.Empty:
            raise StartError(f"not ready after {START_SECONDS} s: {self.log()}") from None
        words = [word for word in line.split() if word.startswith("https://")]
        if not words:
            self._process.wait(STOP_SECONDS)
            raise StartError(self.log().strip() or f"it said {line!r}")
        return words[0]

    @property
    def kubeconfig(self) -> str:
        """The path of a cluster admin's kubeconfig."""
        return str(self.data_dir / "admin.kubeconfig")

    def kubeconfig_for(self, user: str, group: str | None = None) -> str:
        """The path of a kubeconfig for a user, proved by a client certificate."""
        handle, path = tempfile.mkstemp(prefix="user-", suffix=".kubeconfig", dir=self.data_dir)
        os.close(handle)
        command = [program(), "kubeconfig", f"--user={user}", f"--server={self.url}", f"--data-dir={self.data_dir}"]
        if group is not None:
            command.append(f"--group={group}")
        done = subprocess.run([*command, f"--output={path}"], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ValueError(done.stderr.strip())
        return path

    def api_client(self, kubeconfig: str | None = None):
        """An ApiClient of the official client, for the admin or the user of a kubeconfig."""
        from kubernetes import config

        return config.new_client_from_config(config_file=kubeconfig or self.kubeconfig)

    def log(self) -> str:
        """What the server has logged so far."""
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def stop(self) -> None:
        """Ends the server and removes what is to be thrown away; once is enough."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._clean_up()

    def _clean_up(self) -> None:
        if self._thrown_away is not None:
            shutil.rmtree(self._thrown_away, ignore_errors=True)
            self._thrown_away = None

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
