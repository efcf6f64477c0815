/** Maps: every space of A against every space of B, and the two curves through a cell. */
function mapValues(result) {
  const of = curve(result, STATE.quantity, oneDirection());
  const [, a, b] = result.table.over;
  const rows = a.names.map((_, row) => [...of.value.subarray(row * b.names.length, (row + 1) * b.names.length)]);
  return { of, a, b, rows };
}

function drawMap(changed = []) {
  const result = current();
  const isMap = result.kind === "map";
  byId("map").classList.toggle("hidden", !isMap);
  if (!isMap) return;
  byId("map-title").textContent = `Every ${result.table.over[1].unit} against every other`;
  const { of, a, b, rows } = mapValues(result);
  const [row, columnPlace] = STATE.cell;
  fill(
    byId("map-controls"),
    select(`${a.label}`, a.names.map((name, place) => [place, name]), row, (place) => change({ cell: [Number(place), STATE.cell[1]] })),
    select(`${b.label}`, b.names.map((name, place) => [place, name]), columnPlace, (place) => change({ cell: [STATE.cell[0], Number(place)] })),
    element("button", { type: "button", onclick: () => change({ cell: bestCell(result, rows) }) }, "Best pair"),
  );
  if (!(changed.length === 1 && changed[0] === "cell")) drawHeat(result, of, a, b, rows);
  else markCell(row, columnPlace);
  drawSections(result, a, b);
  byId("map-note").textContent =
    `${STATE.quantity === "imbalance" ? `${result.names[oneDirection()].words}. 0: it foretells it; 1: it says nothing. ` : ""}` +
    `${STATE.quantity === "imbalance" ? "Cross: least in this direction. Ring: least both ways together. " : ""}` +
    `Square: the cell chosen, by pointer or by the two lists. ${result.conditions}`;
}

/** The cell of the least imbalance, or of the greatest likeness, in what is shown. */
function bestCell(result, rows) {
  if (STATE.quantity === "imbalance") return [...result.best[oneDirection()]];
  let best = [0, 0];
  rows.forEach((values, row) =>
    values.forEach((value, place) => {
      if (!(rows[best[0]][best[1]] >= value) && !Number.isNaN(value)) best = [row, place];
    }),
  );
  return best;
}

function markers(result) {
  const hue = "#ffffff";
  const at = ([row, place], symbol, name, size) => ({
    x: [place], y: [row], type: "scatter", mode: "markers", name, hoverinfo: "skip",
    marker: { symbol, size, color: "#000000", line: { color: hue, width: symbol.endsWith("open") ? 2 : 1.5 } },
  });
  return [at(result.best[oneDirection()], "x", "least", 11), at(result.best.together, "circle-open", "least both ways", 15)];
}

/** The square round the chosen cell: drawn alone when only the cell changes, which is quick on a large map. */
function squareOf(row, place) {
  return [{ type: "rect", x0: place - 0.5, x1: place + 0.5, y0: row - 0.5, y1: row + 0.5, line: { color: "#e4002b", width: 3 } }];
}

function markCell(row, place) {
  if (byId("map-chart").data) Plotly.relayout(byId("map-chart"), { shapes: squareOf(row, place) });
}

/** One scale of colours for both directions, so that maps of the same result can be told by eye. */
function scaleOf(result) {
  const both = STATE.quantity === "imbalance" ? ["a_to_b", "b_to_a"] : ["both"];
  const values = both.flatMap((direction) => [...curve(result, STATE.quantity, direction).value]).filter((value) => !Number.isNaN(value));
  return values.length ? { zmin: values.reduce((one, other) => Math.min(one, other)), zmax: values.reduce((one, other) => Math.max(one, other)) } : {};
}

