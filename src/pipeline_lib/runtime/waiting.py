"""Outside data that is not there yet: a node's driver says so, and is asked again until it is."""

import threading
import time
from dataclasses import dataclass

from pipeline_lib.errors import DataMissingError
from pipeline_lib.metadata.records import NodeKey
from pipeline_lib.plan.models import Node
from pipeline_lib.runtime.preparation import Prepared, prepare
from pipeline_lib.runtime.results import NodeStep, Observer, Step
from pipeline_lib.runtime.scope import Scope
from pipeline_lib.settings import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """That somebody may wait here.

    Attributes:
        cancel: Ends it.
        observe: Is told what is waited for.
    """

    cancel: threading.Event
    observe: Observer


def prepare_when_there(
    node: Node, key: NodeKey, scope: Scope, profile: Profile, waiting: Waiting | None
) -> Prepared:
    """Prepare a node, and again as long as its data is missing and its pipeline waits for it.

    Raises:
        DataMissingError: The time is up, or nobody waits, or the run was canceled.
        PipelineError: See `prepare`.
    """
    since = time.monotonic()
    while True:
        try:
            return prepare(node, key, scope, profile)
        except DataMissingError as error:
            left = error.wait_seconds - (time.monotonic() - since)
            if waiting is None or left <= 0:
                raise
            waiting.observe(NodeStep(key=key, step=Step.WAITING_FOR_DATA, detail=error.summary))
            if waiting.cancel.wait(min(error.poll_seconds, left)):
                raise
