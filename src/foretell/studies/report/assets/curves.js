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
  const together = isTogether();
  const drawn = together ? comparableWith(result).filter((one) => quantities(one).some((of) => of.key === STATE.quantity)) : [result];
  const traces = together ? several(drawn) : single(result);
  const axis = axisOf(result);
  const options = {
    xaxis: { title: { text: axis.label }, ...(axis.unit === "depth" ? { range: [-0.02, 1.02] } : {}) },
    yaxis: { title: { text: inLines(together && commonDirection(drawn) ? `${labelOf(result)}, ${commonDirection(drawn)}` : labelOf(result), 36) }, rangemode: "tozero" },
    shapes: together ? [] : regions(result),
    uirevision: `${together ? "together" : STATE.result} ${STATE.quantity}`,
  };
  draw("curve-chart", traces, options, curveWords(drawn));
  byId("curve-note").textContent = curveNote(drawn);
}

function single(result) {
  const { names, x, unit } = axisOf(result);
  const isImbalance = STATE.quantity === "imbalance";
  const wanted = isImbalance ? directions() : ["both"];
  const traces = [];
  for (const direction of wanted) {
    const of = curve(result, STATE.quantity, direction);
    const label = isImbalance ? result.names[direction].words : labelOf(result);
    const style = STYLES[direction] || STYLES.a_to_b;
    const hue = colour(direction === "b_to_a" ? "b_to_a" : "a_to_b");
    const hover = names.map((name, place) => told(result, of, label, placeName(name, x[place], unit), place));
    // Both directions have nearly the same: that of the first is drawn, and says so.
    if (direction === wanted[0]) traces.push(...shuffled(x, of, wanted.length > 1 ? result.names[direction].codes : ""));
    traces.push(...line(x, of, { name: inLines(label, LETTERS), hue, dash: style.dash, symbol: style.symbol, hover }));
  }
  return traces;
}

/** What is drawn of a result beside others: of a control that is a null, what shuffled pairs give. */
function amongOthers(result) {
  const of = curve(result, STATE.quantity, oneDirection());
  return result.ofNull && of.nullMiddle ? { value: of.nullMiddle, low: of.nullLow, high: of.nullHigh } : of;
}

/** The direction that all of several results share, to be said once; null where they have different ones. */
function commonDirection(results) {
  if (STATE.quantity !== "imbalance") return "";
  const codes = new Set(results.map((result) => result.names[oneDirection()].codes));
  return codes.size === 1 ? [...codes][0] : null;
}

function several(results) {
  const traces = [];
  results.forEach((result, number) => {
    const { names, x, unit } = axisOf(result);
    const of = amongOthers(result);
    const label = commonDirection(results) === null ? `${shortTitle(result, results)}: ${result.names[oneDirection()].codes}` : shortTitle(result, results);
    const hover = names.map((name, place) => told(result, of, label, placeName(name, x[place], unit), place));
    traces.push(
      ...line(x, of, {
        name: inLines(label, LETTERS),
        hue: SERIES[number % SERIES.length],
        dash: DASHES[Math.floor(number / SERIES.length) % DASHES.length],
        symbol: SYMBOLS[number % SYMBOLS.length],
        share: results.length > 3 ? 0.08 : 0.18,
        hover,
      }),
    );
  });
  return traces;
}

function placeName(name, position, unit) {
  if (unit !== "depth") return `${unit} ${name}`;
  return position === null ? `layer ${name}` : `layer ${name} (depth ${position.toFixed(2)})`;
}

/** Semantic regions as bars beneath the curves. */
function regions(result) {
  if (STATE.quantity !== "imbalance") return [];
  const x = axisOf(result).x;
  const edges = [x[0] - 0.01, ...x.slice(1).map((value, place) => (value + x[place]) / 2), x[x.length - 1] + 0.01];
  const shapes = [];
  ["a_to_b", "b_to_a"].forEach((direction, row) => {
    if (!directions().includes(direction)) return;
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
  const said = results.flatMap((result) =>
    (isImbalance ? directions() : ["both"]).map((direction) => {
      const { names, x, unit } = axisOf(result);
      const of = results.length > 1 ? amongOthers(result) : curve(result, STATE.quantity, direction);
      const place = extreme(of);
      const what = `${results.length > 1 ? `${result.title}, ` : ""}${isImbalance ? result.names[direction].words : labelOf(result)}`;
      if (place < 0) return `${what}: no value`;
      return `${what}: ${isImbalance ? "least" : "greatest"} ${withError(of, place)} at ${placeName(names[place], x[place], unit)}`;
    }),
  );
  return `${results.length > 1 ? "Curves" : `Curve of ${results[0].title}`}. ${said.join("; ")}.`;
}

function curveNote(drawn) {
  const parts = [];
  if (STATE.quantity === "imbalance") parts.push("0: the first foretells the second; 1: it says nothing.");
  if (curve(drawn[0], STATE.quantity, oneDirection()).low) parts.push("Bands: 95 %.");
  if (drawn.length === 1 && regions(drawn[0]).length) parts.push(`Bars at the foot: semantic regions (${regionsInWords(drawn[0])}).`);
  if (new Set(drawn.map((one) => one.n)).size > 1) parts.push("Values at different n are not comparable.");
  parts.push(merged(drawn.map((one) => one.conditions)));
  return parts.join(" ");
}

/** Conditions of several results in one: what differs is given of each. */
function merged(conditions) {
  const every = conditions.map((one) => one.split(", "));
  if (new Set(every.map((parts) => parts.length)).size > 1) return [...new Set(conditions)].join(" / ");
  return every[0].map((_, place) => [...new Set(every.map((parts) => parts[place]))].join(" or ")).join(", ");
}
