import gc
import subprocess
import sys
import types

import pytest

from pipeline_lib.runtime.host.preload import Preloader, tensorflow_has_run, why_not_fork


@pytest.fixture
def modules(tmp_path, monkeypatch):
    """Two modules that can be imported, one that cannot."""
    (tmp_path / "first_module.py").write_text("import time; time.sleep(0.1); import second_module")
    (tmp_path / "second_module.py").write_text("")
    (tmp_path / "broken_module.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    for name in ("first_module", "second_module", "broken_module"):
        sys.modules.pop(name, None)
    gc.unfreeze()


def test_modules_are_imported_in_order(modules):
    preloader = Preloader(lambda: None)
    preloader.add(["first_module", "second_module"])
    preloader.step()
    assert preloader.loaded == ["first_module"]
    assert preloader.pending == ("second_module",)
    assert "first_module" in sys.modules


def test_who_is_waited_for_comes_first(modules):
    preloader = Preloader(lambda: None)
    preloader.add(["first_module", "broken_module"])
    preloader.hurry(["second_module", "broken_module"])
    assert preloader.pending == ("second_module", "broken_module", "first_module")


def test_nothing_is_imported_twice(modules):
    preloader = Preloader(lambda: None)
    preloader.add(["second_module"])
    preloader.step()
    preloader.hurry(["second_module", "second_module"])
    assert preloader.pending == ()
    assert preloader.has(["second_module"])


def test_a_module_that_fails_is_not_waited_for(modules):
    preloader = Preloader(lambda: None)
    preloader.add(["broken_module"])
    assert not preloader.has(["broken_module"])
    preloader.step()
    assert preloader.failed == {"broken_module": "ZeroDivisionError: division by zero"}
    assert preloader.has(["broken_module"])


def test_who_stops_the_host_just_before_an_import_does_not_wait_for_it(modules):
    def stopped():
        assert preloader.importing == "first_module", "from here on the handler of signals ends the import"
        raise SystemExit

    preloader = Preloader(stopped)
    preloader.add(["first_module"])
    with pytest.raises(SystemExit):
        preloader.step()
    assert "first_module" not in sys.modules
    assert preloader.importing is None


def test_what_a_module_imports_at_its_first_use_is_imported_after_it():
    preloader = Preloader(lambda: None)
    preloader.add(["pyarrow", "pyarrow.csv"])
    foreign = ("pyarrow.dataset", "pandas", "fsspec.implementations.local")
    ours = ("pipeline_lib.beam.files", "pipeline_lib.dsl.execution")
    assert preloader.pending == ("pyarrow", "pyarrow.csv", *foreign, *ours)
    preloader.hurry(["numpy"])
    assert preloader.pending[0] == "numpy"
    assert preloader.has(["fsspec"])
    assert not preloader.has(["pyarrow.parquet"]), "its companions are still to come"


def test_after_the_companions_a_child_of_pyarrow_imports_no_further_library():
    """In a fresh interpreter, as the light host is one."""
    told = subprocess.run(
        [sys.executable, "-c", _USE_PYARROW], capture_output=True, text=True, check=True
    ).stdout
    assert told.split() == []


_USE_PYARROW = """
import importlib, os, sys
from pipeline_lib.runtime.host.preload import with_companions
modules = with_companions(["numpy", "pyarrow", "pyarrow.compute", "pyarrow.csv", "pyarrow.parquet"])
for name in modules:
    importlib.import_module(name)
before = set(sys.modules)
import fsspec, numpy as np, pyarrow as pa, pyarrow.parquet as pq, tempfile
table = pa.table({"x": pa.array(np.arange(3)), "s": ["a", "b", None]})
table = table.cast(table.schema).filter(pa.array([True, False, True]))
with tempfile.NamedTemporaryFile() as file:
    pq.write_table(table, file.name)
    with fsspec.open(file.name, "rb") as opened:
        pq.read_table(opened)
packages = {name.partition(".")[0] for name in set(sys.modules) - before}
print(*(packages - set(sys.stdlib_module_names) - {name.partition(".")[0] for name in before}), flush=True)
os._exit(0)  # as children end: pyarrow's threads may still hold the file, and abort an interpreter that ends
"""


def test_clients_are_looked_after_during_an_import(modules):
    polled = []
    preloader = Preloader(lambda: polled.append(preloader.importing))
    preloader.add(["first_module"])
    preloader.step()
    assert polled == ["first_module", "first_module"], "before it, and within it"
    assert not any(type(finder).__name__ == "_PollingFinder" for finder in sys.meta_path)


def test_too_many_threads_are_a_reason(monkeypatch):
    monkeypatch.delitem(sys.modules, "tensorflow.python.eager.context", raising=False)  # other tests run ops
    assert why_not_fork(4, 5) is None
    assert "6 threads, more than the 5" in (why_not_fork(6, 5) or "")


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        pytest.param(None, False, id="never-asked-for"),
        pytest.param(types.SimpleNamespace(_initialized=False), False, id="asked-for"),
        pytest.param(types.SimpleNamespace(_initialized=True), True, id="op-has-run"),
    ],
)
def test_an_op_is_seen_by_the_eager_context(context, expected):
    module = types.SimpleNamespace(_context=context)
    assert tensorflow_has_run({"tensorflow.python.eager.context": module}) is expected
    assert not tensorflow_has_run({})
