// Part of the grid editor: the psets themselves, as a table one can edit. It holds the rows it
// shows and some around them; the kernel has the others.

const ROW_HEIGHT = 22; // px
const MARGIN = 20; // rows asked for above and below those in sight
const MOST_SCROLLED = 300000; // rows: browsers limit heights

class Table {
  constructor(editor) {
    this.editor = editor;
    this.data = null;
    this.cursor = { row: 0, column: 0 };
    this.typing = null; // the cell that is being edited
    this.head = el("thead", { role: "rowgroup" });
    this.body = el("tbody", { role: "rowgroup" });
    this.table = el("table", { role: "grid", "aria-label": "Psets" }, this.head, this.body);
    this.scroller = el("div", { class: "pse-scroller" }, this.table);
    this.note = el("div", { class: "pse-note psw-dim" });
    this.column = textInput("psw-code", null, "name");
    this.column.setAttribute("aria-label", "Name of the new column");
    this.value = textInput("psw-code", null, "value for all rows");
    this.value.setAttribute("aria-label", "Value of the new column in all rows");
    this.addColumn = button("Add column", () => this.sendColumn());
    for (const input of [this.column, this.value]) {
      input.addEventListener("keydown", (event) => {
        if (event.key === "Enter") this.sendColumn();
      });
    }
    const tools = el(
      "div",
      { class: "pse-below", role: "group", "aria-label": "Rows and columns" },
      button("Add row", () => this.send({ kind: "add_row", row: this.at().row })),
      (this.deleteRow = button("Delete row", () =>
        this.send({ kind: "delete_row", row: this.at().row }))),
      (this.deleteColumn = button("Delete column", () =>
        this.send({ kind: "delete_column", column: this.at().column }))),
      el("span", { class: "pse-gap" }),
      this.column,
      this.value,
      this.addColumn,
    );
    this.node = el("div", { class: "pse-table" }, this.scroller, this.note, tools);
    this.scroller.addEventListener("scroll", () => this.scrolled());
    this.table.addEventListener("keydown", (event) => this.key(event));
    this.table.addEventListener("click", (event) => this.choose(event, false));
    this.table.addEventListener("dblclick", (event) => this.choose(event, true));
  }

  at() {
    return this.data?.total ? this.cursor : { row: null, column: 0 };
  }

  send(message) {
    if (message.kind !== "delete_column" && message.kind !== "delete_row") this.pending = message;
    this.editor.edit(message);
  }

  sendColumn() {
    if (!this.column.value.trim()) return this.column.focus();
    this.editor.edit({ kind: "add_column", name: this.column.value, value: this.value.value });
    this.clearing = true;
  }

  // --- rows ------------------------------------------------------------------------------

  show(state) {
    this.state = state;
    this.ask();
  }

  inSight() {
    const top = Math.floor(this.scroller.scrollTop / ROW_HEIGHT);
    const seen = Math.ceil((this.scroller.clientHeight || 290) / ROW_HEIGHT);
    return { start: Math.max(0, top - MARGIN), count: Math.min(100, seen + 2 * MARGIN) };
  }

  ask() {
    if (this.node.hidden) return;
    this.editor.send({ kind: "window", ...this.inSight() }, false);
  }

  scrolled() {
    const { start, count } = this.inSight();
    const data = this.data;
    if (!data) return;
    const top = Math.floor(this.scroller.scrollTop / ROW_HEIGHT);
    const bottom = Math.min(data.total, top + count - 2 * MARGIN);
    const there = data.start <= top && bottom <= data.start + data.rows.length;
    if (there || this.asked === start) return;
    this.asked = start;
    this.ask();
  }

