/* What a cell opens, what a language or a task opens, and how the page is read. */

let openedFrom = null;

function openDetails(children, from) {
  const node = byId("details");
  node.replaceChildren(
    make("button", { type: "button", class: "close", "aria-label": "Close", onclick: leave }, "×"),
    ...children.flat().filter(Boolean),
  );
  node.hidden = false;
  node.scrollTop = 0;
  openedFrom = from || null;
  document.querySelectorAll(".opened").forEach((one) => one.classList.remove("opened"));
  if (openedFrom && openedFrom.matches("td")) openedFrom.classList.add("opened");
  node.focus({ preventScroll: true });
}

function closeDetails(back = true) {
  const node = byId("details");
  if (node.hidden) return;
  node.hidden = true;
  document.querySelectorAll(".opened").forEach((one) => one.classList.remove("opened"));
  if (back && openedFrom) openedFrom.focus();
  openedFrom = null;
}

/** Close what is open, the uppermost first. */
function leave() {
  const filter = byId("filters").querySelector("details[open]");
  byId("tip").hidden = true;
  if (filter) {
    filter.open = false;
    filter.querySelector("summary").focus();
    return;
  }
  closeDetails();
  if (asked().cell) history.replaceState(null, "", addressOf(state.item));
}

/** Open the cell at an address, which may be one that the filters hide. */
function openAt(address) {
  const { item } = state;
  for (const table of data(item.id).tables || []) {
    const where = addresses(table);
    for (const block of table.blocks || []) {
      for (const row of block.rows) {
        const place = row.c.findIndex((cell) => where.get(cell) === address);
        if (place >= 0) {
          const td = [...document.querySelectorAll("#main td[data-cell]")].find(
            (one) => one.dataset.cell === address,
          );
          if (td) td.scrollIntoView({ block: "nearest", inline: "nearest" });
          openDetails(cellDetails(item, table, block, row, table.columns[place], row.c[place]), td);
          return;
        }
      }
    }
  }
  closeDetails(false);
  say("no cell has this address");
}

function facts(pairs) {
  return make(
    "dl",
    {},
    pairs
      .filter(([, value]) => value !== null)
      .flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]),
  );
}

function cellDetails(item, table, block, row, column, cell) {
  const marks = new Set([
    ...(cell.m || []),
    ...((cell.p && cell.p.m) || []),
    ...(row.m || []),
    ...(column.m || []),
  ]);
  const notes = (table.notes || []).filter(([mark]) => marks.has(mark));
  const unit = column.u ? ` ${column.u}` : "";
  const title = [block.t, row.t, [column.g, column.t].filter(Boolean).join(" ")].filter(Boolean).join(" · ");
  const lacking = table.lacking || [];
  return [
    make("h2", { id: "details-title" }, title),
    make("p", { class: "profile" }, `${table.title}; profile ${item.part.profile}`),
    make(
      "p",
      { class: "large" },
      printed(cell).filter((part) => part !== ""),
      cell.p
        ? make(
            "span",
            { class: "paper" },
            printed(cell.p).filter((part) => part !== ""),
          )
        : "",
    ),
    facts([
      ["mean", "v" in cell ? `${cell.v}${unit}` : null],
      ["sample s.d.", "sd" in cell ? `${cell.sd}` : null],
      ["interval", "lo" in cell ? `${cell.lo} to ${cell.hi}` : null],
      ["n", "n" in cell ? `${cell.n}` : null],
      ["published", "pv" in cell ? `${cell.pv}${unit}` : null],
      ["on or above a plateau", cell.plateau ? `${cell.plateau} of the runs` : null],
    ]),
    notes.length
      ? make(
          "ul",
          { class: "notes" },
          notes.map(([mark, text]) => make("li", {}, raised([mark]), ` ${text}`)),
        )
      : "",
    seedTable(cell),
    runTable(item, cell),
    commandList("Commands that make these runs", makers(item, cell)),
    !(cell.r || []).length ? commandList("Commands that make what is missing", lacking) : "",
    make(
      "p",
      { class: "copy" },
      make(
        "button",
        { type: "button", onclick: () => copy(location.href, "the address of this cell") },
        "Copy link",
      ),
    ),
  ];
}

