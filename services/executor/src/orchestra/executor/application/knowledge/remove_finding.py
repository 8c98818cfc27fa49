"""A person takes back what is known; agents do not bring it back."""

from orchestra.executor.application.knowledge.ports import KnowingWork, Place
from orchestra.executor.domain.knowledge.errors import UnknownFinding


async def remove_finding(work: KnowingWork, place: Place, finding_id: str, person: str) -> None:
    """Raises UnknownFinding."""
    if not await work.findings.remove(place, finding_id, person):
        raise UnknownFinding(finding_id)
