// The panel of a run. Shows two texts the kernel keeps up to date, `header` and `rows`, and
// sends clicks back. User data reaches the page as textContent and attributes only.

const HOLD = 3000; // ms the rows stay still after the pointer or a key moved on them
const PATIENCE = 400; // ms without an answer after which we say that we wait
const SILENCE = 6000; // ms without news of a run at work after which we say so
const ROW = 22; // px

function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") node.textContent = value;
    else if (value !== null) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function parse(text) {
  try {
    return JSON.parse(text || "{}");
  } catch {
    return {};
  }
}

class Panel {
  constructor(model, root) {
    this.model = model;
    this.view = Math.random().toString(36).slice(2);
    this.show = "all";
    this.touched = -HOLD;
    this.open = null; // index of the pset whose detail is open
    this.cursor = null; // key of the row the keyboard is on
    this.waiting = null;
    this.news = performance.now();
    this.dead = false;
    this.build(root);
  }

  // --- structure -------------------------------------------------------------------------

  build(root) {
    this.title = el("span", { class: "psw-title" });
    this.label = el("span", { class: "psw-label" });
    this.dir = el("span", { class: "psw-dim psw-code psw-dir" });
    this.state = el("span", { class: "psw-state", role: "status" });
    this.buttons = el("div", { class: "psw-buttons", role: "group", "aria-label": "Commands" });
    this.bar = el("div", { class: "psw-bar", role: "progressbar", "aria-label": "Progress" });
    this.barDone = el("div", { class: "psw-bar-done" });
    this.barFailed = el("div", { class: "psw-bar-failed" });
    this.bar.append(this.barDone, this.barFailed);
    this.filters = el("div", { class: "psw-filters", role: "group", "aria-label": "Rows to show" });
    this.filter = {};
    for (const kind of ["all", "failed", "running"]) {
      const button = el("button", { type: "button", class: "psw-filter" });
      button.addEventListener("click", () => this.choose(kind));
      this.filter[kind] = button;
      this.filters.append(button);
    }
    this.pending = el("span", { class: "psw-dim" });
    this.pace = el("span", { class: "psw-pace psw-dim" });
    this.filters.append(this.pending);
    this.message = el("div", { class: "psw-message" });
    this.said = el("div", { class: "psw-said", role: "status" });
    this.head = el("thead", { role: "rowgroup" });
    this.body = el("tbody", { role: "rowgroup" });
    this.table = el("table", { role: "grid", "aria-label": "Psets" }, this.head, this.body);
    this.empty = el("div", { class: "psw-empty psw-dim" });
    this.scroller = el("div", { class: "psw-scroller" }, this.table, this.empty);
    this.note = el("div", { class: "psw-note psw-dim" });
    this.detail = el("div", { class: "psw-detail", role: "region", "aria-label": "Detail of a pset" });
    this.detail.hidden = true;
    this.root = el(
      "div",
      { class: "psw", role: "group", "aria-label": "Run", "data-lm-suppress-shortcuts": "true" },
      el(
        "div",
        { class: "psw-head" },
        el("div", { class: "psw-what" }, this.title, this.label, this.state, this.dir),
        this.buttons,
      ),
      this.bar,
      el("div", { class: "psw-line" }, this.filters, this.pace),
      this.message,
      this.said,
      this.scroller,
      this.note,
      this.detail,
    );
    root.append(this.root);
    this.listen();
  }

