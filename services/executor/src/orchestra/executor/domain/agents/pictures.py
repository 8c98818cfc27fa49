"""Graphs of ComfyUI: what is filled into one, and the simple one that is built in."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

MOST_NODES = 500

BUILT_IN: Mapping[str, Any] = {
    "3": {
        "class_type": "KSampler",
        "inputs": {
            "seed": "{seed}",
            "steps": 25,
            "cfg": 7.0,
            "sampler_name": "euler",
            "scheduler": "normal",
            "denoise": 1.0,
            "model": ["4", 0],
            "positive": ["6", 0],
            "negative": ["7", 0],
            "latent_image": ["5", 0],
        },
    },
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "{checkpoint}"}},
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": "{width}", "height": "{height}", "batch_size": 1}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "{prompt}", "clip": ["4", 1]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "{negative}", "clip": ["4", 1]}},
    "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
    "9": {"class_type": "SaveImage", "inputs": {"images": ["8", 0], "filename_prefix": "orchestra"}},
}
"""From a text to one image, as ComfyUI's own API takes it."""


def faults_of(graph: object) -> list[str]:
    """Why this is no graph that an image can be made by."""
    if not isinstance(graph, dict) or not graph:
        return ["it is no graph in ComfyUI's API format: an object of nodes by their ids"]
    nodes = cast("dict[str, Any]", graph)
    if len(nodes) > MOST_NODES:
        return [f"it has more than {MOST_NODES} nodes"]
    faults = [f"node {key[:40]!a} has no class_type and inputs" for key, node in nodes.items() if not _is_node(node)]
    if not any(text == "{prompt}" or "{prompt}" in text for text in _texts(nodes)):
        faults.append("no input of it is {prompt}")
    return faults


def filled(graph: Mapping[str, Any], values: Mapping[str, str | int]) -> dict[str, Any]:
    """The graph with what stands for `{prompt}` and the like. What is filled in is never looked into again."""
    return {key: _filled(node, values) for key, node in graph.items()}


def names_checkpoint(graph: Mapping[str, Any]) -> bool:
    return any("{checkpoint}" in text for text in _texts(graph))


def _filled(part: Any, values: Mapping[str, str | int]) -> Any:
    if isinstance(part, str):
        return _text(part, values)
    if isinstance(part, dict):
        return {key: _filled(each, values) for key, each in cast("dict[str, Any]", part).items()}
    if isinstance(part, list):
        return [_filled(each, values) for each in cast("list[Any]", part)]
    return part


def _text(text: str, values: Mapping[str, str | int]) -> str | int:
    """All of a text that is one place is the value itself: a seed stays a number."""
    if text[:1] == "{" and text[-1:] == "}" and text[1:-1] in values:
        return values[text[1:-1]]
    pieces: list[str] = []
    while text:
        before, brace, rest = text.partition("{")
        name, closed, after = rest.partition("}")
        pieces.append(before)
        if closed and name in values:
            pieces.append(str(values[name]))
            text = after
        else:
            pieces.append(brace)
            text = rest
    return "".join(pieces)


def _is_node(node: object) -> bool:
    if not isinstance(node, dict):
        return False
    fields = cast("dict[str, Any]", node)
    return isinstance(fields.get("class_type"), str) and isinstance(fields.get("inputs"), dict)


def _texts(part: Any) -> Iterator[str]:
    if isinstance(part, str):
        yield part
    elif isinstance(part, Mapping):
        for each in cast("Mapping[str, Any]", part).values():
            yield from _texts(each)
    elif isinstance(part, list):
        for each in cast("list[Any]", part):
            yield from _texts(each)


def is_png(content: bytes) -> bool:
    return content.startswith(b"\x89PNG\r\n\x1a\n") and content[12:16] == b"IHDR"
