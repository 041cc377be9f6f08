"""Tables on standard output, with rich."""

from __future__ import annotations

from collections.abc import Sequence

from symjobs._cli._tables import Cell, Table

_SHARES = ("explained", "cumulative", "share")
_MANY_COLUMNS, _FEW_ROWS = 9, 4
_WIDEST = 44  # characters of a column but the last; longer text is folded
_GAP = 3
_PIPE_WIDTH = 200  # for a file or a pipe


def show(tables: Sequence[Table], *, heading: str) -> None:
    """Print tables under a heading.

    A table of few rows and many columns is transposed. Columns that do not fit are left out and counted.
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table as RichTable

    console = Console()
    if not console.is_terminal:
        console = Console(width=_PIPE_WIDTH)
    console.print(heading, style="bold", highlight=False, soft_wrap=True)
    for table in tables:
        columns = _columns(_upright(table))
        kept = _fitting(columns, console.width)
        drawn = RichTable(box=SIMPLE_HEAD, pad_edge=False)
        widths = _widths(columns[:kept], console.width)
        for (name, _, numeric), width in zip(columns[:kept], widths, strict=True):
            drawn.add_column(name, justify="right" if numeric else "left", overflow="fold", max_width=width)
        for row in zip(*(texts for _, texts, _ in columns[:kept]), strict=True):
            drawn.add_row(*row)
        console.print(f"\n{table.title}", style="bold cyan", highlight=False)
        console.print(drawn)
        if kept < len(columns):
            console.print(f"and {len(columns) - kept} more columns; --json prints all", highlight=False)


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
    return f"{cell:.2%}" if share else f"{cell:.6g}"
