import threading
from pathlib import Path

from pipeline_lib.runtime.progress import ProgressReader, ProgressWriter


class Scalar:
    def item(self) -> float:
        return 0.5


def test_reports_arrive_once_and_in_order(tmp_path):
    seen = []
    reader = ProgressReader(tmp_path / "p", seen.append)
    reader.poll()
    writer = ProgressWriter(tmp_path / "p")
    writer.report({"epoch": 1})
    reader.poll()
    reader.poll()
    writer.report({"epoch": 2})
    writer.close()
    reader.poll()
    assert seen == [{"epoch": 1}, {"epoch": 2}]


def test_half_a_line_is_waited_for(tmp_path):
    seen = []
    file = tmp_path / "p"
    reader = ProgressReader(file, seen.append)
    file.write_text('{"epoch": 1}\n{"epo')
    reader.poll()
    file.write_text('{"epoch": 1}\n{"epoch": 2}\n')
    reader.poll()
    assert seen == [{"epoch": 1}, {"epoch": 2}]


def test_what_is_not_plain_becomes_plain(tmp_path):
    seen = []
    writer = ProgressWriter(tmp_path / "p")
    writer.report({"loss": Scalar(), "file": Path("/a")})
    writer.close()
    ProgressReader(tmp_path / "p", seen.append).poll()
    assert seen == [{"loss": 0.5, "file": "/a"}]


def test_reports_of_threads_do_not_mix(tmp_path):
    writer = ProgressWriter(tmp_path / "p")
    threads = [
        threading.Thread(target=lambda n=n: [writer.report({"n": n, "x": "y" * 500}) for _ in range(50)])
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close()
    seen = []
    ProgressReader(tmp_path / "p", seen.append).poll()
    assert len(seen) == 200


def test_without_a_receiver_nothing_is_read(tmp_path):
    (tmp_path / "p").write_text("no json\n")
    ProgressReader(tmp_path / "p", None).poll()
