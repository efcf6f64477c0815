/** Small helpers to build the page. Text from data goes in as text, never as markup. */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

function byId(id) {
  return document.getElementById(id);
}

/** A labelled choice; one that there is nothing to choose in is not drawn. */
function select(label, options, chosen, onchange) {
  if (options.length < 2) return null;
  const box = element("select", { name: label, onchange: (event) => onchange(event.target.value) });
  for (const [value, text] of options) box.append(element("option", { value, selected: String(value) === String(chosen) }, text));
  return element("label", { class: "field" }, label, box);
}

/** A group of radio buttons. */
function radios(legend, name, options, chosen, onchange) {
  const group = element("fieldset", {}, element("legend", {}, legend));
  for (const [value, text] of options) {
    const input = element("input", { type: "radio", name, value, checked: value === chosen, onchange: () => onchange(value) });
    group.append(element("label", {}, input, text));
  }
  return group;
}

function checkbox(label, checked, onchange) {
  const input = element("input", { type: "checkbox", checked, onchange: (event) => onchange(event.target.checked) });
  return element("label", { class: "check" }, input, label);
}

/** Replace what an element holds, and give the keyboard its place back. */
function fill(parent, ...children) {
  const active = document.activeElement;
  const path = parent.contains(active) ? focusPath(parent, active) : null;
  parent.replaceChildren(...children.filter((child) => child !== null && child !== undefined));
  const again = path && parent.querySelectorAll(path.selector)[path.place];
  if (again) again.focus();
}

function focusPath(parent, active) {
  const selector = active.name ? `${active.localName}[name="${CSS.escape(active.name)}"]` : active.localName;
  const place = [...parent.querySelectorAll(selector)].indexOf(active);
  return { selector, place };
}

/** Say something to a screen reader. */
function announce(text) {
  byId("status").textContent = text;
}

/** A colour of the page's style sheet, as it is now: light or dark. */
function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** Save text as a file. */
function save(name, text, type) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = element("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
