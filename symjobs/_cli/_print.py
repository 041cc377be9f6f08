"""Tables on standard output, with rich."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from symjobs._cli._tables import Cell, Table

if TYPE_CHECKING:
    from rich.console import Console

_SHARES = ("explained", "cumulative", "share")
_MANY_COLUMNS, _FEW_ROWS = 9, 4
_WIDEST = 44  # characters of a column but the last; longer text is folded
_GAP = 3
_PIPE_WIDTH = 200  # for a file or a pipe
_LARGE, _HUGE = 1e5, 1e15


def show(tables: Sequence[Table], *, heading: str) -> None:
    """Print tables under a heading.

    A table of few rows and many columns is transposed. Columns that do not fit are left out and counted.
    """
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console = Console(width=_PIPE_WIDTH)
    console.print(heading, style="bold", highlight=False, markup=False, soft_wrap=True)
    for table in tables:
        columns = _columns(_upright(table))
        kept = _fitting(columns, console.width)
        header, *lines = _lines(columns[:kept], console)
        console.print(f"\n{table.title}", style="bold cyan", highlight=False, markup=False)
        console.out(f"\n{header}", style="bold", highlight=False)
        console.out("\n".join(lines), highlight=False)
        if kept < len(columns):
            console.print(f"and {len(columns) - kept} more columns; --json prints all", highlight=False)


def _lines(columns: Sequence[tuple[str, list[str], bool]], console: Console) -> Iterator[str]:
    """Yield the header, a rule, the rows, and an empty line. A table of rich takes a second for 3,000 rows."""
    from rich.cells import cell_len, set_cell_size

    drawn = []
    for (name, texts, numeric), widest in zip(columns, _widths(columns, console.width), strict=True):
        cells = [_folded(text, widest, console) for text in (name, *texts)]
        width = max(cell_len(line) for cell in cells for line in cell)
        drawn.append((cells, width, numeric))
    for row in range(len(drawn[0][0])):
        for part in range(max(len(cells[row]) for cells, _, _ in drawn)):
            line = ""
            for cells, width, numeric in drawn:
                text = cells[row][part] if part < len(cells[row]) else ""
                blanks = " " * (width - cell_len(text))
                line += f" {blanks}{text}  " if numeric else f" {set_cell_size(text, width)}  "
            yield line.rstrip()
        if row == 0:
            yield " " + "─" * (sum(width + _GAP for _, width, _ in drawn) - _GAP)
    yield ""


def _folded(text: str, width: int, console: Console) -> list[str]:
    from rich.cells import cell_len
    from rich.text import Text

    if cell_len(text) <= width and text.isprintable():
        return [text]
    return [line.plain for line in Text(text).wrap(console, width, overflow="fold")]


def _upright(table: Table) -> Table:
    if len(table.rows) > _FEW_ROWS or len(table.header) <= _MANY_COLUMNS:
        return table
    names, *columns = (list(column) for column in zip(*table.rows, strict=True))
    rows = [[key, *column] for key, column in zip(table.header[1:], columns, strict=True)]
    return Table(table.title, ["", *map(str, names)], rows)


def _columns(table: Table) -> list[tuple[str, list[str], bool]]:
    """Return (name, texts, whether they are numbers) of each column."""
    columns = []
    for position, name in enumerate(table.header):
        cells = [row[position] for row in table.rows]
        numeric = position > 0 and not any(isinstance(cell, str) for cell in cells)
        columns.append((name, [_text(cell, share=name in _SHARES) for cell in cells], numeric))
    return columns


def _fitting(columns: Sequence[tuple[str, list[str], bool]], width: int) -> int:
    used = 0
    for position, (name, texts, _) in enumerate(columns):
        used += min(_WIDEST, max(map(len, [name, *texts]))) + _GAP
        if used > width and position >= 2:
            return position
    return len(columns)


def _widths(columns: Sequence[tuple[str, list[str], bool]], width: int) -> list[int]:
    # The last column takes the remaining width, as notes are long.
    widths = [min(_WIDEST, max(map(len, [name, *texts]))) for name, texts, _ in columns]
    widths[-1:] = [max(_WIDEST, width - _GAP * len(widths) - sum(widths[:-1]))]
    return widths


def _text(cell: Cell, *, share: bool) -> str:
    if cell is None:
        return "undefined"
    if not isinstance(cell, float):
        return str(cell)
    if share:
        return f"{cell:.2%}"
    # All digits of large numbers, so that dates, which are seconds since 1970, differ.
    return f"{cell:.0f}" if _LARGE <= abs(cell) < _HUGE else f"{cell:.6g}"
