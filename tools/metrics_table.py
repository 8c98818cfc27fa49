"""docs/reference/metrics.md, from the measures that the code declares: `python -m tools.metrics_table [--check]`."""

import importlib
import pkgutil
from collections.abc import Iterator

from opentelemetry.exporter.prometheus._mapping import map_unit
from tools.generated import ROOT, Generated, main

from orchestra.chassis.telemetry.metrics import MEASURES, Measure

PAGE = ROOT / "docs" / "reference" / "metrics.md"
PACKAGES = ("chassis", "gateway", "planner", "scheduler", "executor", "notifier")

HEAD = """# Measures

Written by `make docs` from the code. Prometheus reads them at `/metrics` of every service;
[how to observe](../how-to/observe.md) says how, and what OTLP gets. The label `service` tells the service where one
process holds five. No id is ever a label.

"""

TABLE = "| Prometheus | OpenTelemetry | Kind | Labels | Says |\n|---|---|---|---|---|\n"


def declared() -> list[Measure]:
    """All measures, once every module that may declare one has been imported."""
    for package in PACKAGES:
        found = importlib.import_module(f"orchestra.{package}")
        for module in pkgutil.walk_packages(found.__path__, f"orchestra.{package}."):
            if ".migrations" not in module.name and ".steps" not in module.name:
                importlib.import_module(module.name)
    return sorted(MEASURES.values(), key=lambda measure: measure.name)


def prometheus(measure: Measure) -> str:
    """The name that Prometheus sees; of a histogram without `_bucket`, `_count` and `_sum`."""
    unit = map_unit(measure.unit)
    name = measure.name.replace(".", "_") + (f"_{unit}" if unit else "")
    return f"{name}_total" if measure.kind == "counter" else name


def _rows() -> Iterator[str]:
    for each in declared():
        labels = ", ".join(f"`{label.replace('.', '_')}`" for label in each.labels)
        yield f"| `{prometheus(each)}` | `{each.name}` | {each.kind} | {labels} | {each.about} |\n"


def generated() -> Generated:
    tail = "\nBeside them: `target_info` (version, instance) and the usual `process_*` of the process.\n"
    return Generated({PAGE: HEAD + TABLE + "".join(_rows()) + tail})


if __name__ == "__main__":
    main(generated())
