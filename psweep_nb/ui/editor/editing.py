"""One editor at work: what is edited, the way back, the variable that is kept up to date.

The widget hands messages of the page to `Editing.do` and shows `Editing.state`; there is no
widget in here, and nothing that runs psets.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from psweep_nb.errors import ParamsError
from psweep_nb.psets import Pset
from psweep_nb.ui import texts
from psweep_nb.ui.editor import pycode, table, typed
from psweep_nb.ui.editor.checking import Checked, Reader, check
from psweep_nb.ui.editor.draft import METHODS, PATTERNS, Draft
from psweep_nb.ui.editor.entries import KINDS
from psweep_nb.ui.editor.table import Table

MOST_BOUND_AT_ONCE = 20_000  # psets that are listed at each edit; more when edits pause
LONGEST_CODE = 100_000  # characters of code that the page gets
MOST_CELLS_OF_CODE = 6000  # of a table edited by hand: its code is looked for at each edit
_UNDO = 50


@dataclass(frozen=True)
class Content:
    """All that an edit can change. A table, where there is one, is used in place of the draft."""

    draft: Draft
    table: Table | None = None
    by_hand: bool = False


class Editing:
    """What one editor holds.

    Parameters
    ----------
    draft : Draft
    names : dict
        The notebook's names.
    target : str, optional
        The variable that is kept up to date; none by default.
    opened : object, optional
        What the content was made of: where the variable is just that, it stays so until the first
        edit.
    """

    def __init__(
        self,
        content: Content,
        names: dict[str, Any],
        target: str | None,
        opened: object = None,
    ) -> None:
        self.content = content
        self.names = names
        self.target = target
        self.checked = Checked()
        self.revision = 0  # counts changes of the psets
        self._reader = Reader(names)
        self._former: list[Content] = []
        self._typing: object = None  # the field that is being typed in: one step back for all of it
        self._bound: Any = names.get(target) if target else None
        self._bound_revision = -1
        self._mine = True
        self._built: tuple[int, list[Pset]] | None = None
        self._code: tuple[int, dict[str, str]] | None = None
        self.checked = check(content.draft, self._reader)
        if opened is not None and self._bound is opened:
            self._bound_revision = self.revision
        else:
            self.bind()

    # -- what it says ------------------------------------------------------------------------

    def params(self) -> list[Pset]:
        """The psets.

        Raises
        ------
        ParamsError
            If an entry has to be corrected.
        """
        if self._built is None or self._built[0] != self.revision:
            found = self.table.built() if self.by_hand else self.checked.built()
            self._built = (self.revision, found)
        return self._built[1]

    def code(self) -> str:
        """The Python that makes them.

        Raises
        ------
        ParamsError
            If an entry has to be corrected, or a value cannot be written.
        """
        target = self.target or "params"
        if self.by_hand:
            return pycode.of_psets(self.table.built(), target)
        return pycode.of_draft(self.content.draft, self.checked, target, self.names)

    @property
    def by_hand(self) -> bool:
        """Whether the table edited by hand counts, and not the rows."""
        return self.content.by_hand

    @property
    def table(self) -> Table:
        """The table edited by hand, else that of the rows' psets."""
        if self.content.by_hand and self.content.table is not None:
            return self.content.table
        psets = self.checked.psets if self.checked.psets is not None else []
        columns = tuple(psets[0]) if len(psets) else ()
        return Table(psets, columns)

    @property
    def count(self) -> int:
        """How many psets; 0 while an entry has to be corrected."""
        if self.by_hand:
            return 0 if self.table.wrong else len(self.table.psets)
        return self.checked.count

    @property
    def valid(self) -> bool:
        """Whether nothing has to be corrected."""
        return not (self.table.wrong if self.by_hand else self.checked.problems)

    # -- edits -------------------------------------------------------------------------------

    def do(self, message: dict[str, Any]) -> None:
        """One edit, as the page asks for it.

        Raises
        ------
        ParamsError
            If it cannot be; nothing has changed then.
        """
        kind = str(message.get("kind"))
        if kind == "undo":
            self._undo()
        elif kind == "settle":
            self.bind()
        elif edit := _EDITS.get(kind):
            self._take(edit(self, message), _field_of(message))
        else:
            raise ParamsError(f"the editor knows no {kind!r}")

    def _take(self, content: Content, typing: object) -> None:
        if content == self.content:
            self._typing = None if typing is None else self._typing
            return
        if typing is None or typing != self._typing:
            self._former = [*self._former[-_UNDO + 1 :], self.content]
        self._typing = typing
        self.content = content
        self._look()

    def _undo(self) -> None:
        if not self._former:
            raise ParamsError("there is nothing to undo")
        self.content = self._former.pop()
        self._typing = None
        self._look()

    def _look(self) -> None:
        self.checked = check(self.content.draft, self._reader)
        self._reader.forget_others(self.content.draft)
        self.revision += 1
        if self.count <= MOST_BOUND_AT_ONCE:
            self.bind()

    def bind(self) -> None:
        """Bring the variable up to date, unless the user has given it another value meanwhile."""
        if self.target is None or not self.valid or self._bound_revision == self.revision:
            return
        self._mine = self.target not in self.names or self.names[self.target] is self._bound
        if self._mine:
            self._bound = self.names[self.target] = self.params()
            self._bound_revision = self.revision

    def is_bound_to(self, value: object) -> bool:
        """Whether a value is the list that this editor has bound."""
        return self.target is not None and value is self._bound

    def _change(self, message: dict[str, Any]) -> Content:
        name, value = str(message["field"]), message["value"]
        if name not in ("name", "kind", "text", "tie", "middle", "on"):
            raise ParamsError(f"a row has no {name!r}")
        value = bool(value) if name == "on" else _short_enough(str(value))
        key = int(message["row"])
        draft = self.content.draft.change(key, **{name: value})
        axis = draft.axis(key)
        if message.get("enter") or (name == "kind" and axis.text.strip()):
            self._reader.compute(axis)
            if draft == self.content.draft:  # the same expression once more: names may have changed
                self._look()
        return self._with(draft)

    def _setting(self, message: dict[str, Any]) -> Content:
        name = str(message["field"])
        if not hasattr(self.content.draft.settings, name):
            raise ParamsError(f"there is no setting {name!r}")
        return self._with(self.content.draft.set(**{name: _short_enough(str(message["value"]))}))

    def _with(self, draft: Draft) -> Content:
        return replace(self.content, draft=draft)

    def _hand_made(self) -> Table:
        """The table to edit: a new one of the rows' psets where they counted until now."""
        if self.by_hand:
            return self.table
        if not self.valid:
            raise ParamsError("correct the rows first: there are no psets to edit")
        return table.of_psets(self.params())

    def _edit_table(self, edit: Callable[[Table], Table]) -> Content:
        return replace(self.content, table=edit(self._hand_made()), by_hand=True)

    def _use(self, message: dict[str, Any]) -> Content:
        by_hand = message.get("source") == "table"
        if by_hand and self.content.table is None:
            raise ParamsError("no table was edited yet")
        return replace(self.content, by_hand=by_hand)

    # -- for the page ------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """All that the page shows, JSON-able; rows of the table it asks for."""
        draft, found = self.content.draft, self.checked
        groups = sorted({axis.tie for axis in draft.axes if axis.tie})
        free = next(letter for letter in _letters() if letter not in groups)
        return {
            "name": self.target or "",
            "revision": self.revision,
            "kinds": KINDS,
            "patterns": PATTERNS,
            "methods": METHODS,
            "ties": [*groups, free],
            "rows": [self._row(axis) for axis in draft.axes],
            "settings": vars(draft.settings)
            | {"problems": _of_prefix(found.problems, "settings.")},
            "byHand": self.by_hand,
            "otherTable": self.content.table is not None and not self.by_hand,
            "canUndo": bool(self._former),
            **self._summary(),
            **self._code_state(),
        }

    def _row(self, axis: Any) -> dict[str, Any]:
        key = axis.key
        entry = self.checked.entries.get(key)
        length = self.checked.lengths.get(key)
        if axis.kind == "given":
            shown = [typed.shown(value, 24) for value in axis.given[:3]]
        elif entry is not None and axis.kind not in ("list", "constant", "between"):
            shown = [texts.cell(value, 24) for value in entry.values[:3]]
        else:
            shown = []
        return {
            "key": key,
            "name": axis.name,
            "kind": axis.kind,
            "text": axis.text,
            "tie": axis.tie,
            "middle": axis.middle,
            "on": axis.on,
            "blank": axis.blank,
            "length": "" if length is None else texts.count(length),
            "shown": ", ".join(shown) + (", …" if (length or 0) > len(shown) > 0 else ""),
            "waiting": key in self.checked.waiting,
            "problems": _of_prefix(self.checked.problems, f"{key}."),
        }

    def _summary(self) -> dict[str, Any]:
        table_, valid = self.table, self.valid
        psets = table_.psets if valid else ()
        places = [0] if len(psets) == 1 else [0, len(psets) - 1] if psets else []
        wrong = len(table_.wrong) if self.by_hand else len(self.checked.problems)
        waiting = 0 if self.by_hand else len(self.checked.waiting)
        note = ""
        if not self._mine:
            note = f"`{self.target}` was given another value elsewhere and is left alone"
        elif not valid and self.target and self._bound_revision >= 0:
            note = f"`{self.target}` still has the {texts.psets(len(self._bound))} from before"
        return {
            "valid": valid,
            "count": self.count,
            "counted": texts.psets(self.count) if valid else _to_correct(wrong - waiting, waiting),
            "why": "" if self.by_hand or not valid else self.checked.arithmetic,
            "ends": [[str(at), _pairs(psets[at])] for at in places],
            "note": note,
        }

    def _code_state(self) -> dict[str, Any]:
        if self._code is None or self._code[0] != self.revision:
            try:
                said = {"code": self._short_code(), "codeProblem": ""}
            except ParamsError as error:
                said = {"code": "", "codeProblem": texts.cut(str(error), 600)}
            self._code = (self.revision, said)
        return self._code[1]

    def _short_code(self) -> str:
        shown = self.table
        code = ""
        if not self.by_hand or len(shown.psets) * len(shown.columns) <= MOST_CELLS_OF_CODE:
            code = self.code()
        if not 0 < len(code) <= LONGEST_CODE:
            raise ParamsError(
                "too long to be shown here: ps.params_to_code(params) in a cell writes it"
            )
        return code


