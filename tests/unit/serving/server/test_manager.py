"""Which versions are served while base paths change; servables are strings here."""

import shutil
from pathlib import Path

import pytest

from pipeline_lib.serving.server.manager import ModelManager
from pipeline_lib.serving.server.refusals import Refusal
from pipeline_lib.serving.server.sources import Sources
from pipeline_lib.serving.versions import ModelConfig, Specific, VersionState


def put(base: Path, version: int, content: str = "good") -> None:
    (base / str(version)).mkdir(parents=True)
    (base / str(version) / "saved_model.pb").write_text(content)


def load(directory: Path) -> str:
    content = (directory / "saved_model.pb").read_text()
    if content == "bad":
        raise ValueError("truncated")
    return f"{directory.name}:{content}"


def manager(base: Path, **config: object) -> ModelManager[str]:
    made = ModelManager(
        load, [ModelConfig(name="m", base_path=str(base), **config)], source=Sources(base / ".copies")
    )
    made.poll()
    return made


def test_the_latest_replaces_the_one_before(tmp_path: Path) -> None:
    put(tmp_path, 1)
    served = manager(tmp_path)
    assert served.find("m") == (1, "1:good")
    put(tmp_path, 2)
    served.poll()
    assert served.find("m") == (2, "2:good")
    with pytest.raises(Refusal, match="Specific"):
        served.find("m", 1)


def test_a_broken_version_replaces_nothing(tmp_path: Path) -> None:
    put(tmp_path, 1)
    served = manager(tmp_path)
    put(tmp_path, 2, "bad")
    served.poll()
    assert served.find("m") == (1, "1:good")
    newest = served.status("m")[0]
    assert (newest.state, newest.error_message) == (VersionState.END, "ValueError: truncated")


def test_taking_the_newest_away_brings_back_the_one_before(tmp_path: Path) -> None:
    put(tmp_path, 1)
    put(tmp_path, 2)
    served = manager(tmp_path)
    shutil.rmtree(tmp_path / "2")
    served.poll()
    assert served.find("m") == (1, "1:good")
    shutil.rmtree(tmp_path / "1")
    served.poll()
    assert served.find("m") == (1, "1:good"), "an emptied base path takes nothing away"


def test_labels_name_versions_that_are_available(tmp_path: Path) -> None:
    put(tmp_path, 1)
    put(tmp_path, 2)
    served = manager(tmp_path)
    config = {"name": "m", "base_path": str(tmp_path), "policy": Specific((1, 2))}
    with pytest.raises(Refusal, match="not currently available"):
        served.reload([ModelConfig(**config, labels={"stable": 1})])
    with pytest.raises(Refusal, match="Servable not found"):
        served.find("m", 1)  # a configuration that is refused changes nothing
    served.reload([ModelConfig(**config)])
    served.reload([ModelConfig(**config, labels={"stable": 1})])
    assert served.find("m", label="stable") == (1, "1:good")
    with pytest.raises(Refusal, match="Request to assign label to version 3 of model m, which is not"):
        served.reload([ModelConfig(**config, labels={"stable": 3})])
    assert served.find("m", label="stable") == (1, "1:good")
    with pytest.raises(Refusal, match="Unrecognized"):
        served.find("m", label="canary")


def test_a_label_has_moved_when_what_it_named_goes(tmp_path: Path) -> None:
    put(tmp_path, 1)
    put(tmp_path, 2)
    seen: list[tuple[int, str]] = []
    config = {"name": "m", "base_path": str(tmp_path)}
    served = ModelManager(
        load,
        [ModelConfig(**config, policy=Specific((1, 2)))],
        source=Sources(tmp_path / ".copies"),
        dropped=lambda: seen.append(served.find("m", label="stable")),
    )
    served.poll()
    served.reload([ModelConfig(**config, policy=Specific((1, 2)), labels={"stable": 1})])
    served.reload([ModelConfig(**config, policy=Specific((2,)), labels={"stable": 2})])
    assert seen == [(2, "2:good")]


def test_early_labels_are_new_ones_only(tmp_path: Path) -> None:
    put(tmp_path, 1)
    config = {"name": "m", "base_path": str(tmp_path)}
    served = ModelManager(
        load, [ModelConfig(**config)], source=Sources(tmp_path / ".copies"), early_labels=True
    )
    served.reload([ModelConfig(**config, labels={"stable": 1, "next": 2})])
    with pytest.raises(Refusal, match=r"Servable not found for request: Specific\(m, 2\)"):
        served.find("m", label="next")
    with pytest.raises(Refusal, match="not currently available"):
        served.reload([ModelConfig(**config, labels={"stable": 2})])
    put(tmp_path, 2)
    served.poll()
    assert served.find("m", label="next") == (2, "2:good")
