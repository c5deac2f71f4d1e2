// Charts over time: lines and stacked columns, drawn as SVG and walked with the arrow keys.
// Series differ by dash, point shape and pattern as well as by colour.
const SHAPES = ["circle", "square", "triangle", "diamond"];
const DASHES = [null, "8 4", "2 3", "10 3 2 3"];

function shape(kind, x, y, size, attributes) {
  if (kind === "circle") return svg("circle", { cx: x, cy: y, r: size, ...attributes });
  const at = (points) => points.map(([dx, dy]) => `${(x + dx * size).toFixed(1)},${(y + dy * size).toFixed(1)}`).join(" ");
  const points = {
    square: [[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]],
    triangle: [[0, -1.15], [1.1, 0.9], [-1.1, 0.9]],
    diamond: [[0, -1.3], [1.3, 0], [0, 1.3], [-1.3, 0]],
  }[kind];
  return svg("polygon", { points: at(points), ...attributes });
}

// A faint series is a backdrop: the ink of the text, not a colour of its own.
const tone = (one, index) => (one.faint ? "faint" : `s${index}`);

function keyMark(index, kind, faint) {
  const hue = faint ? "faint" : `s${index}`;
  const picture = svg("svg", { class: "key", width: 26, height: 12, viewBox: "0 0 26 12", "aria-hidden": "true" });
  if (kind === "column") picture.append(svg("rect", { x: 7, y: 1, width: 11, height: 10, class: `area ${hue}` }), hatch(index, 7, 1, 11, 10));
  else {
    picture.append(svg("line", { x1: 1, x2: 25, y1: 6, y2: 6, class: `line ${hue}`, "stroke-dasharray": faint ? null : DASHES[index % 4] }));
    picture.append(shape(SHAPES[index % 4], 13, 6, 3.4, { class: `dot ${hue}` }));
  }
  return picture;
}
// Lines over a bar, so that a second series can be distinguished without colour.
function hatch(index, x, y, width, height) {
  const lines = svg("g", { class: "hatch" });
  if (index === 0 || height <= 0 || width <= 0) return lines;
  const step = index === 1 ? 5 : 3;
  let path = "";
  for (let offset = step; offset < height + width; offset += step) {
    const [x1, y1] = offset <= height ? [x, y + offset] : [x + offset - height, y + height];
    const [x2, y2] = offset <= width ? [x + offset, y] : [x + width, y + offset - width];
    path += `M${x1.toFixed(1)} ${y1.toFixed(1)}L${x2.toFixed(1)} ${y2.toFixed(1)}`;
  }
  lines.append(svg("path", { d: path }));
  return lines;
}
const legend = (series, kind) =>
  el("ul", { class: "legend" }, series.map((one, index) => el("li", {}, keyMark(index, kind, one.faint), bdi(one.name))));

// Round steps around two values, about `count` of them, from the step below the lowest to the one above the highest;
// whole ones where half of a thing cannot be.
function niceScale(low, high, count, integer) {
  const rough = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const fitting = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough * 0.7);
  const step = integer ? Math.max(1, Math.ceil(fitting - 1e-9)) : fitting;
  const [first, last] = [Math.floor(low / step + 1e-9), Math.ceil(high / step - 1e-9)];
  return Array.from({ length: last - first + 1 }, (_, index) => Number(((first + index) * step).toPrecision(12)));
}
// As many decimals as show every step exactly, so that no two labels are equal.
function axisLabels(scale, write) {
  const exact = (digits) => scale.every((value) => write(value, digits, false) === write(value, 8, false));
  const digits = [0, 1, 2, 3, 4, 5, 6].find(exact) ?? 8;
  return scale.map((value) => write(value, digits, true));
}

// Days to label on the axis: firsts of months, or every nth day if there are few.
function dayTicks(first, last, room) {
  const span = last - first;
  const found = [];
  if (span <= 45) {
    const step = Math.max(1, Math.ceil(span / room));
    for (let day = last; day >= first; day -= step) found.unshift([day, shortDay(day)]);
    return found;
  }
  const step = [1, 2, 3, 6, 12].find((months) => span / 30.4 / months <= room) || 12;
  const start = dateOf(first);
  for (let month = start.getUTCMonth() + 1, year = start.getUTCFullYear(); ; month += 1) {
    const day = Math.round(Date.UTC(year, month, 1) / DAY);
    if (day > last) return found;
    const date = dateOf(day);
    if (date.getUTCMonth() % step) continue;
    found.push([day, date.getUTCMonth() === 0 ? String(date.getUTCFullYear()) : MONTHS[date.getUTCMonth()]]);
  }
}

