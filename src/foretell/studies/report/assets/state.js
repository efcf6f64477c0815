/** What is looked at. Every change goes through `change`, which draws again what depends on it. */
const STATE = {
  result: 0,
  quantity: "imbalance",
  direction: "both",
  overlay: false,
  cell: null,
  item: null,
  query: "",
  order: "given",
};

const DRAWN = [];

/** Have a function called after each change; it is given the names of what changed. */
function onChange(draw) {
  DRAWN.push(draw);
}

function change(values) {
  const item = itemId();
  Object.assign(STATE, values);
  if ("result" in values) settle(item);
  for (const draw of DRAWN) draw(Object.keys(values));
}

function current() {
  return DATA.results[STATE.result];
}

/** The name of the item whose neighbours are shown, or null. */
function itemId() {
  const near = current().neighbours;
  return near && STATE.item !== null ? DATA.items[near.a.items].ids[numbers(near.query)[STATE.item]] : null;
}

/** Bring what is looked at in line with another result: the same item, if it is there. */
function settle(item) {
  const result = current();
  const near = result.neighbours;
  if (!quantities(result).some((one) => one.key === STATE.quantity)) STATE.quantity = "imbalance";
  STATE.cell = result.kind === "map" ? [...result.best.together] : null;
  const place = near ? numbers(near.query).findIndex((of) => DATA.items[near.a.items].ids[of] === item) : -1;
  STATE.item = place < 0 ? null : place;
}
