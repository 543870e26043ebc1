/* Pictures of figures, and of curves that no figure has: SVG from the same cells as the tables. */

const SVG = "http://www.w3.org/2000/svg";
const LEFT = 46;
const TOP = 8;

function draw(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes))
    if (value !== null && value !== undefined) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

const text = (x, y, words, attributes = {}) => draw("text", { x, y, ...attributes }, words);

function tipped(node, ...lines) {
  tips.set(node, lines.flat().filter(Boolean));
  return node;
}

function short(value) {
  const size = Math.abs(value);
  for (const [unit, letter] of [
    [1e9, "b"],
    [1e6, "m"],
    [1e3, "k"],
  ])
    if (size >= unit) return `${Number((value / unit).toPrecision(3))}${letter}`;
  return String(Number(value.toPrecision(3))).replace("-", "−");
}

/** A scale from values to pixels, with ticks that are round. */
function scale(low, high, from, to, log = false) {
  if (!(high > low)) [low, high] = log ? [low / 2, low * 2] : [low - 1, low + 1];
  const f = log ? Math.log10 : (value) => value;
  const at = (value) => from + ((f(value) - f(low)) / (f(high) - f(low))) * (to - from);
  let ticks = [];
  if (log) {
    const powers = [];
    for (let power = Math.ceil(Math.log10(low)); power <= Math.log10(high); power += 1) powers.push(10 ** power);
    ticks = powers.length > 5 ? powers.filter((_, place) => place % 2 === 0) : powers;
    if (powers.length < 3) {
      ticks = [];
      for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += 1)
        for (const digit of [1, 2, 5]) ticks.push(digit * 10 ** power);
    }
  } else {
    const rough = (high - low) / 5;
    const unit = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((digit) => digit * unit).find((one) => one >= rough);
    for (let tick = Math.ceil(low / step) * step; tick <= high + step * 1e-9; tick += step)
      ticks.push(Number(tick.toPrecision(12)));
  }
  return {
    at,
    ticks: ticks.filter((tick) => tick >= low * (log ? 0.999 : 1) - (log ? 0 : 1e-12) && tick <= high * 1.0000001),
  };
}

/** An empty panel with a vertical axis; `across` are [place, label] of the horizontal one. */
function frame(width, height, { metric, axis, y, across, slanted }) {
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, class: "plot", "aria-hidden": "true" });
  const bottom = height - below(across, axis, slanted);
  for (const tick of y.ticks) {
    svg.append(draw("line", { x1: LEFT, x2: width - 8, y1: y.at(tick), y2: y.at(tick), class: "rule" }));
    svg.append(text(LEFT - 5, y.at(tick) + 3.5, short(tick), { class: "tick end" }));
  }
  svg.append(draw("line", { x1: LEFT, x2: width - 8, y1: bottom, y2: bottom, class: "axis" }));
  let last = -Infinity;
  for (const [x, label] of across) {
    if (slanted)
      svg.append(
        text(0, 0, label, { class: "tick end", transform: `translate(${x + 3},${bottom + 12}) rotate(-35)` }),
      );
    else if (x - last > 5.5 * label.length || last < 0) {
      svg.append(text(x, bottom + 13, label, { class: "tick middle" }));
      last = x;
    }
  }
  if (axis) svg.append(text((LEFT + width) / 2, height - 3, axis, { class: "tick middle" }));
  if (metric)
    svg.append(
      text(0, 0, metric, { class: "tick middle", transform: `translate(10,${(TOP + bottom) / 2}) rotate(-90)` }),
    );
  return svg;
}

const below = (across, axis, slanted) =>
  (slanted ? 14 + Math.min(90, 3.6 * Math.max(0, ...across.map(([, label]) => label.length))) : 20) +
  (axis ? 14 : 0);

