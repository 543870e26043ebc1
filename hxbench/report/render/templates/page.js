"use strict";
/* The page: what is shown, what is chosen in the filters, and the address of it all.

   Data are JSON in elements of their own, parsed when they are asked for: `index`, and for each part `runs:PART`,
   `curves:PART`, for each artifact PART/NAME and `copy:PART/NAME` (its texts, packed). Keys of a cell: t text, m marks, b bold, s
   deviation, e interval as printed; v mean, sd, lo, hi, n, pv published value, unrounded; p the published value as
   printed; x whether it is a text; S [seed, value, text] of each seed; r places of runs; plateau. Of rows, columns
   and blocks: T tasks, L languages, M methods that they name; W of a row: it has no runs. Of figures: `about` are
   T, L and M of the places, `runs` those behind each point. */

const FACETS = ["method", "task", "language", "profile", "backbone", "seed"];
const NARROW = "(max-width: 60rem)"; // as the style has it
const parsed = new Map();
const tips = new WeakMap(); // element → lines to show when it is pointed at
const state = { item: null, chosen: Object.fromEntries(FACETS.map((name) => [name, new Set()])) };

function data(id) {
  if (!parsed.has(id)) parsed.set(id, JSON.parse(document.getElementById(id).textContent));
  return parsed.get(id);
}

const index = data("index");
const items = index.parts.flatMap((part) => part.items.map((item) => ({ ...item, part })));

const byId = (id) => document.getElementById(id);

/** Return an element; `on…` are listeners, others attributes, children are nodes or texts. */
function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== false && value !== undefined && value !== null)
      node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}

const listed = (texts, name) =>
  texts && texts.length
    ? make(
        "ul",
        { class: name },
        texts.map((text) => make("li", {}, text)),
      )
    : "";
const raised = (marks) => (marks && marks.length ? make("sup", {}, marks.join(",")) : "");
let quiet;
function say(text) {
  byId("said").textContent = text;
  clearTimeout(quiet);
  quiet = setTimeout(() => {
    byId("said").textContent = "";
  }, 6000);
}

/* what a run is, from the lists of its part */
function run(part, place) {
  const runs = data(`runs:${part.name}`);
  const field = (name) => runs[name].is[runs[name].at[place]];
  const method = field("method");
  return {
    id: runs.id[place],
    method,
    title: runs.titles[method] || method,
    setting: field("setting"),
    seed: field("seed"),
    backbone: field("backbone"),
    more: field("more"),
  };
}

/* filters */

const namesOf = {
  language: (code) =>
    index.languages[code] && index.languages[code] !== code ? `${code} · ${index.languages[code]}` : code,
  task: (name) => index.tasks[name] || name,
};
const nameOf = (facet, value) => String((namesOf[facet] || String)(value));

function valuesOf(item, facet) {
  return facet === "profile" ? [item.part.profile] : item[facet] || [];
}

function active() {
  return FACETS.filter((facet) => state.chosen[facet].size);
}

/** Whether an artifact has anything of what is chosen. */
function fits(item) {
  return active().every((facet) => valuesOf(item, facet).some((value) => state.chosen[facet].has(value)));
}

function choose(facet, value, wanted) {
  const chosen = state.chosen[facet];
  if (facet === "seed") chosen.clear(); // one seed is a value; several would be a mean that no table has
  if (wanted) chosen.add(value);
  else chosen.delete(value);
  showFilters();
  showContents();
  showItem();
  const count = items.filter(fits).length;
  say(`${count} of ${items.length} tables and figures have something of it`);
}

function makeFilters() {
  const form = byId("filters");
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const facet of FACETS) {
    const values = [...new Set(items.flatMap((item) => valuesOf(item, facet)))];
    if (facet === "seed") values.sort((one, other) => one - other);
    else values.sort((one, other) => nameOf(facet, one).localeCompare(nameOf(facet, other)));
    if (!values.length) continue;
    const kind = facet === "seed" ? "radio" : "checkbox";
    const options = values.map((value) =>
      make(
        "label",
        {},
        make("input", {
          type: kind,
          name: facet,
          value,
          onchange: (event) => choose(facet, value, event.target.checked),
        }),
        ` ${nameOf(facet, value)}`,
      ),
    );
    if (facet === "seed") {
      options.unshift(
        make(
          "label",
          {},
          make("input", {
            type: kind,
            name: facet,
            value: "",
            checked: true,
            onchange: () => choose(facet, null, false),
          }),
          " all",
        ),
      );
    }
    form.append(
      make(
        "details",
        { class: "filter", "data-facet": facet, name: "filter" },
        make("summary", {}, `${facet} `, make("span", {}, "all")),
        make("div", { role: "group", "aria-label": facet }, options),
      ),
    );
  }
  form.append(
    make(
      "button",
      {
        type: "reset",
        hidden: true,
        onclick: () => {
          FACETS.forEach((facet) => state.chosen[facet].clear());
          setTimeout(() => {
            showFilters();
            showContents();
            showItem();
          });
        },
      },
      "Clear filters",
    ),
  );
  document.addEventListener("click", (event) => {
    for (const open of form.querySelectorAll("details[open]")) if (!open.contains(event.target)) open.open = false;
  });
}

