"""Keeps AutoGraph from converting tf_keras' own source."""

from collections.abc import Iterator
from contextlib import contextmanager

from tensorflow.python.autograph.core import config as autograph_config
from tensorflow.python.autograph.core import config_lib as autograph_rules


@contextmanager
def without_converting_tf_keras() -> Iterator[None]:
    """For the block, tf_keras' code is called as it is; the first fit otherwise takes some 20 s more."""
    before = autograph_config.CONVERSION_RULES
    autograph_config.CONVERSION_RULES = (autograph_rules.DoNotConvert("tf_keras"), *before)
    try:
        yield
    finally:
        autograph_config.CONVERSION_RULES = before
