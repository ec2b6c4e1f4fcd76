// The table: a window on rows that the kernel keeps in order. The first ones come by themselves;
// others are asked for when they scroll into sight. The focus is on the table as a whole, since
// rows come and go; arrows move a cursor.

const HOLD = 3000; // ms the rows stay still after the pointer or a key moved on them
const ROW = 22; // px
const MOST_SEEN = 12; // rows, then it scrolls
const TALLEST = 8e6; // px; browsers limit heights, so beyond this the scrollbar is scaled
const AROUND = 30; // rows asked for on each side of those in sight

class Grid {
  // ask(start, stop), open(index), sort(column, descending)
  constructor(view, { ask, open, sort }) {
    this.view = view;
    this.ask = ask;
    this.open = open;
    this.sort = sort;
    this.query = {};
    this.top = null; // the latest table that came by itself
    this.shown = { start: 0, rows: [], columns: [], listed: 0 };
    this.first = 0; // place of the row at the upper edge
    this.cursor = { place: 0, index: null };
    this.opened = null; // number of the pset whose detail is open
    this.touched = -HOLD;
    this.inSight = true;
    this.build();
    this.listen();
  }

  build() {
    this.head = el("thead", { role: "rowgroup" });
    this.body = el("tbody", { role: "rowgroup" });
    this.table = el(
      "table",
      { role: "grid", "aria-label": "Psets", tabindex: "0" },
      this.head,
      this.body,
    );
    this.empty = el("div", { class: "psw-empty psw-dim" });
    this.scroller = el("div", { class: "psw-scroller" }, this.table, this.empty);
    this.note = el("div", { class: "psw-note psw-dim" });
    this.parts = [this.scroller, this.note];
  }

  listen() {
    const touch = () => (this.touched = performance.now());
    this.body.addEventListener("pointermove", touch);
    this.body.addEventListener("pointerleave", () => this.release());
    this.body.addEventListener("click", (event) => {
      const row = event.target.closest("tr[data-index]");
      if (!row) return;
      this.moveTo(Number(row.dataset.place));
      this.table.focus({ preventScroll: true });
      this.open(Number(row.dataset.index));
    });
    this.table.addEventListener("keydown", (event) => this.key(event));
    this.scroller.addEventListener("scroll", () => this.scrolled());
    this.scroller.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    if (typeof IntersectionObserver === "undefined") return;
    this.observer = new IntersectionObserver((entries) => {
      const was = this.inSight;
      this.inSight = entries.at(-1).isIntersecting;
      if (this.inSight && !was) this.draw();
    });
    this.observer.observe(this.scroller);
  }

  end() {
    this.observer?.disconnect();
    clearTimeout(this.later);
    clearTimeout(this.lost);
  }

  // --- what comes ------------------------------------------------------------------------

  // The place for the rows is kept from the start: cells below must not move as they come.
  reserve(total) {
    const rows = Math.max(2, Math.min(total, MOST_SEEN)) + 1;
    this.scroller.style.height = `${rows * ROW + 3}px`;
  }

  // Something else was asked for: begin at its start, and at once.
  restart(query) {
    this.query = query;
    this.touched = -HOLD;
    this.first = 0;
    this.scroller.scrollTop = 0;
    this.fresh = true;
  }

  // Rows hold still while somebody points at them: nobody can click a row that moves.
  offer(table) {
    this.top = table;
    clearTimeout(this.later);
    const left = HOLD - (performance.now() - this.touched);
    if (left <= 0 || this.fresh || !this.shown.rows.length) return this.take();
    const newer = table.above - this.shown.above;
    if (newer > 0) this.heldBack = `${newer} newer; the rows hold still while you point at them`;
    this.noteWhatIsShown();
    this.later = setTimeout(() => this.take(), left);
  }

  release() {
    this.touched = -HOLD;
    if (this.top && this.heldBack !== null) this.take();
  }

  take() {
    if (!this.top) return;
    const { top } = this;
    this.heldBack = null;
    this.fresh = false;
    this.replace({ ...top, rows: this.shown.rows, start: this.shown.start });
    if (this.lastNeeded() <= top.rows.length || top.rows.length >= top.listed) this.cover(top);
    else this.request(true);
    this.draw();
  }

  // The kernel's answer to a request.
  answer(table) {
    clearTimeout(this.lost);
    this.asking = false;
    if (!this.fresh) this.replace(table); // else an answer to what was asked for before
    this.draw();
  }

