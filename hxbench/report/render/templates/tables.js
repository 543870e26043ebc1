/* Tables: a grid to walk through with the arrow keys, sorted by a column, with what the filters leave. */

/** What a cell is about: of its runs, and of the titles around it, the nearest that say anything. */
function aboutCell(item, table, block, row, column, cell) {
  // a text, such as a verdict, is about the runs beside it
  const behind = cell.r || (cell.x ? row.c.flatMap((one) => one.r || []) : []);
  const runs = behind.map((place) => run(item.part, place));
  const named = (key) => [...(row[key] || []), ...(column[key] || [])];
  const near = (key) => [named(key), block[key] || [], table[key] || []].find((values) => values.length) || [];
  return {
    method: runs.length ? runs.map((one) => one.method) : near("M"),
    backbone: runs.map((one) => one.backbone),
    seed: (cell.S || []).map(([seed]) => seed),
    task: near("T"),
    language: near("L"),
    profile: [item.part.profile],
  };
}

function chosenCell(item, table, block, row, column, cell) {
  const facets = active();
  if (!facets.length) return true;
  const about = aboutCell(item, table, block, row, column, cell);
  return facets.every((facet) => about[facet].some((value) => state.chosen[facet].has(value)));
}

const holds = (cell) => "v" in cell || "pv" in cell || (cell.x && cell.t);

/** The rows and columns that have a cell of what is chosen, and how many rows are left out as they have no runs. */
function left(item, table) {
  const rows = new Set();
  const columns = new Set();
  let without = 0;
  for (const block of table.blocks || []) {
    for (const row of block.rows) {
      const chosen = table.columns.filter((column, place) => {
        const cell = row.c[place];
        return !active().length || (holds(cell) && chosenCell(item, table, block, row, column, cell));
      });
      if (!chosen.length) continue;
      if (row.W && !byId("all-rows").checked) {
        without += 1;
        continue;
      }
      rows.add(row);
      chosen.forEach((column) => columns.add(column));
    }
  }
  return { rows, columns, without };
}

/** The line that counts the rows without runs, with a button that shows them. */
function withoutRuns(count) {
  if (!count) return "";
  const show = () => byId("all-rows").click();
  return make(
    "p",
    { class: "without" },
    `${count} row${count > 1 ? "s" : ""} without runs ${count > 1 ? "are" : "is"} not shown. `,
    make("button", { type: "button", onclick: show }, "Show"),
  );
}

const printed = (words) => [
  words.b ? make("b", {}, words.t) : words.t || "",
  words.s ? make("span", { class: "sd" }, ` ±${words.s}`) : "",
  words.e ? make("span", { class: "sd" }, ` ${words.e}`) : "",
  raised(words.m),
];

/** The lines that say everything of a cell, nothing rounded. */
function unrounded(cell, unit) {
  const of = unit ? ` ${unit}` : "";
  return [
    "v" in cell ? `mean ${cell.v}${of}` : null,
    "sd" in cell ? `s.d. ${cell.sd}` : null,
    "lo" in cell ? `interval ${cell.lo} to ${cell.hi}` : null,
    "n" in cell ? `n = ${cell.n}` : null,
    ...(cell.S || []).map(([seed, value]) => `seed ${seed}: ${value}`),
    "pv" in cell ? `published ${cell.pv}${of}` : null,
  ].filter(Boolean);
}

/** The value of the seed that is chosen; none where it has several, as costs have one a run. */
function ofSeed(cell, seed) {
  const found = (cell.S || []).filter(([one]) => one === seed);
  return found.length === 1 ? found[0] : null;
}

function fill(td, cell, column) {
  const [seed] = state.chosen.seed;
  let words = cell;
  if (seed !== undefined && "v" in cell) {
    const found = ofSeed(cell, seed);
    words = { t: found ? found[2] : "–" };
  }
  td.append(...printed(words).filter((part) => part !== ""));
  if (cell.p)
    td.append(
      make(
        "span",
        { class: "paper" },
        printed(cell.p).filter((part) => part !== ""),
      ),
    );
  const lines = unrounded(cell, column.u);
  if (lines.length) tips.set(td, lines);
}

/** What a cell is sorted by: the value that is shown of it. */
function weight(cell) {
  const [seed] = state.chosen.seed;
  if (seed !== undefined && "v" in cell) return (ofSeed(cell, seed) || [])[1];
  if ("v" in cell) return cell.v;
  if ("pv" in cell && byId("published").checked) return cell.pv;
  if (!cell.x || !cell.t) return undefined;
  const number = Number.parseFloat(cell.t);
  return Number.isNaN(number) ? cell.t : number;
}

function compare(one, other) {
  if (typeof one === "number" && typeof other === "number") return one - other;
  return String(one).localeCompare(String(other), undefined, { numeric: true });
}

function sorted(rows, sort) {
  if (!sort.way) return rows;
  const of = (row) => (sort.column < 0 ? row.t : weight(row.c[sort.column]));
  const there = rows.filter((row) => of(row) !== undefined);
  const without = rows.filter((row) => of(row) === undefined);
  return [...there.sort((one, other) => sort.way * compare(of(one), of(other))), ...without];
}

/** The addresses of a table's cells, which stay when it is sorted: titles, numbered where several are alike. */
function addresses(table) {
  if (table.addresses) return table.addresses;
  const seen = new Map();
  const found = new Map();
  (table.blocks || []).forEach((block) =>
    block.rows.forEach((row) =>
      row.c.forEach((cell, place) => {
        const column = table.columns[place];
        const name = [table.name, block.t || "", row.t || "", `${column.g || ""} ${column.t || ""}`]
          .map(slug)
          .join("~");
        const count = (seen.get(name) || 0) + 1;
        seen.set(name, count);
        found.set(cell, count > 1 ? `${name}~${count}` : name);
      }),
    ),
  );
  Object.defineProperty(table, "addresses", { value: found });
  return found;
}

