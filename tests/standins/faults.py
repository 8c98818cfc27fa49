"""What a provider refuses a request for; both APIs are held to the letter."""

from typing import Any


class Refused(Exception):
    def __init__(self, status: int, kind: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.headers = [] if retry_after is None else [(b"retry-after", f"{retry_after:g}".encode())]


def wrong(message: str) -> Refused:
    return Refused(400, "invalid_request_error", message)


def text_of(content: Any, place: str) -> str:
    """The text of a message's content; raises Refused for what is neither text nor a list of blocks."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise wrong(f"{place}: a string or a list of blocks")
    for at, block in enumerate(content):
        if not isinstance(block, dict) or not isinstance(block.get("type"), str):
            raise wrong(f"{place}.{at}: a block has a type")
    return "".join(block.get("text", "") for block in content)


def positive(body: dict[str, Any], *names: str) -> int | None:
    for name in names:
        if name in body:
            value = body[name]
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise wrong(f"{name}: a whole number of at least 1")
            return value
    return None


def check_tool_schemas(tools: Any, *, nested: bool) -> None:
    if not isinstance(tools, list):
        raise wrong("tools: a list")
    for at, tool in enumerate(tools):
        found = tool.get("function") if nested and isinstance(tool, dict) else tool
        if not isinstance(found, dict) or not isinstance(found.get("name"), str):
            raise wrong(f"tools.{at}: a tool has a name")
        schema = found.get("parameters" if nested else "input_schema")
        if not isinstance(schema, dict) or schema.get("type") != "object":
            raise wrong(f"tools.{at}: a tool's schema is that of an object")