  // The newest come first: who has scrolled away from them keeps seeing the same rows.
  replace(table) {
    const shift = this.first > 0 && table.above && this.shown.above ? table.above - this.shown.above : 0;
    this.shown = table;
    this.measure();
    if (shift > 0) this.scrollTo(this.first + shift);
  }

  cover(table) {
    this.shown.rows = table.rows;
    this.shown.start = table.start;
  }

  request(anew = false) {
    const start = Math.max(0, this.first - AROUND);
    const stop = this.lastNeeded() + AROUND;
    if (this.asking || !this.inSight) return;
    const has = this.shown.start <= this.first && this.covered() >= this.lastNeeded();
    if (has && !anew) return;
    this.asking = true;
    this.lost = setTimeout(() => {
      this.asking = false;
      this.draw();
    }, AGAIN);
    this.ask(start, stop);
  }

  covered() {
    return this.shown.start + this.shown.rows.length;
  }

  lastNeeded() {
    return Math.min(this.first + this.inView() + 1, this.shown.listed);
  }

  // --- scrolling -------------------------------------------------------------------------

  inView() {
    return Math.max(1, Math.floor((this.scroller.clientHeight - ROW) / ROW));
  }

  measure() {
    const { listed } = this.shown;
    this.space = Math.min(listed * ROW, TALLEST);
    const places = Math.max(1, listed - this.inView());
    this.scale = listed * ROW > TALLEST ? (this.space - this.inView() * ROW) / places : ROW;
    this.first = Math.max(0, Math.min(this.first, listed - this.inView()));
  }

  scrollTo(place) {
    const last = Math.max(0, this.shown.listed - this.inView());
    this.first = Math.max(0, Math.min(Math.round(place), last));
    this.above();
    this.own = Math.round(this.first * this.scale);
    this.scroller.scrollTop = this.own;
    this.draw();
  }

  scrolled() {
    const top = this.scroller.scrollTop;
    if (Math.abs(top - (this.own ?? -9)) < 2) return; // we did it
    this.own = null;
    this.first = Math.round(top / this.scale);
    this.measure();
    this.draw();
  }

  wheel(event) {
    if (this.scale === ROW || event.ctrlKey || !event.deltaY) return;
    event.preventDefault();
    const rows = event.deltaMode === 1 ? event.deltaY : event.deltaY / ROW;
    this.scrollTo(this.first + (Math.abs(rows) < 1 ? Math.sign(rows) : rows));
  }

  // --- drawing ---------------------------------------------------------------------------

  draw() {
    if (!this.shown.columns.length && !this.shown.listed) this.body.replaceChildren();
    const { start, rows, listed } = this.shown;
    this.drawHead();
    // Where the scrollbar is scaled there may be less room above than four rows need.
    const room = this.scale === ROW ? 4 : Math.min(4, Math.floor(this.scroller.scrollTop / ROW));
    const from = Math.max(0, this.first - room);
    const to = Math.min(listed, this.first + this.inView() + 5);
    const old = new Map([...this.body.children].map((row) => [row.dataset.key, row]));
    const wanted = [];
    for (let place = from; place < to; place++) {
      const row = rows[place - start];
      const known = row && old.get(row.key);
      const print = row && this.fingerprint(row);
      const node = known?.psw === print && known ? known : row ? this.makeRow(row, print) : this.blank();
      this.number(node, place);
      wanted.push(node);
    }
    this.place(wanted, from, to);
    this.empty.hidden = listed > 0;
    this.table.hidden = listed === 0;
    this.table.setAttribute("aria-rowcount", String(listed + 1));
    this.select();
    this.keepWidths();
    this.noteWhatIsShown();
    this.request();
  }

  above() {
    if (!this.gap) this.gap = { above: this.filler(), below: this.filler() };
  }

  filler() {
    return el("tr", { class: "psw-gap", "aria-hidden": "true" }, el("td", { colspan: "99" }));
  }

  place(wanted, from, to) {
    this.above();
    const before = this.scale === ROW ? from * ROW : this.scroller.scrollTop - (this.first - from) * ROW;
    const after = this.space - Math.max(0, before) - (to - from) * ROW;
    this.gap.above.firstChild.style.height = `${Math.max(0, before)}px`;
    this.gap.below.firstChild.style.height = `${Math.max(0, after)}px`;
    this.gap.above.hidden = before <= 0;
    this.gap.below.hidden = after <= 0;
    const all = [this.gap.above, ...wanted, this.gap.below];
    const keep = new Set(all);
    for (const row of [...this.body.children]) if (!keep.has(row)) row.remove();
    all.forEach((row, at) => {
      const there = this.body.children[at];
      if (there !== row) this.body.insertBefore(row, there ?? null);
    });
  }