  listen() {
    this.stops = [];
    const on = (target, kind, handler, options) => {
      target.addEventListener(kind, handler, options);
      this.stops.push(() => target.removeEventListener(kind, handler, options));
    };
    const touch = () => (this.touched = performance.now());
    on(this.body, "pointermove", touch);
    on(this.body, "pointerleave", () => this.release());
    on(this.body, "click", (event) => {
      const row = event.target.closest("tr");
      if (row) this.choosePset(row);
    });
    on(this.table, "keydown", (event) => this.key(event));
    on(this.root, "keydown", (event) => {
      if (event.key === "Escape" && this.open !== null) {
        event.stopPropagation();
        this.close();
      }
    });
    // Lab's single-key shortcuts stay off in here, but Ctrl+S still saves: the modifier's own
    // key event comes first.
    const keep = (event) => {
      const off = !(event.ctrlKey || event.metaKey || event.altKey);
      this.root.toggleAttribute("data-lm-suppress-shortcuts", off);
      // Lab's selectors match the element with the focus.
      if (this.root.contains(event.target)) {
        event.target.toggleAttribute("data-lm-suppress-shortcuts", off);
      }
    };
    on(window, "keydown", keep, true);
    on(window, "keyup", keep, true);
    const header = () => this.showHeader();
    const rows = () => this.offerRows();
    const message = (content) => this.hear(content);
    this.model.on("change:header", header);
    this.model.on("change:rows", rows);
    this.model.on("msg:custom", message);
    this.stops.push(() => {
      this.model.off("change:header", header);
      this.model.off("change:rows", rows);
      this.model.off("msg:custom", message);
    });
    const clock = setInterval(() => this.tick(), 1000);
    this.stops.push(() => clearInterval(clock));
    const kernel = this.model.widget_manager?.kernel;
    if (kernel?.statusChanged) {
      const heard = (_, status) => {
        if (["restarting", "autorestarting", "dead", "terminating"].includes(status)) this.die(status);
      };
      kernel.statusChanged.connect(heard);
      this.stops.push(() => kernel.statusChanged.disconnect(heard));
    }
  }

  start() {
    this.showHeader();
    this.showRows(parse(this.model.get("rows")));
    this.send({ kind: "hello" }, false);
  }

  end() {
    for (const stop of this.stops) stop();
    clearTimeout(this.waiting);
    clearTimeout(this.later);
    clearTimeout(this.forget);
  }

  // --- the kernel ------------------------------------------------------------------------

  send(message, wait = true) {
    if (this.dead) return;
    try {
      this.model.send({ ...message, view: this.view });
    } catch {
      this.die("gone");
      return;
    }
    if (!wait) return;
    clearTimeout(this.waiting);
    this.waiting = setTimeout(
      () => this.say("The kernel is busy; it answers when the cell has ended.", false, true),
      PATIENCE,
    );
  }

  hear(content) {
    if (content?.kind === "report") return this.fill(content.slot);
    if (content?.view !== this.view) return;
    clearTimeout(this.waiting);
    if (this.saidWaiting) this.say("");
    if (content.kind === "hello") this.fill(content.slot);
    else if (content.kind === "detail") this.showDetail(content.index, content.detail);
    else if (content.kind === "said") {
      this.say(content.text, content.bad);
      if (!content.bad) this.forget = setTimeout(() => this.say(""), 5000);
      if (content.bad) this.offerButtons(this.current?.buttons ?? [], true);
    }
  }

  // The report below lasts only if it is in the notebook's model; a kernel's own update gets
  // there only while the page that ran the cell is open. Undocumented, so only where present.
  fill(slot) {
    if (!slot?.rev) return;
    try {
      const cells = this.model.widget_manager?.context?.model?.cells;
      for (let i = 0; i < (cells?.length ?? 0); i++) {
        const outputs = cells.get(i).outputs;
        for (let j = 0; j < (outputs?.length ?? 0); j++) {
          const mine = outputs.get(j).metadata?.psweep;
          if (mine?.slot !== slot.slot || !(mine.rev < slot.rev)) continue;
          outputs.set(j, {
            output_type: "display_data",
            data: slot.data,
            metadata: { psweep: { slot: slot.slot, rev: slot.rev } },
          });
        }
      }
    } catch {
      // Another front-end: the kernel's own update has to do.
    }
  }

  die(status) {
    if (this.dead) return;
    this.dead = true;
    clearTimeout(this.waiting);
    this.root.classList.add("psw-dead");
    const what = { dead: "died", gone: "is gone", terminating: "was shut down" }[status] ?? "was restarted";
    this.say(
      `The kernel ${what}; this panel stands still (as of ${this.current?.clock ?? "before"}). ` +
        "The run does not need it: %psweep attach shows how it goes on.",
      false,
    );
    for (const button of this.root.querySelectorAll("button")) button.disabled = true;
    this.close();
  }

  say(text, bad = false, waiting = false) {
    clearTimeout(this.forget);
    this.saidWaiting = waiting;
    this.said.classList.toggle("psw-bad", bad);
    setText(this.said, text);
  }

