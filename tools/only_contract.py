"""A contract type for .importlinter: `source_modules` may import each other, the standard library, and `allowed`."""

import sys
from typing import Any, cast

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output
from importlinter.domain.helpers import module_expressions_to_modules


class OnlyContract(Contract):
    """A white list, because a room such as `domain` is defined by the little it may know. Direct imports are judged:
    what is allowed has a contract of its own. Modules are meant with everything beneath them."""

    type_name = "only"

    source_modules = fields.SetField(subfield=fields.ModuleExpressionField())
    allowed = fields.SetField(subfield=fields.StringField(), required=False)

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        sources = module_expressions_to_modules(graph, cast("Any", self.source_modules))
        allowed = cast("set[str] | None", self.allowed) or set()
        offences = [
            (importer, imported, [detail["line_number"] for detail in details])
            for source in sorted(module.name for module in sources)
            for importer in sorted({source, *graph.find_descendants(source)})
            for imported in sorted(graph.find_modules_directly_imported_by(importer))
            if not _within(imported, {source, *allowed}) and imported.partition(".")[0] not in sys.stdlib_module_names
            for details in [graph.get_import_details(importer=importer, imported=imported)]
        ]
        return ContractCheck(kept=not offences, metadata={"offences": offences})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for importer, imported, lines in check.metadata["offences"]:
            output.print_error(f"{importer} may not import {imported} (l.{', l.'.join(map(str, lines))})")


def _within(module: str, packages: set[str]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)
