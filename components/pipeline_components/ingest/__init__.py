"""Ingest: from a span's files or a database to `Examples`."""

from pipeline_components.ingest.csv import ingest_csv
from pipeline_components.ingest.parquet import ingest_parquet
from pipeline_components.ingest.splits import HashSplit
from pipeline_components.ingest.sql import ingest_sql
from pipeline_components.ingest.tfrecord import ingest_tfrecord

__all__ = ["HashSplit", "ingest_csv", "ingest_parquet", "ingest_sql", "ingest_tfrecord"]
