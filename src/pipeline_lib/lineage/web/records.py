"""Look-ups by number that tell a visitor what is not there."""

from pipeline_lib.errors import UnknownRecordError
from pipeline_lib.metadata.records import StoredExecution
from pipeline_lib.metadata.store import Store

_LARGEST_ID = 2**63 - 1


def find_execution(store: Store, execution_id: int) -> StoredExecution:
    """One execution.

    Raises:
        UnknownRecordError: There is none of that id, or none that the visitor may see.
    """
    found = store.execution(execution_id) if 0 < execution_id <= _LARGEST_ID else None
    if found is None:
        raise UnknownRecordError(
            f"there is no execution {execution_id}", fix="choose one from the page of its run"
        )
    return found