/** A mark of a series: its colour and its shape go by its number. */
function mark(x, y, number, name, size = 4) {
  const kind = `c${number % 8} ${name}`;
  const shapes = [
    () => draw("circle", { cx: x, cy: y, r: size, class: kind }),
    () =>
      draw("rect", { x: x - size * 0.9, y: y - size * 0.9, width: size * 1.8, height: size * 1.8, class: kind }),
    () => draw("path", { d: `M${x} ${y - size * 1.2}l${size * 1.15} ${size * 2.1}h${-size * 2.3}z`, class: kind }),
    () =>
      draw("path", {
        d: `M${x} ${y - size * 1.3}l${size * 1.3} ${size * 1.3}l${-size * 1.3} ${size * 1.3}l${-size * 1.3} ${-size * 1.3}z`,
        class: kind,
      }),
    () =>
      draw("path", { d: `M${x} ${y + size * 1.2}l${size * 1.15} ${-size * 2.1}h${-size * 2.3}z`, class: kind }),
  ];
  return shapes[number % shapes.length]();
}

const line = (points, number, name) =>
  draw("polyline", {
    points: points.map((point) => point.map((one) => one.toFixed(1)).join(",")).join(" "),
    class: `c${number % 8} ${name}`,
  });

/** What a legend shows of marks that belong to no series. */
const KEYS = {
  dashed: () => draw("line", { x1: 1, x2: 25, y1: 6, y2: 6, class: "line dashed" }),
  dotted: () => draw("line", { x1: 1, x2: 25, y1: 6, y2: 6, class: "line dotted" }),
  diamond: () => draw("path", { d: "M13 1l5 5l-5 5l-5 -5z", class: "hollow" }),
  ring: () => draw("circle", { cx: 13, cy: 6, r: 5, class: "ring" }),
};

const swatch = (...marks) =>
  draw("svg", { viewBox: "0 0 26 12", class: "swatch", "aria-hidden": "true" }, ...marks);
const SWATCHES = {
  bars: (number) => swatch(draw("rect", { x: 5, y: 1, width: 16, height: 10, class: `c${number % 8} bar` })),
  points: (number) => swatch(mark(13, 6, number, "dot")),
  lines: (number) =>
    swatch(
      line(
        [
          [1, 6],
          [25, 6],
        ],
        number,
        "line",
      ),
      mark(13, 6, number, "dot"),
    ),
};

function legend(numbers, kind, ...more) {
  return make(
    "ul",
    { class: "legend" },
    [...numbers].map(([title, number]) => make("li", {}, SWATCHES[kind](number), ` ${title}`)),
    more.map(([kind, title]) =>
      make("li", { class: title.startsWith("published") ? "paper" : null }, swatch(KEYS[kind]()), ` ${title}`),
    ),
  );
}

const cellTip = (series, place, cell, quantity) => [
  `${series}${place ? `, ${place}` : ""}`,
  ...unrounded(cell, quantity === "score" ? "percent" : ""),
];

const cellsOf = (panel) => (panel.series || []).flatMap((one) => one.c || []);

/** The lowest and highest of what is drawn, deviations included. */
function extent(cells) {
  const values = cells.flatMap((cell) =>
    ["v" in cell ? [cell.v - (cell.sd || 0), cell.v + (cell.sd || 0)] : [], "pv" in cell ? [cell.pv] : []].flat(),
  );
  return values.length ? [Math.min(...values), Math.max(...values)] : null;
}

const empty = () => make("p", { class: "nothing" }, active().length ? "nothing of what is chosen" : "no runs yet");

function errors(x, y, cell, number, width = 3) {
  const [low, high] = [y.at(cell.v - cell.sd), y.at(cell.v + cell.sd)];
  return draw("path", {
    d: `M${x} ${low}V${high}M${x - width} ${low}h${2 * width}M${x - width} ${high}h${2 * width}`,
    class: number === null ? "error" : `c${number % 8} error`,
  });
}

