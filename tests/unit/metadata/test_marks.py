"""What executions are found by."""

from pipeline_lib.metadata.marks import Mark, MarkKind, marks_of, target_of
from pipeline_lib.metadata.records import NewArtifact


def artifact(type_name: str, **properties: object) -> NewArtifact:
    return NewArtifact(type_name=type_name, uri="/a", digest="d", properties=properties)


def texts(kind: MarkKind, found: tuple[Mark, ...]) -> list[str]:
    return [mark.text for mark in found if mark.kind is kind]


def test_files_go_by_hash_and_by_name_with_and_without_folders() -> None:
    parameters = {
        "source": "/data/*.csv",
        "found": {"files": {"*": [{"name": "day/a.csv", "sha256": "AB" * 32}, {"name": "b.csv"}]}},
    }
    found = marks_of(parameters, {})
    assert texts(MarkKind.FILE, found) == ["ab" * 32]
    assert texts(MarkKind.FILE_NAME, found) == ["*.csv", "/data/*.csv", "a.csv", "day/a.csv"]


def test_columns_are_those_of_outputs() -> None:
    made = {"examples": [artifact("Examples", columns=["fare", "é"]), artifact("Examples", columns=None)]}
    assert texts(MarkKind.COLUMN, marks_of({}, {}, made)) == ["fare", "é"]


def test_a_target_is_told_or_follows_from_where_a_model_was_pushed() -> None:
    pushed = {"p": [artifact("PushedModel", pushed=True, pushed_destination="/served/x/12")]}
    refused = {"p": [artifact("PushedModel", pushed=False, pushed_destination=None)]}
    assert texts(MarkKind.TARGET, marks_of({}, {}, pushed)) == ["/served/x"]
    assert texts(MarkKind.TARGET, marks_of({}, {"serving_target": "/base"}, pushed)) == ["/base"]
    assert texts(MarkKind.TARGET, marks_of({}, {}, refused)) == []
    assert target_of({"pushed_destination": "s3://b/x/1"}) == "s3://b/x"


def test_marks_are_bounded_and_odd_records_ignored() -> None:
    many = [{"name": f"{number}.csv", "sha256": f"{number:064x}"} for number in range(5_000)]
    assert len(marks_of({"found": many}, {})) == 2_000
    assert marks_of({"source": 3, "sha256": 5, "x": {"sha256": None}}, {"serving_target": 7}) == ()
