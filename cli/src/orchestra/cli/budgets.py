"""`orchestra budget`: what may be spent, what is, and what is left."""

from decimal import ROUND_CEILING, Decimal, InvalidOperation
from typing import Any
from urllib.parse import quote

from orchestra.cli.answers import print_json, print_list
from orchestra.cli.api import Api
from orchestra.cli.connect import connected
from orchestra.cli.exits import Exit, Stop
from orchestra.cli.find_project import project_of
from orchestra.cli.screen import Screen
from orchestra.cli.settings import CliSettings

MICROS = 1_000_000
UNITS = ("micros", "tokens", "requests", "minutes")
OWN = ("day", "month")

Wanted = dict[str, str | None]
"""By unit, as it was typed; None where nothing was."""


async def show(settings: CliSettings, scope: str | None, name: str | None, *, as_json: bool) -> Exit:
    async with connected(settings) as api:
        if scope is None:
            budgets = await api.all("/budgets")
        else:
            budgets = [await api.get(await _path(api, scope, name))]
        names = {p["id"]: p["name"] for p in await api.all("/projects")} if not as_json else {}
    if as_json:
        return print_json(budgets[0] if scope is not None else budgets)
    rows = [(budget, unit) for budget in budgets for unit in UNITS if _says_something(budget, unit)]
    return print_list(
        [{"budget": budget, "unit": unit} for budget, unit in rows],
        ("Scope", "Name", "Limit", "Settled", "Held", "Left"),
        lambda row: _row(row["budget"], row["unit"], names),
        as_json=False,
        none="nothing is limited, and nothing was spent",
    )


async def set_(settings: CliSettings, scope: str, name: str | None, wanted: Wanted, *, as_json: bool) -> Exit:
    limits = {unit: _limit(unit, text) for unit, text in wanted.items() if text is not None}
    return await _change(settings, scope, name, "PUT", limits, as_json=as_json)


async def top_up(settings: CliSettings, scope: str, name: str | None, wanted: Wanted, *, as_json: bool) -> Exit:
    more = {unit: _amount(unit, text) for unit, text in wanted.items() if text is not None}
    return await _change(settings, scope, name, "POST", more, as_json=as_json)


async def _change(
    settings: CliSettings, scope: str, name: str | None, method: str, body: dict[str, Any], *, as_json: bool
) -> Exit:
    if not body:
        raise Stop(Exit.USAGE, "give --usd, --tokens, --requests or --minutes")
    async with connected(settings) as api:
        path = await _path(api, scope, name)
        budget = await (api.put(path, body) if method == "PUT" else api.post(f"{path}/top-up", body))
    if as_json:
        return print_json(budget)
    for unit in body:
        limit, left = (shown(unit, budget[which][unit]) for which in ("limit", "left"))
        said = f"{limit}, {left} left" if budget["limit"][unit] is not None else f"{unit}: no limit"
        Screen().note(f"{scope} {name or ''}".strip() + f": {said}")
    return Exit.OK


async def _path(api: Api, scope: str, name: str | None) -> str:
    match scope, name:
        case (("day" | "month"), None):
            return f"/budgets/{scope}/all"
        case "project", _:
            return f"/budgets/project/{(await project_of(api, name))['id']}"
        case (("run" | "task"), str()) if name:
            return f"/budgets/{scope}/{quote(name, safe='')}"
        case _:
            raise Stop(Exit.USAGE, "say `day`, `month`, `project [ID or name]`, `run ID` or `task ID`")


def shown(unit: str, amount: int | None) -> str:
    """`1.25 USD`, `12,000 tokens`; fractions of a cent as they are."""
    if amount is None:
        return "no limit"
    if unit != "micros":
        return f"{amount:,} {unit}"
    usd = Decimal(amount) / MICROS
    return f"{usd:,.2f} USD" if amount % 10_000 == 0 else f"{usd.normalize():f} USD"


def _amount(unit: str, text: str) -> int:
    """Dollars as micro-dollars, everything else as it is."""
    try:
        number = Decimal(text)
        whole = number * MICROS if unit == "micros" else number
        if not number.is_finite() or number < 0 or (unit != "micros" and number != int(number)):
            raise InvalidOperation
        return int(whole.to_integral_value(ROUND_CEILING))
    except InvalidOperation as error:
        what = "amount of dollars, such as 2.50" if unit == "micros" else f"number of {unit}"
        raise Stop(Exit.USAGE, f"{text!r} is no {what}") from error


def _limit(unit: str, text: str) -> int | None:
    return None if text == "none" else _amount(unit, text)


def _says_something(budget: dict[str, Any], unit: str) -> bool:
    return budget["limit"][unit] is not None or bool(budget["settled"][unit] or budget["held"][unit])


def _row(budget: dict[str, Any], unit: str, names: dict[str, str]) -> tuple[str, ...]:
    name = str(budget["period"] or names.get(budget["name"], budget["name"]))
    limit, settled, held = (shown(unit, budget[which][unit]) for which in ("limit", "settled", "held"))
    left: int | None = budget["left"][unit]
    return (str(budget["scope"]), name, limit, settled, held, "" if left is None else shown(unit, left))