const PANELS = {
  bars(figure, panel, numbers) {
    const places = panel.places || figure.places;
    const range = extent(cellsOf(panel));
    if (!range) return empty();
    const width = figure.columns === 1 ? 860 : 430;
    const [height, slanted] = [
      230,
      Math.max(...places.map((place) => place.length)) * 6 > (width - LEFT) / places.length,
    ];
    const room = below(
      places.map((place) => [0, place]),
      panel.axis || figure.axis,
      slanted,
    );
    const y = scale(Math.min(0, range[0]), Math.max(range[1] * 1.05, 1e-9), height - room, TOP);
    const wide = (width - LEFT - 8) / places.length;
    const bar = (wide * 0.84) / panel.series.length;
    const svg = frame(width, height, {
      metric: panel.metric,
      axis: panel.axis || figure.axis,
      y,
      slanted,
      across: places.map((place, at) => [LEFT + wide * (at + 0.5), place]),
    });
    panel.series.forEach((one, at) =>
      (one.c || []).forEach((cell, place) => {
        const x = LEFT + wide * (place + 0.08) + bar * at;
        const number = numbers.get(one.t);
        const tip = cellTip(one.t, places[place], cell, figure.quantity);
        if ("v" in cell) {
          const [from, to] = [y.at(0), y.at(cell.v)];
          svg.append(
            tipped(
              draw("rect", {
                x,
                y: Math.min(from, to),
                width: Math.max(bar - 1, 1),
                height: Math.max(Math.abs(from - to), 0.5),
                class: `c${number % 8} bar`,
              }),
              tip,
            ),
          );
          if (cell.sd) svg.append(errors(x + bar / 2, y, cell, null, Math.min(3, bar / 4)));
        }
        const [left, up, size] = [x + bar / 2, "pv" in cell && y.at(cell.pv), Math.min(5, bar / 2)];
        const diamond = `M${left} ${up - size}l${size} ${size}l${-size} ${size}l${-size} ${-size}z`;
        if ("pv" in cell)
          svg.append(
            tipped(
              draw("path", { d: diamond, class: `paper hollow${"v" in cell ? "" : ` c${number % 8}`}` }),
              tip,
            ),
          );
      }),
    );
    return svg;
  },

  lines(figure, panel, numbers) {
    const places = panel.places || figure.places;
    const at = panel.at || figure.at;
    const log = figure.quantity === "parameters";
    const range = extent(cellsOf(panel));
    if (!range) return empty();
    const [width, height] = [figure.columns === 1 ? 860 : 430, 240];
    const axis = panel.axis || figure.axis;
    const room = below([], axis, false);
    const pad = log ? 0 : (range[1] - range[0]) * 0.06;
    const y = scale(range[0] - pad, range[1] + pad, height - room, TOP, log);
    const x = scale(Math.min(...at), Math.max(...at), LEFT + 16, width - 24);
    const svg = frame(width, height, {
      metric: panel.metric,
      axis,
      y,
      across: at.map((one, place) => [x.at(one), places[place]]),
    });
    panel.series.forEach((one) => {
      const number = numbers.get(one.t);
      const points = (name) =>
        (one.c || [])
          .map((cell, place) => (name in cell ? [x.at(at[place]), y.at(cell[name])] : null))
          .filter(Boolean);
      svg.append(line(points("pv"), number, "line dashed paper"), line(points("v"), number, "line"));
      (one.c || []).forEach((cell, place) => {
        const tip = cellTip(one.t, places[place], cell, figure.quantity);
        if ("pv" in cell)
          svg.append(tipped(mark(x.at(at[place]), y.at(cell.pv), number, "paper hollow", 3.5), tip));
        if (cell.sd && "v" in cell) svg.append(errors(x.at(at[place]), y, cell, number));
        if ("v" in cell) svg.append(tipped(mark(x.at(at[place]), y.at(cell.v), number, "dot"), tip));
      });
    });
    return svg;
  },

  curves(figure, panel, numbers) {
    const every = figure.panels.flatMap((one) => one.series).flatMap((one) => one.at || []);
    if (!cellsOf(panel).some((cell) => "v" in cell) && !panel.series.some((one) => one.level && "v" in one.level))
      return empty();
    const [width, height] = [figure.columns === 1 ? 860 : figure.columns > 2 ? 320 : 430, 210];
    const axis = panel.axis || figure.axis;
    const y = scale(0, Math.max(100, (extent(cellsOf(panel)) || [0, 0])[1]), height - below([], axis, false), TOP);
    const x = scale(Math.min(...every) / 1.6, Math.max(...every) * 1.6, LEFT, width - 12, true);
    const svg = frame(width, height, {
      metric: panel.metric,
      axis,
      y,
      across: x.ticks.map((tick) => [x.at(tick), short(tick)]),
    });
    if ("floor" in panel)
      svg.append(
        tipped(
          draw("line", {
            x1: LEFT,
            x2: width - 8,
            y1: y.at(panel.floor),
            y2: y.at(panel.floor),
            class: "line dotted",
          }),
          [`random guessing: ${panel.floor}`],
        ),
      );
    panel.series.forEach((one) => {
      const number = numbers.get(one.t);
      if (one.level && "v" in one.level)
        svg.append(
          tipped(
            draw("line", {
              x1: LEFT,
              x2: width - 8,
              y1: y.at(one.level.v),
              y2: y.at(one.level.v),
              class: `c${number % 8} line thin`,
            }),
            cellTip(one.t, "full fine-tuning", one.level),
          ),
        );
      svg.append(
        line(
          (one.c || [])
            .map((cell, place) => ("v" in cell ? [x.at(one.at[place]), y.at(cell.v)] : null))
            .filter(Boolean),
          number,
          "line",
        ),
      );
      (one.c || []).forEach((cell, place) => {
        if (!("v" in cell)) return;
        const ring = (one.rings || []).filter(([at]) => at === place).map(([, name]) => `${name} threshold`);
        if (cell.sd) svg.append(errors(x.at(one.at[place]), y, cell, number));
        if (ring.length)
          svg.append(
            draw("circle", { cx: x.at(one.at[place]), cy: y.at(cell.v), r: 8, class: `c${number % 8} ring` }),
          );
        svg.append(
          tipped(
            mark(x.at(one.at[place]), y.at(cell.v), number, "dot", 3.5),
            cellTip(one.t, `${short(one.at[place])} parameters`, cell),
            ring,
          ),
        );
      });
    });
    return svg;
  },

  scatter(figure, panel, numbers) {
    const points = panel.series.flatMap((one) => one.points || []);
    if (!points.length) return empty();
    const [width, height] = [430, 330];
    const [x, y] = [0, 1].map((axis) => {
      const values = points.map((point) => point[axis]);
      return scale(Math.min(...values), Math.max(...values), axis ? height - 12 : 12, axis ? 12 : width - 12);
    });
    const svg = draw(
      "svg",
      { viewBox: `0 0 ${width} ${height}`, class: "plot", "aria-hidden": "true" },
      draw("rect", { x: 1, y: 1, width: width - 2, height: height - 2, class: "box" }),
    );
    panel.series.forEach((one) =>
      (one.points || []).forEach(([across, up]) =>
        svg.append(tipped(mark(x.at(across), y.at(up), numbers.get(one.t), "dot faint", 3), [one.t])),
      ),
    );
    return svg;
  },

  heat(figure, panel) {
    const places = panel.places || figure.places;
    const values = figure.panels
      .flatMap(cellsOf)
      .filter((cell) => "v" in cell)
      .map((cell) => cell.v);
    const percent = figure.quantity === "percent";
    const [low, high] = percent || !values.length ? [0, 100] : [Math.min(...values), Math.max(...values)];
    const map = (key, name) => {
      if (!cellsOf(panel).some((cell) => key in cell)) return null;
      const stub = Math.min(130, 12 + 6.2 * Math.max(...panel.series.map((one) => one.t.length)));
      const [wide, tall] = [Math.max(30, Math.min(56, (430 - stub) / places.length)), 22];
      const head = 10 + 6.8 * Math.max(...places.map((place) => place.length));
      const svg = draw("svg", {
        viewBox: `0 0 ${stub + wide * places.length + 4} ${head + tall * panel.series.length + 4}`,
        class: `plot ${name}`,
        "aria-hidden": "true",
      });
      places.forEach((place, at) =>
        svg.append(
          text(0, 0, place, {
            class: "tick",
            transform: `translate(${stub + wide * (at + 0.5) + 3},${head - 4}) rotate(-90)`,
          }),
        ),
      );
      panel.series.forEach((one, row) => {
        svg.append(text(stub - 5, head + tall * (row + 0.5) + 4, one.t, { class: "tick end" }));
        one.c.forEach((cell, at) => {
          if (!(key in cell)) return;
          const share = Math.max(0, Math.min(1, (cell[key] - low) / (high - low || 1)));
          const [x, y] = [stub + wide * at, head + tall * row];
          const words = key === "v" ? cell.t : cell.p.t;
          svg.append(
            tipped(
              draw("rect", {
                x,
                y,
                width: wide - 1,
                height: tall - 1,
                class: "c0 heat",
                "fill-opacity": 0.06 + 0.94 * share,
              }),
              cellTip(one.t, places[at], cell, figure.quantity),
            ),
          );
          svg.append(
            text(x + wide / 2, y + tall / 2 + 3.5, words, {
              class: `tick middle value${share > 0.55 ? " dark" : ""}`,
            }),
          );
        });
      });
      return svg;
    };
    const maps = [
      ["v", ""],
      ["pv", "paper"],
    ].map(
      ([key, name]) =>
        map(key, name) &&
        make("div", { class: name || null }, name ? make("p", {}, "published") : "", map(key, name)),
    );
    return maps.some(Boolean) ? make("div", { class: "maps" }, maps.filter(Boolean)) : empty();
  },

  frontier(figure, panel, numbers) {
    const points = panel.series.flatMap((one) => one.points || []);
    if (!points.length) return empty();
    const [width, height] = [320, 230];
    const axis = panel.axis || figure.axis;
    const costs = points.map(([cost]) => cost);
    const scores = points.map(([, score]) => score);
    const pad = (Math.max(...scores) - Math.min(...scores) || 1) * 0.1;
    const y = scale(Math.min(...scores) - pad, Math.max(...scores) + pad, height - below([], axis, false), TOP);
    const x = scale(Math.min(...costs) / 1.25, Math.max(...costs) * 1.25, LEFT + 6, width - 14, true);
    const svg = frame(width, height, {
      metric: panel.metric,
      axis,
      y,
      across: x.ticks.map((tick) => [x.at(tick), short(tick)]),
    });
    const front = (panel.front || []).filter((one) => points.some((point) => `${point}` === `${one}`));
    const whole = front.length === (panel.front || []).length; // else filters have taken a part of it away
    front.forEach(([cost, score], at) => {
      const until = at + 1 < front.length ? front[at + 1][0] : Math.max(...costs);
      const step = at + 1 < front.length ? `V${y.at(front[at + 1][1])}` : "";
      if (whole)
        svg.append(
          draw("path", { d: `M${x.at(cost)} ${y.at(score)}H${x.at(until)}${step}`, class: "line thin" }),
        );
      svg.append(draw("circle", { cx: x.at(cost), cy: y.at(score), r: 8, class: "ring" }));
    });
    panel.series.forEach((one) =>
      (one.points || []).forEach(([cost, score], at) => {
        const area = (one.areas || [])[at];
        svg.append(
          tipped(
            mark(
              x.at(cost),
              y.at(score),
              numbers.get(one.t),
              "dot faint",
              area ? Math.max(2.6, Math.min(7, Math.sqrt(area) / 1.8)) : 4,
            ),
            [one.t, `score ${score}`, `${axis || "cost"} ${cost}`],
          ),
        );
      }),
    );
    return svg;
  },
};