function seedTable(cell) {
  if (!cell.S || !cell.S.length) return "";
  return [
    make("h3", {}, "Seeds"),
    make(
      "table",
      { class: "plain" },
      make(
        "thead",
        {},
        make("tr", {}, make("th", { scope: "col" }, "seed"), make("th", { scope: "col" }, "value")),
      ),
      make(
        "tbody",
        {},
        cell.S.map(([seed, value]) =>
          make("tr", {}, make("th", { scope: "row" }, String(seed)), make("td", {}, String(value))),
        ),
      ),
    ),
  ];
}

function runTable(item, cell) {
  const runs = (cell.r || []).map((place) => run(item.part, place));
  if (!runs.length) return "";
  const titles = ["run", "method", "setting", "seed", "backbone", "on"];
  return [
    make("h3", {}, `Runs: ${runs.length}`),
    make(
      "div",
      { class: "wide" },
      make(
        "table",
        { class: "plain runs" },
        make(
          "thead",
          {},
          make(
            "tr",
            {},
            titles.map((title) => make("th", { scope: "col" }, title)),
          ),
        ),
        make(
          "tbody",
          {},
          runs.map((one) =>
            make(
              "tr",
              {},
              make("th", { scope: "row" }, make("code", {}, one.id)),
              [one.title, one.setting, String(one.seed), one.backbone, one.more].map((text) =>
                make("td", {}, text),
              ),
            ),
          ),
        ),
      ),
    ),
    make("p", {}, "All of one run: ", make("code", {}, `hxbench runs show ${runs[0].id}`)),
  ];
}

/** The commands of the experiments that have the methods and settings of a cell's runs; without runs all. */
function makers(item, cell) {
  const wanted = (cell.r || []).map((place) => run(item.part, place)).map((one) => `${one.method} ${one.setting}`);
  const made = data(item.id).make || [];
  const some = made.filter(([, asked]) => wanted.some((one) => asked.includes(one)));
  return (some.length ? some : made).map(([command]) => command);
}

function commandList(title, commands) {
  return commands && commands.length ? [make("h3", {}, title), make("pre", {}, commands.join("\n"))] : "";
}

/* curves */

/** The pairs "task language" that a title names and that have curves. */
function pairsOf(part, about, table) {
  const curves = data(`curves:${part.name}`);
  const every = [...new Set([...Object.keys(curves.training), ...Object.keys(curves.shots)])];
  const languages = about.L || [];
  const tasks = about.T || [];
  if (!languages.length && !tasks.length) return [];
  // a task alone names its curves where all its texts are in one language
  const within = tasks.length ? tasks : (table && table.T) || [];
  const found = every.filter((pair) => {
    const [task, code] = pair.split(" ");
    return (!languages.length || languages.includes(curves.as[code])) && (!within.length || within.includes(task));
  });
  return languages.length || new Set(found.map((pair) => pair.split(" ")[1])).size === 1 ? found : [];
}

function curveButton(item, about, table) {
  if (!pairsOf(item.part, about, table).length) return "";
  const name = [...(about.L || []), ...(about.T || []).map((task) => nameOf("task", task))].join(", ");
  return make(
    "button",
    {
      type: "button",
      class: "curve",
      tabindex: -1,
      "aria-label": `Curves of ${name}`,
      title: "curves",
      onclick: (event) => {
        event.stopPropagation();
        openCurves(item, pairsOf(item.part, about, table), event.target);
      },
    },
    "∿",
  );
}

