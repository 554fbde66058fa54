"""A store made by real runs of the `audited` pipeline, and one that counts what is asked of it."""

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipeline_lib.metadata.records import ArtifactQuery, State, StoredArtifact
from pipeline_lib.metadata.store import Store
from pipeline_lib.runtime.session import open_session
from unit.runtime.toy_runs import TOYS, toy_profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """Three runs: pushed as 101, refused, pushed as 102 (more steps, one span later)."""

    folder: Path
    store: Store

    def made(self, type_name: str) -> list[StoredArtifact]:
        return list(self.store.artifacts(ArtifactQuery(type_name=type_name, oldest_first=True)))


class Counting:
    """A store that counts calls by method."""

    def __init__(self, store: Store) -> None:
        self._store, self.calls = store, Counter[str]()

    def __getattr__(self, name: str) -> Any:
        self.calls[name] += 1
        return getattr(self._store, name)


@pytest.fixture(scope="session")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Audited]:
    folder = tmp_path_factory.mktemp("audited")
    (folder / "one.csv").write_text("1\n")
    (folder / "it's 2%.csv").write_text("2\n")
    before = list(sys.path)
    sys.path.insert(0, str(TOYS))
    import audited.pipeline as pipelines

    plan = pipelines.audited.compile()
    with open_session(toy_profile(folder)) as session:
        for name, span, version, steps, bless in (
            ("one.csv", 15857, "101", 5, True),
            ("one.csv", 15857, "999", 6, False),
            ("it's 2%.csv", 15858, "102", 7, True),
        ):
            result = session.run(
                plan,
                {
                    "source": str(folder / name),
                    "span": span,
                    "base": "/served/toy",
                    "version": version,
                    "steps": steps,
                    "bless": bless,
                },
            )
            assert result.state is State.COMPLETE, [node.error for node in result.nodes]
        yield Audited(folder=folder, store=session.store)
    sys.path[:] = before


@pytest.fixture
def counting(audited: Audited) -> Any:
    return Counting(audited.store)
