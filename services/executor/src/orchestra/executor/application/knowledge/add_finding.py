"""A person says what is to be known."""

from orchestra.executor.application.knowledge.ports import FRESH, KnowingWork, KnownFinding, Origin, Place
from orchestra.executor.domain.knowledge.errors import FindingKnown
from orchestra.executor.domain.knowledge.finding import finding


async def add_finding(work: KnowingWork, place: Place, kind: str, text: str, person: str) -> KnownFinding:
    """Also what was removed before. Raises BadFinding, FindingKnown."""
    wanted = finding(kind, text)
    added = await work.findings.add(place, wanted, Origin(person=person))
    if added is None:
        known = await work.findings.same_as(place, wanted)
        raise FindingKnown(known.id if known is not None else wanted.text)
    work.wake(FRESH)
    return added
