// Games: find, compare up to ten, and what is known of each.
const MOST_COMPARED = 10;
// More lines than these are told apart badly in one chart; each game gets one of its own then.
const MOST_LINES = 4;
const SCALES = { linear: "Linear", log: "Log" };
const METRICS = { peak: ["Peak", "players"], rank: ["Rank", "rank"], index: ["Index", "start of the range = 100"] };
// Whole weeks, and none longer than what was collected.
const RANGES = [...[28, 91, 364].filter((days) => days < DAILY.days).map((days) => [String(days), `${days} days`]), ["all", "All"]];
const USUAL_RANGE = RANGES.some(([range]) => range === "91") ? "91" : "all";
let gameQuery = "";

function games(params) {
  const ids = (params.get("ids") || "").split(",").map(Number).filter((id) => appIndex.has(id));
  const picked = [...new Set(ids)].slice(0, MOST_COMPARED).map((id) => appIndex.get(id));
  const parts = [pageHead(picked.length === 1 ? appName(picked[0]) : picked.length ? "Compare games" : "Games", picked.length ? "Daily peaks with news and updates." : "Search for up to ten games to compare, or open one from the table."), searchBox(picked, params)];
  const shown = el("div", { class: "grid" });
  if (picked.length) shown.append(trendPanel(picked, params), ...picked.map((app) => factsPanel(app, picked.length)), monthsPanel(picked), effectsPanel("full", picked), ...(picked.length === 1 ? [sentimentPanel(picked[0]), newsOfGame(picked[0])] : []));
  else shown.append(allGamesPanel(params));
  return [...parts, shown];
}
function gamesRoute(picked, params, more = {}) {
  const next = new URLSearchParams(params);
  next.delete("at");
  if (picked.length) next.set("ids", picked.map((app) => APPS.id[app]).join(","));
  else next.delete("ids");
  for (const [key, value] of Object.entries(more)) next.set(key, value);
  return `#/games${next.size ? `?${decodeURIComponent(next.toString())}` : ""}`;
}

