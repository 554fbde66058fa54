"""`pipeline gc` beside runs at work: it never takes what one of them needs."""

import json
import signal
from pathlib import Path

from integration.launching import (
    Site,
    number_of,
    require_clean,
    require_nothing_partial,
    run,
    wait_until_stopped,
)
from pipeline_lib.cli.retention import _is_active
from pipeline_lib.lineage.retention.collection import Policy, Sweep, collect
from pipeline_lib.metadata.records import State
from pipeline_lib.runtime.session import Session

ROUNDS = 6


def sweep(session: Session) -> Sweep:
    """Everything may go, as far as nobody needs it."""
    root = str(Path(session.profile.artifacts.root).resolve())
    return collect(session.store, session.artifacts, Policy(keep_last=0), root=root, is_active=_is_active)


def test_what_a_run_has_found_stays_until_it_has_ended(site: Site) -> None:
    """It has looked `add` up, and has not recorded it yet."""
    with site.session() as session:
        first = run(site, session)
        process = site.start("stop@looked-up#2")
        wait_until_stopped(process)
        for _ in range(2):
            swept = sweep(session)
            assert swept.deleted == ()
            assert len(swept.waiting) == 3
        assert all(
            Path(a.uri).is_dir() for node in first.nodes for port in node.outputs.values() for a in port
        )
        process.send_signal(signal.SIGCONT)
        output, complaints = process.communicate(timeout=60)
        assert json.loads(output)["state"] == "COMPLETE", complaints
        assert len(sweep(session).deleted) >= 3
        assert number_of(run(site, session), "last") == 15


def test_a_dead_run_keeps_nothing(site: Site) -> None:
    with site.session() as session:
        run(site, session)
        site.crash("kill@looked-up#2")
        assert len(sweep(session).deleted) == 3


def test_collections_without_a_pause_beside_runs_harm_none(site: Site) -> None:
    with site.session() as session:
        run(site, session)
        orders = [site.order(plus=1 + number % 2) for number in range(ROUNDS)]
        process = site.start_all(orders)
        while process.poll() is None:
            sweep(session)
        output, complaints = process.communicate()
        states = [json.loads(line)["state"] for line in output.splitlines()]
        assert states == ["COMPLETE"] * ROUNDS, complaints
        require_nothing_partial(session)
        require_clean(session)
        assert run(site, session).state is State.COMPLETE
