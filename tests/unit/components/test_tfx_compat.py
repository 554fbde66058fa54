"""Modules written for TFX load without tfx, and leave no trace of the stand-ins."""

import importlib
import importlib.util
import sys

import pytest

from pipeline_components.errors import UnknownTfxNameError
from pipeline_components.tfx_compat import tfx_names
from pipeline_components.train import FnArgs, TunerFnResult

pytestmark = pytest.mark.skipif(
    getattr(importlib.util.find_spec("tfx"), "origin", None) is not None, reason="tfx is installed"
)


def test_names_are_found_inside_only() -> None:
    with tfx_names():
        utils = importlib.import_module("tfx.components.trainer.fn_args_utils")
        assert utils.FnArgs is FnArgs
        v1 = importlib.import_module("tfx.v1")
        assert v1.components.TunerFnResult is TunerFnResult
    assert not [name for name in sys.modules if name.split(".")[0] == "tfx"]
    with pytest.raises(ModuleNotFoundError, match="tfx"):
        importlib.import_module("tfx.components.trainer.fn_args_utils")


def test_stand_ins_are_removed_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError), tfx_names():
        raise ZeroDivisionError
    assert "tfx" not in sys.modules


def test_blocks_may_be_nested() -> None:
    with tfx_names():
        with tfx_names():
            pass
        assert importlib.import_module("tfx.v1.components").FnArgs is FnArgs
    assert "tfx" not in sys.modules


def test_a_name_without_an_equivalent_is_told_of() -> None:
    with tfx_names(), pytest.raises(UnknownTfxNameError, match=r"tfx\.v1\.dsl is not among"):
        _ = importlib.import_module("tfx.v1").dsl
