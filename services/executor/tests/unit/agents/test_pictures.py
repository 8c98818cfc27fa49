"""Graphs of ComfyUI: what is filled in, and what is none."""

import json
from copy import deepcopy
from typing import Any

import pytest

from orchestra.executor.domain.agents.pictures import BUILT_IN, faults_of, filled, names_checkpoint

VALUES: dict[str, str | int] = {
    "prompt": 'a "{seed}" {prompt} {',
    "negative": "",
    "seed": 7,
    "width": 64,
    "height": 128,
    "checkpoint": "small",
}


def graph_of(**inputs: Any) -> dict[str, Any]:
    return {"1": {"class_type": "Any", "inputs": inputs}}


def test_the_one_that_is_built_in_is_a_graph() -> None:
    before = deepcopy(BUILT_IN)

    graph = filled(BUILT_IN, VALUES)

    assert faults_of(BUILT_IN) == []
    assert names_checkpoint(BUILT_IN)
    assert graph["6"]["inputs"]["text"] == VALUES["prompt"]
    assert graph["7"]["inputs"]["text"] == ""
    assert graph["3"]["inputs"]["seed"] == 7
    assert graph["3"]["inputs"]["model"] == ["4", 0]
    assert before == BUILT_IN
    json.dumps(graph)


@pytest.mark.parametrize(
    ("text", "filled_in"),
    [
        ("{seed}", 7),
        ("seed {seed}, {width}x{height}", "seed 7, 64x128"),
        ("{unknown} {seed", "{unknown} {seed"),
        ("{{seed}}", "{7}"),
        ("} {prompt}", '} a "{seed}" {prompt} {'),
        ("", ""),
    ],
)
def test_places_are_filled_once(text: str, filled_in: object) -> None:
    assert filled(graph_of(a=[text]), VALUES)["1"]["inputs"]["a"] == [filled_in]


@pytest.mark.parametrize(
    ("graph", "fault"),
    [
        ([], "API format"),
        ({}, "API format"),
        ({"nodes": [], "links": []}, "no class_type"),
        ({"1": {"class_type": "A"}}, "no class_type and inputs"),
        (graph_of(text="a map"), "{prompt}"),
        ({str(n): graph_of(text="{prompt}")["1"] for n in range(501)}, "more than 500"),
    ],
)
def test_what_is_no_graph(graph: object, fault: str) -> None:
    assert fault in " ".join(faults_of(graph))
