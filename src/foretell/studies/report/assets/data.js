/** What the page is of: read once from the JSON in the page, arrays decoded when they are first asked for. */
const DATA = JSON.parse(document.getElementById("data").textContent);

const KINDS = { f8: Float64Array, f4: Float32Array, i4: Int32Array };

/** An array that Python wrote as base64 of its bytes, little-endian; decoded once. */
function numbers(encoded) {
  if (!encoded.decoded) {
    const text = atob(encoded.base64);
    const bytes = new Uint8Array(text.length);
    for (let place = 0; place < text.length; place++) bytes[place] = text.charCodeAt(place);
    encoded.decoded = new KINDS[encoded.kind](bytes.buffer);
    encoded.base64 = null;
  }
  return encoded.decoded;
}

/** A column of a table, or null where the table has none of that name. */
function column(table, name) {
  return table && table.columns[name] ? numbers(table.columns[name]) : null;
}

/** How many rows of a table there are for one place along its first dimension. */
function stride(table) {
  return table.over.slice(1).reduce((product, of) => product * of.names.length, 1);
}

/** Values at one place along a table's first dimension: of a direction, or of a measure. */
function part(table, name, place) {
  const values = column(table, name);
  if (!values) return null;
  const step = stride(table);
  return values.subarray(place * step, (place + 1) * step);
}

/** What can be shown of a result: the imbalance, with a value a direction, and the measures beside it, with one. */
function quantities(result) {
  const found = [{ key: "imbalance", label: "Information Imbalance", directed: true }];
  const similar = result.similar;
  for (const name of similar ? similar.over[0].names : []) found.push({ key: name, label: MEASURES[name] || name, directed: false });
  return found;
}

/** What the quantity that is shown is called. */
function labelOf(result) {
  return quantities(result).find((one) => one.key === STATE.quantity).label;
}

const MEASURES = {
  cka: "CKA",
  mutual_knn: "mutual k-NN",
  overlap: "neighbourhood overlap",
  cknna: "CKNNA",
  rsa_pearson: "RSA (Pearson)",
  rsa_spearman: "RSA (Spearman)",
};

/** Values of a map of one text's tokens without its diagonal, where a token foretells itself; else as they are. */
function shownOf(result, values) {
  if (!result.within || !values) return values;
  const shown = values.slice();
  const size = Math.round(Math.sqrt(shown.length));
  for (let place = 0; place < size; place++) shown[place * (size + 1)] = NaN;
  return shown;
}

/** Value, bounds and null of what is shown of a result, in one direction where there are two. */
function curve(result, quantity, direction) {
  const directed = quantity === "imbalance";
  const table = directed ? result.table : result.similar;
  const place = table.over[0].names.indexOf(directed ? direction : quantity);
  const of = (name) => shownOf(result, part(table, name, place));
  if (!directed) return { value: of("similarity"), error: of("stderr"), low: of("low"), high: of("high") };
  return {
    value: of("imbalance"),
    error: of("stderr"),
    low: of("low"),
    high: of("high"),
    p: of("p_value"),
    nullLow: of("null_0.025"),
    nullMiddle: of("null_0.5"),
    nullHigh: of("null_0.975"),
  };
}

/** A number for people. */
function shown(value, digits = 3) {
  return value === null || value === undefined || Number.isNaN(value) ? "–" : value.toFixed(digits);
}

/** `0.200 ± 0.017`, or the value alone without an error. */
function withError(of, place) {
  const error = of.error && !Number.isNaN(of.error[place]) ? ` ± ${shown(of.error[place])}` : "";
  return shown(of.value[place]) + error;
}
