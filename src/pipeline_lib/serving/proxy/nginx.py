"""nginx with our configuration: checked before it is taken, and reloaded without a lost connection."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import filelock

from pipeline_lib.errors import ProxyFailedError
from pipeline_lib.serving.proxy.routes import CONFIGURATION, Route, configuration, read_routes, write_routes
from pipeline_lib.settings import ProxySettings

_MAIN = "nginx.conf"
_PID = "nginx.pid"
_ROUTES = "routes.json"
_WAIT_SECONDS = 10.0


class NginxProxy:
    """The proxy of a profile.

    Its directory holds a whole configuration (`nginx -c DIRECTORY/nginx.conf`); a site that runs nginx itself
    includes `serving.conf` from there and has its own pid file named in the profile.

    Args:
        settings: Where it listens, and its files.
    """

    def __init__(self, settings: ProxySettings) -> None:
        self._settings = settings
        self._directory = settings.directory.absolute()

    @property
    def requests_log(self) -> Path:
        """A line of JSON a request: model, variant, status, seconds."""
        return self._directory / "requests.log"

    def routes(self) -> list[Route]:
        """How traffic is split now."""
        return read_routes(self._directory / _ROUTES)

    def apply(self, route: Route) -> bool:
        """Split the traffic of one model, and leave that of others as it is.

        Returns:
            Whether a running nginx took it; False if none runs.

        Raises:
            ProxyFailedError: nginx refuses the configuration; the one before is still in force.
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(self._directory / "lock", timeout=_WAIT_SECONDS):
            known = self.routes()
            routes = [route if one.model == route.model else one for one in known]
            if all(one.model != route.model for one in known):
                routes.append(route)
            self._write(routes)
            return self._reload()

    def start(self) -> None:
        """Start nginx in the background, if it does not run.

        Raises:
            ProxyFailedError: It does not start.
        """
        if self._running() is None:
            self._nginx("-c", str(self._directory / _MAIN))

    def stop(self) -> None:
        """Stop it after the requests in flight."""
        pid = self._running()
        if pid is None:
            return
        os.kill(pid, signal.SIGQUIT)
        deadline = time.monotonic() + _WAIT_SECONDS
        while self._running() is not None and time.monotonic() < deadline:
            time.sleep(0.02)

    def _write(self, routes: Sequence[Route]) -> None:
        settings = self._settings
        text = configuration(
            routes, listen=settings.listen, directory=self._directory, sticky_header=settings.sticky_header
        )
        trial = self._directory / "trial"
        shutil.rmtree(trial, ignore_errors=True)
        trial.mkdir()
        try:
            (trial / CONFIGURATION).write_text(text)
            (trial / _MAIN).write_text(_main(self._directory, trial / CONFIGURATION))
            self._nginx("-t", "-q", "-c", str(trial / _MAIN))
        finally:
            shutil.rmtree(trial, ignore_errors=True)
        for name, content in (
            (CONFIGURATION, text),
            (_MAIN, _main(self._directory, self._directory / CONFIGURATION)),
        ):
            partial = self._directory / f"{name}.new"
            partial.write_text(content)
            partial.replace(self._directory / name)
        write_routes(self._directory / _ROUTES, routes)

    def _reload(self) -> bool:
        pid = self._running()
        if pid is None:
            return False
        before = _workers(pid)
        os.kill(pid, signal.SIGHUP)
        deadline = time.monotonic() + _WAIT_SECONDS
        # The old workers end with their last request: until then a canary must stay where they send it.
        while time.monotonic() < deadline:
            workers = _workers(pid)
            if workers and not workers & before:
                return True
            time.sleep(0.02)
        if _workers(pid) - before:
            return True
        raise ProxyFailedError(
            "nginx did not take the new configuration",
            at=str(self._directory),
            fix="look at error.log there",
        )

    def _running(self) -> int | None:
        file = self._settings.pid_file or self._directory / _PID
        try:
            pid = int(file.read_text())
            os.kill(pid, 0)
        except (OSError, ValueError):
            return None
        return pid

    def _nginx(self, *arguments: str) -> None:
        command = [self._settings.command, "-p", str(self._directory), *arguments]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
        except OSError as error:
            raise ProxyFailedError(
                f"nginx cannot be run: {error.strerror}",
                at=self._settings.command,
                fix="install nginx (Debian: nginx-light), or name its command in serving.proxy.command",
            ) from error
        if done.returncode:
            raise ProxyFailedError(
                "nginx refuses the configuration",
                at=str(self._directory),
                reason=done.stderr.strip()[-500:],
                fix="mend what it says; the configuration before is still in force",
            )


def _workers(pid: int) -> set[int]:
    import psutil

    try:
        return {child.pid for child in psutil.Process(pid).children()}
    except psutil.NoSuchProcess:
        return set()


def _main(directory: Path, include: Path) -> str:
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    return "\n".join(
        [
            f"pid {directory / _PID};",
            f"error_log {directory / 'error.log'};",
            "worker_processes auto;",
            "events { worker_connections 1024; }",
            "http {",
            "    access_log off;",
            # nginx's default is to log to a directory of the system.
            *(f"    {kind}_temp_path {directory / 'temp'}_{kind};" for kind in kinds),
            f"    include {include};",
            "}",
            "",
        ]
    )
