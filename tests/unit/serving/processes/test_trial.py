"""A trial server's command: the local one, another's options, or a line of the profile."""

import sys
from pathlib import Path

import pytest

from pipeline_lib.errors import ServerSettingsError
from pipeline_lib.serving.processes.trial import trial_server


def test_a_server_is_stopped_and_its_last_words_are_kept(tmp_path: Path) -> None:
    program = "import sys, time; print(sys.argv[1:], flush=True); time.sleep(60)"
    command = f"{sys.executable} -c '{program}' {{name}} {{base_path}}"
    with trial_server(command, tmp_path / "m", "m", tmp_path / "log") as server:
        while not server.last_words():
            assert not server.has_ended()
        assert server.last_words() == str(["m", str(tmp_path / "m")])
    assert server.has_ended()


def test_a_binary_gets_tensorflow_serving_s_options(tmp_path: Path) -> None:
    with trial_server("echo", tmp_path / "m", "m", tmp_path / "log") as server:
        server.process.wait(60)
    assert f"--model_name=m --model_base_path={tmp_path}/m --max_num_load_retries=0" in server.last_words()


def test_a_command_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ServerSettingsError, match="cannot be started"):
        with trial_server("/none/such", tmp_path / "m", "m", tmp_path / "log"):
            pass