// The part both charts share: a focusable plot with a cursor, a box of values and spoken announcements.
// view: {label, count, x(i), top, bottom, title(i), rows(i) => [{name, text, index, y}], jumps: [i], kind, pick(i): open a point}
function interactive(host, picture, view) {
  const box = el("div", { class: "tip", hidden: true });
  const cursor = svg("g", { class: "cursor" });
  picture.append(cursor);
  const plot = el(
    "div",
    {
      class: "plot", tabindex: "0", role: "application", "aria-roledescription": "chart",
      "aria-label": `${view.label}. ${plural(view.count, "point")}. Left and right arrows move along it, Home and End jump to the ends${view.jumps.length ? `, up and down go to marked events${view.pick ? ", Enter lists the articles of a day" : ""}` : ""}.`,
    },
    picture, box,
  );
  host.append(plot);
  let at = -1;
  function show(index, spoken) {
    at = Math.max(0, Math.min(view.count - 1, index));
    const x = view.x(at);
    const rows = view.rows(at);
    cursor.replaceChildren(svg("line", { x1: x, x2: x, y1: view.top, y2: view.bottom, class: "hair" }));
    for (const row of rows) if (known(row.y)) cursor.append(shape(SHAPES[row.index % 4], x, row.y, 4.5, { class: `dot ${tone(row, row.index)} on` }));
    box.replaceChildren(
      el("p", { class: "tip-title" }, view.title(at)),
      el("ul", {}, rows.map((row) => el("li", {}, known(row.index) && row.index >= 0 ? keyMark(row.index, view.kind, row.faint) : mark(row.sign || "", `tip-sign ${row.kind || ""}`), bdi(row.name, "tip-name"), el("b", {}, row.text)))),
    );
    box.hidden = false;
    const width = plot.clientWidth;
    const half = box.offsetWidth;
    box.style.left = `${Math.max(0, Math.min(width - half, x > width / 2 ? x - half - 14 : x + 14))}px`;
    box.style.top = `${view.top + 4}px`;
    plot.dataset.at = String(at);
    if (spoken) announce(`${view.title(at)}: ${rows.map((row) => `${row.name} ${row.text}`).join(", ")}`);
  }
  function hide() {
    box.hidden = true;
    cursor.replaceChildren();
  }
  function nearest(event) {
    const x = event.clientX - plot.getBoundingClientRect().left;
    let best = 0;
    for (let index = 1; index < view.count; index += 1) if (Math.abs(view.x(index) - x) < Math.abs(view.x(best) - x)) best = index;
    return best;
  }
  plot.addEventListener("pointermove", (event) => show(nearest(event), false));
  plot.addEventListener("pointerdown", (event) => show(nearest(event), false));
  if (view.pick) plot.addEventListener("click", (event) => view.pick(nearest(event), false));
  plot.addEventListener("pointerleave", () => document.activeElement !== plot && hide());
  plot.addEventListener("blur", hide);
  plot.addEventListener("focus", () => show(at < 0 ? view.count - 1 : at, true));
  plot.addEventListener("keydown", (event) => {
    const next = {
      ArrowLeft: () => at - 1, ArrowRight: () => at + 1, Home: () => 0, End: () => view.count - 1,
      PageUp: () => at - 10, PageDown: () => at + 10,
      ArrowUp: () => [...view.jumps].reverse().find((index) => index < at), ArrowDown: () => view.jumps.find((index) => index > at),
    }[event.key];
    if (event.key === "Escape") return hide();
    if (event.key === "Enter" && view.pick && at >= 0) return view.pick(at, true);
    if (!next) return undefined;
    const index = next();
    if (index === undefined) return undefined;
    event.preventDefault();
    return show(index, true);
  });
  return { show };
}

