// The explorer: controls, a figure that the kernel draws, and its code. The kernel keeps four
// things up to date: `menu` (what can be chosen), `chosen`, `figure` (a PNG) and `said`.

const TYPING = 500; // ms of rest after which what was typed counts

const KINDS = [["line", "Line"], ["scatter", "Scatter"], ["heatmap", "Heat map"]];
const BANDS = [["std", "± standard deviation"], ["quartiles", "quartiles"], ["none", "none"]];
const STATES = [["done", "done"], ["failed", "failed"], ["all", "done and failed"]];

class Explorer {
  constructor(model, root) {
    this.model = model;
    this.seq = 0;
    this.build(root);
    this.link = new Link(model, {
      hear: () => {},
      slow: (is) => this.waits(is),
      gone: (word) => this.die(word),
    });
    this.ends = [
      keepShortcutsOff(this.root),
      listen(model, {
        "change:said": () => this.show(),
        "change:figure": () => this.showFigure(),
      }),
    ];
    this.show();
    this.showFigure();
    this.link.send({ kind: "hello" }, false);
  }

  // --- structure -------------------------------------------------------------------------

  build(root) {
    this.kinds = KINDS.map(([kind, text]) => this.toggle(text, () => this.choose({ kind }), kind));
    this.x = this.select("x", (x) => this.choose({ x }));
    this.y = this.select("y", (y) => this.choose({ y }));
    this.color = this.select("colour", (color) => this.choose({ color }));
    this.band = this.select("band", (band) => this.choose({ band }));
    this.state = this.select("rows", (state) => this.choose({ state }));
    this.runs = this.select("runs", (key) => this.choose({ runs: key ? JSON.parse(key) : null }));
    this.add = this.select("filter by", (column) => this.addFilter(column));
    this.filters = el("div", { class: "psx-filters", role: "group", "aria-label": "Filters" });
    this.image = el("img", { class: "psx-image" });
    this.message = el("div", { class: "psx-message psw-dim", role: "status" });
    this.note = el("span", { class: "psw-dim psx-note" });
    this.more = this.toggle("Code", () => this.openCode());
    this.more.setAttribute("aria-expanded", "false");
    this.more.removeAttribute("aria-pressed");
    this.code = el("pre", { tabindex: "0", "aria-label": "Code of this figure" });
    this.copied = el("span", { class: "psw-dim", role: "status" });
    const copy = el("button", { type: "button", class: "psw-button", text: "Copy" });
    copy.addEventListener("click", () => this.copy());
    this.codeBox = el(
      "div",
      { class: "psx-code" },
      el("div", { class: "psx-code-head" }, el("span", { text: "makes this figure; runs as it is" }), this.copied, copy),
      this.code,
    );
    this.codeBox.hidden = true;
    this.said = el("div", { class: "psw-said", role: "status" });
    const group = el("div", { class: "psx-kinds", role: "group", "aria-label": "Kind of figure" });
    group.append(...this.kinds);
    this.root = el(
      "div",
      { class: "psw psx", role: "group", "aria-label": "Results explorer" },
      el("div", { class: "psx-bar" }, group, ...[this.x, this.y, this.color, this.band].map((s) => s.box)),
      el("div", { class: "psx-bar psx-second" }, ...[this.state, this.runs, this.add].map((s) => s.box), this.filters),
      this.said,
      el("div", { class: "psx-figure" }, this.image, this.message),
      el("div", { class: "psx-foot" }, this.note, this.more),
      this.codeBox,
    );
    root.append(this.root);
  }

  toggle(text, act, value = null) {
    const button = el("button", { type: "button", class: "psx-toggle", text, "aria-pressed": "false", value });
    button.addEventListener("click", act);
    return button;
  }

  // A labelled list; `act` is told what was chosen.
  select(label, act) {
    const list = el("select", { class: "psw-input psx-select", "aria-label": label });
    const name = el("span", { text: label });
    const box = el("label", { class: "psx-field" }, name, list);
    list.addEventListener("change", () => act(list.value));
    return { box, list, name, key: "" };
  }