  tick() {
    if (this.dead || !this.current || this.current.ended) return;
    const silent = performance.now() - this.news;
    const text = `No news from the kernel since ${this.current.clock}.`;
    if (silent > SILENCE) this.say(text, false, true);
    else if (this.said.textContent.startsWith("No news")) this.say("");
  }

  // --- head ------------------------------------------------------------------------------

  showHeader() {
    const head = parse(this.model.get("header"));
    if (!head.name || this.dead) return;
    this.current = head;
    if (head.ended && this.show === "running") this.show = "all";
    this.news = performance.now();
    this.root.setAttribute("aria-label", head.name);
    this.root.dataset.state = head.state ?? "unknown";
    setText(this.title, head.name);
    setText(this.label, head.label);
    setText(this.dir, head.dir);
    this.dir.title = head.dir;
    setText(this.state, head.words);
    setText(this.filter.all, head.counts.done);
    setText(this.filter.failed, head.counts.failed);
    setText(this.filter.running, head.counts.running);
    this.filter.failed.classList.toggle("psw-bad", head.failed > 0);
    this.filter.failed.disabled = head.failed === 0 && this.show !== "failed";
    this.filter.running.disabled = head.running === 0 && this.show !== "running";
    this.filter.running.hidden = head.ended && head.running === 0;
    for (const [kind, button] of Object.entries(this.filter)) {
      button.setAttribute("aria-pressed", String(this.show === kind));
    }
    setText(this.pending, head.counts.pending ?? "");
    setText(this.pace, head.pace.join(" · "));
    setText(this.message, head.message);
    const share = (n) => `${head.total ? (100 * n) / head.total : 0}%`;
    this.barDone.style.width = share(head.done);
    this.barFailed.style.width = share(head.failed);
    this.bar.setAttribute("aria-valuemin", "0");
    this.bar.setAttribute("aria-valuemax", String(head.total));
    this.bar.setAttribute("aria-valuenow", String(head.done + head.failed));
    this.offerButtons(head.buttons);
    setText(this.empty, this.show === "all" ? head.empty : `No ${this.show} psets.`);
    // The place for the rows is kept from the start: cells below must not move as they come.
    const rows = Math.max(2, Math.min(head.total, 12)) + 1;
    this.scroller.style.height = `${rows * ROW + 3}px`;
  }

  offerButtons(buttons, anew = false) {
    const wanted = buttons.map((button) => button.command).join();
    if (!anew && this.offered === wanted) return;
    const focused = this.buttons.contains(document.activeElement);
    this.offered = wanted;
    this.buttons.replaceChildren(
      ...buttons.map(({ command, text, help }) => {
        const button = el("button", { type: "button", text, title: help, class: "psw-button" });
        button.dataset.command = command;
        button.addEventListener("click", () => {
          button.disabled = true; // until the state it leads to offers other buttons
          setTimeout(() => (button.disabled = this.dead), 2000);
          this.send({ kind: "command", command });
        });
        return button;
      }),
    );
    if (focused) this.buttons.querySelector("button")?.focus();
  }

  choose(kind) {
    this.show = kind;
    this.touched = -HOLD;
    this.showHeader();
    this.showRows(parse(this.model.get("rows")));
    this.scroller.scrollTop = 0;
  }

  // --- rows ------------------------------------------------------------------------------

  // Rows hold still while somebody points at them: nobody can click a row that moves.
  offerRows() {
    if (this.dead) return;
    const left = HOLD - (performance.now() - this.touched);
    clearTimeout(this.later);
    if (left > 0) {
      const newer = parse(this.model.get("rows")).seen - (this.rows?.seen ?? 0);
      if (newer > 0) this.noteHeld(newer);
      this.later = setTimeout(() => this.offerRows(), left);
    } else {
      this.showRows(parse(this.model.get("rows")));
    }
  }

  release() {
    this.touched = -HOLD;
    this.offerRows();
  }

  noteHeld(newer) {
    setText(this.note, `${newer} newer; the rows hold still while you point at them`);
  }

  visible() {
    const rows = this.rows;
    if (this.show === "failed") return rows.failed;
    if (this.show === "running") return rows.running;
    return [...rows.running.slice(0, 8), ...rows.newest];
  }