function searchBox(picked, params) {
  const list = el("ul", { class: "results", id: "game-results", role: "listbox", "aria-label": "Games found", hidden: true });
  const full = picked.length >= MOST_COMPARED;
  const input = el("input", { id: "game-search", type: "search", role: "combobox", autocomplete: "off", spellcheck: "false", "aria-expanded": "false", "aria-controls": "game-results", "aria-autocomplete": "list", placeholder: full ? "Ten games at most" : "Name, initials or app ID", disabled: full });
  input.value = gameQuery;
  let found = [];
  let at = -1;
  const choose = (app) => {
    gameQuery = "";
    location.hash = gamesRoute([...picked, app], params);
  };
  function mark_(index) {
    at = index;
    [...list.children].forEach((item, position) => item.setAttribute("aria-selected", position === at ? "true" : "false"));
    if (at >= 0) {
      input.setAttribute("aria-activedescendant", list.children[at].id);
      list.children[at].scrollIntoView({ block: "nearest" });
    } else input.removeAttribute("aria-activedescendant");
  }
  function search() {
    gameQuery = input.value;
    const wanted = gameQuery.trim();
    found = wanted ? matching(wanted).filter((app) => !picked.includes(app)) : [];
    const shown = found.slice(0, 8);
    list.replaceChildren(...shown.map((app, index) => el("li", { id: `result-${index}`, role: "option", "aria-selected": "false", onpointerdown: (event) => { event.preventDefault(); choose(app); } }, bdi(appName(app)), el("span", { class: "quiet-text" }, ` ${APPS.id[app]}`))));
    list.hidden = !shown.length;
    input.setAttribute("aria-expanded", shown.length ? "true" : "false");
    mark_(-1);
    if (wanted) announce(found.length ? `${plural(found.length, "game")} found` : "No game found");
    none.hidden = !wanted || found.length > 0;
  }
  const none = el("p", { class: "quiet-text", hidden: true }, "No game found. The data has the games that were on a chart.");
  input.addEventListener("input", search);
  input.addEventListener("blur", () => { list.hidden = true; input.setAttribute("aria-expanded", "false"); });
  input.addEventListener("keydown", (event) => {
    const count = list.children.length;
    if (event.key === "ArrowDown" && count) mark_((at + 1) % count);
    else if (event.key === "ArrowUp" && count) mark_((at - 1 + count) % count);
    else if (event.key === "Enter" && count) choose(found[Math.max(0, at)]);
    else if (event.key === "Escape") { input.value = ""; search(); }
    else return;
    event.preventDefault();
  });
  const chips = picked.map((app, index) => el("li", {}, picked.length <= MOST_LINES && keyMark(index, "line"), bdi(appName(app)), el("button", { type: "button", "aria-label": `Remove ${appName(app)}`, onclick: () => { location.hash = gamesRoute(picked.filter((one) => one !== app), params); } }, "✕")));
  return el("div", { class: "finder" }, el("div", { class: "search" }, el("label", { for: "game-search" }, picked.length ? "Add a game" : "Find a game"), input, list, none), picked.length ? el("ul", { class: "chips", "aria-label": "Games compared" }, chips) : null);
}
// Names without case, accents, marks and punctuation: "Baldur's Gate 3" is "baldurs gate 3".
const ROMAN = { ii: "2", iii: "3", iv: "4", v: "5", vi: "6", vii: "7", viii: "8", ix: "9", x: "10", xi: "11", xii: "12", xiii: "13", xiv: "14", xv: "15", xvi: "16" };
const folded = (text) => text.normalize("NFKD").replace(/[\p{M}'’‘`´™®©]/gu, "").toLowerCase().replace(/[^\p{L}\p{N}]+/gu, " ").trim();
const initials = (words) => words.map((word) => (/^\d+$/.test(word) ? word : [...word][0])).join("");
let searchIndex = null;
function namesFolded() {
  searchIndex ??= APPS.name.map((_, app) => {
    const words = folded(appName(app)).split(" ").filter(Boolean);
    const digits = words.map((word) => ROMAN[word] || word);
    return { words: [...words, ...digits], joined: [words.join(""), digits.join("")], short: [initials(words), initials(digits), initials(words.map((word) => (ROMAN[word] ? word : [...word][0])).flatMap((word) => (ROMAN[word] ? [...word] : [word])))] };
  });
  return searchIndex;
}
// 0 the best: the whole name, its beginning, initials ("cs2", "gta5"), every word begun in any order, any place in it.
function matching(wanted) {
  const asked = folded(wanted).split(" ").filter(Boolean);
  const joined = asked.join("");
  const scored = [];
  namesFolded().forEach(({ words, joined: whole_, short }, app) => {
    const name = appName(app).toLowerCase();
    const exact = name === wanted.toLowerCase() || String(APPS.id[app]) === wanted;
    const grade = exact ? 0 : !joined ? (name.includes(wanted.toLowerCase()) ? 4 : -1)
      : whole_.some((one) => one === joined) ? 0 : whole_.some((one) => one.startsWith(joined)) ? 1
      : joined.length > 1 && short.some((one) => one.startsWith(joined)) ? 2
      : asked.every((part) => words.some((word) => word.startsWith(part))) ? 3
      : joined.length > 2 && whole_.some((one) => one.includes(joined)) ? 4 : -1;
    if (grade >= 0) scored.push([grade, app]);
  });
  return scored.sort((a, b) => a[0] - b[0] || a[1] - b[1]).map(([, app]) => app);
}

// Every day with articles; its headlines where the page has them.
function eventsOf(app) {
  const rows = groupBy(panelData("news").rows.filter((row) => row.app === app), "day");
  return markersOf(app).flatMap(({ day, kinds }) =>
    kinds.flatMap((one) => {
      const kind = one === "other" ? "news" : "update";
      const titles = (rows.get(day) || []).filter((row) => row.kind === one).map((row) => row.title);
      return (titles.length ? titles : [`${{ patch: "Patch notes", update: "Announcement", other: "Press" }[one]}, headline not in this page`]).map((title) => ({ day, kind, title, app }));
    }),
  );
}
function trendPanel(picked, params) {
  const metric = METRICS[params.get("metric")] ? params.get("metric") : "peak";
  const range = RANGES.some(([one]) => one === params.get("range")) ? params.get("range") : USUAL_RANGE;
  const days = range === "all" ? allDays : allDays.slice(-Number(range));
  const from = allDays.length - days.length;
  const raw = picked.map((app) => series(app, metric === "rank" ? "rank" : "peak"));
  const line = metric === "rank" ? "daily" : chosenLine(params.get("line"), raw.some((values) => weekMeans(values).some(known)));
  const lines = picked.map((app, index) => {
    const whole_ = dailyLine(appName(app), raw[index], line);
    const cut = { ...whole_, ...Object.fromEntries(["values", "band", "days"].filter((part) => whole_[part]).map((part) => [part, whole_[part].slice(from)])) };
    const base = cut.values.find(known);
    if (metric !== "index" || !known(base)) return cut;
    const scaled = (value) => (known(value) ? (value / base) * 100 : null);
    return { ...cut, values: cut.values.map(scaled), ...(cut.band ? { band: cut.band.map((ends) => ends && ends.map(scaled)), days: cut.days.map(scaled) } : {}) };
  });
  const anything = lines.some((one) => one.values.some(known));
  // With several games only updates are marked, or the marks would hide the lines.
  const markers = picked.flatMap((app) => eventsOf(app).filter((one) => picked.length === 1 || one.kind === "update").map((one) => ({ ...one, title: picked.length > 1 ? `${appName(app)}: ${one.title}` : one.title })));
  const choose = (key) => (value) => { location.hash = gamesRoute(picked, params, { [key]: value }); };
  const log = metric !== "rank" && params.get("scale") === "log";
  const chart = (host, series, more) => lineChart(host, { label: `${METRICS[metric][0]} of ${series.map((one) => one.name).join(", ")}`, days, series, inverted: metric === "rank", log, integer: metric !== "index", format: metric === "index" ? (value) => decimal(value, 1) : whole, axis: metric === "peak" ? axisCompact : axisNumber, at: params.has("at") ? dayOf(params.get("at")) : null, ...more });
  const sliced = (app, of) => series(app, of).slice(from);
  return panel({
    chart: "Steam (most_played)", title: { peak: "Daily peak players", rank: "Rank by players", index: "Daily peak players, indexed" }[metric], note: { peak: "Peak: most players in the 24 hours before Steam's count.", rank: "Rank among the most played; 1 is at the top.", index: `Each game's first ${line === "mean" ? "7-day mean" : "collected day"} in the range is 100.` }[metric],
    size: "full", asOf: PLAYERS.as_of, unit: METRICS[metric][1], method: `${PLAYERS.method} ${panelData("news").note || ""}`.trim(),
    empty: PLAYERS.why || (anything ? null : line === "mean" ? "No full week of these games in this range; choose Daily." : "None of these games was on the daily chart in this range."),
    tools: [metric !== "rank" && segmented("Line", Object.entries(LINES), line, choose("line")), segmented("Measure", Object.entries(METRICS).map(([key, [title]]) => [key, title]), metric, choose("metric")), metric !== "rank" && segmented("Scale", Object.entries(SCALES), log ? "log" : "linear", choose("scale")), RANGES.length > 1 && segmented("Range", RANGES, range, choose("range"))],
    sheet: () => {
      const rows = picked.flatMap((app) => {
        const [peaks, means, ranks] = [sliced(app, "peak"), weekMeans(series(app, "peak")).slice(from), sliced(app, "rank")];
        return days.map((day, index) => ({ app, day, peak: peaks[index], mean: means[index], rank: ranks[index] })).filter((row) => known(row.peak));
      });
      return sheetOf({ name: "most_played-players", from: "most_played", key: (row) => row.day, rows, columns: { day: (row) => isoDay(row.day), ...ofApp, rank: (row) => row.rank, players_peak: (row) => row.peak, peak_7d_mean: (row) => row.mean } });
    },
    body: (host) => {
      if (picked.length <= MOST_LINES) return chart(host, lines, { markers, height: host.clientWidth < 560 ? 260 : 360 });
      const places = lines.map((one) => el("div", {}, el("h3", {}, bdi(one.name)), el("div", { class: "plot-place" })));
      put(host, el("div", { class: "multiples" }, places));
      lines.forEach((one, index) => one.values.some(known) ? chart(places[index].lastChild, [one], { together: lines, markers: markers.filter((event) => event.app === picked[index]), height: 190, quiet: true }) : put(places[index].lastChild, el("p", { class: "quiet-text" }, "Not on the chart in this range.")));
      return put(host, el("p", { class: "axis-note" }, `All charts have the same ${log ? "logarithmic " : ""}scale.${line === "mean" ? " Line: mean of the 7 days. Band: lowest to highest of those days." : ""} ◆ update`));
    },
  });
}

const highestOf = (values) => values.reduce((top, value, index) => (known(value) && (top < 0 || value > values[top]) ? index : top), -1);
const lastEffect = (app) => panelData("effects").rows.filter((row) => row.app === app && known(row.net)).reduce((best, row) => (!best || row.day > best.day ? row : best), null);
const outward = (app) => el("span", { class: "date" }, webLink("Store", `https://store.steampowered.com/app/${APPS.id[app]}/`), " · ", webLink("SteamDB", `https://steamdb.info/app/${APPS.id[app]}/`));

function watchButton(app) {
  const button = el("button", { type: "button", class: "more watch" });
  const draw = () => {
    button.setAttribute("aria-pressed", watched(app) ? "true" : "false");
    button.replaceChildren(mark(watched(app) ? "★ " : "☆ "), "Watch", hidden(` ${appName(app)}`));
  };
  button.addEventListener("click", () => {
    watch(app, !watched(app));
    draw();
    announce(watched(app) ? `${appName(app)} is on the watchlist` : `${appName(app)} is off the watchlist`);
  });
  draw();
  return button;
}

function factsPanel(app, count) {
  const trend = panelData("trend").rows.find((row) => row.app === app);
  const moves = panelData("moves");
  const week = newest(moves.rows, "week");
  const seller = moves.rows.find((row) => row.app === app && row.week === week);
  const score = panelData("scores").rows.find((row) => row.app === app && !row.off_topic);
  const effect = lastEffect(app);
  const values = series(app, "peak");
  const best = highestOf(values);
  const change = (days) => [`${days}-day change`, trend && known(trend[`peak_change_${days}d`]) ? delta(trend[`peak_change_${days}d`]) : DASH];
  const facts = [
    [["24-hour peak, ", date(lastDay)], known(values.at(-1)) ? whole(values.at(-1)) : "off the chart"],
    ["7-day mean of peaks", trend ? whole(trend.peak_7d_mean) : DASH],
    ...CHANGES.map(change),
    ["Rank", trend && known(trend.rank) ? [`${trend.rank} `, movementMark(trend.status, trend.rank_change)] : "off the chart"],
    [["Highest peak since ", date(DAILY.first)], best >= 0 ? [`${whole(values[best])} on `, date(allDays[best])] : DASH],
    ["Days on the chart", trend ? `${trend.days_on_chart}, ${trend.streak_days} in a row` : DASH],
    ["Net effect of the last update", effect ? [delta(effect.net), " (", date(effect.day), ")"] : DASH],
    ["Weekly top sellers", seller && known(seller.rank) ? [`rank ${seller.rank} `, movementMark(seller.status, seller.movement), ` · ${plural(seller.streak, "week")} in a row`] : "not in the newest week"],
    ["Price in the US", priceTag(app)],
    ["Reviews", score ? [el("a", { href: `#/reviews?app=${APPS.id[app]}` }, `${percent(score.share)} of ${whole(score.total)}`), " positive"] : DASH],
    ["Adjusted score", score ? percent(score.adjusted) : DASH],
    ["Elsewhere", outward(app)],
  ];
  const asOf = [PLAYERS.as_of, moves.asOf, panelData("scores").asOf].filter(known);
  return panel({
    title: appName(app), note: `App ${APPS.id[app]} · ${APPS.type[app] || "type unknown"}${APPS.early[app] === 1 ? " · early access" : ""}`, tools: [watchButton(app)], size: count === 2 || count === 4 ? "half" : "third", asOf: asOf.length ? Math.max(...asOf) : null, unit: "players, ranks, shares", plainTable: true,
    method: `Peaks: ${PLAYERS.method} Changes: ${panelData("trend").method} Scores: ${panelData("scores").method}`,
    sheet: () => factsSheet(app, { trend, seller, score, effect, best: best >= 0 ? { day: allDays[best], peak: values[best] } : null }),
    body: (host) => put(host, el("dl", { class: "facts-list" }, facts.map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]))),
  });
}
// One number per row, each with the table and the partition it stands in.
function factsSheet(app, { trend, seller, score, effect, best }) {
  const rows = [];
  const add = (from, key, found, names) => found && Object.entries(names).forEach(([measure, name]) => known(found[name]) && rows.push({ app, from, key, measure, value: found[name] }));
  const own = (...names) => Object.fromEntries(names.map((name) => [name, name]));
  add(panelData("trend").table, trend?.day, trend, { ...own("rank", "players_now", "players_peak", "peak_7d_mean", ...CHANGES.map((days) => `peak_change_${days}d`), "players_gained_7d", "days_on_chart", "streak_days", "best_rank"), rank_change_1d: "rank_change" });
  add("most_played", best?.day, best, { highest_peak: "peak" });
  add(panelData("moves").table, seller?.week, seller, { ...own("rank", "previous_rank", "movement", "weeks_on_chart", "best_rank"), streak_weeks: "streak", price_cents: "price" });
  add(panelData("scores").table, score?.week, score, { total_reviews: "total", total_positive: "positive", positive_share: "share", adjusted_score: "adjusted", wilson_lower: "wilson" });
  add(panelData("effects").table, effect && tuesdayOf(effect.day), effect, { net_effect: "net", change: "change", market_change: "market" });
  return sheetOf({ name: `facts-${APPS.id[app]}`, from: (row) => row.from, key: (row) => row.key, rows, columns: { ...ofApp, measure: (row) => row.measure, value: (row) => row.value } });
}