// The values an axis spans, and its steps. From zero where spec.floor or the values say so.
function valueAxis(spec, height) {
  const values = (spec.together || spec.series).flatMap((one) => [...one.values.filter(known), ...(one.band || []).filter(known).flat()]);
  if (spec.log) return logAxis(values);
  let [low, high] = [Math.min(...values), Math.max(...values)];
  if (spec.inverted) {
    const scale = niceScale(1, Math.max(high, 10), 5, true).map((value) => Math.max(1, value));
    return { low: 1, high: scale[scale.length - 1], scale: [...new Set(scale)] };
  }
  const pad = (high - low) * 0.04 || Math.abs(high) * 0.05 || 1;
  if (spec.floor || (low >= 0 && low < (high - low) * 1.2)) low = 0;
  else low -= pad;
  high = spec.ceiling ? Math.min(high + pad, spec.ceiling) : high + pad;
  const scale = niceScale(low, high, height < 200 ? 3 : 5, spec.integer);
  return { low: scale[0], high: scale[scale.length - 1], scale };
}

// Steps of a logarithmic axis, from the one below the lowest value to the one above the highest: 1, 2 and 5 of each
// decade, or the decades alone where there are many.
function logAxis(values) {
  const [least, most] = [Math.max(1, Math.min(...values)), Math.max(2, ...values)];
  const [first, last] = [Math.floor(Math.log10(least)), Math.ceil(Math.log10(most))];
  const factors = last - first > 3 ? [1] : [1, 2, 5];
  const all = Array.from({ length: last - first + 1 }, (_, index) => factors.map((factor) => factor * 10 ** (first + index))).flat();
  const scale = all.slice(all.findLastIndex((value) => value <= least), all.findIndex((value) => value >= most) + 1);
  return { low: scale[0], high: scale.at(-1), scale };
}
// The names of lines at their ends, apart from each other.
function endLabels(picture, series, x, y, top, bottom, most) {
  const ends = series.map((one, index) => ({ one, index, at: one.values.findLastIndex(known) })).filter(({ at }) => at >= 0).map((end) => ({ ...end, y: y(end.one.values[end.at]) })).sort((a, b) => a.y - b.y);
  ends.forEach((end, index) => { end.place = Math.max(end.y, index ? ends[index - 1].place + 14 : top); });
  for (let index = ends.length - 1, limit = bottom; index >= 0; index -= 1, limit = ends[index + 1].place - 14) ends[index].place = Math.min(ends[index].place, limit);
  for (const { one, index, place } of ends) picture.append(svg("text", { x, y: place + 4, class: `end-label s${index}` }, shortened(one.name, most)));
}
const endLetters = (series, width) => Math.min(width >= 1000 ? 26 : 15, Math.max(...series.map((one) => [...one.name].length)));
function shortened(name, most) {
  const letters = [...name];
  return letters.length > most ? `${letters.slice(0, most - 1).join("")}…` : name;
}

