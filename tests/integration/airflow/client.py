"""What the tests ask of a running Airflow: its REST API, as its UI uses it."""

import itertools
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import Any

_ENDED = {"success", "failed"}
_TRIES = {500: 5, 503: 60}
"""How often a request is sent: so answers Airflow on a busy SQLite, and has undone what it had begun."""


class RefusedError(Exception):
    """Airflow answered with an error; `str` is its text."""


@dataclass(frozen=True, kw_only=True)
class AirflowClient:
    url: str
    token: str

    @classmethod
    def log_in(cls, url: str, user: str, password: str) -> "AirflowClient":
        answer = _call(f"{url}/auth/token", "POST", {"username": user, "password": password})
        return cls(url=url, token=answer["access_token"])

    def get(self, path: str) -> Any:
        return _call(f"{self.url}/api/v2/{path}", "GET", None, self.token)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        return _call(f"{self.url}/api/v2/{path}", "POST", body, self.token)

    def patch(self, path: str, body: dict[str, Any]) -> Any:
        return _call(f"{self.url}/api/v2/{path}", "PATCH", body, self.token)

    def wait_for_dags(self, count: int, seconds: float = 150) -> None:
        deadline = time.monotonic() + seconds
        while len(self.get("dags")["dags"]) < count:
            errors = self.get("importErrors")["import_errors"]
            assert not errors, errors[0]["stack_trace"]
            assert time.monotonic() < deadline, "the DAGs do not appear"
            time.sleep(0.3)

    def trigger(self, dag: str, conf: dict[str, Any], **more: Any) -> str:
        body = {"logical_date": None, "conf": conf, **more}
        return str(self.post(f"dags/{dag}/dagRuns", body)["dag_run_id"])

    def wait(self, dag: str, run: str, seconds: float = 150) -> str:
        """The state in which the run ends."""
        deadline = time.monotonic() + seconds
        while (state := self.get(f"dags/{dag}/dagRuns/{quoted(run)}")["state"]) not in _ENDED:
            assert time.monotonic() < deadline, self.states(dag, run)
            time.sleep(0.2)
        return str(state)

    def run(self, dag: str, conf: dict[str, Any]) -> tuple[str, str]:
        run = self.trigger(dag, conf)
        return run, self.wait(dag, run)

    def tasks(self, dag: str, run: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get(f"dags/{dag}/dagRuns/{quoted(run)}/taskInstances")[
            "task_instances"
        ]
        return found

    def states(self, dag: str, run: str) -> dict[str, str]:
        """State of each task; of a mapped one, by `task[index]`."""
        return {
            task["task_id"] + (f"[{task['map_index']}]" if task["map_index"] >= 0 else ""): task["state"]
            for task in self.tasks(dag, run)
        }

    def xcom(self, dag: str, run: str, task: str) -> Any:
        path = f"dags/{dag}/dagRuns/{quoted(run)}/taskInstances/{task}/xcomEntries/return_value"
        return self.get(f"{path}?deserialize=false&stringify=false")["value"]

    def log(self, dag: str, run: str, task: str, attempt: int = 1) -> str:
        path = f"dags/{dag}/dagRuns/{quoted(run)}/taskInstances/{task}/logs/{attempt}?full_content=true"
        return "\n".join(json.dumps(line) for line in self.get(path)["content"])


def quoted(run: str) -> str:
    return urllib.parse.quote(run, safe="")


def _call(url: str, method: str, body: dict[str, Any] | None, token: str = "") -> Any:
    request = urllib.request.Request(url, method=method)
    request.add_header("Content-Type", "application/json")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    data = None if body is None else json.dumps(body).encode()
    for attempt in itertools.count(1):
        try:
            with urllib.request.urlopen(request, data, timeout=100) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            text = error.read().decode()
            if attempt >= _TRIES.get(error.code, 1):
                raise RefusedError(f"{error.code} {text}") from error
            time.sleep(0.5)
        except TimeoutError:  # a busy machine; asking again does nothing twice
            if attempt >= 5 or not (method == "GET" or url.endswith("/auth/token")):
                raise
    raise AssertionError("unreachable")