  showRows(rows) {
    if (!rows.columns) return;
    this.rows = rows;
    const shown = this.visible();
    this.showColumns(rows.columns, shown.length > 0);
    const old = new Map([...this.body.children].map((row) => [row.dataset.key, row]));
    const wanted = shown.map((row) => {
      const known = old.get(row.key);
      if (known && known.psw === this.fingerprint(row)) return known;
      const made = this.makeRow(row);
      if (known && known.contains(document.activeElement)) this.refocus = row.key;
      return made;
    });
    this.place(wanted);
    this.empty.hidden = shown.length > 0;
    this.table.setAttribute("aria-rowcount", String(shown.length + 1));
    this.noteWhatIsShown(shown.length);
    this.roving();
    if (this.open !== null && this.openLive) this.ask(this.open, false);
  }

  fingerprint(row) {
    return JSON.stringify([row.state, row.progress, row.runtime, row.error, row.cells, this.columnKey]);
  }

  // Move as little as possible: a row that has the focus must stay in the document.
  place(wanted) {
    const keep = new Set(wanted);
    for (const row of [...this.body.children]) if (!keep.has(row)) row.remove();
    wanted.forEach((row, at) => {
      const there = this.body.children[at];
      if (there !== row) this.body.insertBefore(row, there ?? null);
      row.setAttribute("aria-rowindex", String(at + 2));
    });
    if (this.refocus) {
      [...this.body.children].find((row) => row.dataset.key === this.refocus)?.focus();
      this.refocus = null;
    }
  }

  noteWhatIsShown(shown) {
    const { hidden, seen } = this.rows;
    const notes = [];
    const total = this.show === "failed" ? this.current?.failed : seen;
    const own = this.show === "all" ? Math.min(shown, this.rows.newest.length) : shown;
    if (this.show !== "running" && total > own && own) {
      notes.push(`the newest ${own} of ${total.toLocaleString("en").replaceAll(",", "\u202f")}`);
    }
    if (hidden > 0) notes.push(`${hidden} more columns`);
    const all = this.show === "failed" ? "run.failures" : "run.df";
    setText(this.note, notes.length ? `${notes.join(", ")}; all: ${all}` : "");
  }

  showColumns(columns, any) {
    // Of failed psets the error is what matters: it comes first, results do not come.
    if (this.show === "failed") columns = columns.filter((column) => column.kind === "param");
    const key = JSON.stringify([columns, this.show === "failed"]);
    this.table.hidden = !any;
    if (key === this.columnKey) return;
    this.columnKey = key;
    const cell = (name, kind) =>
      el("th", { role: "columnheader", scope: "col", class: kind, text: name, title: name });
    const first = columns.findIndex((column) => column.kind === "result");
    this.firstResult = first;
    this.head.replaceChildren(
      el(
        "tr",
        { role: "row", "aria-rowindex": "1" },
        cell("pset", "psw-num"),
        cell("state", ""),
        cell("runtime", "psw-num"),
        ...(this.show === "failed" ? [cell("error", "")] : []),
        ...columns.map((column, at) =>
          cell(column.name, `${column.numeric ? "psw-num" : ""}${at === first ? " psw-first" : ""}`),
        ),
        el("td", { class: "psw-fill", role: "presentation" }),
      ),
    );
  }

  makeRow(row) {
    const cell = (text, kind, span = null) =>
      el("td", { role: "gridcell", class: kind, text, title: text.length > 24 ? text : null, colspan: span });
    const columns = this.rows.columns;
    const failed = row.state === "failed";
    const errorFirst = this.show === "failed";
    const results = columns.filter((column) => column.kind === "result").length;
    const node = el(
      "tr",
      { role: "row", tabindex: "-1", class: `psw-row psw-${row.state}` },
      cell(String(row.index), "psw-num psw-dim"),
      cell(row.progress ? `${row.state} ${row.progress}` : row.state, "psw-cell-state"),
      cell(row.runtime, "psw-num psw-dim"),
    );
    if (errorFirst) node.append(cell(row.error, "psw-error"));
    columns.forEach((column, at) => {
      if (failed && column.kind === "result") return;
      const kind = `${column.numeric ? "psw-num" : ""}${at === this.firstResult ? " psw-first" : ""}`;
      node.append(cell(row.cells[at] ?? "", kind));
    });
    if (failed && !errorFirst) {
      node.append(cell(row.error, "psw-error psw-first", String(results + 1)));
    } else {
      node.append(el("td", { class: "psw-fill", role: "presentation" }));
    }
    node.dataset.key = row.key;
    node.dataset.index = String(row.index);
    node.psw = this.fingerprint(row);
    node.setAttribute("aria-selected", String(this.open === row.index));
    return node;
  }