  // Lists are made anew only when they changed: one that is open must stay so.
  fill(select, options, value) {
    const key = JSON.stringify(options);
    if (select.key !== key) {
      select.key = key;
      select.list.replaceChildren(...options.map(([value, text]) => el("option", { value, text })));
    }
    select.list.disabled = options.length === 0;
    if (select.list.value !== value) select.list.value = value;
  }

  // --- the kernel ------------------------------------------------------------------------

  choose(changes) {
    this.seq = Date.now();
    this.root.classList.add("psx-waiting");
    this.link.send({ kind: "choose", changes, seq: this.seq });
  }

  waits(is) {
    setText(this.said, is ? "The kernel is busy; the figure follows when the cell has ended." : "");
  }

  die(word) {
    this.root.classList.add("psw-dead");
    setText(this.said, `The kernel ${word}; run the cell again to explore on. The last figure:`);
  }

  end() {
    this.link.end();
    clearTimeout(this.typed);
    URL.revokeObjectURL(this.url);
    for (const end of this.ends) end();
  }

  // --- what the kernel said --------------------------------------------------------------

  show() {
    if (this.link.dead) return;
    const said = parse(this.model.get("said"));
    const chosen = parse(this.model.get("chosen"));
    const menu = parse(this.model.get("menu"));
    // An answer to an older question: the controls stay as they were put.
    if (this.seq && said.seq !== this.seq) return;
    this.link.answered();
    this.root.classList.remove("psx-waiting");
    this.current = chosen;
    this.menu = menu;
    this.showControls(chosen, menu);
    setText(this.message, said.error ?? "");
    this.message.hidden = !said.error;
    this.image.hidden = Boolean(said.error);
    this.image.alt = said.alt ?? "";
    if (said.width) this.image.style.width = `${said.width}px`;
    const notes = [...(said.notes ?? [])];
    if (said.clock) notes.push(`as of ${said.clock}`);
    setText(this.note, notes.join(" · "));
    setText(this.code, said.code ?? "");
    this.more.disabled = !said.code;
  }

  showControls(chosen, menu) {
    const heat = chosen.kind === "heatmap";
    for (const button of this.kinds) {
      button.setAttribute("aria-pressed", String(button.value === chosen.kind));
    }
    this.fill(this.x, menu.x ?? [], chosen.x);
    this.fill(this.y, menu.y ?? [], chosen.y);
    this.fill(this.color, menu.color ?? [], chosen.color);
    setText(this.color.name, heat ? "value" : "colour");
    this.color.list.setAttribute("aria-label", heat ? "value" : "colour");
    this.fill(this.band, BANDS, chosen.band);
    this.band.box.hidden = chosen.kind !== "line";
    this.fill(this.state, STATES, chosen.state);
    this.state.box.hidden = !menu.states;
    const runs = (menu.runs ?? []).map(([numbers, text]) => [JSON.stringify(numbers), text]);
    this.fill(this.runs, [["", "all"], ...runs], chosen.runs ? JSON.stringify(chosen.runs) : "");
    this.runs.box.hidden = !runs.length;
    const used = new Set((chosen.filters ?? []).map((filter) => filter.column));
    const free = (menu.filter ?? []).filter(([name]) => !used.has(name));
    this.fill(this.add, [["", "choose a column"], ...free], "");
    this.add.box.hidden = !free.length;
    this.showFilters(chosen.filters ?? [], menu);
  }

  showFigure() {
    const data = this.model.get("figure");
    if (!data?.byteLength) return;
    const before = this.url;
    this.url = URL.createObjectURL(new Blob([data], { type: "image/png" }));
    this.image.src = this.url;
    if (before) URL.revokeObjectURL(before);
  }

  // --- filters ---------------------------------------------------------------------------

