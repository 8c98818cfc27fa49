"""Which project is meant: by its id, by its name, or because there is no other."""

from typing import Annotated, Any

import typer

from orchestra.cli.api import Api
from orchestra.cli.exits import Exit, Stop

ProjectOption = Annotated[
    str | None, typer.Option("--project", "-p", help="Id or name; without it the only one.", show_default=False)
]


async def project_of(api: Api, wanted: str | None) -> dict[str, Any]:
    """Raises Stop when there is none, or when several could be meant."""
    projects = await api.all("/projects", **({} if wanted else {"archived": False}))
    found = [p for p in projects if wanted in (None, p["id"])] or [p for p in projects if p["name"] == wanted]
    if len(found) == 1:
        return found[0]
    if not found:
        raise Stop(Exit.NOT_FOUND, f"there is no project {wanted}" if wanted else "there is no project yet")
    several = [f"{p['id']}  {p['name']}" for p in found]
    raise Stop(Exit.USAGE, "there are several projects: say which with --project", several)


async def path_of(api: Api, wanted: str | None) -> str:
    """The path of the project."""
    return f"/projects/{(await project_of(api, wanted))['id']}"
