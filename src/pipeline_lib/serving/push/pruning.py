"""Old versions go; never one that is live, labelled, or that a server has."""

from pipeline_lib.errors import PipelineError
from pipeline_lib.serving.base_path.ledger import Ledger, Place
from pipeline_lib.serving.push.opening import Opened
from pipeline_lib.serving.versions import VersionState


def prune(opened: Opened, ledger: Ledger, *, keep: int) -> None:
    """Delete versions beyond those to keep; none while a server cannot be asked what it has.

    Args:
        opened: The base path and its servers.
        ledger: What is known.
        keep: How many versions that have been live stay, the live one included.
    """
    kept = {*[one for one in ledger.lived if ledger.is_kept(one)][-keep:], *ledger.labels.values()}
    ours = {one for one, entry in ledger.entries.items() if entry.digest and ledger.is_kept(one)}
    old = ours - kept
    if not old:
        return
    for told in opened.fleet.states(opened.name).values():
        if isinstance(told, PipelineError):
            return
        old -= {one.version for one in told if one.state is not VersionState.END}
    opened.base.write_ledger(ledger.placing(old, Place.REMOVED))
    for version in sorted(old):
        opened.base.remove(version)