  showFilters(filters, menu) {
    const key = JSON.stringify([filters.map((filter) => filter.column), menu.values]);
    if (this.filterKey === key) {
      for (const [at, filter] of filters.entries()) this.press(this.filters.children[at], filter);
      return;
    }
    const inside = this.filters.contains(document.activeElement);
    if (inside && document.activeElement.tagName === "INPUT") return; // somebody types there
    const focused = inside ? document.activeElement.dataset.key : null;
    this.filterKey = key;
    this.filters.replaceChildren(...filters.map((filter) => this.makeFilter(filter, menu)));
    if (focused) this.filters.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  }

  makeFilter(filter, menu) {
    const name = (menu.filter ?? []).find(([name]) => name === filter.column)?.[1] ?? "";
    const values = menu.values?.[filter.column] ?? {};
    const box = el("fieldset", { class: "psx-filter" }, el("legend", { text: name }));
    for (const [value, text] of values.options ?? []) {
      const button = this.toggle(text, () => this.toggleValue(filter.column, value, values.options), value);
      button.dataset.key = `${filter.column} ${value}`;
      box.append(button);
    }
    if (values.more) box.append(el("span", { class: "psw-dim", text: `${values.more} more` }));
    if (values.range) box.append(...this.range(filter, values.range, name));
    const remove = el("button", { type: "button", class: "psx-toggle psx-remove", text: "Remove" });
    remove.setAttribute("aria-label", `Remove the filter by ${name}`);
    remove.addEventListener("click", () => {
      this.changeFilters((all) => all.filter((other) => other.column !== filter.column));
      this.add.list.focus();
    });
    box.append(remove);
    this.press(box, filter);
    return box;
  }

  range(filter, ends, name) {
    return ["low", "high"].flatMap((end, at) => {
      const label = `${name} ${at ? "to" : "from"}`;
      const input = el("input", { class: "psw-input psx-end", placeholder: ends[at], "aria-label": label });
      input.value = filter[end] ?? "";
      input.dataset.key = `${filter.column} ${end}`;
      const take = () =>
        this.changeFilters((all) =>
          all.map((other) => (other.column === filter.column ? { ...other, [end]: input.value } : other)),
        );
      input.addEventListener("input", () => {
        clearTimeout(this.typed);
        this.typed = setTimeout(take, TYPING);
      });
      input.addEventListener("change", () => {
        clearTimeout(this.typed);
        take();
      });
      return at ? [el("span", { class: "psw-dim", text: "to" }), input] : [input];
    });
  }

  press(box, filter) {
    for (const button of box?.querySelectorAll("[aria-pressed]") ?? []) {
      const on = !filter.values || filter.values.includes(button.value);
      button.setAttribute("aria-pressed", String(on));
    }
  }

  addFilter(column) {
    if (!column) return;
    this.changeFilters((all) => [...all, { column, values: null, low: "", high: "" }]);
  }

  // All are on at first; the first click leaves that one alone, the next ones add and remove.
  toggleValue(column, value, options) {
    this.changeFilters((all) =>
      all.map((filter) => {
        if (filter.column !== column) return filter;
        const on = new Set(filter.values ?? []);
        if (on.has(value)) on.delete(value);
        else on.add(value);
        const every = options.every(([other]) => on.has(other));
        return { ...filter, values: on.size && !every ? [...on] : null };
      }),
    );
  }

  changeFilters(change) {
    const filters = change(this.current.filters ?? []);
    this.current = { ...this.current, filters };
    this.choose({ filters });
  }

  // --- code ------------------------------------------------------------------------------

  openCode() {
    this.codeBox.hidden = !this.codeBox.hidden;
    this.more.setAttribute("aria-expanded", String(!this.codeBox.hidden));
  }

  async copy() {
    setText(this.copied, await copied(this.code.textContent, this.code));
    setTimeout(() => setText(this.copied, ""), 3000);
  }
}

function render({ model, el: root }) {
  const explorer = new Explorer(model, root);
  return () => explorer.end();
}

export default { render };
