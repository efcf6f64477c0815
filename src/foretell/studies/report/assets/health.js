/** Health of what was measured: shares of positive bits, identical items, ties, signs near to zero. */
function drawHealth() {
  byId("health").classList.toggle("hidden", !DATA.health.length);
  if (!DATA.health.length) return;
  const stores = DATA.health.map((one) => {
    const problems = one.problems.map((problem) => element("li", { class: "problem" }, problem));
    const head = ["layer", "positive bits", "identical items", "tied nearest", "near zero"];
    const rows = one.layers.map((of) =>
      element("tr", {}, ...[of.layer, percent(of.positive), of.n_duplicates, percent(of.tied), percent(of.near_zero, 2)].map((value) => element("td", {}, String(value)))),
    );
    return element(
      "details",
      {},
      element("summary", {}, `${one.name}: ${one.problems.length ? `${one.problems.length} to look at` : "nothing stands in the way"}`),
      element("ul", {}, ...problems),
      element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": `Health of ${one.name}` },
        element("table", {}, element("thead", {}, element("tr", {}, ...head.map((name) => element("th", { scope: "col" }, name)))), element("tbody", {}, ...rows))),
    );
  });
  fill(byId("stores"), ...stores);
  drawHealthChart();
}

function percent(share, digits = 1) {
  return share === null ? "–" : `${(100 * share).toFixed(digits)} %`;
}

function drawHealthChart() {
  // What comes after the last block has no depth of its own: it is in the table.
  const numbered = (one) => one.layers.filter((of) => /^\d+$/.test(of.layer));
  const traces = DATA.health.map((one, number) => ({
    x: numbered(one).map((_, place, all) => (all.length > 1 ? place / (all.length - 1) : 0)),
    y: numbered(one).map((of) => (of.positive === null ? null : 100 * of.positive)),
    text: numbered(one).map((of) => `${escaped(one.name)}, layer ${escaped(of.layer)}: ${percent(of.positive)}`),
    hovertemplate: "%{text}<extra></extra>",
    name: inLines(one.name, LETTERS),
    type: "scatter",
    mode: "lines+markers",
    line: { color: SERIES[number % SERIES.length], dash: DASHES[Math.floor(number / SERIES.length) % DASHES.length] },
    marker: { symbol: SYMBOLS[number % SYMBOLS.length], size: 5 },
  }));
  const options = {
    xaxis: { title: { text: "relative depth" }, range: [-0.02, 1.02] },
    yaxis: { title: { text: "positive bits, %" }, range: [0, 100] },
    shapes: [{ type: "line", xref: "paper", x0: 0, x1: 1, y0: 50, y1: 50, line: { color: colour("null"), width: 1, dash: "dot" } }],
    showlegend: DATA.health.length < 9,
  };
  const worst = DATA.health.flatMap((one) => one.layers.filter((of) => of.positive !== null).map((of) => [Math.abs(of.positive - 0.5), `${one.name}, layer ${of.layer}: ${percent(of.positive)}`])).sort((one, other) => other[0] - one[0])[0];
  draw("health-chart", traces, options, `Share of positive bits by depth. Farthest from a half: ${worst ? worst[1] : "none"}.`);
}
