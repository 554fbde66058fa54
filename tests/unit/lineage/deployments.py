"""Changes of a serving target, recorded as pushes, rollbacks and canaries are."""

from datetime import UTC, datetime, timedelta
from typing import Any

from pipeline_lib.metadata.records import NewArtifact, NewExecution, NodeKey, Run, State, StoredArtifact
from pipeline_lib.metadata.store import Store

TARGET = "/served/it's a model"
START = datetime(2026, 1, 1, tzinfo=UTC)


class Deployments:
    """Records one change after the other; the n-th is live n minutes after `START`."""

    def __init__(self, store: Store, target: str = TARGET) -> None:
        self.store, self.target, self.count = store, target, 0
        self.pushed: dict[int, StoredArtifact] = {}

    def push(self, version: int, *, previous: int | None = None, **facts: Any) -> StoredArtifact:
        """A model, and its push; returns the model."""
        key = self._run()
        trained = self._start(key, "train", {}, type_name="components.train")
        model = self.store.complete(
            trained,
            self._key(key, "train"),
            {"model": [NewArtifact(type_name="Model", uri=f"/m/{key}", digest=f"m{version}", properties={})]},
            {},
        )["model"][0]
        pushing = self._start(key, "push", {"model": (model,)}, type_name="components.push")
        told = self._facts(version, previous, facts)
        pushed = NewArtifact(
            type_name="PushedModel",
            uri=f"/p/{key}",
            digest="p",
            properties={
                "pushed": True,
                "pushed_destination": f"{self.target}/{version}",
                "pushed_version": str(version),
                "live_at": told["live_at"],
            },
        )
        made = self.store.complete(pushing, self._key(key, "push"), {"pushed_model": [pushed]}, told)
        self.pushed[version] = made["pushed_model"][0]
        return model

    def change(self, kind: str, version: int, *, previous: int | None = None, **facts: Any) -> int:
        """A rollback, promotion, canary or its end."""
        key = self._run()
        node = f"serving.{kind}"
        inputs = {"pushed_model": (self.pushed[version],)}
        id_ = self._start(key, node, inputs, type_name=node)
        self.store.complete(id_, self._key(key, node), {}, self._facts(version, previous, facts))
        return id_

    def fail(self, version: int) -> None:
        """A push that was undone."""
        key = self._run()
        id_ = self._start(key, "push", {}, type_name="components.push")
        self.store.finish(id_, State.FAILED, self._facts(version, None, {"reason": "not confirmed"}))

    def at(self, minutes: float) -> datetime:
        """A time on this clock."""
        return START + timedelta(minutes=minutes)

    def _run(self) -> str:
        self.count += 1
        run_id = f"{abs(hash(self.target))}-{self.count}"
        self.store.open_run(Run(pipeline="flights", run_id=run_id, state=State.COMPLETE))
        return run_id

    def _key(self, run_id: str, node: str) -> NodeKey:
        return NodeKey(pipeline="flights", run_id=run_id, node=node)

    def _start(self, run_id: str, node: str, inputs: Any, *, type_name: str) -> int:
        new = NewExecution(
            key=self._key(run_id, node),
            type_name=type_name,
            cache_key="",
            inputs=inputs,
            parameters={},
            facts={"user": "ann"},
        )
        return self.store.start(new)

    def _facts(self, version: int, previous: int | None, facts: dict[str, Any]) -> dict[str, Any]:
        told = {
            "serving_target": self.target,
            "version": version,
            "previous_version": previous,
            "live_at": self.at(self.count).isoformat(timespec="milliseconds"),
            **facts,
        }
        return {name: value for name, value in told.items() if value is not None}
