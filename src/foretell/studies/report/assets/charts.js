/** What all charts have in common. */
const STYLES = {
  a_to_b: { dash: "solid", symbol: "circle" },
  b_to_a: { dash: "dash", symbol: "square-open" },
};

// Of the palette of Okabe and Ito, for results one over the other.
const SERIES = ["#009E73", "#AA4499", "#56B4E9", "#E69F00", "#0072B2", "#D55E00", "#8A9099", "#B8860B"];
const DASHES = ["solid", "dash", "dot", "dashdot"];
const SYMBOLS = ["circle", "square-open", "triangle-up", "diamond-open", "x", "cross"];

// Of a line in a legend.
const LETTERS = 44;

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

const NARROW = matchMedia("(max-width: 30rem)");

/** Pixels that a legend above a chart takes beyond its first line. */
function legendRoom(box, traces) {
  const entries = traces.filter((trace) => trace.name && trace.showlegend !== false).map((trace) => trace.name.split("<br>"));
  const longest = Math.max(1, ...entries.flat().map((text) => text.length));
  const columns = Math.max(1, Math.floor((box.clientWidth - 62) / (50 + 7 * longest)));
  return 19 * Math.max(0, Math.ceil(entries.length / columns) * Math.max(1, ...entries.map((lines) => lines.length)) - 1);
}

/** A name in lines of at most so many letters, which are markup for a chart. */
function inLines(text, most) {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines[lines.length - 1];
    if (line && [...line].length + [...word].length + 1 > most) lines.push(word);
    else lines[lines.length - 1] = line ? `${line} ${word}` : word;
  }
  return lines.map(escaped).join("<br>");
}

// While the page opens its first chart is drawn; the others wait until it can be used.
const WAITING = new Map();
let isFirst = true;

/** A chart that a screen reader is told of in words, with what a click on it does. */
function draw(id, traces, options, words, onClick = null) {
  const box = byId(id);
  box.setAttribute("role", "img");
  box.setAttribute("aria-label", words);
  box.style.height = options.showlegend === false ? "" : `calc(var(--height) + ${legendRoom(box, traces)}px)`;
  const make = () => {
    const isNew = !box.data;
    Plotly.react(box, traces, layout({ ...options, height: box.clientHeight }), CONFIG);
    if (isNew && onClick) box.on("plotly_click", onClick);
  };
  WAITING.delete(id);
  if (isOpen() || isFirst) make();
  else WAITING.set(id, make);
  isFirst = false;
}

function isOpen() {
  return "ready" in document.documentElement.dataset;
}

/** Say that the page can be used, and draw what waited. */
function open() {
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
  setTimeout(() => {
    for (const make of WAITING.values()) make();
    WAITING.clear();
    document.documentElement.dataset.drawn = String(Math.round(performance.now()));
  });
}

function faded(hex, share) {
  const value = Number.parseInt(hex.slice(1), 16);
  return `rgba(${value >> 16}, ${(value >> 8) & 255}, ${value & 255}, ${share})`;
}

/** The area between two curves, with a gap where either has no value. */
function band(x, low, high, fillcolor) {
  const area = { x: [], y: [] };
  let run = [];
  const close = () => {
    if (area.x.length && run.length) {
      area.x.push(null);
      area.y.push(null);
    }
    area.x.push(...run.map((place) => x[place]), ...[...run].reverse().map((place) => x[place]));
    area.y.push(...run.map((place) => low[place]), ...[...run].reverse().map((place) => high[place]));
    run = [];
  };
  x.forEach((_, place) => {
    if (Number.isNaN(low[place]) || Number.isNaN(high[place])) close();
    else run.push(place);
  });
  close();
  return { ...area, type: "scatter", mode: "lines", line: { width: 0 }, fill: "toself", fillcolor, hoverinfo: "skip", showlegend: false };
}

/** A line with its 95 % band. */
function line(x, of, { name, hue, dash, symbol, hover, share = 0.18 }) {
  const traces = of.low && of.high ? [band(x, of.low, of.high, faded(hue, share))] : [];
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
function shuffled(x, of, direction) {
  if (!of.nullMiddle) return [];
  const hue = colour("null");
  return [
    band(x, of.nullLow, of.nullHigh, faded(hue, 0.25)),
    {
      x, y: [...of.nullMiddle], type: "scatter", mode: "lines", line: { width: 1, color: hue, dash: "dot" }, hoverinfo: "skip",
      name: inLines(direction ? `shuffled pairs, ${direction}` : "shuffled pairs", LETTERS), showlegend: true,
    },
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
