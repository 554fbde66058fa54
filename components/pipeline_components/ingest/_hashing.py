"""Hashes of rows and keys, a column at a time; pinned by tests, because they decide who is in `train`.

Own code rather than pandas' or pyarrow's: a split must not move with a library's release.
"""

from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa

Hashes = np.ndarray[Any, np.dtype[np.uint64]]

_STEP = np.uint64(0x9E3779B97F4A7C15)
_ODD = np.uint64(0xD6E8FEB86659FD93)


def mix(values: Hashes) -> Hashes:
    """Spread every bit of 64-bit values over all 64 (the finaliser of splitmix64).

    Source:
        G. L. Steele, D. Lea, C. H. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
    """
    z = values + _STEP
    z ^= z >> np.uint64(30)
    z *= np.uint64(0xBF58476D1CE4E5B9)
    z ^= z >> np.uint64(27)
    z *= np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return z


def hash_rows(batch: pa.RecordBatch) -> Hashes:
    """A hash of each whole row, whatever the order of columns.

    A missing value adds nothing, so a new column without values moves no row.

    Args:
        batch: Shape (rows, columns).

    Returns:
        Shape (rows,).
    """
    total = np.zeros(batch.num_rows, dtype=np.uint64)
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        total += hash_column(column, salt=hash_text(name))
    return mix(total)


def hash_column(values: pa.Array, *, salt: int = 0) -> Hashes:
    """A hash of each value of a column; 0 for a missing one (and for NaN).

    The same number has the same hash as integer, float and bool, so a column that turns from int64 to
    double because a value is missing moves no row.

    Args:
        values: Shape (rows,): numbers, bools, text, bytes, or lists of these.
        salt: Makes columns differ that hold the same values.

    Returns:
        Shape (rows,).
    """
    kind = values.type
    if pa.types.is_dictionary(kind):
        values, kind = values.dictionary_decode(), kind.value_type
    if pa.types.is_null(kind):
        return np.zeros(len(values), dtype=np.uint64)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        hashes = _hash_lists(values, salt)
    elif pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        hashes = _salted(_filled(values.cast(pa.int64())).view(np.uint64), salt)
    elif pa.types.is_floating(kind):
        return _hash_floats(values, salt)
    else:
        codes = values.dictionary_encode()
        words = _salted(_hash_bytes(codes.dictionary.cast(pa.large_binary())), salt)
        hashes = words[_filled(codes.indices)] if len(words) else np.zeros(len(values), dtype=np.uint64)
    if values.null_count:
        hashes[np.asarray(values.is_null())] = 0
    return hashes


@cache
def hash_text(text: str) -> int:
    """The hash of one piece of text."""
    return int(_hash_bytes(pa.array([text.encode()], pa.large_binary()))[0])


def _salted(bits: Hashes, salt: int) -> Hashes:
    return mix(bits ^ np.uint64(salt))


def _filled(values: pa.Array) -> Any:
    return (values.fill_null(0) if values.null_count else values).to_numpy(zero_copy_only=False)


def _hash_floats(values: pa.Array, salt: int) -> Hashes:
    numbers = values.cast(pa.float64()).to_numpy(zero_copy_only=False)  # a missing one becomes NaN
    with np.errstate(invalid="ignore"):
        integers = numbers.astype(np.int64)
    # 2**63 itself is no int64, and what a cast makes of it depends on the processor.
    whole = (integers == numbers) & (numbers < 2.0**63)
    hashes = _salted(np.where(whole, integers.view(np.uint64), numbers.view(np.uint64)), salt)
    hashes[np.isnan(numbers)] = 0
    return hashes


def _hash_bytes(values: pa.Array) -> Hashes:
    """Polynomial hash over the bytes of each value, modulo 2**64, through a table of random words."""
    _, offsets_buffer, data_buffer = values.buffers()
    offsets = np.frombuffer(offsets_buffer, dtype=np.int64)[values.offset : values.offset + len(values) + 1]
    data = (
        np.frombuffer(data_buffer, dtype=np.uint8)[offsets[0] : offsets[-1]]
        if data_buffer
        else np.empty(0, np.uint8)
    )
    starts = offsets - offsets[0]
    lengths = np.diff(starts)
    longest = int(lengths.max()) if len(lengths) else 0
    powers = np.cumprod(np.full(max(longest, 1), _ODD, dtype=np.uint64), dtype=np.uint64)
    table = mix(np.arange(256, dtype=np.uint64))
    place = np.arange(len(data), dtype=np.int64) - np.repeat(starts[:-1], lengths)
    sums = np.zeros(len(data) + 1, dtype=np.uint64)
    np.cumsum(table[data] * powers[place], out=sums[1:])  # wraps, as does the difference
    return mix(sums[starts[1:]] - sums[starts[:-1]] + lengths.astype(np.uint64) * _STEP)


def _hash_lists(values: pa.Array, salt: int) -> Hashes:
    lists = values.cast(pa.large_list(values.type.value_type))
    starts = np.concatenate([[0], np.cumsum(_filled(lists.value_lengths()))]).astype(np.int64)
    items = hash_column(lists.flatten(), salt=salt)
    place = np.arange(len(items), dtype=np.int64) - np.repeat(starts[:-1], np.diff(starts))
    sums = np.zeros(len(items) + 1, dtype=np.uint64)
    np.cumsum(mix(items + place.astype(np.uint64)), out=sums[1:])
    return _salted(sums[starts[1:]] - sums[starts[:-1]] + np.diff(starts).astype(np.uint64), salt)
