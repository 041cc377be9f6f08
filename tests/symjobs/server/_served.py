"""`symjobs serve` in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.symjobs.server._client import WAIT, Client


def symjobs(*words: str, root: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line; its master key is in the root."""
    return subprocess.run(
        [sys.executable, "-m", "symjobs", *words],
        env=surroundings(root, **environment),
        cwd=root,
        capture_output=True,
        text=True,
        timeout=WAIT,
        check=False,
    )


def surroundings(root: Path, **more: str) -> dict[str, str]:
    return {**os.environ, "XDG_CONFIG_HOME": str(root / "config"), "SYMKERNELS_COMPILE": "never", **more}


class Served:
    """A server on a free port; `secret` is that of c1, who is added when the root is new."""

    def __init__(self, root: Path, *options: str, secret: str | None = None) -> None:
        self.root = root
        if secret is None:
            done = symjobs("user", "add", "c1", "--root", "data", root=root)
            assert done.returncode == 0, done.stderr
            secret = done.stdout.splitlines()[-1]
        self.secret = secret
        self.process = subprocess.Popen(
            [sys.executable, "-m", "symjobs", "serve", "--port", "0", "--root", "data", *options],
            env=surroundings(root),
            cwd=root,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self.process.stdout is not None
        lines = []
        for line in self.process.stdout:  # after a crash it says which jobs were lost
            lines.append(line)
            if line.startswith("symjobs serves http://127.0.0.1:"):
                break
        else:
            raise AssertionError("".join(lines))
        self.port = int(line.split("/")[2].rpartition(":")[2])

    def client(self) -> Client:
        return Client(self.port, "c1", self.secret)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.end()

    def stop(self) -> tuple[int, str]:
        """Press Ctrl-C; return the exit code and what was printed after the first line."""
        self.process.send_signal(signal.SIGINT)
        return self.end()

    def end(self) -> tuple[int, str]:
        output, _ = self.process.communicate(timeout=WAIT)
        return self.process.returncode, output

    def __enter__(self) -> Served:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.kill()
        elif self.process.stdout is not None:
            self.process.stdout.close()
