// Small pictures: sparklines, bars inside tables, the calendar of periods.
function sparkline(values, label, options = {}) {
  const [width, height] = [options.width || 96, options.height || 26];
  const shown = values.filter(known);
  if (shown.length < 2) return el("span", { class: "quiet-text" }, DASH);
  const [low, high] = [Math.min(...shown), Math.max(...shown)];
  const span = high - low || 1;
  const x = (index) => 3 + (index / (values.length - 1)) * (width - 8);
  const y = (value) => {
    const part = (value - low) / span;
    return 4 + (options.inverted ? part : 1 - part) * (height - 8);
  };
  const picture = svg("svg", { class: "spark", width, height, viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "xMinYMid", role: "img", "aria-label": label });
  picture.append(svg("path", { d: linePath(values, x, y), class: "line s0" }));
  const end = values.findLastIndex(known);
  picture.append(svg("circle", { cx: x(end), cy: y(values[end]), r: 2.6, class: "dot s0" }));
  return picture;
}

// rows: [{name, value, text, extra, muted}], drawn on one scale from scale[0] to scale[1] which is written under them;
// bars start at zero, wherever on the scale that is.
const SHARES = { from: 0, to: 1, write: (value) => percent(value, 0) };
const fromZero = (rows, write) => ({ from: 0, to: Math.max(...rows.map((row) => row.value), 1), write });
function barList(rows, scale) {
  const at = (value) => ((Math.max(scale.from, Math.min(scale.to, value)) - scale.from) / (scale.to - scale.from)) * 100;
  const zero = at(0);
  const ends = scale.from < 0 ? [scale.from, 0, scale.to] : [scale.from, scale.to];
  const list = el(
    "ul",
    { class: "bars" },
    rows.map((row) => {
      const bar = el("span", { class: `bar ${row.value < 0 ? "minus" : ""} ${row.muted ? "muted" : ""}`, "aria-hidden": "true" });
      bar.style.left = `${Math.min(zero, at(row.value)).toFixed(2)}%`;
      bar.style.width = `${Math.abs(at(row.value) - zero).toFixed(2)}%`;
      return el("li", {}, el("span", { class: "bar-name" }, row.name), el("span", { class: "bar-value" }, row.text, row.extra && el("span", { class: "quiet-text" }, " · ", row.extra)), el("span", { class: `bar-track ${scale.from < 0 ? "centred" : ""}` }, bar));
    }),
  );
  return [list, el("p", { class: "bar-scale", "aria-hidden": "true" }, ends.map((value) => el("span", {}, scale.write(value))))];
}

const STATES = {
  ok: ["Collected", "■"],
  late: ["Late", "◷"],
  missing: ["Gap", "✕"],
  failed: ["Incomplete", "!"],
};
const stateOf = (state) => STATES[state] || [state, "?"];
// One cell per period, all sources on one scale of weeks: days stand in columns of a week, months are as wide as they are long.
function calendar(host, periods, cadence, title, first, last) {
  // Columns begin on Tuesday, on which Steam's weeks begin.
  const weekday = (day) => (dateOf(day).getUTCDay() + 5) % 7;
  const origin = first - weekday(first);
  const columns = Math.ceil((last + (cadence === "monthly" ? 31 : 7) - origin) / 7) + 1;
  const pitch = Math.max(4, Math.min(22, Math.floor(host.clientWidth / columns)));
  const row = Math.min(13, Math.max(6, pitch));
  const gap = pitch > 8 ? 3 : 1;
  const width = Math.min(host.clientWidth, columns * pitch);
  const height = (cadence === "daily" ? 7 : 1.2) * row + 16;
  const [start, end] = [periods[0].period, periods[periods.length - 1].period];
  const bad = periods.filter((one) => one.state !== "ok").length;
  const picture = svg("svg", {
    class: "calendar", width, height, viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": `${title}: ${plural(periods.length, "period")} from ${isoDay(start)} to ${isoDay(end)}, ${bad ? `${bad} not collected` : "all collected"}`,
  });
  let labelled = -99;
  periods.forEach((one) => {
    const week = (one.period - origin) / 7;
    const x = (cadence === "daily" ? Math.floor(week) : week) * pitch;
    const y = (cadence === "daily" ? weekday(one.period) * row : 0) + 15;
    const long = cadence === "monthly" ? new Date(Date.UTC(dateOf(one.period).getUTCFullYear(), dateOf(one.period).getUTCMonth() + 1, 0)).getUTCDate() / 7 : 1;
    const [wide, high] = [Math.max(2, Math.min(long * pitch, width - x) - gap), row - Math.min(gap, 2)];
    const cell = svg("g", { class: `cell ${one.state}` }, svg("title", {}, `${isoDay(one.period)}: ${stateOf(one.state)[0]}${one.why ? `. ${one.why}` : ""}`));
    cell.append(svg("rect", { x: x + 0.5, y: y + 0.5, width: wide, height: high, rx: high > 7 ? 2 : 0 }));
    if (one.state !== "ok") cell.append(svg("path", { class: "cross", d: `M${x + 0.5} ${y + 0.5}l${wide} ${high}M${x + 0.5 + wide} ${y + 0.5}l${-wide} ${high}` }));
    picture.append(cell);
    if (dateOf(one.period).getUTCDate() <= 7 && x - labelled > 34 && x < width - 22) {
      picture.append(svg("text", { x, y: 10, class: "tick start" }, MONTHS[dateOf(one.period).getUTCMonth()]));
      labelled = x;
    }
  });
  host.append(picture);
}

function movementMark(status, places) {
  const words = {
    up: ["▲", "up", whole(places)], down: ["▼", "down", whole(Math.abs(places))], same: ["=", "flat", ""],
    new: ["★", "fresh", "new"], first_seen: ["☆", "fresh", "first seen"], returned: ["↻", "fresh", "returned"], dropped: ["↓", "down", "dropped"],
  }[status];
  if (!words) return el("span", { class: "quiet-text" }, DASH);
  const spoken = { up: `up ${places}`, down: `down ${Math.abs(places)}`, same: "unchanged", new: "new on the chart", first_seen: "first seen; fewer than 28 days were collected before", returned: "returned", dropped: "dropped off the chart" }[status];
  return el("span", { class: `move ${words[1]}` }, hidden(spoken), mark(words[0]), words[2] && el("span", { "aria-hidden": "true" }, ` ${words[2]}`));
}

const gameLink = (app) => el("a", { class: "game", href: `#/games?ids=${APPS.id[app]}` }, bdi(appName(app)));
function priceTag(app) {
  if (APPS.free[app] === 1) return el("span", { class: "tag" }, "Free");
  if (!known(APPS.price[app])) return el("span", { class: "quiet-text" }, known(APPS.free[app]) ? "not for sale" : "not in the US store");
  const off = APPS.discount[app];
  return el("span", {}, off ? [el("span", { class: "tag off" }, `−${off} %`), " "] : null, dollars(APPS.price[app]));
}
