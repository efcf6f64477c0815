/** The numbers: as a table to read, and as the CSV that stands beside the result's file. */
function csvOf(table) {
  const heads = [...table.over.map((of) => of.dim), ...Object.keys(table.along), ...Object.keys(table.columns), ...Object.keys(table.settings)];
  const lines = [heads.map(csvCell).join(",")];
  for (const row of rowsOf(table)) lines.push(row.map(csvCell).join(","));
  return `${lines.join("\r\n")}\r\n`;
}

function* rowsOf(table) {
  const columns = Object.keys(table.columns).map((name) => numbers(table.columns[name]));
  const along = Object.values(table.along).map(numbers);
  const layer = table.over.findIndex((of) => of.dim === "layer");
  const sizes = table.over.map((of) => of.names.length);
  const total = sizes.reduce((product, size) => product * size, 1);
  for (let row = 0; row < total; row++) {
    const places = [];
    let rest = row;
    for (let dim = sizes.length - 1; dim >= 0; dim--) {
      places[dim] = rest % sizes[dim];
      rest = Math.floor(rest / sizes[dim]);
    }
    yield [
      ...table.over.map((of, dim) => of.names[places[dim]]),
      ...along.map((values) => values[places[layer]]),
      ...columns.map((values) => values[row]),
      ...Object.values(table.settings),
    ];
  }
}

function csvCell(value) {
  const said = typeof value === "number" ? (Number.isNaN(value) ? "nan" : String(value)) : String(value);
  // A spreadsheet takes such texts for formulas.
  const text = typeof value === "string" && /^[=+\-@\t\r]/.test(said) && !/^[+-]?\d+(\.\d+)?( [+-]?\d+(\.\d+)?)*$/.test(said) ? `'${said}` : said;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

const MOST_ROWS = 400;

function drawTable() {
  const result = current();
  const tables = [["numbers", result.table, result.name], ...(result.similar ? [["measures beside", result.similar, `${result.name}-beside`]] : [])];
  fill(
    byId("downloads"),
    ...tables.map(([what, table, name]) =>
      element("button", { type: "button", "data-name": name, onclick: () => save(`${name}.csv`, csvOf(table), "text/csv") }, `Download ${what} as CSV`),
    ),
  );
  byId("table-title").textContent = `Numbers of ${result.title}`;
  if (byId("numbers").open) fillTable(result.table);
}

function fillTable(table) {
  const heads = [...table.over.map((of) => of.dim), ...Object.keys(table.along), ...Object.keys(table.columns)];
  const rows = [];
  for (const row of rowsOf(table)) {
    if (rows.length === MOST_ROWS) break;
    rows.push(element("tr", {}, ...row.slice(0, heads.length).map((value) => element("td", {}, typeof value === "number" ? shown(value, 4) : value))));
  }
  const total = stride(table) * table.over[0].names.length;
  byId("table-note").textContent = total > MOST_ROWS ? `The first ${MOST_ROWS} of ${total} rows: the CSV has all.` : "";
  fill(byId("table"), element("thead", {}, element("tr", {}, ...heads.map((name) => element("th", { scope: "col" }, name)))), element("tbody", {}, ...rows));
}
