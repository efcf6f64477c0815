/** Neighbours: pick an item, see the nearest to it on each side, with their ranks on the other. */
const LISTED = 60; // items in the list at a time: more are found by words

function itemsOf(near) {
  return { a: DATA.items[near.a.items], b: DATA.items[near.b.items] };
}

function drawNeighbours(changed = []) {
  const near = current().neighbours;
  byId("neighbours").classList.toggle("hidden", !near);
  if (!near) return;
  if (!changed.length || changed.some((name) => ["result", "query", "order"].includes(name))) drawList(near);
  if (!changed.length || changed.some((name) => ["result", "item", "query", "order"].includes(name))) drawNear(near);
}

/** Numbers of the queries that have the words, in the order asked for. */
function found(near) {
  const { a, b } = itemsOf(near);
  const query = numbers(near.query);
  const words = STATE.query.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  const has = (place) => {
    const text = `${a.ids[place]}\n${a.texts[place]}\n${b.texts[place]}`.toLocaleLowerCase();
    return words.every((word) => text.includes(word));
  };
  const queries = [...query.keys()].filter((number) => !words.length || has(query[number]));
  if (STATE.order !== "given") {
    const rank = numbers(near.rank);
    const half = query.length * near.k;
    const cost = (number) => rank[number * near.k] + rank[half + number * near.k];
    queries.sort((one, other) => (STATE.order === "worst" ? cost(other) - cost(one) : cost(one) - cost(other)));
  }
  return queries;
}

function drawList(near) {
  const { a } = itemsOf(near);
  const query = numbers(near.query);
  const places = found(near);
  if (!places.includes(STATE.item)) STATE.item = places.length ? places[0] : null;
  const order = byId("order");
  if (!order.firstChild) {
    order.append(
      select("Order", [["given", "as in the data"], ["worst", "least foretold first"], ["best", "best foretold first"]], STATE.order, (chosen) => change({ order: chosen, item: null })),
    );
  }
  const rows = places.slice(0, LISTED).map((place) => {
    const button = element("button", { type: "button", "aria-pressed": place === STATE.item, "data-place": place, onclick: () => change({ item: place }) }, content(a, query[place]));
    return element("li", {}, button);
  });
  fill(byId("items"), ...rows);
  const more = places.length > LISTED ? `, the first ${LISTED} shown: search for others` : "";
  byId("count").textContent = `${places.length} of ${query.length} items${more}`;
}

/** An item: its text, or its picture and name. */
function content(of, place) {
  const picture = of.pictures ? element("img", { src: of.pictures[place], alt: "", loading: "lazy" }) : null;
  return element("span", { class: "content" }, picture, element("span", { class: "text", dir: "auto" }, of.texts[place] || "(empty)"));
}

function drawNear(near) {
  const { a, b } = itemsOf(near);
  for (const button of byId("items").querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(Number(button.dataset.place) === STATE.item));
  }
  const number = STATE.item;
  byId("chosen").classList.toggle("hidden", number === null);
  if (number === null) return;
  const place = numbers(near.query)[number];
  fill(
    byId("item"),
    element("h3", {}, `Item ${a.ids[place]}`),
    a === b
      ? content(a, place)
      : element("div", { class: "two" }, labelled(near.a.label, content(a, place)), labelled(near.b.label, content(b, place))),
  );
  const names = current().names;
  nearest("near-a", near, { direction: 0, number, own: a, other: b, here: near.a.label, there: near.b.label, words: names.a_to_b.words });
  nearest("near-b", near, { direction: 1, number, own: b, other: a, here: near.b.label, there: near.a.label, words: names.b_to_a.words });
}

function labelled(label, of) {
  return element("div", {}, element("div", { class: "note" }, label), of);
}

function nearest(id, near, { direction, number, own, other, here, there, words }) {
  const start = (direction * numbers(near.query).length + number) * near.k;
  const neighbour = numbers(near.neighbour).subarray(start, start + near.k);
  const rank = numbers(near.rank).subarray(start, start + near.k);
  const rows = [...neighbour].map((of, place) => {
    if (of < 0) return null;
    const position = Number.isInteger(rank[place]) ? rank[place].toFixed(0) : rank[place].toFixed(1);
    return element(
      "li",
      {},
      element("div", {}, content(own, of), own === other ? null : element("div", { class: "other" }, content(other, of))),
      element("div", { class: "rank", title: `rank in ${there}` }, element("b", {}, position), ` of ${near.n}`),
    );
  });
  fill(
    byId(id),
    element("h3", {}, `Nearest in ${here}`),
    element("ol", { class: "near" }, ...rows),
    element("p", { class: "note" }, `Right: the rank of each in ${there}, 1 being nearest; ties share the middle. Low where ${words}.`),
  );
}
