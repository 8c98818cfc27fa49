"""A command fails for good; somebody answers from the command line what the next try needs; the run finishes."""

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from tests.journeys.jobs import commands, python, start, stopped, tasks_of
from tests.journeys.shell import at_gateway
from tests.system import System, eventually

from orchestra.cli.api import Api

SUM = """
import os, sys
numbers = open('in/numbers.txt').read().split()
if not all(map(str.isdigit, numbers)):
    print('not a number'); sys.exit(3)
print(os.environ.get('ORCHESTRA_GUIDANCE'), sum(map(int, numbers)), file=open('sum.txt', 'w'))
"""


async def test_a_failed_command_is_answered_with_guidance_and_another_input_and_the_run_finishes(
    system: System, api: Api, tmp_path: Path
) -> None:
    shell = at_gateway(tmp_path, system)
    (tmp_path / "planned.txt").write_text("1 2 x")
    (tmp_path / "mended.txt").write_text("1 2 3")
    content = sha256(b"1 2 x").hexdigest()
    command = {"inputs": ["in/numbers.txt"], "outputs": ["sum.txt"], "fail_on": {"exit": [3]}, "retries": 5}
    inputs = commands(python("sum", SUM, **command), python("tell", "print(open('sum.txt').read())", after=["sum"]))
    inputs = replace(inputs, files={"in/numbers.txt": (content, tmp_path / "planned.txt")})
    run = (await start(api, inputs))["id"]
    assert (await stopped(api, run))["status"] == "failed"

    assert "1 checkpoint is open: orchestra checkpoint ls" in shell.orchestra("runs", "show", run).stdout
    listed = json.loads(shell.orchestra("checkpoint", "ls", "--json").stdout)
    [checkpoint] = [each for each in listed if each["run_id"] == run]
    assert (checkpoint["key"], checkpoint["kind"]) == ("sum", "exhausted")
    how = f"orchestra checkpoint answer {checkpoint['id']} retry|skip|fail"
    assert how in shell.orchestra("task", "explain", "sum", "--run", run).stdout
    assert checkpoint["question"] in shell.orchestra("checkpoint", "ls").stdout
    shown = shell.orchestra("checkpoint", "show", checkpoint["id"]).stdout
    assert "Attempt 1 failed for good." in shown
    assert "not a number" in shown
    said = ("--guidance", "Only digits.", "--input", "in/numbers.txt=mended.txt")
    refused = shell.orchestra("checkpoint", "answer", checkpoint["id"], "retry", "--input", "no=mended.txt", code=2)
    assert "in/numbers.txt" in refused.stderr

    answered = shell.orchestra("checkpoint", "answer", checkpoint["id"], "retry", *said)

    assert "Run finished: 2 done" in answered.stdout
    late = shell.orchestra("checkpoint", "answer", checkpoint["id"], "fail", code=7)
    assert "it is answered: retry" in late.stderr
    assert (await api.get(f"/runs/{run}"))["epoch"] == 2
    tasks = await tasks_of(api, run)
    [output] = tasks["sum"]["outputs"]
    assert output["sha256"] == sha256(b"Only digits. 6\n").hexdigest()
    assert (tasks["sum"]["attempts"], tasks["tell"]["evidence"]["tail"]) == (2, "Only digits. 6\n\n")
    task = shell.orchestra("task", "show", "sum", "--run", run).stdout
    assert "Only digits." in task
    assert "in/numbers.txt" in task

    async def told() -> list[tuple[str, str | None]]:
        entries = await api.all("/feed", after=0, run_id=run)
        mine = [e for e in entries if e["data"].get("checkpoint_id") == checkpoint["id"]]
        return [(e["kind"], e["data"].get("answer")) for e in mine] if len(mine) > 1 else []

    assert sorted(await eventually(told)) == [("checkpoint.raised.v1", None), ("checkpoint.resolved.v1", "retry")]