function showFilters() {
  for (const filter of document.querySelectorAll(".filter")) {
    const chosen = [...state.chosen[filter.dataset.facet]].map((value) => nameOf(filter.dataset.facet, value));
    filter.querySelector("span").textContent =
      chosen.length > 2 ? `${chosen.length} chosen` : chosen.join(", ") || "all";
    filter.classList.toggle("chosen", chosen.length > 0);
  }
  byId("filters").querySelector("button").hidden = !active().length;
}

/* contents: an artifact once for all profiles */

function showContents() {
  const papers = new Map();
  for (const item of items.filter(fits)) {
    const artifacts = papers.get(item.part.paper) || papers.set(item.part.paper, new Map()).get(item.part.paper);
    const name = item.id.slice(item.part.name.length);
    artifacts.set(name, [...(artifacts.get(name) || []), item]);
  }
  const open = (paper) =>
    papers.size === 1 || active().length > 0 || (state.item && paper === state.item.part.paper);
  const list = [...papers].map(([paper, artifacts]) =>
    make(
      "details",
      { open: open(paper) },
      make("summary", {}, paper),
      make("ul", {}, [...artifacts.values()].map(entry)),
    ),
  );
  byId("list").replaceChildren(...(list.length ? list : [make("p", {}, "Nothing has all that is chosen.")]));
  const current = byId("list").querySelector("a.title[aria-current]");
  if (current && !matchMedia(NARROW).matches) current.scrollIntoView({ block: "nearest" });
}

function entry(same) {
  const profile = state.item && state.item.part.profile;
  const best = same.find((item) => item.part.profile === profile) || same.find((item) => item.filled) || same[0];
  const link = (item, text, name) =>
    make(
      "a",
      {
        href: addressOf(item),
        class: `${name}${item.filled ? "" : " empty"}`,
        "aria-current": item === state.item ? "page" : null,
        "aria-label": name === "profile" ? `${item.title}, profile ${text}` : null,
      },
      text,
    );
  const profiles =
    same.length > 1 || index.parts.length > 1 ? same.map((item) => link(item, item.part.profile, "profile")) : [];
  return make(
    "li",
    {},
    link(best, best.title, "title"),
    " ",
    profiles.flatMap((one) => [one, " "]),
  );
}

/* addresses: #PART/NAME, and ~TABLE~BLOCK~ROW~COLUMN of a cell */

const slug = (text) =>
  text
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, "-")
    .replace(/^-|-$/g, "") || "-";
const addressOf = (item, cell) => `#${encodeURI(item.id + (cell ? `~${cell}` : ""))}`;

function asked() {
  let text = location.hash.slice(1);
  try {
    text = decodeURI(text);
  } catch {
    /* what is no address leads to the first */
  }
  const item = items.find((one) => text === one.id || text.startsWith(`${one.id}~`));
  return { item, cell: item && text.slice(item.id.length + 1) };
}

function follow() {
  const { item, cell } = asked();
  const before = state.item;
  state.item = item || before || items.find((one) => one.id === index.first) || items[0];
  if (state.item !== before) {
    showContents();
    showItem();
    if (before) byId("main").focus({ preventScroll: true });
    window.scrollTo(0, 0);
    if (matchMedia(NARROW).matches) byId("contents").open = false;
  }
  if (cell) openAt(cell);
  else closeDetails(false);
}

/* one artifact */

