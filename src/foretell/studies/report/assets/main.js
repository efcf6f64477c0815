/** Puts the page together. */
function drawSingle() {
  const result = current();
  const isSingle = result.kind === "values";
  byId("values").classList.toggle("hidden", !isSingle);
  if (!isSingle) return;
  byId("values-title").textContent = result.title;
  byId("values-note").textContent = `The numbers are in the table below. ${result.conditions}`;
}

function drawSource() {
  const result = current();
  byId("study").textContent = result.study;
  byId("study-box").classList.toggle("hidden", !result.study);
  fill(byId("made"), ...Object.entries(result.made).map(([name, value]) => element("p", { class: "facts" }, element("b", {}, `${name}: `), value)));
}

async function copyStudy() {
  const text = byId("study").textContent;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const selection = getSelection();
    selection.selectAllChildren(byId("study"));
    document.execCommand("copy");
    selection.removeAllRanges();
  }
  byId("copy").textContent = "Copied";
  announce("The study file is copied.");
  setTimeout(() => (byId("copy").textContent = "Copy"), 2000);
}

function drawAll(changed) {
  drawControls();
  drawSingle();
  drawCurves();
  drawMap(changed);
  if (changed && !changed.includes("result")) return;
  drawTable();
  drawSource();
}

function begin() {
  settle(null);
  onChange((changed) => {
    const ofItems = changed.every((name) => ["item", "query", "order"].includes(name));
    if (!ofItems) drawAll(changed);
    if (changed.includes("cell")) announce(byId("cell").textContent);
  });
  onChange(drawNeighbours);
  byId("query").addEventListener("input", (event) => change({ query: event.target.value }));
  byId("numbers").addEventListener("toggle", drawTable);
  byId("copy").addEventListener("click", copyStudy);
  drawAll();
  drawNeighbours();
  drawHealth();
  for (const query of [matchMedia("(prefers-color-scheme: dark)"), NARROW]) {
    query.addEventListener("change", () => {
      drawAll();
      drawHealth();
    });
  }
  open();
}

begin();
