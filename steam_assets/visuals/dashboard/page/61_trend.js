// The chart of one or several games' players, with what happened to them.
const SCALES = { linear: "Linear", log: "Log" };
const METRICS = { peak: ["Peak", "players"], rank: ["Rank", "rank"], index: ["Index", "start of the range = 100"] };
// Whole weeks, and none longer than what was collected.
const RANGES = [...[28, 91, 364].filter((days) => days < DAILY.days).map((days) => [String(days), `${days} days`]), ["all", "All"]];
const USUAL_RANGE = RANGES.some(([range]) => range === "91") ? "91" : "all";

// The first and last day shown, as indices of all days: two chosen dates, or the newest so many days (range).
function chosenDays(params) {
  const last = allDays.length - 1;
  const dated = ["from", "to"].map((name) => namedDay(params.get(name))).map((day) => (known(day) ? day - DAILY.first : null));
  if (dated.every(known) && dated[0] < dated[1] && dated[1] > 0 && dated[0] < last) return { from: Math.max(0, dated[0]), to: Math.min(last, dated[1]), range: null };
  const range = RANGES.some(([one]) => one === params.get("range")) ? params.get("range") : USUAL_RANGE;
  return { from: range === "all" ? 0 : Math.max(0, allDays.length - Number(range)), to: last, range };
}

// Every day with articles; its headlines where the page has them, else a link to the game's news.
function articlesOf(app) {
  const rows = groupBy(panelData("news").rows.filter((row) => row.app === app), "day");
  return markersOf(app).flatMap(({ day, kinds }) =>
    kinds.map((kind) => {
      const found = (rows.get(day) || []).filter((row) => row.kind === kind).map(({ title, url, feed }) => ({ title, url, feed }));
      const missing = { title: `${EVENTS[kind][0]}, headline not in this page`, url: `https://store.steampowered.com/news/app/${APPS.id[app]}`, feed: null };
      return { day, kind, articles: found.length ? found : [missing] };
    }),
  );
}
function lanesOf(picked, params) {
  const left_out = new Set((params.get("hide") || "").split(","));
  return picked.map((app, index) => ({
    name: appName(app), index, app,
    marks: articlesOf(app).filter((one) => !left_out.has(one.kind)),
    sales: left_out.has("sale") ? [] : salesOf(app),
  }));
}
// Toggles for the kinds of events that these games have.
function eventToggles(picked, params) {
  const hidden_ = new Set((params.get("hide") || "").split(",").filter(Boolean));
  const there = lanesOf(picked, new URLSearchParams());
  const kinds = [...Object.keys(EVENTS).filter((kind) => there.some((lane) => lane.marks.some((one) => one.kind === kind))), ...(there.some((lane) => lane.sales.length) ? ["sale"] : [])];
  const titles = { patch: "Patch notes", update: "Announcements", other: "Press", sale: "Sales" };
  return kinds.length > 0 && toggles("Events", kinds.map((kind) => [kind, titles[kind]]), (kind) => !hidden_.has(kind), (kind) => {
    if (!hidden_.delete(kind)) hidden_.add(kind);
    goTo("games", params, { hide: [...hidden_].join(",") });
  });
}
// All articles and sales of a day, to be opened.
function dayEvents(lanes, day) {
  const found = lanes.flatMap((lane) => [
    ...lane.marks.filter((one) => one.day === day).flatMap((one) => one.articles.map((article) => el("li", {}, mark(EVENTS[one.kind][1], `kind ${one.kind}`), " ", lanes.length > 1 && [bdi(lane.name), ": "], webLink(article.title, article.url), el("span", { class: "quiet-text" }, ` · ${EVENTS[one.kind][0].toLowerCase()}`, article.feed && [", ", bdi(article.feed)])))),
    ...lane.sales.filter((one) => day >= one.day && day <= one.last).map((one) => el("li", {}, mark(SALE[1], "kind sale"), " ", lanes.length > 1 && [bdi(lane.name), ": "], one.text)),
  ]);
  return [el("h3", { tabindex: "-1" }, isoDay(day)), found.length ? el("ul", {}, found) : el("p", { class: "quiet-text" }, "No article and no sale on this day.")];
}

