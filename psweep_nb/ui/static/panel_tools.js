// What to show: a filter, which columns, one of them in colour; and failures in groups.

const PAUSE = 300; // ms without a key after which the filter is what was meant

class Tools {
  // ask(changes): of the query; retry(kind): the failures of a kind
  constructor(view, { ask, retry }) {
    this.view = view;
    this.ask = ask;
    this.retry = retry;
    this.query = {};
    this.filter = el("input", {
      class: "psw-filter-box psw-code",
      type: "text",
      "aria-label": "Filter",
      placeholder: "filter: loss < 0.3, name = adam",
      spellcheck: "false",
      autocomplete: "off",
    });
    this.filter.addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.typed();
      else if (event.key === "Escape" && this.filter.value) {
        event.stopPropagation();
        this.filter.value = "";
        this.typed();
      }
    });
    this.filter.addEventListener("blur", () => this.typed());
    this.filter.addEventListener("input", () => {
      clearTimeout(this.pause);
      this.pause = setTimeout(() => this.typed(), PAUSE);
    });
    this.wrong = el("div", { class: "psw-wrong psw-bad", id: `${view}-wrong`, role: "status" });
    this.columnsButton = this.toggle("Columns", () => this.openColumns(this.pane.hidden));
    this.plotButton = this.toggle("Plot", () => this.ask({ plot: !this.query.plot }));
    this.pane = el("div", { class: "psw-pane", role: "group", "aria-label": "Columns" });
    this.pane.hidden = true;
    this.groups = el("ul", { class: "psw-groups", "aria-label": "Failures by kind" });
    this.groups.hidden = true;
    this.parts = [
      el("div", { class: "psw-tools" }, this.filter, this.columnsButton, this.plotButton),
      this.wrong,
      this.pane,
      this.groups,
    ];
  }

  end() {
    clearTimeout(this.pause);
  }

  toggle(text, act) {
    const button = el("button", { type: "button", class: "psw-button", text });
    button.addEventListener("click", act);
    return button;
  }

  show(known) {
    this.known = known;
    this.query = known.query;
    if (document.activeElement !== this.filter) this.filter.value = known.query.filter;
    this.plotButton.setAttribute("aria-pressed", String(known.query.plot));
    this.columnsButton.setAttribute("aria-expanded", String(!this.pane.hidden));
    if (!this.pane.hidden) this.drawColumns();
  }

  // --- filter ----------------------------------------------------------------------------

  typed() {
    clearTimeout(this.pause);
    const text = this.filter.value.trim();
    if (text === this.asked || (this.asked === undefined && text === this.query.filter)) return;
    this.asked = text;
    this.complain("");
    this.ask({ filter: text });
  }

  // An error about the query is one about the filter: nothing else in it is typed.
  complain(text) {
    setText(this.wrong, text);
    if (text) {
      this.filter.setAttribute("aria-invalid", "true");
      this.filter.setAttribute("aria-describedby", this.wrong.id);
    } else {
      this.filter.removeAttribute("aria-invalid");
      this.filter.removeAttribute("aria-describedby");
    }
  }

  // --- columns ---------------------------------------------------------------------------

  openColumns(open) {
    this.pane.hidden = !open;
    this.columnsButton.setAttribute("aria-expanded", String(open));
    if (open) this.drawColumns();
  }

  drawColumns() {
    const { columns, shown, query } = this.known;
    const key = JSON.stringify([columns, shown, query.colour]);
    if (key === this.paneKey && this.pane.childNodes.length) return;
    this.paneKey = key;
    const focused = this.pane.contains(document.activeElement) ? document.activeElement.dataset.of : null;
    const boxes = ["param", "result"].map((kind) => {
      const of = columns.filter((column) => column.kind === kind);
      const name = kind === "param" ? "Parameters" : "Results";
      const list = el("div", { class: "psw-checks", role: "group", "aria-label": name });
      for (const column of of) list.append(this.check(column, shown));
      return of.length ? el("div", {}, el("div", { class: "psw-caption", text: name }), list) : "";
    });
    const all = el("button", { type: "button", class: "psw-button", text: "As many as fit" });
    all.dataset.of = "all";
    all.disabled = query.columns === null;
    all.addEventListener("click", () => this.ask({ columns: null }));
    const numbers = columns.filter((column) => column.numeric);
    const colour = this.select("Colour", numbers, query.colour, (id) => this.ask({ colour: id }), "none");
    this.pane.replaceChildren(...boxes, el("div", { class: "psw-pane-foot" }, colour, all));
    if (focused) this.pane.querySelector(`[data-of="${focused}"]`)?.focus();
  }

  check(column, shown) {
    const box = el("input", { type: "checkbox" });
    box.dataset.of = column.id;
    box.checked = shown.includes(column.id);
    box.addEventListener("change", () => {
      const rest = shown.filter((id) => id !== column.id);
      this.ask({ columns: box.checked ? [...rest, column.id] : rest });
    });
    return el("label", { class: "psw-check" }, box, el("span", { text: column.name }));
  }

  select(name, columns, chosen, act, none = null) {
    const list = el("select", { class: "psw-input psw-select", "aria-label": name });
    list.dataset.of = name;
    if (none !== null) list.append(el("option", { value: "", text: none }));
    for (const column of columns) {
      const option = el("option", { value: column.id, text: column.name });
      option.selected = column.id === chosen;
      list.append(option);
    }
    list.addEventListener("change", () => act(list.value));
    return el("label", { class: "psw-labelled" }, el("span", { text: name }), list);
  }

  // --- groups of failures ----------------------------------------------------------------

  // `can`: whether something can be run again now; else `why` not
  showGroups(groups, can) {
    this.groups.hidden = !groups.length;
    const key = JSON.stringify([groups, can, this.query.kind]);
    if (key === this.groupsKey) return;
    this.groupsKey = key;
    const focused = this.groups.contains(document.activeElement) ? document.activeElement.dataset.of : null;
    this.groups.replaceChildren(...groups.map((group, at) => this.group(group, at, can)));
    if (focused) this.groups.querySelector(`[data-of="${focused}"]`)?.focus();
  }

  group({ kind, count, kinds }, at, can) {
    const text = kinds ? `of ${kinds} more kinds` : kind || "without a message";
    const item = el(
      "li",
      {},
      el("span", { class: "psw-group-count psw-num", text: count.toLocaleString("en").replaceAll(",", "\u202f") }),
      el("span", { class: "psw-group-kind psw-code", text, title: text }),
    );
    if (kinds || !kind) return item;
    const only = el("button", { type: "button", class: "psw-button", text: "Only these" });
    only.setAttribute("aria-pressed", String(this.query.kind === kind));
    only.dataset.of = `only-${at}`;
    only.addEventListener("click", () => this.ask({ kind: this.query.kind === kind ? "" : kind }));
    const again = el("button", { type: "button", class: "psw-button", text: "Retry this group" });
    again.dataset.of = `retry-${at}`;
    again.disabled = !can;
    again.title = can ? "Run these failed psets again with the function as it is now" : "When the run has ended";
    again.addEventListener("click", () => this.retry(kind));
    for (const button of [only, again]) button.setAttribute("aria-label", `${button.textContent}: ${text}`);
    item.append(only, again);
    return item;
  }
}
