"""The reader app in a process of its own, driven from outside by real key presses, as a person at a desk would."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path


class Desktop:
    """Starts `reader-app` on a package and reads the window's title, which says what is open."""

    def __init__(self, package: Path, home: Path) -> None:
        self._package, self._home = package, home
        self._process: subprocess.Popen[bytes] | None = None
        self._window = ""

    def start(self) -> None:
        env = os.environ | {"BLINDREAD_HOME": str(self._home)}
        env.pop("QT_QPA_PLATFORM", None)
        self._process = subprocess.Popen([sys.executable, "-m", "reader_app", str(self._package)], env=env)
        pid = str(self._process.pid)
        self._wait(lambda: self._find(pid), "no window came up")
        self._do("windowfocus", self._window)

    def _find(self, pid: str) -> bool:
        found = subprocess.run(
            ["xdotool", "search", "--onlyvisible", "--pid", pid, "--name", "Blindread"], capture_output=True, text=True
        ).stdout.split()
        self._window = found[-1] if found else ""
        return bool(found)

    @property
    def title(self) -> str:
        return subprocess.run(["xdotool", "getwindowname", self._window], capture_output=True, text=True).stdout.strip()

    def wait_for_title(self, pattern: str, seconds: float = 60) -> None:
        self._wait(lambda: bool(re.search(pattern, self.title)), f"the title never became {pattern!r}", seconds)

    def press(self, *keys: str) -> None:
        """Keys by their X names; sent to whichever window has the focus."""
        self._do("key", "--delay", "20", *keys)

    def write(self, text: str) -> None:
        self._do("type", "--delay", "20", text)

    def kill(self) -> None:
        """As the out-of-memory killer or a power cut would end it."""
        assert self._process
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(timeout=30)

    def quit(self) -> int:
        self.press("ctrl+q")
        assert self._process
        return self._process.wait(timeout=60)

    def stop(self) -> None:
        """Leave nothing running, whatever the test came to."""
        if self._process and self._process.poll() is None:
            self.kill()

    def _wait(self, is_so, what: str, seconds: float = 60) -> None:
        until = time.monotonic() + seconds
        while not is_so():
            assert self._process and self._process.poll() is None, f"{what}: the app ended"
            assert time.monotonic() < until, f"{what}; it is {self.title!r}"
            time.sleep(0.02)

    @staticmethod
    def _do(*words: str) -> None:
        subprocess.run(["xdotool", *words], check=True, capture_output=True)