function openCurves(item, pairs, from) {
  const place = make("div");
  const told = (pair) => {
    const [task, code] = pair.split(" ");
    return `${nameOf("task", task)}, ${nameOf("language", code)}`;
  };
  const behind = runsBehind(item);
  const draw = () => {
    const those = every.checked ? () => true : (run) => behind.has(run);
    place.replaceChildren(...curvesOf(item.part, select.value, those).flat().filter(Boolean));
  };
  const select = make(
    "select",
    { onchange: draw },
    pairs.map((pair) => make("option", { value: pair }, told(pair))),
  );
  const curves = data(`curves:${item.part.name}`);
  const known = pairs.flatMap((pair) => [...(curves.training[pair] || []), ...(curves.shots[pair] || [])]);
  const every = make("input", {
    type: "checkbox",
    onchange: draw,
    checked: !known.some(([run]) => behind.has(run)),
  });
  openDetails(
    [
      make("h2", { id: "details-title" }, "Curves"),
      make("p", { class: "profile" }, `${item.part.paper}, profile ${item.part.profile}`),
      make("p", {}, make("label", {}, "task and language ", select)),
      make("p", {}, make("label", {}, every, ` all runs at this profile, not only those behind ${item.title}`)),
      place,
    ],
    from,
  );
  draw();
}

/** The runs behind an artifact. */
function runsBehind(item) {
  const rows = (data(item.id).tables || []).flatMap((table) => table.blocks || []).flatMap((block) => block.rows);
  return new Set(rows.flatMap((row) => row.c).flatMap((cell) => cell.r || []));
}

/** The curves of a task in a language, those of the runs that the filters leave. */
function curvesOf(part, pair, those) {
  const curves = data(`curves:${part.name}`);
  const left = (place) => {
    if (!those(place)) return false;
    const one = run(part, place);
    return ["method", "backbone", "seed"].every(
      (facet) => !state.chosen[facet].size || state.chosen[facet].has(one[facet]),
    );
  };
  const told = (one) =>
    [`${one.title}, ${one.setting}, seed ${one.seed}`, `run ${one.id}`, one.more].filter(Boolean);
  const title = (one) => `${one.title}, ${one.setting}`;
  const training = (curves.training[pair] || [])
    .filter(([place]) => left(place))
    .map(([place, points]) => {
      const one = run(part, place);
      const of = [];
      for (let at = 0; at < points.length; at += 2) of.push([points[at], points[at + 1]]);
      return { title: title(one), points: of, tip: told(one) };
    });
  const lines = new Map();
  for (const [place, k, draw, value, start, zero] of (curves.shots[pair] || []).filter(([one]) => left(one))) {
    const one = run(part, place);
    const key = `${one.method} ${one.setting} ${one.seed} ${draw} ${start}`;
    if (!lines.has(key))
      lines.set(key, {
        title: one.title,
        points: zero === null ? [] : [[0, zero]],
        tip: [`${one.title}, seed ${one.seed}, draw ${draw}`],
      });
    lines.get(key).points.push([k, value]);
  }
  const shots = [...lines.values()];
  shots.forEach((line) => line.points.sort((one, other) => one[0] - other[0]));
  const parts = [];
  if (shots.length)
    parts.push(
      make("h3", {}, "Few-shot: a line for each seed and draw"),
      ...freeLines(shots, "sentences or examples, k", "test score"),
    );
  if (training.length)
    parts.push(
      make("h3", {}, "Training: a line for each run"),
      ...freeLines(training, "updates", "development score"),
    );
  return parts.length
    ? parts
    : [make("p", { class: "nothing" }, "None of these runs has curves here, of what the filters leave.")];
}

function openHelp(from) {
  openDetails(
    [
      make("h2", { id: "details-title" }, "How to read this"),
      make(
        "ul",
        {},
        [
          "Large: ours, mean and sample standard deviation over the seeds, the best in bold. Small and grey: the published value. A dash: no score, for the reason in the footnote.",
          "Point at a value for all its digits. A click, or Enter, opens its seeds, interval, runs and commands; the address then leads to that cell.",
          "A click on a column's title sorts the rows of each block: highest first, lowest first, as printed.",
          "∿ beside a language or a task opens its curves, as the key c does there: training, and few-shot where there is any.",
          "Rows without runs are counted below a table; the switch at the top shows them.",
          "Filters leave the tables, rows and columns that have something of everything chosen. With one seed its own value stands in the place of the mean.",
          "Arrow keys walk through a table, Home and End along a row, Escape closes what is open.",
        ].map((text) => make("li", {}, text)),
      ),
      make("p", {}, `hxbench ${index.version}. Nothing here is loaded from elsewhere.`),
    ],
    from,
  );
}
