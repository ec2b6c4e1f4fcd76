// Part of the grid editor, after page.js: what its rows and its table are made of.

function button(text, act, kind = "") {
  const node = el("button", { type: "button", text, class: `psw-button ${kind}` });
  node.addEventListener("click", act);
  return node;
}

function textInput(kind = "", mode = null, placeholder = null) {
  return el("input", {
    type: "text", class: `pse-input ${kind}`, inputmode: mode, placeholder,
    autocomplete: "off", autocapitalize: "off", spellcheck: "false",
  });
}

function labelled(text, control, kind = "") {
  control.id = newId();
  return el("div", { class: `pse-setting ${kind}` }, el("label", { for: control.id, text }), control);
}

let ids = 0;
function newId() {
  return `pse-${Math.random().toString(36).slice(2, 8)}-${++ids}`;
}

function options(select, values, words = {}) {
  const key = values.join("\n");
  if (select.psw === key) return;
  const { value } = select;
  select.psw = key;
  select.replaceChildren(...values.map((each) => el("option", { value: each, text: words[each] ?? each })));
  select.value = value;
}

// Marks a control whose entry is wrong; `node` has the words.
function mark(control, node, wrong) {
  if (wrong) {
    control.setAttribute("aria-invalid", "true");
    control.setAttribute("aria-describedby", node.id);
  } else {
    control.removeAttribute("aria-invalid");
    control.removeAttribute("aria-describedby");
  }
}

function complain(control, node, problem) {
  setText(node, problem ?? "");
  node.hidden = !problem;
  mark(control, node, Boolean(problem));
}

function grouped(number) {
  return number.toLocaleString("en").replaceAll(",", "\u202f");
}