const FULL_MONTH_DAYS = 21;
function monthsPanel(picked) {
  const rows = picked.flatMap((app) => {
    const months = new Map();
    series(app, "peak").forEach((value, index) => {
      if (!known(value)) return;
      const month = dayOf(`${isoDay(allDays[index]).slice(0, 7)}-01`);
      if (!months.has(month)) months.set(month, { app, month, values: [], last: 0 });
      months.get(month).values.push(value);
      months.get(month).last = allDays[index];
    });
    for (const row of months.values()) {
      row.days = row.values.length;
      row.mean = row.values.reduce((sum, value) => sum + value, 0) / row.days;
      row.peak = Math.max(...row.values);
      const before = months.get(monthBefore(row.month));
      // Few days may be weekends alone.
      const both = before && Math.min(row.days, before.days) >= FULL_MONTH_DAYS;
      row.gain = both ? row.mean - before.mean : null;
      row.share = both ? row.mean / before.mean - 1 : null;
    }
    return [...months.values()].reverse();
  });
  const columns = [
    { key: "month", title: "Month", cell: (row) => monthName(row.month), sort: (row) => row.month },
    ...(picked.length > 1 ? [{ key: "game", title: "Game", className: "name-cell", cell: (row) => bdi(appName(row.app)), sort: (row) => appName(row.app) }] : []),
    { key: "mean", title: "Mean daily peak", num: true, cell: (row) => whole(row.mean), sort: (row) => row.mean },
    { key: "gain", title: "Gain", num: true, drop: 1, cell: (row) => signedWhole(row.gain), sort: (row) => row.gain },
    { key: "share", title: "Gain, %", num: true, cell: (row) => delta(row.share), sort: (row) => row.share },
    { key: "peak", title: "Highest peak", num: true, drop: 1, cell: (row) => whole(row.peak), sort: (row) => row.peak },
    { key: "days", title: "Days", num: true, drop: 1, cell: (row) => whole(row.days), sort: (row) => row.days },
  ];
  return panel({
    title: "Month by month", size: picked.length === 1 ? "two-thirds" : "full", asOf: PLAYERS.as_of, unit: "players", method: `Mean and maximum of the daily peaks collected in the month. Gain: against the calendar month before, where both have at least ${FULL_MONTH_DAYS} collected days. Days: collected days with the game on the chart.`, plainTable: true,
    empty: PLAYERS.why || (rows.length ? null : "None of these games was on the daily chart."),
    sheet: () => sheetOf({ name: "most_played-months", from: "most_played", key: (row) => row.last, rows, columns: { month: (row) => isoDay(row.month), ...ofApp, mean_daily_peak: (row) => row.mean, gain: (row) => row.gain, gain_share: (row) => row.share, highest_peak: (row) => row.peak, days: (row) => row.days } }),
    body: (host) => put(host, sortableTable({ columns, rows, caption: "Players by month", headColumn: 0, limit: 13 })),
  });
}

