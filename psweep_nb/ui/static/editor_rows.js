// Part of the grid editor: the rows, one a parameter, and how they are combined.

const PATTERN_WORDS = {
  grid: "every combination",
  star: "one after the other (star)",
  sample: "random points (sample)",
};
const METHOD_WORDS = { random: "random", lhs: "Latin hypercube", sobol: "Sobol" };
const PLACEHOLDERS = {
  list: "1, 2, 3",
  range: "start, stop, step: 0, 10, 2",
  linspace: "start, stop, how many: 0, 1, 5",
  logspace: "start, stop, how many: 1, 1000, 4",
  integers: "start, stop, how many: 0, 100, 5",
  between: "low, high: 0.0, 1.0",
  constant: "0.5",
  expression: "an expression of the notebook, then Enter",
};

// A new row, as the kernel makes it.
const EMPTY = { name: "", kind: "list", text: "", tie: "", middle: "", on: true, blank: true, problems: {} };

class Rows {
  constructor(editor) {
    this.editor = editor;
    this.made = new Map(); // key -> controls of a row
    this.list = el("div", { class: "pse-rows" });
    this.headings = el(
      "div",
      { class: "pse-row pse-headings", "aria-hidden": "true" },
      ...["use", "name", "kind", "values", "how many", "tie", ""].map((text) => el("span", { text })),
    );
    this.middleHeading = el("span", { text: "middle" });
    this.headings.insertBefore(this.middleHeading, this.headings.children[5]);
    this.more = button("Add row", () => this.add());
    this.node = el("div", { class: "pse-axes" }, this.makeSettings(), this.headings, this.list);
    this.node.append(el("div", { class: "pse-below" }, this.more));
    this.node.addEventListener("keydown", (event) => this.key(event));
  }

  // --- settings --------------------------------------------------------------------------

  makeSettings() {
    this.settings = {};
    const line = el("div", { class: "pse-settings", role: "group", "aria-label": "How rows combine" });
    const add = (name, label, control, kind = "") => {
      const problem = el("span", { class: "pse-problem", id: newId() });
      const box = el("div", { class: `pse-setting-box ${kind}` }, labelled(label, control), problem);
      const send = (enter) =>
        this.editor.edit({ kind: "setting", field: name, value: control.value, enter });
      this.editor.watch(control, send);
      this.settings[name] = { control, box, problem };
      line.append(box);
    };
    add("pattern", "Combine", el("select", { class: "pse-input" }));
    add("points", "Points", textInput("pse-number", "numeric"));
    add("method", "Method", el("select", { class: "pse-input" }));
    add("seed", "Seed", textInput("pse-number", "numeric"));
    add("condition", "Only where", textInput("psw-code", null, "a < b"), "pse-wide");
    add("repeats", "Repeats", textInput("pse-number", "numeric"));
    return line;
  }

  showSettings(state) {
    const { settings } = state;
    options(this.settings.pattern.control, state.patterns, PATTERN_WORDS);
    options(this.settings.method.control, state.methods, METHOD_WORDS);
    for (const [name, { control, box, problem }] of Object.entries(this.settings)) {
      this.editor.put(control, settings[name]);
      complain(control, problem, settings.problems[name]);
      const sampled = ["points", "method", "seed"].includes(name);
      box.hidden = sampled && settings.pattern !== "sample";
    }
  }

  // --- rows ------------------------------------------------------------------------------

  show(state) {
    this.state = state;
    this.showSettings(state);
    const star = state.settings.pattern === "star";
    const tied = state.settings.pattern !== "sample";
    this.node.classList.toggle("pse-star", star);
    this.node.classList.toggle("pse-untied", !tied);
    this.middleHeading.hidden = !star;
    const keep = new Set(state.rows.map((row) => row.key));
    for (const [key, row] of this.made) {
      // The kernel may not have heard yet of a row that was added here.
      if (!keep.has(key) && (!row.added || this.editor.settled())) {
        row.node.remove();
        this.made.delete(key);
      }
    }
    state.rows.forEach((row, at) => {
      if (!this.made.has(row.key)) this.made.set(row.key, this.make(row.key));
      const made = this.made.get(row.key);
      // Moving a node takes the focus from it, so only what is out of place is moved.
      const there = this.list.children[at];
      if (there !== made.node) this.list.insertBefore(made.node, there ?? null);
      this.fill(made, row, at, state);
    });
    this.headings.hidden = state.rows.length === 0;
    this.refocus();
  }

  make(key) {
    const change = (field) => (enter, value) =>
      this.editor.edit({ kind: "change", row: key, field, value, enter });
    const row = {
      on: el("input", { type: "checkbox", class: "pse-check", checked: "" }),
      name: textInput("pse-name psw-code", null, "name"),
      kind: el("select", { class: "pse-input" }),
      text: textInput("pse-text psw-code"),
      given: el("span", { class: "pse-given psw-code psw-dim" }),
      length: el("span", { class: "pse-length psw-dim" }),
      middle: textInput("pse-middle psw-code", null, "first"),
      tie: el("select", { class: "pse-input" }),
      problem: el("div", { class: "pse-problem", id: newId() }),
    };
    row.on.addEventListener("change", () => change("on")(false, row.on.checked));
    for (const field of ["name", "kind", "text", "middle", "tie"]) {
      const send = change(field);
      this.editor.watch(row[field], (enter) => send(enter, row[field].value));
    }
    const act = (text, message) => button(text, () => this.act(key, message), "pse-quiet");
    row.up = act("Up", { kind: "move", by: -1 });
    row.down = act("Down", { kind: "move", by: 1 });
    row.duplicate = act("Duplicate", { kind: "duplicate" });
    row.remove = act("Remove", { kind: "remove" });
    row.values = el("div", { class: "pse-values" }, row.text, row.given);
    row.node = el(
      "div",
      { class: "pse-row", role: "group" },
      el("label", { class: "pse-use" }, row.on),
      row.name,
      row.kind,
      row.values,
      row.length,
      row.middle,
      row.tie,
      el("div", { class: "pse-acts" }, row.up, row.down, row.duplicate, row.remove),
      row.problem,
    );
    row.node.dataset.key = String(key);
    return row;
  }