  number(node, place) {
    node.dataset.place = String(place);
    node.setAttribute("aria-rowindex", String(place + 2));
    node.classList.toggle("psw-even", place % 2 === 1);
  }

  fingerprint(row) {
    return JSON.stringify([row, this.headKey]);
  }

  errorFirst() {
    return this.query.state === "failed";
  }

  // Of failed psets the error is what matters: it comes first, results do not come.
  columns() {
    const columns = this.shown.columns.map((column, at) => ({ ...column, at }));
    return this.errorFirst() ? columns.filter((column) => column.kind === "param") : columns;
  }

  drawHead() {
    const columns = this.columns();
    const { sort, descending } = this.query;
    const key = JSON.stringify([columns, this.errorFirst(), sort, descending]);
    if (key === this.headKey) return;
    const focused = this.head.contains(document.activeElement)
      ? document.activeElement.dataset.column
      : null;
    this.headKey = key;
    this.firstResult = columns.find((column) => column.kind === "result")?.id;
    const own = [
      { id: "pset", name: "pset", numeric: true },
      { id: "state", name: "state" },
      { id: "runtime", name: "runtime", numeric: true },
      ...(this.errorFirst() ? [{ id: "error", name: "error" }] : []),
    ];
    const cells = [...own, ...columns].map((column) => this.headCell(column));
    this.head.replaceChildren(
      el(
        "tr",
        { role: "row", "aria-rowindex": "1" },
        ...cells,
        el("td", { class: "psw-fill", role: "presentation" }),
      ),
    );
    // One of them is in the tab order; arrows move from there.
    const buttons = [...this.head.querySelectorAll("button")];
    buttons.forEach((button, at) => button.setAttribute("tabindex", at ? "-1" : "0"));
    if (focused) buttons.find((button) => button.dataset.column === focused)?.focus();
  }

  headCell(column) {
    const { sort, descending } = this.query;
    const sorted = sort === column.id ? (descending ? "descending" : "ascending") : "none";
    const mark = { ascending: " ↑", descending: " ↓", none: "" }[sorted];
    const button = el(
      "button",
      { type: "button", class: "psw-sort", title: `${column.name}: sort by it` },
      el("span", { class: "psw-name", text: column.name }),
    );
    if (mark) button.append(el("span", { class: "psw-mark", text: mark, "aria-hidden": "true" }));
    button.dataset.column = column.id;
    button.addEventListener("click", () => {
      if (sorted === "none") this.sort(column.id, false);
      else if (sorted === "ascending") this.sort(column.id, true);
      else this.sort("", false);
    });
    const kind = `${column.numeric ? "psw-num" : ""}${this.border(column)}`;
    return el("th", { role: "columnheader", scope: "col", class: kind, "aria-sort": sorted }, button);
  }

  border(column) {
    return column.id !== undefined && column.id === this.firstResult ? " psw-first" : "";
  }

  blank() {
    const node = el(
      "tr",
      { role: "row", class: "psw-row psw-blank" },
      el("td", { role: "gridcell", colspan: "99", text: "…" }),
    );
    node.dataset.key = "";
    return node;
  }

  makeRow(row, print) {
    const cell = (text, kind, span = null) =>
      el("td", { role: "gridcell", class: kind, text, title: text.length > 24 ? text : null, colspan: span });
    const columns = this.columns();
    const failed = row.state === "failed";
    const results = columns.filter((column) => column.kind === "result").length;
    const node = el(
      "tr",
      { role: "row", class: `psw-row psw-${row.state}`, id: `${this.view}-${row.index}` },
      cell(String(row.index), "psw-num psw-dim"),
      cell(row.progress ? `${row.state} ${row.progress}` : row.state, "psw-cell-state"),
      cell(row.runtime, "psw-num psw-dim"),
    );
    if (this.errorFirst()) node.append(cell(row.error, "psw-error"));
    for (const column of columns) {
      if (failed && column.kind === "result") continue;
      const made = cell(row.cells[column.at] ?? "", `${column.numeric ? "psw-num" : ""}${this.border(column)}`);
      if (row.colour?.[0] === column.at) {
        made.classList.add("psw-coloured");
        made.style.setProperty("--psw-share", String(row.colour[1]));
      }
      node.append(made);
    }
    if (failed && !this.errorFirst()) {
      node.append(cell(row.error, "psw-error psw-first", String(results + 1)));
    } else {
      node.append(el("td", { class: "psw-fill", role: "presentation" }));
    }
    node.dataset.key = row.key;
    node.dataset.index = String(row.index);
    node.psw = print;
    return node;
  }

