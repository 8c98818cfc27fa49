"""`orchestra checkpoint answer`: what is wrong with an input is said before anything is asked of a service."""

from pathlib import Path

import pytest

from orchestra.cli.checkpoints import answer
from orchestra.cli.exits import Exit, Stop
from orchestra.cli.settings import CliSettings


@pytest.mark.parametrize(
    ("given", "reason"),
    [("numbers.txt", "PATH=FILE"), ("=numbers.txt", "PATH=FILE"), ("in.txt=", "PATH=FILE"), ("in.txt=no", "no such")],
)
async def test_an_input_is_a_path_and_a_file_that_exists(tmp_path: Path, given: str, reason: str) -> None:
    with pytest.raises(Stop, match=reason) as stop:
        await answer(CliSettings(home=tmp_path), "chk_1", "retry", "", [given])

    assert stop.value.code == Exit.USAGE
    assert list(tmp_path.iterdir()) == []