/** A point as a cell: what it is about follows from its runs; a mean over several seeds is of none of them. */
function pointCell(item, runs = []) {
  const seeds = new Set(runs.map((place) => run(item.part, place).seed));
  return { r: runs, S: seeds.size === 1 ? [[...seeds]] : [] };
}

/** A figure with the cells and points that the filters leave, the value of a seed in the place of the mean. */
function chosenFigure(item, figure) {
  if (!active().length) return figure;
  const [seed] = state.chosen.seed;
  const of = (cell) => {
    if (seed === undefined || !("v" in cell)) return cell;
    const [, v, t] = ofSeed(cell, seed) || [];
    return { ...(v === undefined ? {} : { v, t }), ...("pv" in cell ? { pv: cell.pv, p: cell.p } : {}) };
  };
  const panels = figure.panels.map((panel) => {
    const about = (panel.places ? panel : figure).about || [];
    const series = panel.series.map((one) => {
      const stays = (cell, place) => chosenCell(item, figure, panel, one, about[place] || {}, cell);
      const cells = (one.c || []).map((cell, place) => (holds(cell) && stays(cell, place) ? of(cell) : {}));
      const level = one.level && stays(one.level) ? of(one.level) : undefined;
      const places = Object.keys(one.points || []).filter((place) => stays(pointCell(item, one.runs?.[place])));
      const [points, areas] = [one.points, one.areas].map((some) => places.map((place) => some?.[place]));
      return { ...one, c: cells, level, points, areas };
    });
    return { ...panel, series: series.filter((one) => one.level || one.points.length || one.c.some(holds)) };
  });
  return { ...figure, panels };
}