  // Columns get wider as wider values come into sight, and stay so: else they would dance.
  keepWidths() {
    if (this.widthsOf !== this.headKey) this.widths = [];
    this.widthsOf = this.headKey;
    [...(this.head.firstChild?.children ?? [])].forEach((cell, at) => {
      if (cell.classList.contains("psw-fill")) return;
      const width = Math.min(cell.offsetWidth, 240);
      if (width <= (this.widths[at] ?? 0)) return;
      this.widths[at] = width;
      cell.style.minWidth = `${width}px`;
    });
  }

  noteWhatIsShown() {
    const { listed, hidden, busy, total } = this.shown;
    const notes = [];
    if (busy) notes.push(busy);
    if (this.heldBack) notes.push(this.heldBack);
    const many = (n) => n.toLocaleString("en").replaceAll(",", "\u202f");
    if (listed < total) notes.push(`${many(listed)} of ${many(total)} psets`);
    if (hidden > 0) notes.push(`${hidden} more columns`);
    setText(this.note, notes.join(" · "));
  }

  // --- cursor ----------------------------------------------------------------------------

  moveTo(place) {
    const row = this.shown.rows[place - this.shown.start];
    this.cursor = { place, index: row?.index ?? null };
    this.select();
  }

  // Marks the row with the cursor and the one whose detail is open.
  select() {
    const { rows, start } = this.shown;
    if (this.cursor.index !== null) {
      const at = rows.findIndex((row) => row.index === this.cursor.index);
      if (at >= 0) this.cursor.place = at + start;
    } else {
      this.cursor.index = rows[this.cursor.place - start]?.index ?? null;
    }
    let active = null;
    for (const row of this.body.children) {
      if (row.dataset.index === undefined) continue;
      const index = Number(row.dataset.index);
      row.setAttribute("aria-selected", String(index === this.opened));
      row.classList.toggle("psw-cursor", index === this.cursor.index);
      if (index === this.cursor.index) active = row.id;
    }
    if (active) this.table.setAttribute("aria-activedescendant", active);
    else this.table.removeAttribute("aria-activedescendant");
  }

  key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const done = this.head.contains(event.target) ? this.keyInHead(event) : this.keyInRows(event);
    if (!done) return;
    event.preventDefault();
    event.stopPropagation();
  }

  keyInHead(event) {
    const buttons = [...this.head.querySelectorAll("button")];
    const at = buttons.indexOf(document.activeElement);
    const moves = { ArrowRight: 1, ArrowLeft: -1, Home: -1e9, End: 1e9 };
    if (event.key === "ArrowDown") {
      this.table.focus();
      return true;
    }
    if (!(event.key in moves)) return false;
    const to = buttons[Math.max(0, Math.min(buttons.length - 1, at + moves[event.key]))];
    for (const button of buttons) button.setAttribute("tabindex", button === to ? "0" : "-1");
    to.focus();
    return true;
  }

  keyInRows(event) {
    const page = this.inView() - 1;
    const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -1e9, End: 1e9 };
    const sideways = { ArrowLeft: -80, ArrowRight: 80 };
    this.touched = performance.now();
    if (event.key in moves) {
      const last = this.shown.listed - 1;
      const place = Math.max(0, Math.min(last, this.cursor.place + moves[event.key]));
      if (place < this.first) this.scrollTo(place);
      else if (place >= this.first + this.inView()) this.scrollTo(place - this.inView() + 1);
      this.moveTo(place);
    } else if (event.key in sideways) {
      this.scroller.scrollLeft += sideways[event.key];
    } else if ((event.key === "Enter" || event.key === " ") && this.cursor.index !== null) {
      this.open(this.cursor.index);
    } else {
      return false;
    }
    return true;
  }

  mark(index) {
    this.opened = index;
    this.select();
  }
}