def _field_of(message: dict[str, Any]) -> object:
    """The text field an edit belongs to, if it is one of typing."""
    if message["kind"] not in ("change", "setting"):
        return None
    if message["field"] in ("kind", "tie", "on", "pattern", "method"):
        return None
    return (message["kind"], message.get("row"), message["field"])


_EDITS: dict[str, Callable[[Editing, dict[str, Any]], Content]] = {
    "change": lambda self, m: self._change(m),
    "setting": lambda self, m: self._setting(m),
    "add": lambda self, m: self._with(self.content.draft.add(key=_key_of(m.get("key")))),
    "duplicate": lambda self, m: self._with(self.content.draft.duplicate(int(m["row"]))),
    "remove": lambda self, m: self._with(self.content.draft.remove(int(m["row"]))),
    "move": lambda self, m: self._with(self.content.draft.move(int(m["row"]), int(m["by"]))),
    "use": lambda self, m: self._use(m),
    "cell": lambda self, m: self._edit_table(
        lambda t: t.set_cell(int(m["row"]), t.column(m["column"]), str(m["value"]))
    ),
    "add_row": lambda self, m: self._edit_table(lambda t: t.add_row(m.get("row"))),
    "delete_row": lambda self, m: self._edit_table(lambda t: t.delete_row(int(m["row"]))),
    "add_column": lambda self, m: self._edit_table(
        lambda t: t.add_column(str(m["name"]).strip(), str(m.get("value", "")))
    ),
    "delete_column": lambda self, m: self._edit_table(
        lambda t: t.delete_column(t.column(m["column"]))
    ),
}


