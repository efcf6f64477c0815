/** What is shown, chosen once for the whole page: which result, which measure, which direction. */
function drawControls() {
  const result = current();
  const drawn = result.kind !== "values";
  const comparable = comparableWith(result);
  const choices = [
    ...resultControls(),
    drawn ? select("Measure", quantities(result).map((one) => [one.key, one.label]), STATE.quantity, (quantity) => change({ quantity })) : null,
    drawn && STATE.quantity === "imbalance" ? directionControl(result) : null,
    comparable.length > 1 ? checkbox("All results together", STATE.overlay, (overlay) => change({ overlay })) : null,
  ].filter((choice) => choice !== null);
  byId("shown").classList.toggle("hidden", !choices.length);
  fill(byId("controls"), ...choices);
}

/** Curves that can be laid over this one: those with the same axis. */
function comparableWith(result) {
  if (result.kind !== "curve") return [];
  return DATA.results.filter((other) => other.kind === "curve" && axisOf(other).label === axisOf(result).label);
}

/** Whether curves of several results are drawn one over the other. */
function isTogether() {
  return STATE.overlay && comparableWith(current()).length > 1;
}

/** The directions that are drawn: of maps and of several results together one only. */
function directions() {
  if (STATE.direction !== "both" || current().kind === "map" || isTogether()) return [oneDirection()];
  return ["a_to_b", "b_to_a"];
}

/** The direction of a figure that can show one only. */
function oneDirection() {
  return STATE.direction === "both" ? "a_to_b" : STATE.direction;
}

function directionControl(result) {
  const names = ["a_to_b", "b_to_a"].map((direction) => [direction, result.names[direction].codes]);
  const one = result.kind === "map" || isTogether();
  return radios("Direction", "direction", one ? names : [["both", "both"], ...names], one ? oneDirection() : STATE.direction, (direction) => change({ direction }));
}

/** Facets in which results differ, with their values. */
function facets() {
  return Object.keys(current().facets)
    .map((name) => [name, [...new Set(DATA.results.map((result) => result.facets[name]))]])
    .filter(([, values]) => values.length > 1);
}

/** A choice for each facet, and one of the results that no facet tells apart. */
function resultControls() {
  const result = current();
  const varied = facets();
  const alike = DATA.results.filter((other) => varied.every(([name]) => other.facets[name] === result.facets[name]));
  return [
    ...varied.map(([name, values]) => select(name, values.map((value) => [value, brief(value, 60)]), result.facets[name], (value) => chooseFacet(name, value))),
    select("Result", alike.map((other) => [DATA.results.indexOf(other), brief(other.title, 60)]), STATE.result, (place) => change({ result: Number(place) })),
  ];
}

/** Choose another value of a facet, keeping the others where there is such a result. */
function chooseFacet(name, value) {
  const wanted = { ...current().facets, [name]: value };
  const score = (result) => Object.keys(wanted).filter((key) => result.facets[key] === wanted[key]).length;
  const candidates = DATA.results.map((result, place) => [result, place]).filter(([result]) => result.facets[name] === value);
  candidates.sort((one, other) => score(other[0]) - score(one[0]));
  change({ result: candidates[0][1] });
}

/** What tells a result from some others in few words: for legends. */
function shortTitle(result, others) {
  const varied = Object.keys(result.facets).filter((name) => new Set(others.map((other) => other.facets[name])).size > 1);
  const alike = others.filter((other) => varied.every((name) => other.facets[name] === result.facets[name]));
  return varied.length && alike.length === 1 ? varied.map((name) => result.facets[name]).join(", ") : result.name;
}
