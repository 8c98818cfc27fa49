"""What the rules for addresses say about a URL, in the notifier's words."""

from orchestra.chassis.http.outward import Outward, RefusedUrl
from orchestra.notifier.domain.errors import InvalidUrl, RefusedAddress, UnresolvableHost
from orchestra.notifier.domain.webhook import JudgedUrl

_ERRORS: dict[str, type[InvalidUrl]] = {error.code: error for error in (RefusedAddress, UnresolvableHost)}


async def judge(outward: Outward, url: str) -> JudgedUrl:
    """Resolves its host. Raises Transient when nobody can say now."""
    try:
        await outward.check(url)
    except RefusedUrl as refused:
        return JudgedUrl(url, _ERRORS.get(refused.code, InvalidUrl)(str(refused)))
    return JudgedUrl(url)
