// The head of the panel: what runs, how far it is, what can be done, and whose rows to show.

const STATES = ["all", "done", "failed", "running", "pending"];

class Head {
  constructor({ command, choose }) {
    this.command = command;
    this.choose = choose;
    this.title = el("span", { class: "psw-title" });
    this.label = el("span", { class: "psw-label" });
    this.dir = el("span", { class: "psw-dim psw-code psw-dir" });
    this.state = el("span", { class: "psw-state", role: "status" });
    this.buttons = el("div", { class: "psw-buttons", role: "group", "aria-label": "Commands" });
    this.bar = el("div", { class: "psw-bar", role: "progressbar", "aria-label": "Progress" });
    this.barDone = el("div", { class: "psw-bar-done" });
    this.barFailed = el("div", { class: "psw-bar-failed" });
    this.bar.append(this.barDone, this.barFailed);
    this.tabs = el("div", { class: "psw-filters", role: "group", "aria-label": "Rows to show" });
    this.tab = {};
    for (const state of STATES) {
      const button = el("button", { type: "button", class: "psw-filter" });
      button.addEventListener("click", () => this.choose(state));
      this.tab[state] = button;
      this.tabs.append(button);
    }
    setText(this.tab.all, "All");
    this.pace = el("span", { class: "psw-pace psw-dim" });
    this.message = el("div", { class: "psw-message" });
    this.parts = [
      el(
        "div",
        { class: "psw-head" },
        el("div", { class: "psw-what" }, this.title, this.label, this.state, this.dir),
        this.buttons,
      ),
      this.bar,
      el("div", { class: "psw-line" }, this.tabs, this.pace),
      this.message,
    ];
  }

  show(head, chosen) {
    setText(this.title, head.name);
    setText(this.label, head.label);
    setText(this.dir, head.dir);
    this.dir.title = head.dir;
    setText(this.state, head.words);
    for (const state of STATES) {
      const button = this.tab[state];
      if (state !== "all") setText(button, head.counts[state] ?? `0 ${state}`);
      button.setAttribute("aria-pressed", String(state === chosen));
      const none = state !== "all" && !head[state];
      button.disabled = none && state !== chosen;
      button.hidden = none && state !== chosen && ["running", "pending"].includes(state) && head.ended;
    }
    this.tab.failed.classList.toggle("psw-bad", head.failed > 0);
    setText(this.pace, head.pace.join(" · "));
    setText(this.message, head.message);
    const share = (n) => `${head.total ? (100 * n) / head.total : 0}%`;
    this.barDone.style.width = share(head.done);
    this.barFailed.style.width = share(head.failed);
    this.bar.setAttribute("aria-valuemin", "0");
    this.bar.setAttribute("aria-valuemax", String(head.total));
    this.bar.setAttribute("aria-valuenow", String(head.done + head.failed));
    this.offer(head.buttons);
  }

  // `anew`: a command failed, so that it can be given again
  offer(buttons, anew = false) {
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
          setTimeout(() => (button.disabled = this.dead ?? false), 2000);
          this.command(command);
        });
        return button;
      }),
    );
    if (focused) this.buttons.querySelector("button")?.focus();
  }
}
