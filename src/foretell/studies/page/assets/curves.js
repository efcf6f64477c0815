/** Curves: the imbalance of one axis, both ways, or that of several results, one way. */
function axisOf(result) {
  const of = result.table.over[1];
  return { names: of.names, x: of.positions, label: of.label, unit: of.unit };
}

function drawCurves() {
  const result = current();
  const isCurve = result.kind === "curve";
  byId("curves").classList.toggle("hidden", !isCurve);
  if (!isCurve) return;
  const comparable = DATA.results.filter((other) => other.kind === "curve" && axisOf(other).label === axisOf(result).label);
  fill(
    byId("curve-controls"),
    ...resultControls(),
    select("Measure", quantities(result).map((one) => [one.key, one.label]), STATE.quantity, (quantity) => change({ quantity })),
    STATE.quantity === "imbalance" ? directionControl(result, !STATE.overlay) : null,
    comparable.length > 1 ? checkbox("All results together", STATE.overlay, (overlay) => change({ overlay })) : null,
  );
  const together = STATE.overlay && comparable.length > 1;
  const traces = together ? several(comparable) : single(result);
  const quantity = quantities(result).find((one) => one.key === STATE.quantity);
  const axis = axisOf(result);
  const options = {
    xaxis: { title: { text: axis.label }, ...(axis.unit === "depth" ? { range: [-0.02, 1.02] } : {}) },
    yaxis: { title: { text: quantity.label }, rangemode: "tozero" },
    shapes: together ? [] : regions(result),
  };
  const having = together ? comparable.filter((one) => quantities(one).some((of) => of.key === STATE.quantity)) : [result];
  draw("curve-chart", traces, options, curveWords(having));
  byId("curve-note").textContent = curveNote(result, together, comparable);
}

function single(result) {
  const { names, x, unit } = axisOf(result);
  const wanted = STATE.quantity !== "imbalance" ? ["both"] : STATE.direction === "both" ? ["a_to_b", "b_to_a"] : [STATE.direction];
  const traces = [];
  for (const direction of wanted) {
    const of = curve(result, STATE.quantity, direction);
    const label = direction === "both" ? quantities(result).find((one) => one.key === STATE.quantity).label : result.names[direction].words;
    const style = STYLES[direction] || STYLES.a_to_b;
    const hue = colour(direction === "b_to_a" ? "b_to_a" : "a_to_b");
    const hover = names.map((name, place) => told(result, of, label, placeName(name, x[place], unit), place));
    if (direction === wanted[0]) traces.push(...shuffled(x, of));
    traces.push(...line(x, of, { name: escaped(brief(label)), hue, dash: style.dash, symbol: style.symbol, hover }));
  }
  return traces;
}

function several(results) {
  const traces = [];
  results.forEach((result, number) => {
    if (!quantities(result).some((one) => one.key === STATE.quantity)) return;
    const { names, x, unit } = axisOf(result);
    const of = curve(result, STATE.quantity, oneDirection());
    const label = STATE.quantity === "imbalance" ? `${result.title}: ${result.names[oneDirection()].codes}` : result.title;
    const hover = names.map((name, place) => told(result, of, label, placeName(name, x[place], unit), place));
    traces.push(
      ...line(x, of, {
        name: escaped(brief(label)),
        hue: SERIES[number % SERIES.length],
        dash: DASHES[Math.floor(number / SERIES.length) % DASHES.length],
        symbol: SYMBOLS[number % SYMBOLS.length],
        hover,
      }),
    );
  });
  return traces;
}

function placeName(name, position, unit) {
  return unit === "depth" ? `layer ${name} (depth ${position.toFixed(2)})` : `${unit} ${name}`;
}

