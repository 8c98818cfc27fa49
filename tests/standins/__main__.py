"""`python -m tests.standins [--port 0] [--key KEY] [--script turns.json]`: the stand-in as a process of its own.

It prints its address. POST /_script has it begin anew with these turns, GET /_received shows what was asked, GET
/_state how many hang.
"""

import argparse
import asyncio
import json
from pathlib import Path

from tests.standins.server import KEY, MODELS, ModelStandIn
from tests.standins.turns import Turn, says


async def serve(arguments: argparse.Namespace) -> None:
    keys, models = arguments.key or [KEY], arguments.model or MODELS
    async with ModelStandIn(keys=keys, models=models, port=arguments.port) as provider:
        if arguments.script:
            provider.script(*map(Turn.of, json.loads(arguments.script.read_text())))
        if arguments.otherwise is not None:
            provider.otherwise = says(arguments.otherwise)
        print(provider.url, flush=True)  # noqa: T201 - whoever starts it reads the address
        await provider.closed()


parser = argparse.ArgumentParser(prog="tests.standins")
parser.add_argument("--port", type=int, default=0)
parser.add_argument("--key", action="append")
parser.add_argument("--model", action="append")
parser.add_argument("--script", type=Path)
parser.add_argument("--otherwise", help="said when the script has ended")
asyncio.run(serve(parser.parse_args()))
