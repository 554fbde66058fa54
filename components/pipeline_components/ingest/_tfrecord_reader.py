"""Reading TFRecord files of tf.Examples in batches, framing and decoding in C++."""

import os
from collections.abc import Callable, Iterator

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import fsspec
import pyarrow as pa
import tensorflow as tf
from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

from pipeline_components.errors import SourceFormatError
from pipeline_components.schema_files import read_schema
from pipeline_lib import Schema
from pipeline_lib.beam.batches import as_record_batch, plain_columns
from pipeline_lib.beam.files import local_path

_BATCH = 16_384


def reader(schema: Schema | None) -> Callable[[str], Iterator[pa.RecordBatch]]:
    """A function that reads one file in batches of plain columns.

    Raises (the function):
        SourceFormatError: The file is no TFRecord, is damaged, or holds something other than tf.Examples.
    """
    serialized = None if schema is None else read_schema(schema).SerializeToString()
    decoder = ExamplesToRecordBatchDecoder(serialized) if serialized else ExamplesToRecordBatchDecoder()

    def read(uri: str) -> Iterator[pa.RecordBatch]:
        local = local_path(uri)
        # TensorFlow opens few kinds of URL; fsspec copies the others, for as long as they are read.
        path = str(local) if local is not None else fsspec.open_local(f"simplecache::{uri}")
        kind = "GZIP" if uri.endswith(".gz") else ""
        records = tf.data.TFRecordDataset(path, compression_type=kind, buffer_size=4 << 20)
        done = 0
        try:
            for batch in records.batch(_BATCH).as_numpy_iterator():
                rows = decoder.DecodeBatch(batch.tolist())
                yield as_record_batch(plain_columns(rows))
                done += len(batch)
        except (tf.errors.DataLossError, tf.errors.InvalidArgumentError) as error:
            raise SourceFormatError(
                f"the file is damaged, or no TFRecord: {error.message}",
                at=f"{uri}, after record {done}",
                fix="deliver it again; a gzipped file's name must end in .gz",
            ) from error
        except (ValueError, RuntimeError) as error:
            raise SourceFormatError(
                f"a record is no tf.Example, or a feature changes its kind: {error}",
                at=f"{uri}, after record {done}",
                fix="check what wrote the file",
            ) from error

    return read
