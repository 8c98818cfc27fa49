"""What is known of a project, by the command line."""

import json
from pathlib import Path

from tests.journeys.shell import at_gateway
from tests.system import System

from orchestra.chassis.ids import new_id


def test_a_person_adds_searches_lists_and_removes(system: System, tmp_path: Path) -> None:
    shell = at_gateway(tmp_path, system)
    name = new_id("guide")
    shell.orchestra("project", "create", name)
    here = ("--project", name)
    assert "nothing is known" in shell.orchestra("knowledge", "ls", *here).stderr

    tide = json.loads(
        shell.orchestra("knowledge", "add", "gotcha", "The tide table is in UTC.", *here, "--json").stdout
    )
    said = shell.orchestra("knowledge", "add", "decision", "Maps are drawn in SVG.", *here).stderr
    twice = shell.orchestra("knowledge", "add", "decision", "the tide table is in utc", *here, code=7)

    assert tide["id"] in twice.stderr
    assert said.startswith("kept as fnd_")
    listed = json.loads(shell.orchestra("knowledge", "ls", *here, "--json").stdout)
    assert [each["text"] for each in listed] == ["Maps are drawn in SVG.", "The tide table is in UTC."]
    assert "Maps are drawn" in shell.orchestra("knowledge", "ls", "--kind", "decision", *here).stdout
    found = shell.orchestra("knowledge", "search", "when", "is", "the", 'TIDE"', *here).stdout
    assert "a person" in found
    assert "UTC" in found
    assert "Maps" not in found

    shell.orchestra("knowledge", "rm", tide["id"], *here)
    shell.orchestra("knowledge", "rm", tide["id"], *here, code=6)
    assert "has any of these words" in shell.orchestra("knowledge", "search", "tide", *here).stderr
    shell.orchestra("knowledge", "add", "gotcha", "The tide table is in UTC.", *here)
    assert "tide" in shell.orchestra("knowledge", "ls", *here).stdout