/** A table in a box that scrolls; sorting draws its rows anew. */
function grid(item, table, number) {
  const sort = { column: -1, way: 0 };
  const { rows, columns, without } = left(item, table);
  const shown = table.columns.map((column, place) => [column, place]).filter(([column]) => columns.has(column));
  const node = make("table", { role: "grid", "aria-label": table.title, "data-table": number });
  const where = addresses(table);
  if (!rows.size)
    return without
      ? withoutRuns(without)
      : make("p", { class: "nothing" }, active().length ? "Nothing here has all that is chosen." : "No rows.");

  const by = (column) => {
    const same = sort.column === column;
    // scores are best read from the highest, titles from the first letter
    const first = column < 0 ? 1 : -1;
    sort.way = !same || !sort.way ? first : sort.way === first ? -first : 0;
    sort.column = column;
    draw();
    node.querySelector(`thead [data-column="${column}"]`).focus();
  };
  const head = (column, title, about) => {
    const way = sort.column === column ? sort.way : 0;
    const curve = about ? curveButton(item, about, table) : "";
    return make(
      "th",
      {
        scope: "col",
        tabindex: -1,
        "data-column": column,
        class: "sortable",
        role: "columnheader",
        "aria-sort": way > 0 ? "ascending" : way < 0 ? "descending" : "none",
        onclick: () => by(column),
      },
      title,
      make("span", { class: "way", "aria-hidden": true }, way > 0 ? "▲" : way < 0 ? "▼" : "↕"),
      curve,
    );
  };
  const draw = () => {
    const groups = [];
    for (const [column] of shown) {
      const last = groups.at(-1);
      if (last && last.title === (column.g || "")) last.span += 1;
      else groups.push({ title: column.g || "", span: 1 });
    }
    const above = groups.some((group) => group.title)
      ? make(
          "tr",
          {},
          make("td", { class: "stub" }),
          groups.map((group) =>
            group.title
              ? make(
                  "th",
                  { colspan: group.span, scope: "colgroup", class: "group" },
                  make("span", {}, group.title),
                )
              : make("td", { colspan: group.span }),
          ),
        )
      : "";
    const titles = make(
      "tr",
      {},
      head(-1, table.stub),
      shown.map(([column, place]) => head(place, [column.t || "", raised(column.m)], column)),
    );
    const bodies = (table.blocks || []).map((block) => {
      const there = sorted(
        block.rows.filter((row) => rows.has(row)),
        sort,
      );
      if (!there.length) return "";
      const title = block.t
        ? make(
            "tr",
            { class: "block" },
            make(
              "th",
              { colspan: shown.length + 1, scope: "rowgroup", tabindex: -1 },
              make("span", {}, block.t, curveButton(item, block, table)),
            ),
          )
        : "";
      return make(
        "tbody",
        {},
        title,
        there.map((row) =>
          make(
            "tr",
            {},
            make(
              "th",
              { scope: "row", tabindex: -1, role: "rowheader" },
              row.b ? make("strong", {}, row.t) : row.t || "",
              raised(row.m),
              curveButton(item, row, table),
            ),
            shown.map(([column, place]) => {
              const cell = row.c[place];
              const opens = holds(cell) || cell.m;
              const td = make("td", {
                tabindex: -1,
                role: "gridcell",
                "data-cell": opens ? where.get(cell) : null,
                class: column.k === "text" ? "text" : null,
                onclick: opens
                  ? () => {
                      location.hash = addressOf(item, where.get(cell));
                    }
                  : null,
              });
              if (active().length && holds(cell) && !chosenCell(item, table, block, row, column, cell))
                td.classList.add("other");
              fill(td, cell, column);
              return td;
            }),
          ),
        ),
      );
    });
    node.replaceChildren(make("thead", {}, above, titles), ...bodies.filter(Boolean));
    (node.querySelector("tbody td[data-cell]") || node.querySelector("[tabindex]")).tabIndex = 0;
  };
  draw();
  node.addEventListener("keydown", (event) => walk(node, event));
  node.addEventListener("focusin", (event) => {
    const place = event.target.closest("[tabindex]");
    if (!place) return;
    node.querySelectorAll('[tabindex="0"]').forEach((one) => {
      one.tabIndex = -1;
    });
    place.tabIndex = 0;
  });
  return [make("div", { class: "wide" }, node), withoutRuns(without)];
}

/** Arrows go to the next place that can be looked at, Home and End along the row, Enter does what a click does. */
function walk(node, event) {
  const place = event.target.closest("[tabindex]");
  if (!place || event.target !== place) return;
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    place.click();
    return;
  }
  if (event.key === "c" && place.querySelector(".curve")) {
    place.querySelector(".curve").click();
    return;
  }
  const lines = [...node.rows]
    .map((line) => [...line.cells].filter((one) => one.hasAttribute("tabindex")))
    .filter((line) => line.length);
  const row = lines.findIndex((line) => line.includes(place));
  const column = lines[row].indexOf(place);
  const go = {
    ArrowUp: [row - 1, column],
    ArrowDown: [row + 1, column],
    ArrowLeft: [row, column - 1],
    ArrowRight: [row, column + 1],
    Home: [row, 0],
    End: [row, Infinity],
  }[event.key];
  if (!go || go[0] < 0 || go[0] >= lines.length || go[1] < 0) return;
  event.preventDefault();
  const line = lines[go[0]];
  line[Math.min(go[1], line.length - 1)].focus();
}
