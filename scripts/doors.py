"""An import-linter contract in the architecture's words: each room names what it may import, and nothing else.

import-linter's own contracts name what is forbidden and fail on modules that do not exist. Here a room opens its
doors one by one, a room without a line may import nothing, and a line may stand before its room is built.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple, cast

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output

EVERYTHING = "everything"
NOTHING = "nothing"
ARROW = " -> "


class Violation(NamedTuple):
    """One import that no door allows."""

    importer: str
    imported: str
    line_number: int | None
    why: str


def parse_doors(lines: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Read lines like ``wire -> core.types, core.instruments``; ValueError for a malformed or repeated line."""
    doors: dict[str, tuple[str, ...]] = {}
    for line in lines:
        room, arrow, targets = line.partition(ARROW)
        names = tuple(target.strip() for target in targets.split(","))
        if not arrow or not room.strip() or not all(names):
            raise ValueError(f"{line!r} does not read 'room{ARROW}name, name'")
        if room.strip() in doors:
            raise ValueError(f"{room.strip()!r} has two lines")
        doors[room.strip()] = () if names == (NOTHING,) else names
    return doors


def room_of(module: str, rooms: Iterable[str]) -> str | None:
    """Find the longest room name that the module is or lies in."""
    return max((room for room in rooms if is_inside(module, room)), key=len, default=None)


def is_inside(module: str, name: str) -> bool:
    """Tell whether a module is the named one or lies in it."""
    return module == name or module.startswith(name + ".")


def find_violations(
    graph: ImportGraph,
    root: str,
    doors: Mapping[str, tuple[str, ...]],
    libraries: Mapping[str, tuple[str, ...]],
) -> list[Violation]:
    """List every direct import that leads through no door, sorted; names in doors are relative to the root package."""
    violations: list[Violation] = []
    for importer in sorted(module for module in graph.modules if module.startswith(root + ".")):
        room = room_of(importer.removeprefix(root + "."), doors)
        for imported in sorted(graph.find_modules_directly_imported_by(importer)):
            why = _why_forbidden(room, imported, root, doors, libraries)
            if why is not None:
                details = graph.get_import_details(importer=importer, imported=imported)
                line_number = details[0]["line_number"] if details else None
                violations.append(Violation(importer, imported, line_number, why))
    return violations


def _why_forbidden(
    room: str | None,
    imported: str,
    root: str,
    doors: Mapping[str, tuple[str, ...]],
    libraries: Mapping[str, tuple[str, ...]],
) -> str | None:
    """Say why a room may not import a module, or None when it may."""
    if imported == root:
        return None
    if not imported.startswith(root + "."):
        allowed = libraries.get(room or "")
        if allowed is None or any(is_inside(imported, name) for name in allowed):
            return None
        return f"{room} may use no library but those listed for it"
    if room is None:
        return "this module belongs to no room: give it a line of its own"
    target = imported.removeprefix(root + ".")
    if room_of(target, doors) == room:
        return None
    if EVERYTHING in doors[room] or any(is_inside(target, name) for name in doors[room]):
        return None
    return f"{room} has no door to it"


class DoorsContract(Contract):
    """Contract type ``doors``, with the options ``doors`` and ``libraries`` (lines of ``room -> name, name``)."""

    type_name = "doors"

    doors = fields.ListField(subfield=fields.StringField())
    libraries = fields.ListField(subfield=fields.StringField(), required=False)

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Compare every import with the doors."""
        root = self.session_options["root_packages"][0]
        # import-linter puts the parsed lists in the place of the fields.
        doors = parse_doors(cast(list[str], self.doors))
        libraries = parse_doors(cast(list[str] | None, self.libraries) or ())
        output.verbose_print(verbose, f"Checking the doors of {len(doors)} rooms...")
        violations = find_violations(graph, root, doors, libraries)
        return ContractCheck(kept=not violations, metadata={"violations": violations})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print each forbidden import with its line and the reason."""
        for violation in check.metadata["violations"]:
            output.print_error(
                f"- {violation.importer} -> {violation.imported} (l.{violation.line_number}): {violation.why}"
            )