// spec: label, days (ascending), log, together (the series of all charts on one scale), series [{name, values, band [[low, high]], days}], format, axis(value, digits), integer,
// steps (true: a value holds until the next), lanes (see 32_lanes.js), pick(day, focus): open a day, inverted, floor (true: from zero), ceiling, height, at (a day to point at).
function lineChart(host, spec) {
  const width = Math.max(260, roomIn(host));
  const plotted = spec.height || (width < 560 ? 240 : 300);
  const height = plotted + lanesHeight(spec.lanes);
  const format = spec.format || whole;
  const many = spec.series.length > 1;
  if (many) host.append(legend(spec.series, "line"));
  const { low, high, scale } = valueAxis(spec, plotted);
  const labels = axisLabels(scale, spec.axis || axisCompact);
  const gutter = Math.max(...labels.map((text) => text.length)) * 7 + 12;
  const dayAt = new Map(spec.days.map((day, index) => [day, index]));
  const named = many && width >= 700 ? endLetters(spec.series, width) : 0;
  const [left, right, top, bottom] = [gutter, width - (named ? named * 8 + 14 : 12), 14, plotted - 26];
  const [first, last] = [spec.days[0], spec.days[spec.days.length - 1]];
  const place = (day) => left + (last === first ? 0.5 : (day - first) / (last - first)) * (right - left);
  const x = (index) => place(spec.days[index]);
  const share = (value) => (spec.log ? Math.log10(Math.max(value, low) / low) / Math.log10(high / low) : (value - low) / (high - low));
  const y = (value) => (spec.inverted ? top + share(value) * (bottom - top) : bottom - share(value) * (bottom - top));
  const picture = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true", focusable: "false" });
  scale.forEach((value, index) => {
    picture.append(svg("line", { x1: left, x2: right, y1: y(value), y2: y(value), class: "grid" }));
    picture.append(svg("text", { x: left - 8, y: y(value) + 4, class: "tick end value" }, labels[index]));
  });
  for (const [day, text] of dayTicks(first, last, (right - left) / 70)) {
    const at = place(day);
    picture.append(svg("line", { x1: at, x2: at, y1: bottom, y2: bottom + 4, class: "axis" }));
    const edge = at > right - 14 ? "end" : at < left + 14 ? "start" : "middle";
    picture.append(svg("text", { x: at, y: bottom + 18, class: `tick ${edge}` }, text));
  }
  picture.append(svg("line", { x1: left, x2: right, y1: bottom, y2: bottom, class: "axis" }));
  const cut = low > 0 && !spec.inverted && !spec.log;
  if (cut) picture.append(svg("path", { class: "axis-break", d: `M${left - 5} ${bottom - 3}l5 -3l-5 -3l5 -3` }));
  spec.series.forEach((one, index) => {
    if (one.band) picture.append(svg("path", { d: bandPath(one.band, x, y), class: `band ${tone(one, index)}` }));
    else if (!many && low === 0) picture.append(svg("path", { d: areaPath(one.values, x, y, bottom, spec.steps), class: `fill s${index}` }));
    picture.append(svg("path", { d: linePath(one.values, x, y, spec.steps), class: `line ${tone(one, index)}`, "stroke-dasharray": one.faint ? null : DASHES[index % 4] }));
    const end = one.values.findLastIndex(known);
    if (end >= 0) picture.append(shape(SHAPES[index % 4], x(end), y(one.values[end]), one.faint ? 2.6 : 4, { class: `dot ${tone(one, index)}` }));
    one.values.forEach((value, i) => {
      const alone = known(value) && !known(one.values[i - 1]) && !known(one.values[i + 1]);
      if (alone) picture.append(shape(SHAPES[index % 4], x(i), y(value), 2.2, { class: `dot ${tone(one, index)}` }));
    });
  });
  if (named) endLabels(picture, spec.series, right + 10, y, top, bottom, named);
  const lanes = spec.lanes || [];
  drawLanes(picture, lanes, { left, right, top: plotted + 2, first, last, place, pick: (day) => spec.pick?.(day, false), named: lanes.length > 1 });
  const eventful = new Set(lanes.flatMap((lane) => [...lane.marks, ...lane.sales].map((one) => one.day)));
  const control = interactive(host, picture, {
    label: spec.label, count: spec.days.length, x, top, bottom: lanes.length ? height : bottom, kind: "line",
    jumps: spec.days.flatMap((day, index) => (eventful.has(day) ? [index] : [])),
    pick: lanes.length && spec.pick ? (index, focus) => spec.pick(spec.days[index], focus) : null,
    title: (index) => `${isoDay(spec.days[index])}${spec.period || ""}`,
    rows: (index) => [
      ...spec.series.map((one, position) => ({
        name: one.name, index: position, faint: one.faint, text: valueText(one, index, format), y: known(one.values[index]) ? y(one.values[index]) : null,
      })),
      ...laneRows(lanes, spec.days[index]),
    ],
  });
  if (dayAt.has(spec.at)) control.show(dayAt.get(spec.at), false);
  if (cut) host.append(el("p", { class: "axis-note" }, `The vertical axis starts at ${labels[0]}, not at 0.`));
  if (spec.log && !spec.quiet) host.append(el("p", { class: "axis-note" }, "The vertical axis is logarithmic: equal steps are equal factors."));
  if (!spec.quiet && spec.series.some((one) => one.band)) host.append(el("p", { class: "axis-note" }, "Line: mean of the 7 days. Band: lowest to highest of those days."));
  if (eventful.size && !spec.quiet) host.append(lanesKey(lanes));
}
function valueText(one, index, format) {
  const [value, day] = [one.values[index], one.days?.[index]];
  if (!one.days) return known(value) ? format(value) : "no data";
  return known(value) ? `${format(value)} (that day ${known(day) ? format(day) : "no data"})` : known(day) ? `no mean (that day ${format(day)})` : "no data";
}

