// What the modules of several widgets share. It is put before each of them: a widget's module
// cannot import a file of ours. User data reaches the page as textContent and attributes only.

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

// An output lasts only if it is in the notebook's model; a kernel's own update gets there only
// while the page that ran the cell is open. Undocumented, so only where present.
function fillSlot(model, slot) {
  if (!slot?.rev) return;
  try {
    const cells = model.widget_manager?.context?.model?.cells;
    for (let i = 0; i < (cells?.length ?? 0); i++) {
      const outputs = cells.get(i).outputs;
      for (let j = 0; j < (outputs?.length ?? 0); j++) {
        const mine = outputs.get(j).metadata?.psweep;
        if (mine?.slot !== slot.slot || !(mine.rev < slot.rev)) continue;
        outputs.set(j, { output_type: "display_data", data: slot.data, metadata: slot.metadata });
      }
    }
  } catch {
    // Another front-end: the kernel's own update has to do.
  }
}

// Lab's single-key shortcuts stay off in a widget, but Ctrl+S still saves: the modifier's own
// key event comes first. Lab's selectors match the element with the focus, so that is where it
// must be said. Returns the function that ends it.
function keepShortcutsOff(root) {
  const name = "data-lm-suppress-shortcuts";
  root.setAttribute(name, "true");
  const keep = (event) => {
    const off = !(event.ctrlKey || event.metaKey || event.altKey);
    root.toggleAttribute(name, off);
    if (root.contains(event.target)) event.target.toggleAttribute(name, off);
  };
  window.addEventListener("keydown", keep, true);
  window.addEventListener("keyup", keep, true);
  return () => {
    window.removeEventListener("keydown", keep, true);
    window.removeEventListener("keyup", keep, true);
  };
}

// Calls `tell` with a word for what happened to the kernel. Returns the function that ends it.
function onKernelGone(model, tell) {
  const kernel = model.widget_manager?.kernel;
  if (!kernel?.statusChanged) return () => {};
  const words = {
    restarting: "was restarted",
    autorestarting: "was restarted",
    dead: "died",
    terminating: "was shut down",
  };
  const heard = (_, status) => {
    if (status in words) tell(words[status]);
  };
  kernel.statusChanged.connect(heard);
  return () => kernel.statusChanged.disconnect(heard);
}

function listen(model, handlers) {
  for (const [name, handler] of Object.entries(handlers)) model.on(name, handler);
  return () => {
    for (const [name, handler] of Object.entries(handlers)) model.off(name, handler);
  };
}

// The notebook's own model, where the front-end has one. Undocumented, so only where present.
function notebookOf(model) {
  const notebook = model.widget_manager?.context?.model;
  return notebook?.cells && notebook.sharedModel?.insertCell ? notebook : null;
}

// Copies a text that stands in this node; what to say of it.
async function copied(text, node) {
  try {
    await navigator.clipboard.writeText(text);
    return "Copied.";
  } catch {
    getSelection().selectAllChildren(node); // plain http: the old way
    return document.execCommand("copy") ? "Copied." : "Selected: press Ctrl+C.";
  }
}