function showItem() {
  const { item } = state;
  const main = byId("main");
  if (!item) {
    main.replaceChildren(make("p", {}, "There is nothing to show."));
    return;
  }
  const made = data(item.id);
  const tables = made.tables || [];
  const figures = made.figures || [];
  const [alone] = [figures, tables].filter((some) => some.length === 1).map(([one]) => one.title);
  const title = alone || `${item.part.paper}, ${item.title}`;
  const children = [
    make("h2", {}, title),
    make("p", { class: item.part.synthetic ? "profile synthetic" : "profile" }, item.part.heading),
  ];
  const [seed] = state.chosen.seed;
  if (seed !== undefined)
    children.push(
      make(
        "p",
        { class: "nothing" },
        `Seed ${seed} alone, in the place of means over the seeds; a dash where it has no value or several, as costs have one a run.`,
      ),
    );
  if (!fits(item))
    children.push(make("p", { class: "nothing" }, "Nothing here has all that is chosen in the filters."));
  else {
    figures.forEach((figure) => children.push(drawFigure(item, figure, figure.title !== title)));
    const heading = (tables[0] && tables[0].heading) || [];
    tables.forEach((table, number) => children.push(...section(item, table, number, heading, title)));
  }
  if (made.make)
    children.push(
      make(
        "details",
        {},
        make("summary", {}, "Commands that make these runs"),
        make("pre", {}, made.make.map(([command]) => command).join("\n")),
      ),
    );
  main.replaceChildren(...children.flat().filter(Boolean));
}

function section(item, table, number, first, title) {
  const heading = (table.heading || []).filter(
    (text) => text !== item.part.heading && (number === 0 || !first.includes(text)),
  );
  const captions = (data(item.id).figures || []).flatMap((figure) => figure.caption || []);
  const remarks = (table.remarks || []).filter((text) => !captions.includes(text));
  const notes = (table.notes || []).map(([mark, text]) => make("li", {}, raised([mark]), ` ${text}`));
  return [
    table.title === title ? "" : make("h3", {}, table.title),
    listed(heading, "heading"),
    copyButtons(item, table, number),
    grid(item, table, number),
    notes.length ? make("ul", { class: "notes" }, notes) : "",
    listed(remarks, "notes"),
    table.lacking
      ? make(
          "details",
          {},
          make("summary", {}, "Missing runs: how to make them"),
          make("pre", {}, table.lacking.join("\n")),
        )
      : "",
  ];
}

function copyButtons(item, table, number) {
  const buttons = ["CSV", "LaTeX", "Markdown"].map((name) =>
    make(
      "button",
      {
        type: "button",
        "data-copy": name,
        onclick: async () => copy((await texts(item))[number][name], `${table.title} as ${name}`),
      },
      name,
    ),
  );
  return make(
    "p",
    { class: "copy" },
    "Copy as ",
    buttons.flatMap((button) => [button, " "]),
  );
}

/** The texts of an artifact's tables, which are packed. */
async function texts(item) {
  const packed = Uint8Array.from(atob(data(`copy:${item.id}`)), (letter) => letter.charCodeAt(0));
  return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
}

async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // a browser that lets no file write there
    const area = make("textarea", { class: "unseen" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  say(`copied: ${what}`);
}

/* what is pointed at */

function watchTips() {
  const tip = byId("tip");
  const hide = () => {
    tip.hidden = true;
  };
  const show = (node, x, y) => {
    tip.replaceChildren(...tips.get(node).map((line) => make("div", {}, line)));
    tip.hidden = false;
    tip.style.left = `${Math.max(4, Math.min(x + 12, innerWidth - tip.offsetWidth - 8))}px`;
    tip.style.top = `${y + 18 + tip.offsetHeight > innerHeight ? Math.max(4, y - tip.offsetHeight - 10) : y + 18}px`;
  };
  const near = (node) => {
    while (node && !tips.has(node)) node = node.parentElement;
    return node;
  };
  document.addEventListener("pointerover", (event) => {
    const node = near(event.target);
    if (node) show(node, event.clientX, event.clientY);
    else hide();
  });
  document.addEventListener("focusin", (event) => {
    const node = event.target.matches(":focus-visible") ? near(event.target) : null;
    if (!node) {
      hide();
      return;
    }
    const box = node.getBoundingClientRect();
    show(node, box.left, box.bottom - 14);
  });
  document.addEventListener("scroll", hide, true);
}

function begin() {
  makeFilters();
  showFilters();
  watchTips();
  byId("published").addEventListener("change", (event) => {
    document.body.classList.toggle("ours-alone", !event.target.checked);
  });
  byId("all-rows").addEventListener("change", showItem);
  byId("theme").addEventListener("change", (event) => {
    if (event.target.value) document.documentElement.dataset.theme = event.target.value;
    else delete document.documentElement.dataset.theme;
  });
  byId("help").addEventListener("click", (event) => openHelp(event.target));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") leave();
  });
  addEventListener("hashchange", follow);
  if (matchMedia(NARROW).matches) byId("contents").open = false;
  follow();
  document.body.dataset.ready = Math.round(performance.now());
}

document.addEventListener("DOMContentLoaded", begin);
