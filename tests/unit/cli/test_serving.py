"""`pipeline serve`: which models, from where, and what it says before it serves or does not."""

import socket
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from pipeline_lib.serving.server import process
from pipeline_lib.serving.versions import All, Latest, ModelConfig, Specific
from unit.cli.command import Command

pytestmark = pytest.mark.xdist_group("model_server")  # it imports TensorFlow

CONFIG = (
    'model_config_list { config { name: "given" base_path: "/models/given" model_platform: "tensorflow" } }'
)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Sequence[ModelConfig], process.ServerOptions]]:
    """What a server would be started with."""
    found: list[tuple[Sequence[ModelConfig], process.ServerOptions]] = []

    def serve(
        configs: Sequence[ModelConfig], options: process.ServerOptions, *, ready: Callable[[int, int], None]
    ) -> None:
        found.append((configs, options))
        ready(1, 2)

    monkeypatch.setattr(process, "serve", serve)
    return found


@pytest.mark.parametrize(
    ("given", "policy"),
    [
        ([], Latest()),
        (["--all-versions"], All()),
        (["--version", "3", "--version", "5"], Specific((3, 5))),
    ],
    ids=["latest", "all", "some"],
)
def test_models_are_named_or_found(
    pipeline: Command, started: list[Any], given: list[str], policy: object
) -> None:
    told = pipeline.json(
        "serve", "--model", "b", "--model", "a", "--model", "b", "--base-path", "made", *given
    )
    assert told == {"models": ["b", "a"], "rest": "http://127.0.0.1:1", "grpc": "127.0.0.1:2"}
    (configs, _), base = started[0], pipeline.folder / "made"
    assert [(c.name, c.base_path, c.policy) for c in configs] == [
        ("b", f"{base}/b", policy),
        ("a", f"{base}/a", policy),
    ]


def test_a_configuration_file_is_taken_as_it_is(pipeline: Command, started: list[Any]) -> None:
    (pipeline.folder / "models.config").write_text(CONFIG)
    given = ["--model-config-file", "models.config", "--config-poll-seconds", "3", "--max-request-mb", "2"]
    assert "serving given: REST http://0.0.0.0:1" in pipeline("serve", *given, "--host", "0.0.0.0")
    configs, options = started[0]
    assert [config.name for config in configs] == ["given"]
    assert (options.config_poll_seconds, options.max_request_bytes) == (3.0, 2 * 2**20)


def test_what_cannot_be_served_is_told(pipeline: Command) -> None:
    assert "[PL805] no model was pushed yet" in pipeline.failing("serve")
    (pipeline.folder / "models.config").write_text("model_config_lst {}")
    assert "[PL805]" in pipeline.failing("serve", "--model-config-file", "models.config")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        said = pipeline.failing("serve", "--model", "m", "--rest-port", port, "--grpc-port", "0")
    assert "[PL805]" in said
    assert port in said
