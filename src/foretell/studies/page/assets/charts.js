/** What all charts have in common. */
const STYLES = {
  a_to_b: { dash: "solid", symbol: "circle" },
  b_to_a: { dash: "dash", symbol: "square-open" },
};

// Of the palette of Okabe and Ito, for results one over the other.
const SERIES = ["#009E73", "#AA4499", "#56B4E9", "#E69F00", "#0072B2", "#D55E00", "#8A9099", "#B8860B"];
const DASHES = ["solid", "dash", "dot", "dashdot"];
const SYMBOLS = ["circle", "square-open", "triangle-up", "diamond-open", "x", "cross"];

const CONFIG = { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d"] };

function layout(more) {
  const axis = { gridcolor: colour("line"), zerolinecolor: colour("line"), linecolor: colour("pale"), automargin: true };
  return {
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: colour("ink"), family: getComputedStyle(document.body).fontFamily, size: 13 },
    margin: { l: 50, r: 12, t: 12, b: 44 },
    hoverlabel: { align: "left" },
    legend: { orientation: "h", traceorder: "normal", y: 1.02, yanchor: "bottom", x: 0, xanchor: "left" },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: colour("pale"), activecolor: colour("ink") },
    showlegend: true,
    ...more,
    xaxis: { ...axis, ...more.xaxis },
    yaxis: { ...axis, ...more.yaxis },
  };
}

/** A chart that a screen reader is told of in words. */
function draw(id, traces, options, words) {
  const box = byId(id);
  box.setAttribute("role", "img");
  box.setAttribute("aria-label", words);
  Plotly.react(box, traces, layout(options), CONFIG);
  return box;
}

function faded(hex, share) {
  const value = Number.parseInt(hex.slice(1), 16);
  return `rgba(${value >> 16}, ${(value >> 8) & 255}, ${value & 255}, ${share})`;
}

/** A line with its 95 % band. */
function line(x, of, { name, hue, dash, symbol, hover }) {
  const traces = [];
  if (of.low && of.high) {
    const edge = { x, type: "scatter", mode: "lines", line: { width: 0 }, hoverinfo: "skip", showlegend: false };
    traces.push({ ...edge, y: [...of.low] });
    traces.push({ ...edge, y: [...of.high], fill: "tonexty", fillcolor: faded(hue, 0.18) });
  }
  traces.push({
    x,
    y: [...of.value],
    name,
    type: "scatter",
    mode: "lines+markers",
    line: { color: hue, dash, width: 2 },
    marker: { color: hue, symbol, size: 6 },
    text: hover,
    hovertemplate: "%{text}<extra></extra>",
  });
  return traces;
}

/** Median and 95 % of shuffled pairs. */
function shuffled(x, of) {
  if (!of.nullMiddle) return [];
  const hue = colour("null");
  const edge = { x, type: "scatter", mode: "lines", line: { width: 0 }, hoverinfo: "skip", showlegend: false };
  return [
    { ...edge, y: [...of.nullLow] },
    { ...edge, y: [...of.nullHigh], fill: "tonexty", fillcolor: faded(hue, 0.25) },
    { ...edge, y: [...of.nullMiddle], line: { width: 1, color: hue, dash: "dot" }, name: "shuffled pairs", showlegend: true },
  ];
}

/** What the pointer shows of one place of a curve. Names are escaped, since the chart reads markup. */
function told(result, of, direction, where, place) {
  const low = of.low && !Number.isNaN(of.low[place]) ? `<br>95 %: ${shown(of.low[place])} to ${shown(of.high[place])}` : "";
  const p = of.p && !Number.isNaN(of.p[place]) ? `<br>p = ${shown(of.p[place])}` : "";
  return `${escaped(where)}<br>${escaped(direction)}: ${withError(of, place)}${low}${p}`;
}

function escaped(text) {
  return String(text).replace(/[&<>]/g, (letter) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[letter]);
}

/** Letters of a name that a legend has room for. */
function brief(text, most = 40) {
  const letters = [...text];
  return letters.length > most ? `${letters.slice(0, most - 1).join("")}…` : text;
}
