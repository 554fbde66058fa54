"""Options of the data accessor: the names and defaults of tfx_bsl's, without importing TensorFlow."""

from typing import NamedTuple


class TensorFlowDatasetOptions(NamedTuple):
    """How `tf_dataset_factory` batches. tfx_bsl's class of this name is taken as well.

    Attributes:
        batch_size: Rows a batch.
        drop_final_batch: Leave out a last batch that is short.
        num_epochs: Passes over the data; None: for ever.
        shuffle: Shuffle row groups, and rows in a window over them.
        shuffle_buffer_size: Rows the window holds at least; whole row groups are read into it.
        shuffle_seed: Makes the order repeatable.
        prefetch_buffer_size: Batches prepared ahead; -1: as tf.data sees fit.
        label_key: Feature to return apart from the others.
    """

    batch_size: int
    drop_final_batch: bool = False
    num_epochs: int | None = None
    shuffle: bool = True
    shuffle_buffer_size: int = 10_000
    shuffle_seed: int | None = None
    prefetch_buffer_size: int = -1
    label_key: str | None = None


class RecordBatchesOptions(NamedTuple):
    """How `record_batch_factory` batches.

    Attributes:
        batch_size: Rows a batch, at most.
        drop_final_batch: Leave out a last batch that is short.
        num_epochs: Passes over the data; None: for ever.
    """

    batch_size: int
    drop_final_batch: bool = False
    num_epochs: int | None = None
