"""What the programs of the peers share."""

import argparse

from bench.peers.workload import LAYERS, Workload


def given() -> Workload:
    parser = argparse.ArgumentParser()
    parser.add_argument("--shape", choices=("fan", "chain", "dag"), required=True)
    parser.add_argument("--tasks", type=int, required=True)
    options = parser.parse_args()
    return Workload(options.shape, options.tasks)


def rank(workload: Workload) -> list[range]:
    """What may be done side by side: all of a fan, the layers of a dag."""
    width = workload.tasks if workload.shape == "fan" else workload.tasks // LAYERS
    return [range(first, first + width) for first in range(0, workload.tasks, width)]