  fill(data) {
    this.asked = null;
    if (this.typing) return void (this.later = data);
    const inside = this.table.contains(document.activeElement);
    this.data = data;
    if (this.clearing && data.columns.includes(this.column.value.trim())) {
      this.column.value = this.value.value = "";
      this.clearing = false;
    }
    this.cursor.row = Math.max(0, Math.min(this.cursor.row, data.total - 1));
    this.cursor.column = Math.max(0, Math.min(this.cursor.column, data.columns.length - 1));
    const heading = (text, kind) =>
      el("th", { role: "columnheader", scope: "col", text, title: text, class: kind });
    this.head.replaceChildren(
      el(
        "tr",
        { role: "row", "aria-rowindex": "1" },
        heading("pset", "psw-num"),
        ...(data.states ? [heading("state", "")] : []),
        ...data.columns.map((name) => heading(name, "psw-code")),
        el("td", { class: "psw-fill", role: "presentation" }),
      ),
    );
    const total = Math.min(data.total, MOST_SCROLLED);
    this.body.replaceChildren(
      this.space(data.start),
      ...data.rows.map((cells, at) => this.makeRow(cells, data.start + at, data.states?.[at])),
      this.space(Math.max(0, total - data.start - data.rows.length)),
    );
    this.table.setAttribute("aria-rowcount", String(data.total + 1));
    this.table.hidden = data.total === 0;
    this.scroller.style.height = `${(Math.max(2, Math.min(data.total, 12)) + 1) * ROW_HEIGHT + 14}px`;
    this.deleteRow.disabled = data.total === 0;
    this.deleteColumn.disabled = data.columns.length === 0;
    const notes = [];
    if (!data.total) notes.push(this.state?.valid ? "No psets." : "No psets while an entry has to be corrected.");
    if (data.hidden) notes.push(`${data.hidden} more columns`);
    if (data.total > MOST_SCROLLED) notes.push(`the first ${grouped(MOST_SCROLLED)} of ${grouped(data.total)}`);
    if (data.total) notes.push("Enter or a double click edits a cell; an empty cell is a parameter the pset does not have");
    setText(this.note, notes.join(" · "));
    this.roving();
    if (inside || this.refocus) {
      this.refocus = false;
      this.cell()?.focus({ preventScroll: true });
    }
  }

  space(rows) {
    const node = el("tr", { role: "presentation", class: "pse-space" }, el("td", {}));
    node.style.height = `${rows * ROW_HEIGHT}px`;
    node.hidden = rows === 0;
    return node;
  }

  makeRow(cells, row, state) {
    const node = el("tr", { role: "row", "aria-rowindex": String(row + 2) });
    node.append(el("td", { class: "psw-num psw-dim", role: "rowheader", text: String(row) }));
    if (this.data.states) {
      node.append(el("td", { class: `pse-state pse-state-${state || "new"}`, role: "gridcell", text: state || "" }));
    }
    cells.forEach(([text, all, problem], column) => {
      const cell = el("td", { role: "gridcell", class: "pse-cell", text, title: problem || (text.length > 20 ? text : null) });
      cell.tabIndex = -1;
      cell.dataset.row = String(row);
      cell.dataset.column = String(column);
      if (problem) {
        cell.setAttribute("aria-invalid", "true");
        cell.setAttribute("aria-description", problem);
      }
      cell.psw = { all };
      node.append(cell);
    });
    node.append(el("td", { class: "psw-fill", role: "presentation" }));
    return node;
  }

  // --- the cursor ------------------------------------------------------------------------

  cell() {
    const { row, column } = this.cursor;
    return this.body.querySelector(`[data-row="${row}"][data-column="${column}"]`);
  }

  roving() {
    this.body.querySelector('[tabindex="0"]')?.setAttribute("tabindex", "-1");
    const cell = this.cell() ?? this.body.querySelector(".pse-cell");
    if (cell) cell.tabIndex = 0;
    for (const row of this.body.querySelectorAll('[aria-selected="true"]')) row.removeAttribute("aria-selected");
    this.cell()?.parentNode.setAttribute("aria-selected", "true");
    const problem = this.cell()?.getAttribute("aria-description") ?? "";
    if (problem || this.told) this.editor.say(problem, Boolean(problem));
    this.told = Boolean(problem);
  }