function drawFigure(item, whole, titled) {
  const figure = chosenFigure(item, whole);
  const left = new Set(figure.panels.flatMap((panel) => panel.series).map((one) => one.t));
  const numbers = new Map(
    whole.panels[0].series.map((one, number) => [one.t, number]).filter(([title]) => left.has(title)),
  );
  const panels = figure.panels.map((panel) =>
    make(
      "div",
      { class: "panel" },
      make("p", {}, make("strong", {}, panel.title || ""), panel.said ? ` ${panel.said}` : ""),
      PANELS[figure.kind](figure, panel, numbers),
    ),
  );
  const published = figure.panels.flatMap(cellsOf).some((cell) => "pv" in cell);
  const more = [];
  if (published && figure.kind === "bars") more.push(["diamond", "published"]);
  if (published && figure.kind === "lines") more.push(["dashed", "published: dashed, hollow"]);
  if (figure.kind === "curves")
    more.push(["dotted", "dotted: random guessing; thin: full fine-tuning; ringed: thresholds"]);
  if (figure.kind === "frontier") more.push(["ring", "nothing costs less and scores more"]);
  return make(
    "figure",
    { role: "group", "aria-label": `${figure.title}; the points are in the table below` },
    titled ? make("figcaption", {}, figure.title) : "",
    make("div", { class: `panels columns${Math.min(figure.columns || 2, 3)} ${figure.kind}` }, panels),
    figure.kind === "heat"
      ? ""
      : legend(numbers, { bars: "bars", scatter: "points", frontier: "points" }[figure.kind] || "lines", ...more),
    listed(figure.caption, "notes"),
  );
}