  // One row is in the tab order; arrows move from there.
  roving() {
    const rows = [...this.body.children];
    let at = rows.findIndex((row) => row.dataset.key === this.cursor);
    if (at < 0) at = 0;
    rows.forEach((row, i) => row.setAttribute("tabindex", i === at ? "0" : "-1"));
  }

  key(event) {
    const rows = [...this.body.children];
    const at = rows.indexOf(event.target.closest("tr"));
    if (at < 0) return;
    this.touched = performance.now();
    const page = 10;
    const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -1e9, End: 1e9 };
    if (event.key in moves) {
      const to = rows[Math.max(0, Math.min(rows.length - 1, at + moves[event.key]))];
      this.cursor = to.dataset.key;
      this.roving();
      to.focus();
    } else if (event.key === "Enter" || event.key === " ") {
      this.choosePset(rows[at]);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  // --- detail ----------------------------------------------------------------------------

  choosePset(row) {
    const index = Number(row.dataset.index);
    this.cursor = row.dataset.key;
    this.roving();
    row.focus({ preventScroll: true });
    if (this.open === index) return this.close();
    this.ask(index, true);
  }

  ask(index, fresh) {
    this.open = index;
    this.select();
    if (fresh) {
      this.openLive = false;
      this.asked = performance.now();
    } else if (performance.now() - this.asked < 1000) {
      return;
    }
    this.asked = performance.now();
    this.send({ kind: "detail", index }, fresh);
  }

  select() {
    for (const row of this.body.children) {
      row.setAttribute("aria-selected", String(Number(row.dataset.index) === this.open));
    }
  }

  close() {
    this.open = null;
    this.openLive = false;
    const inside = this.detail.contains(document.activeElement);
    this.detail.hidden = true;
    this.detail.replaceChildren();
    this.select();
    if (inside) this.body.querySelector('[tabindex="0"]')?.focus();
  }

  showDetail(index, detail) {
    if (index !== this.open || !detail) return;
    const kept = this.detail.scrollTop;
    const inside = this.detail.contains(document.activeElement);
    this.openLive = detail.live;
    const shut = el("button", { type: "button", text: "Close", class: "psw-button" });
    shut.addEventListener("click", () => this.close());
    const parts = [
      el(
        "div",
        { class: "psw-detail-head" },
        el("span", { class: "psw-detail-title", text: detail.title, role: "status" }),
        shut,
      ),
      el(
        "div",
        { class: "psw-pairs" },
        this.pairs("Parameters", detail.params),
        this.pairs("Results", detail.results),
      ),
    ];
    if (detail.traceback) parts.push(this.block("Traceback", detail.traceback, "psw-traceback"));
    parts.push(
      detail.log
        ? this.block("Log", detail.log)
        : el("div", { class: "psw-dim", text: "It printed nothing." }),
    );
    if (detail.id) {
      parts.push(el("div", { class: "psw-dim", text: `started ${detail.started}, id ${detail.id}` }));
    }
    this.detail.replaceChildren(...parts);
    this.detail.hidden = false;
    this.detail.scrollTop = kept;
    if (inside) shut.focus();
  }

  pairs(name, pairs) {
    const box = el("div", {}, el("div", { class: "psw-caption", text: name }));
    if (!pairs.length) box.append(el("div", { class: "psw-dim", text: "none" }));
    const list = el("dl", {});
    for (const [key, value] of pairs) list.append(el("dt", { text: key }), el("dd", { text: value }));
    if (pairs.length) box.append(list);
    return box;
  }

  block(name, text, kind = "") {
    const pre = el("pre", { class: kind, text, tabindex: "0", "aria-label": name });
    return el("div", {}, el("div", { class: "psw-caption", text: name }), pre);
  }
}

function render({ model, el: root }) {
  const panel = new Panel(model, root);
  panel.start();
  return () => panel.end();
}

export default { render };