function drawHeat(result, of, a, b, rows) {
  const direction = STATE.quantity === "imbalance" ? result.names[oneDirection()].codes : labelOf(result);
  const hover = rows.map((values, row) =>
    values.map((_, place) => {
      const where = `A ${a.unit} ${a.names[row]}, B ${b.unit} ${b.names[place]}`;
      return told(result, of, direction, where, row * b.names.length + place);
    }),
  );
  const ticks = (axis) => {
    const step = Math.ceil(axis.names.length / 12);
    const places = axis.names.map((_, place) => place).filter((place) => place % step === 0);
    return { tickvals: places, ticktext: places.map((place) => escaped(axis.names[place])), showgrid: false, zeroline: false };
  };
  const barTitle = STATE.quantity === "imbalance" ? "imbalance" : escaped(labelOf(result));
  const bar = { thickness: 12, title: { text: barTitle, side: NARROW.matches ? "top" : "right" } };
  const traces = [
    {
      type: "heatmap", z: rows, ...scaleOf(result), text: hover, hovertemplate: "%{text}<extra></extra>", colorscale: "Cividis", reversescale: STATE.quantity === "imbalance",
      colorbar: NARROW.matches ? { ...bar, orientation: "h", y: 1.02, yanchor: "bottom", len: 1 } : bar,
    },
    ...(STATE.quantity === "imbalance" ? markers(result) : []),
  ];
  const options = {
    xaxis: { title: { text: inLines(b.label, NARROW.matches ? 30 : 60) }, range: [-0.5, b.names.length - 0.5], ...ticks(b) },
    yaxis: { title: { text: inLines(a.label, NARROW.matches ? 24 : 45) }, range: [-0.5, a.names.length - 0.5], ...ticks(a) },
    uirevision: STATE.result,
    shapes: squareOf(...STATE.cell),
    showlegend: false,
  };
  const best = bestCell(result, rows);
  const which = STATE.quantity === "imbalance" ? "least" : "greatest";
  const words = `Map of ${result.title}, ${direction}: ${which} ${shown(rows[best[0]][best[1]])} at ${a.label} ${a.names[best[0]]}, ${b.label} ${b.names[best[1]]}.`;
  draw("map-chart", traces, options, words, (event) => {
    const point = event.points.find((one) => one.data.type === "heatmap");
    if (point) change({ cell: [Math.round(point.y), Math.round(point.x)] });
  });
}

/** The curves through the chosen cell: along A at its layer of B, along B at its layer of A. */
function drawSections(result, a, b) {
  const [row, place] = STATE.cell;
  const wide = b.names.length;
  const along = (of, picks) => {
    const taken = {};
    for (const [name, values] of Object.entries(of)) taken[name] = values ? Float64Array.from(picks, (pick) => values[pick]) : null;
    return taken;
  };
  const sections = [
    ["section-a", a, b, b.names[place], row, a.names.map((_, number) => number * wide + place)],
    ["section-b", b, a, a.names[row], place, b.names.map((_, number) => row * wide + number)],
  ];
  const wanted = STATE.quantity === "imbalance" ? ["a_to_b", "b_to_a"] : ["both"];
  for (const [id, axis, fixed, at, here, picks] of sections) {
    const traces = [];
    const words = [];
    for (const direction of wanted) {
      const of = along(curve(result, STATE.quantity, direction), picks);
      const label = direction === "both" ? labelOf(result) : result.names[direction].codes;
      const hue = colour(direction === "b_to_a" ? "b_to_a" : "a_to_b");
      const style = STYLES[direction] || STYLES.a_to_b;
      const hover = axis.names.map((name, number) => told(result, of, label, `${axis.label} ${name}`, number));
      traces.push(...line(axis.names.map((_, number) => number), of, { name: inLines(label, LETTERS), hue, dash: style.dash, symbol: style.symbol, hover }));
      words.push(`${label} ${withError(of, here)}`);
    }
    const step = Math.ceil(axis.names.length / 10);
    const places = axis.names.map((_, number) => number).filter((number) => number % step === 0);
    const options = {
      xaxis: { title: { text: inLines(axis.label, NARROW.matches ? 34 : 48) }, tickvals: places, ticktext: places.map((number) => escaped(axis.names[number])) },
      yaxis: { rangemode: "tozero" },
      shapes: [{ type: "line", x0: here, x1: here, yref: "paper", y0: 0, y1: 1, line: { color: "#e4002b", width: 2, dash: "dot" } }],
    };
    byId(`${id}-title`).textContent = `Along ${axis.label}, at ${fixed.label} ${at}`;
    draw(id, traces, options, `At ${axis.label} ${axis.names[here]}: ${words.join("; ")}.`);
  }
  const said = wanted.map((direction) => {
    const of = curve(result, STATE.quantity, direction);
    return `${direction === "both" ? labelOf(result) : result.names[direction].codes}: ${withError(of, row * wide + place)}`;
  });
  byId("cell").textContent = `${a.label} ${a.names[row]}, ${b.label} ${b.names[place]}. ${said.join("; ")}`;
}