const GAME_FILTERS = { all: ["All", () => true], free: ["Free", (row) => APPS.free[row.app] === 1], paid: ["Paid", (row) => APPS.free[row.app] === 0], discounted: ["Discounted", (row) => Boolean(APPS.discount[row.app])], watched: ["Watchlist", (row) => watched(row.app)], new: ["New", (row) => ["new", "first_seen"].includes(row.status)] };
function allGamesPanel(params) {
  const trend = panelData("trend");
  const all = trend.rows.filter((row) => known(row.rank));
  const filter = Object.hasOwn(GAME_FILTERS, params.get("show") ?? "") ? params.get("show") : "all";
  const days = Math.min(28, DAILY.days);
  const rows = all.filter(GAME_FILTERS[filter][1]).map((row) => {
    const values = series(row.app, "peak");
    return { ...row, recent: values.slice(-days), highest: values[highestOf(values)] ?? null, effect: lastEffect(row.app) };
  });
  const columns = [
    { key: "rank", title: "#", num: true, low: true, className: "rank-cell", cell: (row) => row.rank, sort: (row) => row.rank },
    { key: "name", title: "Game", className: "name-cell", cell: (row) => gameLink(row.app), sort: (row) => appName(row.app).toLowerCase() },
    { key: "move", title: "1 day", drop: 1, cell: (row) => movementMark(row.status, row.rank_change), sort: (row) => row.rank_change, num: true },
    { key: "peak", title: "24 h peak", num: true, cell: (row) => whole(row.players_peak), sort: (row) => row.players_peak },
    { key: "mean", title: "7-day mean", num: true, drop: 2, cell: (row) => whole(row.peak_7d_mean), sort: (row) => row.peak_7d_mean },
    { key: "change", title: "7 days", num: true, cell: (row) => delta(row.peak_change_7d), sort: (row) => row.peak_change_7d },
    { key: "month", title: "28 days", num: true, drop: 1, cell: (row) => delta(row.peak_change_28d), sort: (row) => row.peak_change_28d },
    { key: "spark", title: `Last ${plural(days, "day")}`, drop: 2, cell: (row) => sparkline(row.recent, `Peak over ${plural(row.recent.filter(known).length, "day")}, now ${whole(row.players_peak)}`) },
    { key: "highest", title: "Highest", num: true, drop: 2, cell: (row) => whole(row.highest), sort: (row) => row.highest },
    { key: "effect", title: "Last update, net", num: true, drop: 2, cell: (row) => (row.effect ? el("a", { href: `#/games?ids=${APPS.id[row.app]}&at=${isoDay(row.effect.day)}&range=all`, "aria-label": `${signed(row.effect.net)} around the update of ${isoDay(row.effect.day)}` }, delta(row.effect.net)) : DASH), sort: (row) => row.effect?.net },
    { key: "price", title: "Price", drop: 1, cell: (row) => priceTag(row.app), sort: (row) => APPS.price[row.app] ?? 0, num: true },
    { key: "links", title: "Elsewhere", drop: 2, cell: (row) => outward(row.app) },
  ];
  return panel({
    title: "Most played", note: all.length ? `Chart of ${isoDay(newest(all, "day"))}. Changes: of the 7-day mean. Highest: peak since ${isoDay(DAILY.first)}.` : null, size: "full", asOf: trend.asOf, unit: "players", method: trend.method, plainTable: true, empty: trend.why || (all.length ? (rows.length ? null : filter === "watched" ? "No game on this chart is on your watchlist; open a game and choose Watch." : "No game on this chart fits the filter.") : "The newest chart has no games."),
    tools: [segmented("Show", Object.entries(GAME_FILTERS).map(([key, [title]]) => [key, title]), filter, (value) => { location.hash = gamesRoute([], params, { show: value }); })],
    sheet: () => sheetOf({ name: "player_trend", from: trend.table, key: (row) => row.day, rows, columns: { day: (row) => isoDay(row.day), rank: (row) => row.rank, ...ofApp, status: (row) => row.status, rank_change_1d: (row) => row.rank_change, ...Object.fromEntries(["players_now", "players_peak", "peak_7d_mean", ...CHANGES.map((one) => `peak_change_${one}d`), "players_gained_7d", "days_on_chart", "streak_days", "best_rank"].map((name) => [name, (row) => row[name]])) } }),
    body: (host) => put(host, sortableTable({ columns, rows, caption: "Most played games", limit: 50, order: { key: "rank", down: false } })),
  });
}

