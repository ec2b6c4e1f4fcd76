"""Small tables of texts, for a terminal and for a page: lists of runs, lists of studies.

Rows are dicts from column to text, printable already; everything is escaped here. Columns in which
nothing stands are left out.
"""

from collections.abc import Collection, Sequence
from html import escape

Rows = Sequence[dict[str, str]]


def text_table(rows: Rows, numeric: Collection[str] = ()) -> str:
    """Lines of text; columns of numbers stand at the right.

    >>> print(text_table([{"run": "0", "label": ""}, {"run": "12", "label": "first"}], ["run"]))
    run  label
      0
     12  first
    """
    columns = _used(rows)
    widths = {c: max(len(c), *(len(row[c]) for row in rows)) for c in columns}
    lines = [dict(zip(columns, columns, strict=True)), *rows]
    return "\n".join(
        "  ".join(
            line[c].rjust(widths[c]) if c in numeric else line[c].ljust(widths[c]) for c in columns
        ).rstrip()
        for line in lines
    )


def html_table(rows: Rows, numeric: Collection[str] = ()) -> str:
    """A table element; cells are of class ``num``, and ``bad`` where something failed."""
    columns = _used(rows)

    def cell(tag: str, text: str, column: str) -> str:
        bad = tag == "td" and column == "failed" and text not in ("", "0")
        kinds = " ".join(name for name, on in (("num", column in numeric), ("bad", bad)) if on)
        attribute = f' class="{kinds}"' if kinds else ""
        return f"<{tag}{attribute}>{escape(text)}</{tag}>"

    head = "".join(cell("th", column, column) for column in columns)
    body = "".join(f"<tr>{''.join(cell('td', row[c], c) for c in columns)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _used(rows: Rows) -> list[str]:
    return [column for column in rows[0] if any(row[column] for row in rows)]