/** Lines that no figure has: [{title, points, tip}], a colour a title. */
function freeLines(lines, axis, metric) {
  const titles = [...new Set(lines.map((one) => one.title))];
  const points = lines.flatMap((one) => one.points);
  const [width, height] = [430, 260];
  const [across, up] = [0, 1].map((place) => points.map((point) => point[place]));
  const pad = (Math.max(...up) - Math.min(...up) || 1) * 0.05;
  const y = scale(Math.min(...up) - pad, Math.max(...up) + pad, height - below([], axis, false), TOP);
  const x = scale(Math.min(0, ...across), Math.max(...across), LEFT + 8, width - 20);
  const svg = frame(width, height, { metric, axis, y, across: x.ticks.map((tick) => [x.at(tick), short(tick)]) });
  for (const one of lines) {
    const number = titles.indexOf(one.title);
    const placed = one.points.map(([at, value]) => [x.at(at), y.at(value)]);
    svg.append(line(placed, number, "line thin"));
    placed.forEach(([left, top], at) =>
      svg.append(
        tipped(
          mark(left, top, number, "dot", 2.6),
          one.tip,
          `${axis.split(",")[0]} ${one.points[at][0]}`,
          `${metric} ${one.points[at][1]}`,
        ),
      ),
    );
  }
  return [svg, legend(new Map(titles.map((title, number) => [title, number])), "lines")];
}
