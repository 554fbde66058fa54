"""Which uris are local."""

from pathlib import Path

import pytest

from pipeline_lib.beam.files import local_path, parquet_files


@pytest.mark.parametrize(
    ("uri", "path"),
    [("/a/b", Path("/a/b")), ("a", Path("a")), ("file:///a", Path("/a")), ("s3://a/b", None)],
)
def test_local_path(uri: str, path: Path | None) -> None:
    assert local_path(uri) == path


def test_files_are_sorted_by_name_and_a_file_gives_itself(tmp_path: Path) -> None:
    for name in ("b.parquet", "a.parquet", "c.csv"):
        (tmp_path / name).touch()
    assert parquet_files(str(tmp_path)) == [f"{tmp_path}/a.parquet", f"{tmp_path}/b.parquet"]
    assert parquet_files(f"{tmp_path}/b.parquet") == [f"{tmp_path}/b.parquet"]