  fill(made, row, at, state) {
    const called = row.name || `row ${at + 1}`;
    made.node.setAttribute("aria-label", called);
    const label = (control, text) => control.setAttribute("aria-label", `${text} ${called}`);
    label(made.on, "Use");
    label(made.name, "Name of");
    label(made.kind, "Kind of");
    label(made.text, "Values of");
    label(made.middle, "Middle of");
    label(made.tie, "Tie of");
    for (const act of ["up", "down", "duplicate", "remove"]) label(made[act], made[act].textContent);
    const kinds = row.kind === "given" ? ["given", ...state.kinds] : state.kinds;
    options(made.kind, kinds, { given: "from code" });
    options(made.tie, ["", ...state.ties], { "": "none" });
    // Not what the kernel said before it heard of the last click.
    if (this.editor.settled()) made.on.checked = row.on;
    for (const field of ["name", "kind", "text", "middle", "tie"]) {
      this.editor.put(made[field], row[field]);
    }
    made.node.classList.toggle("pse-off", !row.on);
    made.text.hidden = row.kind === "given";
    made.text.placeholder = PLACEHOLDERS[row.kind] ?? "";
    setText(made.given, row.shown ?? "");
    made.given.title = row.shown ?? "";
    setText(made.length, row.kind === "constant" && row.length ? "constant" : row.length);
    made.node.classList.toggle("pse-constant", row.kind === "constant");
    made.up.disabled = at === 0;
    made.down.disabled = at === state.rows.length - 1;
    made.first = at === 0;
    const problems = row.on && !row.blank ? row.problems : {};
    const fields = ["name", "kind", "text", "middle", "tie"];
    const wrong = fields.filter((field) => problems[field]);
    const waits = row.waiting && wrong.length === 1;
    const said = wrong.map((field) => (wrong.length > 1 ? `${field}: ` : "") + problems[field]);
    setText(made.problem, said.join("; "));
    made.problem.hidden = !wrong.length;
    made.problem.classList.toggle("pse-waiting", waits);
    for (const field of fields) mark(made[field], made.problem, Boolean(problems[field]) && !waits);
  }

  act(key, message) {
    const rows = this.state.rows;
    const at = rows.findIndex((row) => row.key === key);
    if (message.kind === "remove") {
      this.wanted = { key: (rows[at + 1] ?? rows[at - 1])?.key, part: "remove" };
    } else if (message.kind === "move") {
      const to = at + message.by;
      const part = to <= 0 ? "down" : to >= rows.length - 1 ? "up" : message.by < 0 ? "up" : "down";
      this.wanted = { key, part: this.movedBy === "key" ? this.part : part };
    } else {
      this.wanted = { after: key, part: "name" };
    }
    this.known = new Set(rows.map((row) => row.key));
    this.editor.edit({ ...message, row: key });
  }

  // The row is there at once, under a key of ours: who types on need not wait for the kernel.
  add() {
    const key = 1 + Math.floor(Math.random() * Number.MAX_SAFE_INTEGER);
    const row = { ...this.make(key), added: true };
    this.made.set(key, row);
    this.list.append(row.node);
    this.fill(row, EMPTY, this.list.children.length - 1, this.state);
    row.name.focus();
    this.editor.edit({ kind: "add", key });
  }

  // After an edit that makes, moves or removes rows the focus goes where one would go on.
  refocus() {
    const wanted = this.wanted;
    if (!wanted) return;
    let row = this.made.get(wanted.key);
    if (wanted.after !== undefined) {
      const key = [...this.made.keys()].find((each) => !this.known.has(each));
      if (key === undefined) return;
      row = this.made.get(key);
    }
    this.wanted = null;
    const node = row?.[wanted.part] ?? this.more;
    (node.disabled || node.hidden ? this.more : node).focus();
  }

  key(event) {
    const node = event.target.closest(".pse-row");
    const key = node ? Number(node.dataset.key) : null;
    const row = this.made.get(key);
    const part = row && ["name", "text", "middle"].find((field) => row[field] === event.target);
    if (!row) return;
    const rows = [...this.list.children].map((each) => Number(each.dataset.key));
    const at = rows.indexOf(key);
    if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      this.part = Object.keys(row).find((field) => row[field] === event.target) ?? "name";
      this.movedBy = "key";
      this.act(key, { kind: "move", by: event.key === "ArrowUp" ? -1 : 1 });
      this.movedBy = null;
    } else if (part && event.key === "Enter") {
      this.editor.flush();
      this.next(rows, at, part);
    } else if (part && !event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      this.made.get(rows[at + (event.key === "ArrowUp" ? -1 : 1)])?.[part]?.focus();
    } else {
      return;
    }
    event.preventDefault();
  }

  next(rows, at, part) {
    const row = this.made.get(rows[at]);
    if (part === "name" && !row.text.hidden && !row.text.value) row.text.focus();
    else if (at + 1 < rows.length) this.made.get(rows[at + 1])[part].focus();
    else if (row.name.value && part === "text") this.add();
  }
}
