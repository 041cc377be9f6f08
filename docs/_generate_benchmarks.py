"""Write docs/benchmarks.md, every comparison that was measured, from the lines in benchmarks/figures-*.jsonl.

    python docs/_generate_benchmarks.py

Of each comparison the page has the newest line. tests/test_benchmarks_page.py compares the page with the lines.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "benchmarks.md"
HEAD = """<!-- Written by docs/_generate_benchmarks.py from benchmarks/figures-*.jsonl. Change it there. -->

# Benchmarks

Every comparison that was measured, met or missed: the newest line of each. [](benchmarking.md) says how they are made,
and what they mean. Times are medians; the spread in parentheses is the range of the middle half of the rounds over the
median. Numbers after the peers are their times divided by ours: more than 1 is slower than ours. The letter names the
protocol below the table.
"""
_UNITS = (("s", 1.0), ("ms", 1e-3), ("us", 1e-6))


def newest(files: Iterable[Path]) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the lines by benchmark and title; later files and lines replace earlier ones. Quick runs do not count."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for path in sorted(files):
        for text in path.read_text(encoding="utf-8").splitlines():
            line = json.loads(text)
            if "seconds" in line and "machine" in line and not line["quick"]:  # a comparison of times
                found.setdefault(line["benchmark"], {})[line["title"]] = line
    return found


def protocol(line: dict[str, Any]) -> str:
    """Return how, when and where a line was measured."""
    machine = line["machine"]
    rounds = len(line["seconds"][line["ours"]]["times"])
    how = line.get("protocol") or "in turn"  # lines before 2026-11-28 do not say more
    busy = line.get("busy_share_before")
    loud = "" if busy is None or busy <= 0.1 else f"; NOT QUIET, {busy:.0%} of the cores were busy before"
    return (
        f"{rounds} rounds, {how}; {line['threads']} threads; {machine['when'][:10]}, commit {machine['commit']}, "
        f"{machine['cores']} cores of {machine['cpu']}{loud}"
    )


def page() -> str:
    """Return the text of docs/benchmarks.md."""
    parts = [HEAD]
    for benchmark, lines in sorted(newest((ROOT / "benchmarks").glob("figures-*.jsonl")).items()):
        protocols = list(dict.fromkeys(map(protocol, lines.values())))
        rows = [_row(line, _letter(protocols.index(protocol(line)))) for line in lines.values()]
        table = ["| work | ours | others, over ours | target | |", "|---|---|---|---|---|", *rows]
        notes = [f"{_letter(i)}: {text}" for i, text in enumerate(protocols)]
        parts.append(f"\n## {benchmark}\n\n" + "\n".join(table) + "\n\n" + "  \n".join(notes) + "\n")
    return "".join(parts)


def _row(line: dict[str, Any], letter: str) -> str:
    ours = line["seconds"][line["ours"]]
    others = []
    for name, timing in line["seconds"].items():
        if name == line["ours"]:
            continue
        if timing["median"] is None or not ours["median"]:
            others.append(f"{_cell(name)}: {_cell(timing['error'] or 'not run')}")
        else:
            others.append(f"{_cell(name)} {timing['median'] / ours['median']:.3g}")
    judged = ""
    if line["target"]:
        met = {True: "met", False: "**missed**", None: "not judged"}[line["met"]]
        judged = f"ours / {_cell(line['peer'])} {_cell(line['target'])}: {met}"
    time = _cell(ours["error"] or "not run") if ours["median"] is None else _time(ours)
    return f"| {_cell(line['title'])} | {time} | {'; '.join(others)} | {judged} | {letter} |"


def _time(timing: dict[str, Any]) -> str:
    seconds, spread = timing["median"], timing["spread"]
    unit, size = next(((unit, size) for unit, size in _UNITS if seconds >= size), ("ns", 1e-9))
    return f"{seconds / size:.3g} {unit}" + ("" if spread is None else f" ({spread:.0%})")


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


def _letter(place: int) -> str:
    return chr(ord("a") + place)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
