"""The server's answers beside recorded ones, by shape: every difference, and why it is there.

``python -m tests.e2e.exchange.comparison FIXTURES`` prints the report.
"""

from __future__ import annotations

import fnmatch
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.e2e.exchange.explained import EXPLAINED, Explanation
from tests.e2e.exchange.recordings import recordings
from tests.e2e.exchange.samples import Samples
from tests.e2e.exchange.shapes import Difference, differences, shape


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
    groups: dict[str, dict[str, list[object]]] = defaultdict(lambda: defaultdict(list))
    for one in recordings(fixtures):
        groups[one.name][one.source].append(one.body)
    compared: dict[str, int] = {}
    missing: list[str] = []
    findings: list[Finding] = []
    for name, by_source in sorted(groups.items()):
        if name not in ours:
            missing.append(name)
            continue
        compared[name] = sum(len(bodies) for bodies in by_source.values())
        findings += _findings(name, by_source, ours)
    return Comparison(compared, tuple(missing), tuple(findings))


def _findings(name: str, by_source: dict[str, list[object]], ours: Samples) -> Iterator[Finding]:
    """What no source shows is more here; what any source shows is missing."""
    everything = shape([body for bodies in by_source.values() for body in bodies])
    for difference in differences(everything, shape(ours[name])):
        sources = tuple(
            source for source, bodies in by_source.items() if difference.path in shape(bodies)
        ) or ("none",)
        yield Finding(name, difference, sources, _explanation(name, difference))


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