function runs(values) {
  const found = [];
  values.forEach((value, index) => {
    if (!known(value)) return;
    if (index > 0 && known(values[index - 1])) found[found.length - 1].push(index);
    else found.push([index]);
  });
  return found;
}
const pathThrough = (run, values, x, y, steps) => run.map((i, n) => `${n && steps ? `H${x(i).toFixed(1)}` : ""}${n ? "L" : "M"}${x(i).toFixed(1)} ${y(values[i]).toFixed(1)}`).join("");
const linePath = (values, x, y, steps) => runs(values).map((run) => pathThrough(run, values, x, y, steps)).join("");
function bandPath(band, x, y) {
  return runs(band).map((run) => {
    const edge = (side, order) => order.map((i) => `${x(i).toFixed(1)} ${y(band[i][side]).toFixed(1)}`).join("L");
    return `M${edge(1, run)}L${edge(0, [...run].reverse())}Z`;
  }).join("");
}
const areaPath = (values, x, y, bottom, steps) =>
  runs(values).map((run) => `${pathThrough(run, values, x, y, steps)}L${x(run[run.length - 1]).toFixed(1)} ${bottom}L${x(run[0]).toFixed(1)} ${bottom}Z`).join("");

// spec: label, days, series [{name, values}] stacked from the bottom, format, name(day), title(day), height, labelRoom (pixels of a label).
function columnChart(host, spec) {
  const width = Math.max(260, roomIn(host));
  const height = spec.height || (width < 560 ? 220 : 260);
  const format = spec.format || whole;
  if (spec.series.length > 1) host.append(legend(spec.series, "column"));
  const totals = spec.days.map((_, i) => spec.series.reduce((sum, one) => sum + (one.values[i] || 0), 0));
  const scale = niceScale(0, spec.ceiling || Math.max(...totals) || 1, 4, spec.integer);
  const high = scale[scale.length - 1];
  const labels = axisLabels(scale, spec.axis || axisCompact);
  const left = Math.max(...labels.map((text) => text.length)) * 7 + 12;
  const [right, top, bottom] = [width - 8, 12, height - 26];
  const slot = (right - left) / spec.days.length;
  const bar = Math.max(1, Math.min(56, slot * (slot < 6 ? 1 : 0.72)));
  const x = (index) => left + slot * (index + 0.5);
  const y = (value) => bottom - (value / high) * (bottom - top);
  const picture = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true", focusable: "false" });
  scale.forEach((value, index) => {
    picture.append(svg("line", { x1: left, x2: right, y1: y(value), y2: y(value), class: "grid" }));
    picture.append(svg("text", { x: left - 8, y: y(value) + 4, class: "tick end value" }, labels[index]));
  });
  const name = spec.name || shortDay;
  const every = Math.ceil(spec.days.length / Math.max(2, (right - left) / (spec.labelRoom || 76)));
  spec.days.forEach((day, index) => {
    let base = bottom;
    spec.series.forEach((one, position) => {
      const value = one.values[index] || 0;
      if (value <= 0) return;
      const size = bottom - y(value);
      picture.append(svg("rect", { x: x(index) - bar / 2, y: base - size, width: bar, height: size, class: `area s${position}` }));
      if (bar > 4) picture.append(hatch(position, x(index) - bar / 2, base - size, bar, size));
      base -= size;
    });
    if ((spec.days.length - 1 - index) % every) return;
    const edge = x(index) > right - 24 ? "end" : "middle";
    picture.append(svg("text", { x: edge === "end" ? right : x(index), y: bottom + 18, class: `tick ${edge}` }, name(day)));
  });
  picture.append(svg("line", { x1: left, x2: right, y1: bottom, y2: bottom, class: "axis" }));
  interactive(host, picture, {
    label: spec.label, count: spec.days.length, x, top, bottom, jumps: [], kind: "column",
    title: (index) => (spec.title || spec.name || isoDay)(spec.days[index]),
    rows: (index) => spec.series.map((one, position) => ({ name: one.name, index: position, text: known(one.values[index]) ? format(one.values[index]) : "no data", y: null })),
  });
}
