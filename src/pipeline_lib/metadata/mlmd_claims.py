"""Who computes a result: one try at a time, by a claim on the cache key that ends with the try.

A try that claims is recorded with an `external_id` made of its cache key, and ML Metadata lets only one
execution have it: the claim costs no call of its own, and of two that start at once one is refused.
Publishing puts the node's own id in its place, in the same transaction. A try that ends without outputs
keeps its claim, since taking it away could race with publishing; whoever comes next claims *after* that try,
which makes another id, and again only one can have it.
"""

from typing import NoReturn

from pipeline_lib.errors import ClaimedError
from pipeline_lib.metadata.mlmd_records import execution_state, has_claimed
from pipeline_lib.metadata.mlmd_states import MlmdStates
from pipeline_lib.metadata.mlmd_types import EXECUTION_CACHE
from pipeline_lib.metadata.records import State

# Others of that key are forced ones, and losers of one node of one run: few, and without a claim.
_LOOKED_AT = 50
_WITHOUT_OUTPUTS = "last_known_state IN (RUNNING, FAILED, CANCELED)"


class MlmdClaims(MlmdStates):
    """The part of the store that knows whose turn it is."""

    def _last_claim(self, cache_key: str) -> int:
        """The try that claimed last and ended without outputs; 0 if there is none.

        Raises:
            ClaimedError: It has not ended.
        """
        for message in self._of_context(EXECUTION_CACHE, cache_key, _LOOKED_AT, _WITHOUT_OUTPUTS):
            if has_claimed(message):
                if execution_state(message) is State.RUNNING:
                    _refuse(message.id)
                return int(message.id)
        return 0


def _refuse(holder: int) -> NoReturn:
    raise ClaimedError(
        "another run computes the same result at this moment",
        execution=holder,
        fix="wait for its end, then look the result up",
    )
