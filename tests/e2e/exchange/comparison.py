"""The server's answers beside recorded ones, by shape: every difference, and why it is there.

``python -m tests.e2e.exchange.comparison FIXTURES`` prints the report.
"""

from __future__ import annotations

import fnmatch
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from fillwright.exchange.server.accounts import ACCOUNT
from fillwright.exchange.server.market_operations import GENERAL, MARKET
from fillwright.exchange.server.ticker_operations import TICKERS
from fillwright.exchange.server.trading import TRADING
from fillwright.exchange.server.trading_lists import LISTS
from tests.e2e.exchange.explained import EXPLAINED, Explanation
from tests.e2e.exchange.recordings import recordings
from tests.e2e.exchange.samples import Samples
from tests.e2e.exchange.shapes import ONLY_HERE, Difference, Shape, differences, shape

OPERATIONS = (*GENERAL, *MARKET, *TICKERS, *TRADING, *LISTS, *ACCOUNT)
_REST = {one.name: f"{one.method} {one.path}" for one in OPERATIONS if one.path}
TWINS = {
    **{f"ws {name}": rest for name, rest in _REST.items()},
    **{rest: f"ws {name}" for name, rest in _REST.items()},
}
"""The same thing by the other protocol."""


class Finding(NamedTuple):
    """One difference, and its explanation if there is one."""

    name: str
    difference: Difference
    sources: tuple[str, ...]
    explanation: Explanation | None


class Comparison(NamedTuple):
    """Everything that was compared."""

    compared: dict[str, int]
    """Names, with the number of recordings of each."""
    without_counterpart: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def unexplained(self) -> list[Finding]:
        """Differences that nobody has given a reason for."""
        return [one for one in self.findings if one.explanation is None]

    @property
    def unused(self) -> list[Explanation]:
        """Reasons for differences that are not there."""
        used = {id(one.explanation) for one in self.findings}
        return [one for one in EXPLAINED if id(one) not in used]

    def lines(self) -> Iterator[str]:
        """The report."""
        total = sum(self.compared.values())
        yield f"{total} recorded bodies of {len(self.compared)} kinds compared"
        for finding in self.findings:
            reason = "UNEXPLAINED" if finding.explanation is None else finding.explanation.reason
            path, what = finding.difference
            yield f"{finding.name:40} {path or '(whole)':45} {what}: {reason} [{', '.join(finding.sources)}]"
        yield f"{len(self.findings)} differences, {len(self.unexplained)} unexplained"
        if self.without_counterpart:
            yield f"no counterpart here: {', '.join(self.without_counterpart)}"


def compare(ours: Samples, fixtures: Path) -> Comparison:
    """Compare what was recorded of each kind with what is said here of it."""
    shapes: dict[str, dict[str, Shape]] = defaultdict(dict)
    compared: dict[str, int] = defaultdict(int)
    for one in recordings(fixtures):
        _add(shapes[one.name].setdefault(one.source, {}), shape([one.body]))
        compared[one.name] += 1
    everywhere = {name: _union(by_source.values()) for name, by_source in shapes.items()}
    findings: list[Finding] = []
    missing = tuple(name for name in sorted(shapes) if name not in ours)
    for name in sorted(set(shapes) & set(ours)):
        recorded, twin = everywhere[name], everywhere.get(TWINS.get(name, ""), {})
        for difference in differences(recorded, shape(ours[name])):
            if difference.what == ONLY_HERE and difference.path in twin:
                continue  # this collection left it out, the other protocol's has it
            sources = tuple(source for source, one in shapes[name].items() if difference.path in one)
            findings.append(Finding(name, difference, sources or ("none",), _explanation(name, difference)))
    for name in missing:
        del compared[name]
    return Comparison(dict(compared), missing, tuple(findings))


def _union(shapes: Iterable[Shape]) -> Shape:
    whole: Shape = {}
    for one in shapes:
        _add(whole, one)
    return whole


def _add(whole: Shape, part: Shape) -> None:
    for path, kinds in part.items():
        whole.setdefault(path, set()).update(kinds)


def _explanation(name: str, difference: Difference) -> Explanation | None:
    for one in EXPLAINED:
        if fnmatch.fnmatchcase(name, one.name) and fnmatch.fnmatchcase(
            _plain(difference.path), _plain(one.path)
        ):
            if difference.what.startswith(one.what):
                return one
    return None


def _plain(path: str) -> str:
    """Brackets mean something else to fnmatch."""
    return path.replace("[", "<").replace("]", ">")


def main(arguments: Sequence[str]) -> int:
    """Start a server, take its samples, print the report; 1 when a difference is unexplained."""
    from tests.e2e.exchange.box import running_box
    from tests.e2e.exchange.samples import samples

    with running_box() as box:
        comparison = compare(samples(box), Path(arguments[0]))
    for line in comparison.lines():
        sys.stdout.write(f"{line}\n")
    return 1 if comparison.unexplained else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
