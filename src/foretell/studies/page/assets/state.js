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
  Object.assign(STATE, values);
  if ("result" in values) settle();
  for (const draw of DRAWN) draw(Object.keys(values));
}

function current() {
  return DATA.results[STATE.result];
}

/** Bring what is looked at in line with another result. */
function settle() {
  const result = current();
  if (!quantities(result).some((one) => one.key === STATE.quantity)) STATE.quantity = "imbalance";
  STATE.cell = result.kind === "map" ? [...result.best.together] : null;
  STATE.item = null;
}

/** The direction of a figure that can show one only. */
function oneDirection() {
  return STATE.direction === "both" ? "a_to_b" : STATE.direction;
}

/** The results that differ from the current one in one facet only, a choice for each facet that they differ in. */
function facets() {
  const names = Object.keys(current().facets);
  return names
    .map((name) => [name, [...new Set(DATA.results.map((result) => result.facets[name]))]])
    .filter(([, values]) => values.length > 1);
}

/** Choose another value of a facet, keeping the others where there is such a result. */
function chooseFacet(name, value) {
  const wanted = { ...current().facets, [name]: value };
  const score = (result) => Object.keys(wanted).filter((key) => result.facets[key] === wanted[key]).length;
  const candidates = DATA.results.map((result, place) => [result, place]).filter(([result]) => result.facets[name] === value);
  candidates.sort((one, other) => score(other[0]) - score(one[0]));
  change({ result: candidates[0][1] });
}