  move(rows, columns) {
    const { data, cursor } = this;
    if (!data?.total) return;
    cursor.row = Math.max(0, Math.min(Math.min(data.total, MOST_SCROLLED) - 1, cursor.row + rows));
    cursor.column = Math.max(0, Math.min(data.columns.length - 1, cursor.column + columns));
    const top = cursor.row * ROW_HEIGHT;
    const { scrollTop, clientHeight } = this.scroller;
    if (top < scrollTop) this.scroller.scrollTop = top;
    else if (top + 2 * ROW_HEIGHT > scrollTop + clientHeight) {
      this.scroller.scrollTop = top + 2 * ROW_HEIGHT - clientHeight;
    }
    this.roving();
    const cell = this.cell();
    if (cell) cell.focus({ preventScroll: true });
    else this.refocus = true; // it comes with the next window
    cell?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  choose(event, edit) {
    const cell = event.target.closest(".pse-cell");
    if (!cell || this.typing?.cell === cell) return;
    this.commit();
    this.cursor = { row: Number(cell.dataset.row), column: Number(cell.dataset.column) };
    this.roving();
    const now = this.cell();
    now?.focus({ preventScroll: true });
    if (edit) this.edit();
  }

  key(event) {
    if (this.typing) return this.typed(event);
    if (this.wanting) return event.preventDefault();
    if (!event.target.closest(".pse-cell")) return;
    const page = 10;
    const moves = {
      ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1],
      PageDown: [page, 0], PageUp: [-page, 0], Home: [0, -1e9], End: [0, 1e9],
    };
    if (event.key in moves) {
      const jump = (event.ctrlKey || event.metaKey) && ["Home", "End"].includes(event.key);
      this.move(...(jump ? [event.key === "Home" ? -1e9 : 1e9, 0] : moves[event.key]));
    } else if (event.key === "Enter" || event.key === "F2") this.edit();
    else if (event.key === "Delete" || event.key === "Backspace") this.set("");
    else if (event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey) this.edit(event.key);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  // --- a cell that is edited ---------------------------------------------------------------

  edit(start = null) {
    const cell = this.cell();
    if (!cell || this.typing || this.editor.link.dead) return;
    if (start === null && !cell.psw.all) {
      const wanting = { ...this.cursor };
      this.wanting = wanting; // keys wait for it, but not for ever
      setTimeout(() => this.wanting === wanting && (this.wanting = null), 2000);
      this.editor.send({ kind: "cell_text", ...wanting });
      return;
    }
    this.open(cell, start ?? cell.textContent, start === null);
  }

  heard(row, column, text) {
    const { wanting } = this;
    this.wanting = null;
    if (!wanting || wanting.row !== row || wanting.column !== column || !this.cell()) return;
    this.open(this.cell(), text, true);
  }

  open(cell, text, whole) {
    const input = textInput("psw-code");
    input.setAttribute("aria-label", `Value of ${this.data.columns[this.cursor.column]}, pset ${this.cursor.row}`);
    input.value = text;
    this.typing = { cell, input, ...this.cursor, before: whole ? text : null };
    cell.replaceChildren(input);
    input.focus();
    if (whole) input.select();
    input.addEventListener("blur", () => this.commit());
  }

  typed(event) {
    if (event.key === "Escape") this.shut();
    else if (event.key === "Enter") {
      this.commit();
      this.move(1, 0);
    } else if (event.key === "Tab") {
      this.commit();
      this.move(0, event.shiftKey ? -1 : 1);
    } else return void event.stopPropagation();
    event.preventDefault();
    event.stopPropagation();
  }

  commit() {
    const { typing } = this;
    if (!typing) return;
    const changed = typing.input.value !== typing.before;
    this.shut(changed ? typing.input.value : null);
    if (changed) this.set(typing.input.value, typing);
  }

  set(value, { row, column } = this.cursor) {
    this.editor.edit({ kind: "cell", row, column, value });
  }

  shut(text = null) {
    const { typing } = this;
    this.typing = null;
    const old = this.data.rows[typing.row - this.data.start]?.[typing.column]?.[0] ?? "";
    const inside = this.table.contains(document.activeElement);
    typing.cell.textContent = text ?? old;
    if (inside) typing.cell.focus({ preventScroll: true });
    if (this.later) {
      const { later } = this;
      this.later = null;
      this.fill(later);
    }
  }
}