/** Semantic regions as bars beneath the curves. */
function regions(result) {
  if (STATE.quantity !== "imbalance") return [];
  const x = axisOf(result).x;
  const edges = [x[0] - 0.01, ...x.slice(1).map((value, place) => (value + x[place]) / 2), x[x.length - 1] + 0.01];
  const shapes = [];
  ["a_to_b", "b_to_a"].forEach((direction, row) => {
    if (STATE.direction !== "both" && STATE.direction !== direction) return;
    for (const [first, last] of result.regions[direction] || []) {
      const hue = colour(direction);
      shapes.push({
        type: "rect", xref: "x", yref: "paper", x0: edges[first], x1: edges[last + 1], y0: 0.005 + 0.02 * row, y1: 0.02 + 0.02 * row,
        fillcolor: hue, line: { width: 0 }, opacity: 0.8, layer: "above",
      });
    }
  });
  return shapes;
}

function regionsInWords(result) {
  const names = axisOf(result).names;
  const run = ([first, last]) => (first === last ? names[first] : `${names[first]} to ${names[last]}`);
  return ["a_to_b", "b_to_a"]
    .filter((direction) => (result.regions[direction] || []).length)
    .map((direction) => `${result.names[direction].codes}: layers ${result.regions[direction].map(run).join(", ")}`)
    .join("; ");
}

/** Where a curve of the imbalance is least, or one of likeness greatest. */
function extreme(of) {
  const better = STATE.quantity === "imbalance" ? (one, other) => one < other : (one, other) => one > other;
  let place = -1;
  of.value.forEach((value, number) => {
    if (!Number.isNaN(value) && (place < 0 || better(value, of.value[place]))) place = number;
  });
  return place;
}

function curveWords(results) {
  const isImbalance = STATE.quantity === "imbalance";
  const directions = !isImbalance ? ["a_to_b"] : results.length > 1 ? [oneDirection()] : STATE.direction === "both" ? ["a_to_b", "b_to_a"] : [STATE.direction];
  const said = results.flatMap((result) =>
    directions.map((direction) => {
      const { names, x, unit } = axisOf(result);
      const of = curve(result, STATE.quantity, direction);
      const place = extreme(of);
      const what = `${results.length > 1 ? `${result.title}, ` : ""}${isImbalance ? result.names[direction].words : labelOf(result)}`;
      if (place < 0) return `${what}: no value`;
      return `${what}: ${isImbalance ? "least" : "greatest"} ${withError(of, place)} at ${placeName(names[place], x[place], unit)}`;
    }),
  );
  return `${results.length > 1 ? "Curves" : `Curve of ${results[0].title}`}. ${said.join("; ")}.`;
}

function curveNote(result, together, comparable) {
  const parts = [];
  if (STATE.quantity === "imbalance") parts.push("0: the first foretells the second; 1: it says nothing.");
  if (curve(result, STATE.quantity, oneDirection()).low) parts.push("Bands: 95 %.");
  if (!together && regions(result).length) parts.push(`Bars at the foot: semantic regions (${regionsInWords(result)}).`);
  const sizes = new Set((together ? comparable : [result]).map((one) => one.n));
  if (sizes.size > 1) parts.push("Values at different n are not comparable.");
  parts.push(together ? [...new Set(comparable.map((one) => one.conditions))].join(" / ") : result.conditions);
  return parts.join(" ");
}

/** Choices of which result is shown: one a facet where facets tell results apart, else one of all. */
function resultControls() {
  const varied = facets();
  const keys = DATA.results.map((result) => JSON.stringify(varied.map(([name]) => result.facets[name])));
  if (varied.length && new Set(keys).size === DATA.results.length) {
    return varied.map(([name, values]) => select(name, values.map((value) => [value, brief(value, 60)]), current().facets[name], (value) => chooseFacet(name, value)));
  }
  return [select("Result", DATA.results.map((result, place) => [place, brief(result.title, 60)]), STATE.result, (place) => change({ result: Number(place) }))];
}

function directionControl(result, withBoth) {
  const names = ["a_to_b", "b_to_a"].map((direction) => [direction, result.names[direction].codes]);
  const options = withBoth ? [["both", "both"], ...names] : names;
  return radios("Direction", "direction", options, withBoth ? STATE.direction : oneDirection(), (direction) => change({ direction }));
}
