"""Optimistic concurrency (RFC 9110): entity tags, `If-None-Match` for readers, `If-Match` for writers.

A tag is a digest of the JSON text that a reader gets. So it is strong by construction, needs no column, and changes
with whatever a reader would see change. A writer sends it back: the command compares it with what the thing looks like
in its own transaction, once it has locked it, and is refused (412) where somebody was quicker.

Commands that edit a thing's content (PUT, PATCH, DELETE) demand the tag; those that are verbs honour it when given.
"""

import hashlib
import re
from typing import Annotated, Any

from fastapi import Depends, Header, Response

from orchestra.chassis.http.problems import Problem
from orchestra.chassis.messaging.message import plain

_TAGS = re.compile(r'(W/)?("[\x21\x23-\x7e\x80-\xff]*")')


def etag_of(representation: Any) -> str:
    """The strong entity tag of plain values and pydantic models as they are answered."""
    return etag_of_text(plain(representation))


def etag_of_text(text: str) -> str:
    """The strong entity tag of JSON text."""
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


class Reader:
    """Whoever reads a thing, and may have it already."""

    def __init__(
        self,
        if_none_match: Annotated[
            list[str] | None, Header(description="ETags that you have: 304 while one of them is the current one.")
        ] = None,
    ) -> None:
        self._have = ", ".join(if_none_match or ())

    def answer(self, representation: Any) -> Response:
        """The representation under its tag, or 304 to one who has it."""
        text = plain(representation)
        headers = {"ETag": etag_of_text(text)}
        if self._has(headers["ETag"]):
            return Response(status_code=304, headers=headers)
        return Response(text, 200, headers, "application/json")

    def _has(self, current: str) -> bool:
        # A weak comparison: what a cache in between calls weak is good enough to be read again.
        return self._have.strip() == "*" or any(tag == current for _, tag in _TAGS.findall(self._have))


class Match:
    """What a writer believes the thing to be: true where the writer has said anything."""

    def __init__(self, lines: list[str] | None) -> None:
        self._given = None if lines is None else ", ".join(lines).strip()
        tags, rest = _TAGS.findall(self._given or ""), _TAGS.sub("", self._given or "")
        self._accepted = {tag for weak, tag in tags if not weak}
        if self and self._given != "*" and (not tags or rest.strip(" \t,")):
            detail = 'If-Match takes "*", or ETags in their double quotes as they were sent'
            raise Problem(422, "invalid-precondition", detail)

    def __bool__(self) -> bool:
        return self._given is not None

    def check(self, representation: Any) -> None:
        """Raises Problem 412 with the current tag where the thing is not what the writer believes.

        Called in the transaction of the effect, after whatever keeps others from changing the thing.
        """
        if self and self._given != "*" and (current := etag_of(representation)) not in self._accepted:
            detail = "It has changed since you read it: read it again, then decide again."
            raise Problem(412, "precondition-failed", detail, headers={"ETag": current})


def _honoured(
    if_match: Annotated[
        list[str] | None, Header(description="The ETag of what you decide about: 412 if it has changed meanwhile.")
    ] = None,
) -> Match:
    return Match(if_match)


def _demanded(
    if_match: Annotated[
        list[str] | None, Header(description="The ETag of what you change; 428 without it, 412 if it has changed.")
    ] = None,
) -> Match:
    match = Match(if_match)
    if not match:
        raise Problem(428, "precondition-required", "Send If-Match with the ETag of its GET, or * to overwrite.")
    return match


CurrentReader = Annotated[Reader, Depends(Reader)]
"""For the signature of an endpoint that answers with a tag."""

HonouredMatch = Annotated[Match, Depends(_honoured)]
"""For the signature of a verb: checked where it is given."""

DemandedMatch = Annotated[Match, Depends(_demanded)]
"""For the signature of an edit: refused without it."""
