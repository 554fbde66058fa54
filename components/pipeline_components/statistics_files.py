"""Statistics files of TFDV."""

from google.protobuf.message import DecodeError
from tensorflow_metadata.proto.v0 import statistics_pb2

from pipeline_components.errors import StatisticsError
from pipeline_lib import ExampleStatistics

STATISTICS_FILE = "FeatureStats.pb"


def read_statistics(statistics: ExampleStatistics, split: str) -> statistics_pb2.DatasetFeatureStatisticsList:
    """The statistics of one split.

    Raises:
        StatisticsError: Its file is not there or cannot be parsed.
    """
    file = statistics.split_path(split) / STATISTICS_FILE
    found = statistics_pb2.DatasetFeatureStatisticsList()
    try:
        found.ParseFromString(file.read_bytes())
    except (OSError, DecodeError) as error:
        raise StatisticsError(
            f"the statistics of split {split} cannot be read: {error}", at=str(file), fix="compute them again"
        ) from error
    return found


def sort_features(found: statistics_pb2.DatasetFeatureStatisticsList) -> None:
    """TFDV gives features in the order of a hash table; sorted, equal statistics are equal bytes."""
    for dataset in found.datasets:
        dataset.features.sort(key=lambda feature: (list(feature.path.step), feature.name))