function trendPanel(picked, params) {
  const metric = METRICS[params.get("metric")] ? params.get("metric") : "peak";
  const { from, to, range } = chosenDays(params);
  const days = allDays.slice(from, to + 1);
  const cutOut = (values) => values.slice(from, to + 1);
  const raw = picked.map((app) => series(app, metric === "rank" ? "rank" : "peak"));
  const line = metric === "rank" ? "daily" : chosenLine(params.get("line"), raw.some((values) => weekMeans(values).some(known)));
  const lines = picked.map((app, index) => {
    const whole_ = dailyLine(appName(app), raw[index], line);
    const cut = { ...whole_, ...Object.fromEntries(["values", "band", "days"].filter((part) => whole_[part]).map((part) => [part, cutOut(whole_[part])])) };
    const base = cut.values.find(known);
    if (metric !== "index" || !known(base)) return cut;
    const scaled = (value) => (known(value) ? (value / base) * 100 : null);
    return { ...cut, values: cut.values.map(scaled), ...(cut.band ? { band: cut.band.map((ends) => ends && ends.map(scaled)), days: cut.days.map(scaled) } : {}) };
  });
  const anything = lines.some((one) => one.values.some(known));
  const lanes = lanesOf(picked, params);
  const choose = (name) => (value) => goTo("games", params, { [name]: value });
  const log = metric !== "rank" && params.get("scale") === "log";
  const at = namedDay(params.get("at"));
  const opened = el("div", { class: "day-events" });
  const pick = (day, focus) => {
    opened.replaceChildren();
    put(opened, dayEvents(lanes, day));
    if (focus) opened.querySelector("h3").focus();
  };
  const chart = (host, series, more) => lineChart(host, { label: `${METRICS[metric][0]} of ${series.map((one) => one.name).join(", ")}`, days, series, inverted: metric === "rank", log, integer: metric !== "index", format: metric === "index" ? (value) => decimal(value, 1) : whole, axis: metric === "peak" ? axisCompact : axisNumber, at, pick, ...more });
  // A line of a game also breaks where it was off the chart.
  const breaks = line === "mean" ? "A 7-day mean needs seven days on the collected charts, so one day without leaves seven days blank." : "The line breaks where a day was not collected or the game was off the chart.";
  const title = { peak: "Daily peak players", rank: "Rank by players", index: "Daily peak players, indexed" }[metric];
  return panel({
    chart: "Steam (most_played)", key: "players", title, note: `${{ peak: "Peak: most players in the 24 hours before Steam's count.", rank: "Rank among the most played, by players at Steam's count; 1 is at the top.", index: `Each game's first ${line === "mean" ? "7-day mean" : "collected day"} in the range is 100.` }[metric]} ${breaks}`,
    size: "full", asOf: PLAYERS.as_of, unit: METRICS[metric][1], method: `${PLAYERS.method} ${panelData("news").note || ""}`.trim(),
    empty: PLAYERS.why || (anything ? null : line === "mean" ? "No full week of these games in this range; choose Daily." : "None of these games was on the daily chart in this range."),
    tools: [metric !== "rank" && segmented("Line", Object.entries(LINES), line, choose("line")), segmented("Measure", Object.entries(METRICS).map(([key, [name]]) => [key, name]), metric, choose("metric")), metric !== "rank" && segmented("Scale", Object.entries(SCALES), log ? "log" : "linear", choose("scale")), RANGES.length > 1 && segmented("Range", RANGES, range, (value) => goTo("games", params, { range: value, from: null, to: null })), eventToggles(picked, params)],
    sheet: () => {
      const rows = picked.flatMap((app) => {
        const [peaks, means, ranks] = [series(app, "peak"), weekMeans(series(app, "peak")), series(app, "rank")].map(cutOut);
        return days.map((day, index) => ({ app, day, peak: peaks[index], mean: means[index], rank: ranks[index] })).filter((row) => known(row.peak));
      });
      return sheetOf({ name: "most_played-players", from: "most_played", key: (row) => row.day, rows, columns: { day: (row) => isoDay(row.day), ...ofApp, rank: (row) => row.rank, players_peak: (row) => row.peak, peak_7d_mean: (row) => row.mean } });
    },
    body: (host) => {
      if (picked.length <= MOST_LINES) chart(host, lines, { lanes, height: host.clientWidth < 560 ? 260 : 360 });
      else {
        const places = lines.map((one) => el("div", {}, el("h3", {}, bdi(one.name)), el("div", { class: "plot-place" })));
        put(host, el("div", { class: "multiples" }, places));
        lines.forEach((one, index) => one.values.some(known) ? chart(places[index].lastChild, [one], { together: lines, lanes: [lanes[index]], height: 190, quiet: true }) : put(places[index].lastChild, el("p", { class: "quiet-text" }, "Not on the chart in this range.")));
        put(host, el("p", { class: "axis-note" }, `All charts have the same ${log ? "logarithmic " : ""}scale.${line === "mean" ? " Line: mean of the 7 days. Band: lowest to highest of those days." : ""}`), lanesKey(lanes));
      }
      if (lanes.some((lane) => lane.marks.length || lane.sales.length)) put(host, el("p", { class: "quiet-text" }, "Open an article by its mark, or select a day to list all of its articles."), opened);
      if (known(at)) pick(at, false);
      if (allDays.length > 7) brush(host, { days: allDays, lines: raw.slice(0, MOST_LINES), from, to, choose: (first, last) => goTo("games", params, { from: isoDay(allDays[first]), to: isoDay(allDays[last]), range: null }) });
    },
  });
}