function effectsPanel(size, picked) {
  const effects = panelData("effects");
  const given = effects.rows.filter((row) => !picked || picked.includes(row.app));
  const rows = picked ? [...given].sort((a, b) => b.day - a.day) : given.filter((row) => known(row.net)).sort((a, b) => b.day - a.day || Math.abs(b.net) - Math.abs(a.net)).slice(0, 40).sort((a, b) => Math.abs(b.net) - Math.abs(a.net)).slice(0, 8);
  const columns = [
    { key: "day", title: "Day", cell: (row) => el("a", { href: `#/games?ids=${APPS.id[row.app]}&at=${isoDay(row.day)}&range=all` }, isoDay(row.day)), sort: (row) => row.day, num: true, className: "left" },
    ...(picked && picked.length === 1 ? [] : [{ key: "game", title: "Game", className: "name-cell", cell: (row) => gameLink(row.app), sort: (row) => appName(row.app) }]),
    ...(picked ? [{ key: "title", title: "Update", className: "wrap", drop: picked.length > 1 ? 1 : null, cell: (row) => [row.title === null ? el("span", { class: "quiet-text" }, "headline not in this page") : bdi(row.title), row.updates > 1 ? ` and ${row.updates - 1} more` : "", row.patch ? el("span", { class: "tag" }, "patch notes") : null] }] : []),
    { key: "change", title: "Players", num: true, drop: 1, cell: (row) => signed(row.change), sort: (row) => row.change },
    { key: "market", title: "Market", num: true, drop: 1, cell: (row) => signed(row.market), sort: (row) => row.market },
    { key: "net", title: "Net", num: true, cell: (row) => (row.few ? el("span", { class: "quiet-text" }, "too few days") : delta(row.net)), sort: (row) => row.net },
  ];
  const values = ["peak_before:before", "peak_after:after", "change", "market_change:market", "net_effect:net", "days_before", "days_after"];
  return panel({
    title: "Players around updates", note: `${picked ? "" : "The largest net effects of the newest 40 updates. "}Median daily peak of the 7 days after an update against the 7 days before, net of what all other charted games did.`, size, asOf: effects.asOf, unit: "change in players", method: effects.method, plainTable: true,
    empty: effects.why || (rows.length ? null : picked ? "No update of these games was collected." : "No update has enough collected days on both sides yet."),
    sheet: () => sheetOf({ name: "update_effect", from: effects.table, key: (row) => tuesdayOf(row.day), rows: given, columns: { day: (row) => isoDay(row.day), ...ofApp, title: (row) => row.title, ...Object.fromEntries(values.map((pair) => pair.split(":")).map(([name, key]) => [name, (row) => row[key || name]])) } }),
    body: (host) => put(host, sortableTable({ columns, rows, caption: "Players around updates", limit: 20 })),
  });
}
