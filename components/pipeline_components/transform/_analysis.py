"""Fitting the analyzers: over all rows at once, or with a cache over those that are new."""

import hashlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apache_beam as beam
import tensorflow_transform.beam as tft_beam
from tensorflow_transform.beam import analyzer_cache as tft_cache
from tfx_bsl.tfxio.tensor_adapter import TensorAdapter, TensorAdapterConfig

from pipeline_components.transform._preprocessing import Preprocessing
from pipeline_components.transform._work import Portion
from pipeline_lib.artifacts import Examples, TransformCache

Read = Callable[[beam.Pipeline, str, Sequence[Portion]], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheFolder:
    """Where results of analyzers are kept, and under which key for each input.

    Attributes:
        path: Read and written: TFT writes only what is new, so what was known lies there already.
        uri: The same as workers see it.
        keys: One for each input, by its content and the splits that are analysed.
    """

    path: Path
    uri: str
    keys: tuple[tft_cache.DatasetKey, ...]

    @classmethod
    def of(
        cls,
        made: TransformCache,
        known: TransformCache | None,
        examples: Sequence[Examples],
        splits: Sequence[str],
    ) -> "CacheFolder":
        """The folder of a new cache, begun with what a known one has of these inputs."""
        keys = tuple(_key(given, splits) for given in examples)
        for key in keys:
            if known is not None and (known.path / key.key).is_dir():
                shutil.copytree(known.path / key.key, made.path / key.key)
        return cls(path=made.path, uri=str(made.path), keys=keys)


def analyse(
    root: beam.Pipeline,
    portions: Sequence[Portion],
    adapter: TensorAdapterConfig,
    preprocessing: Preprocessing,
    read: Read,
    cache: CacheFolder | None,
) -> Any:
    """The fitted transform function of TFT, for `TransformDataset` and `WriteTransformFn`.

    Args:
        root: The pipeline.
        portions: Those not to be analysed are left out.
        adapter: How record batches become tensors.
        preprocessing: The user's function.
        read: Gives the record batches of some portions under a name.
        cache: None: every row is read.
    """
    chosen = [portion for portion in portions if portion.analyse]
    if cache is None:
        return (read(root, "rows to analyse", chosen), adapter) | tft_beam.AnalyzeDataset(preprocessing)
    keys = list(cache.keys)
    known = root | tft_cache.ReadAnalysisCacheFromFS(cache.uri, keys) if any(cache.path.iterdir()) else {}
    needed = tft_beam.analysis_graph_builder.get_analysis_dataset_keys(
        preprocessing, TensorAdapter(adapter).TypeSpecs(), keys, known, False
    )
    data = {
        key: read(root, key.key, [portion for portion in chosen if portion.data_set == number])
        if key in needed
        else None
        for number, key in enumerate(keys)
    }
    analysis = tft_beam.AnalyzeDatasetWithCache(preprocessing, pipeline=root)
    fitted, new = (data, known, adapter) | analysis
    new | tft_cache.WriteAnalysisCacheToFS(root, cache.uri, keys)
    return fitted


def _key(given: Examples, splits: Sequence[str]) -> tft_cache.DatasetKey:
    content = given.digest or given.uri  # a unit test's examples were never published
    mark = hashlib.sha256("\0".join([content, *sorted(splits)]).encode()).hexdigest()
    return tft_cache.DatasetKey(f"span-{given.span}-{mark[:16]}")