def _key_of(key: Any) -> int | None:
    """The key of a new row, where the page has made one up; never one that it could not read."""
    if key is None or (type(key) is int and 0 < key < 2**53):
        return key
    raise ParamsError(f"a row cannot have the key {key!r:.40}")


def _short_enough(text: str) -> str:
    if len(text) > typed.LONGEST:
        raise ParamsError(
            f"{texts.count(len(text))} characters are too many to type: put the values into a"
            " variable and choose the kind expression"
        )
    return text


def _of_prefix(problems: dict[str, str], prefix: str) -> dict[str, str]:
    return {
        field.removeprefix(prefix): texts.cut(problem, 300)
        for field, problem in problems.items()
        if field.startswith(prefix)
    }


def _to_correct(wrong: int, waiting: int) -> str:
    if wrong:
        return f"{wrong} {'entry' if wrong == 1 else 'entries'} to correct"
    return f"{waiting} {'expression' if waiting == 1 else 'expressions'} to compute: press Enter"


def _pairs(pset: Pset) -> list[list[str]]:
    pairs = [[texts.line(str(k), 60), typed.shown(v)] for k, v in list(pset.items())[:30]]
    return pairs if len(pset) <= 30 else [*pairs, ["…", f"{len(pset) - 30} more"]]


def _letters() -> Any:
    for number in range(10_000):
        yield chr(65 + number % 26) + (str(number // 26) if number >= 26 else "")
