// Overview: the day in one sentence, its numbers, who moved, and what was collected.
function overview(params) {
  return [
    pageHead("Steam market", summary()),
    freshnessLine(),
    el("div", { class: "tiles" }, tiles()),
    el("div", { class: "grid" }, marketPanel(params), moversPanel(), sellersPanel(), arrivalsPanel(), splitPanel(), effectsPanel("half"), bombsPanel("half"), gapsPanel()),
  ];
}

function pageHead(title, ...lead) {
  return el("header", { class: "page-head" }, el("div", { class: "page-title" }, el("h1", { tabindex: "-1", id: "page-title" }, title), copyButton(() => location.href)), el("p", { class: "lead" }, lead));
}

// What an analyst would say first, from the newest day and week.
function summary() {
  const market = panelData("market").rows.at(-1);
  const gained = moversByGain();
  const week = newest(panelData("moves").rows, "week");
  const seller = panelData("moves").rows.find((row) => row.week === week && row.rank === 1);
  const parts = [];
  if (market) {
    const change = market.peak_change_7d;
    const way = known(change) && ["below", "level with", "above"][direction(change * 100, 1) + 1];
    parts.push(["On ", isoDay(market.day), " the daily peaks of the ", whole(market.games), " most played games add up to ", el("b", {}, compact(market.players_peak_sum)), " players", way ? ["; their 7-day mean is ", way === "level with" ? null : [el("b", {}, percent(Math.abs(change))), " "], way, " that of the week before"] : null, ". "]);
  }
  const [best, worst] = [gained[0], gained.at(-1)];
  const movers = [
    best?.players_gained_7d > 0 && [gameLink(best.app), " gained the most players in 7 days (", signedWhole(best.players_gained_7d), ")"],
    worst?.players_gained_7d < 0 && [gameLink(worst.app), " lost the most (", signedWhole(worst.players_gained_7d), ")"],
  ].filter(Boolean);
  if (movers.length) parts.push([movers.flatMap((one, n) => (n ? [", ", one] : [one])), ". "]);
  if (seller) parts.push([gameLink(seller.app), " leads the weekly US top sellers", seller.streak > 1 ? ` (${whole(seller.streak)} weeks in a row on that chart)` : "", "."]);
  return parts.length ? parts : "The most played games, the weekly US top sellers, their news and reviews, and visits to the store. All days and times are UTC.";
}
const moversByGain = () => panelData("trend").rows.filter((row) => known(row.rank) && known(row.players_gained_7d)).sort((a, b) => b.players_gained_7d - a.players_gained_7d);

function freshnessLine() {
  const judged = panelData("periods").asOf;
  const states = GIVEN.sources.map((source) => ({ source, ...freshnessOf(source) }));
  const count = (kind) => states.filter((one) => one.kind === kind).length;
  const words = [
    count("none") && `${plural(count("none"), "source")} with no data`,
    count("late") && `${plural(count("late"), "source")} late`,
    count("gaps") && `${plural(count("gaps"), "source")} with gaps`,
    count("ok") && `${plural(count("ok"), "source")} complete`,
  ].filter(Boolean);
  const kind = ["none", "late", "gaps", "ok"].find((one) => count(one));
  return el(
    "details",
    { class: "fresh-line" },
    el("summary", {}, el("span", { class: kind }, el("span", { class: "strip-state" }, mark(FRESHNESS[kind][0]), " ", words.join(", "))), known(judged) ? `, as of ${longTime(judged)}` : ""),
    el("ul", { class: "strip", "aria-label": "How fresh each source is" }, states.map(({ source, kind: own, bad }) => el("li", { class: own }, el("span", { class: "strip-name" }, source.title), el("span", { class: "strip-time" }, source.as_of === null ? "never collected" : longTime(source.as_of)), el("span", { class: "strip-state" }, mark(FRESHNESS[own][0]), " ", FRESHNESS[own][1](bad))))),
  );
}
const FRESHNESS = { none: ["∅", () => "no data"], late: ["◷", () => "newest period late"], gaps: ["✕", (bad) => plural(bad, "gap")], ok: ["✓", () => "complete"] };
function freshnessOf(source) {
  const bad = source.periods.filter((state) => state !== "ok").length;
  return { bad, kind: source.as_of === null ? "none" : source.periods.at(-1) === "late" ? "late" : bad ? "gaps" : "ok" };
}

function tile(title, value, detail, asOf, extra) {
  return el("div", { class: "tile" }, el("h2", {}, title), el("p", { class: `big ${typeof value === "string" && value.length > 9 ? "words" : ""}` }, bdi(value)), el("p", { class: "detail" }, detail), extra, el("p", { class: "facts" }, known(asOf) ? `As of ${longTime(asOf)}` : "No data"));
}
function tiles() {
  return [marketTile(), mostPlayedTile(), sellerTile(), reviewsTile(), visitsTile()];
}
// A tile shows the value of a day: the change is that of another number, and says so.
const meanChange = (row) => ["7-day mean: ", delta(row.peak_change_7d), " against the week before"];
const TILE_SPARK = { width: 200, height: 34 };
function marketTile() {
  const market = panelData("market");
  const last = market.rows.at(-1);
  if (!last) return tile("Players, sum of daily peaks", DASH, market.why, null);
  const byDay = new Map(market.rows.map((row) => [row.day, row.players_peak_sum]));
  const recent = everyDay(market.rows[0].day, last.day).slice(-90).map((day) => byDay.get(day) ?? null);
  return tile("Players, sum of daily peaks", compact(last.players_peak_sum), known(last.peak_change_7d) ? meanChange(last) : "no full week to compare with yet", market.asOf, sparkline(recent, `Sum of daily peaks over ${plural(recent.filter(known).length, "day")}`, TILE_SPARK));
}
function mostPlayedTile() {
  const trend = panelData("trend");
  const first = trend.rows.find((row) => row.rank === 1);
  if (!first) return tile("Most played", DASH, trend.why || "No chart yet.", null);
  const runner = trend.rows.find((row) => row.rank === 2);
  return tile("Most played", appName(first.app), ["peak of ", el("b", {}, whole(first.players_peak)), " players", known(first.peak_change_7d) ? [el("br"), meanChange(first)] : null, runner ? [el("br"), "followed by ", bdi(appName(runner.app)), `, ${compact(runner.players_peak)}`] : null], trend.asOf);
}
function sellerTile() {
  const moves = panelData("moves");
  const week = newest(moves.rows, "week");
  const first = moves.rows.find((row) => row.week === week && row.rank === 1);
  if (!first) return tile("Top seller of the week", DASH, moves.why || "No chart yet.", null);
  return tile("Top seller of the week", appName(first.app), [movementMark(first.status, first.movement), ` · ${plural(first.streak, "week")} in a row`, el("br"), weekName(week)], moves.asOf);
}
function weeklyVotes() {
  return [...groupBy(panelData("sentiment").rows, "week")].map(([week, rows]) => ({ week, ...votesOf(rows) })).sort((a, b) => a.week - b.week);
}
function votesOf(rows) {
  const positive = rows.reduce((sum, row) => sum + row.positive, 0);
  const all = rows.reduce((sum, row) => sum + row.positive + row.negative, 0);
  return { positive, negative: all - positive, all, share: all ? positive / all : null };
}
// The change of the positive share from a week to the next, over the games whose reviews were counted in both.
function sameGames(before, last) {
  const rows = (week) => panelData("sentiment").rows.filter((row) => row.week === week && row.positive + row.negative > 0);
  const [then, now] = [rows(before), rows(last)];
  const [thenApps, nowApps] = [then, now].map((ones) => new Set(ones.map((row) => row.app)));
  const shares = [votesOf(then.filter((row) => nowApps.has(row.app))).share, votesOf(now.filter((row) => thenApps.has(row.app))).share];
  return { change: shares.every(known) ? shares[1] - shares[0] : null, games: now.filter((row) => thenApps.has(row.app)).length };
}
function reviewsTile() {
  const sentiment = panelData("sentiment");
  const weeks = weeklyVotes();
  const last = weeks.at(-1);
  if (!last) return tile("Positive reviews", DASH, sentiment.why, null);
  const { change, games: count } = sameGames(last.week - 7, last.week);
  const byWeek = new Map(weeks.map((one) => [one.week, one.share]));
  const recent = everyWeek(weeks[0].week, last.week).slice(-26).map((week) => byWeek.get(week) ?? null);
  return tile("Positive reviews", percent(last.share), [known(change) ? [delta(change, points), ` points in the ${plural(count, "game")} reviewed in both weeks`, el("br")] : null, `${whole(last.all)} reviews, ${weekName(last.week)}`], sentiment.asOf, sparkline(recent, `Positive share over ${plural(recent.filter(known).length, "week")}`, TILE_SPARK));
}
const daysOfMonth = (day) => new Date(Date.UTC(dateOf(day).getUTCFullYear(), dateOf(day).getUTCMonth() + 1, 0)).getUTCDate();
const monthBefore = (day) => Date.UTC(dateOf(day).getUTCFullYear(), dateOf(day).getUTCMonth() - 1, 1) / DAY;
function visitsTile() {
  const visits = panelData("visits");
  const last = visits.rows.at(-1);
  if (!last) return tile("Visits to the store", DASH, visits.why, null);
  const before = visits.rows.find((row) => row.month === monthBefore(last.month));
  // Months have 28 to 31 days.
  const perDay = (row) => row.visits / daysOfMonth(row.month);
  return tile("Visits to the store", compact(last.visits), [before ? [delta(perDay(last) / perDay(before) - 1), ` per day, against ${monthName(before.month)}`, el("br")] : null, `${monthName(last.month)}, ${last.kind === "official" ? "Similarweb API" : "Similarweb estimate"}`], visits.asOf);
}

const LINES = { mean: "7-day mean", daily: "Daily" };
// The mean, unless too few days were collected to have one.
const chosenLine = (asked, hasMean) => (LINES[asked] ? asked : hasMean ? "mean" : "daily");
const BREAKS = { mean: "A 7-day mean needs seven collected days, so a day that was not collected leaves seven days blank.", daily: "The line breaks where a day was not collected." };
const CHANGES = [7, 28, 91, 364];
const MARKET_COLUMNS = ["games", "players_peak_sum", "players_now", "top10_share", "peak_sum_7d_mean", ...CHANGES.map((days) => `peak_change_${days}d`), "players_gained_7d"];

function marketPanel(params) {
  const market = panelData("market");
  const last = market.rows.at(-1);
  const days = last ? everyDay(market.rows[0].day, last.day) : [];
  const byDay = new Map(market.rows.map((row) => [row.day, row]));
  const peaks = days.map((day) => byDay.get(day)?.players_peak_sum ?? null);
  const line = chosenLine(params.get("line"), weekMeans(peaks).some(known));
  return panel({
    chart: "Steam (market_day)", title: "Players on the chart", note: `Sum of the daily peaks of the ${last ? whole(last.games) : ""} most played games. Changes: of the 7-day mean. ${BREAKS[line]}`, size: "two-thirds", asOf: market.asOf, unit: "players", method: market.method, empty: market.why,
    tools: market.why ? [] : [segmented("Players on the chart", Object.entries(LINES), line, (value) => goTo("overview", params, { line: value }))],
    sheet: () => sheetOf({ name: "market_day", from: market.table, key: (row) => row.day, rows: market.rows, columns: { day: (row) => isoDay(row.day), ...Object.fromEntries(MARKET_COLUMNS.map((name) => [name, (row) => row[name]])) } }),
    body: (host) => {
      put(host, el("dl", { class: "stats" }, CHANGES.map((back) => el("div", {}, el("dt", {}, `${back} days`), el("dd", {}, changeOr(last[`peak_change_${back}d`]))))));
      lineChart(host, { label: "Players on the chart by day", days, series: [dailyLine("Sum of peaks", peaks, line)], integer: true, height: host.clientWidth < 560 ? 250 : 380 });
    },
  });
}
const changeOr = (share) => (known(share) ? delta(share) : el("span", { class: "quiet-text" }, "no data for that date"));

function moversPanel() {
  const trend = panelData("trend");
  const rows = moversByGain();
  const risers = rows.filter((row) => row.players_gained_7d > 0).slice(0, 5);
  const fallers = rows.filter((row) => row.players_gained_7d < 0).slice(-5).reverse();
  const most = Math.max(...[...risers, ...fallers].map((row) => Math.abs(row.players_gained_7d)), 1);
  const scale = { from: -most, to: most, write: (value) => (value ? `${signOf(value)}${compact(Math.abs(value))}` : "0") };
  const bars = [...risers, ...[...fallers].reverse()].map((row) => ({ name: gameLink(row.app), value: row.players_gained_7d, text: gainMark(row), extra: null }));
  return panel({
    title: "Movers of the week", note: `Players gained and lost${rows.length ? ` to ${isoDay(newest(rows, "day"))}` : ""}: 7-day mean of the daily peaks against that of the week before.`, size: "third", asOf: trend.asOf, unit: "players", method: trend.method,
    empty: trend.why || (bars.length ? null : "No game can be compared yet: at least 4 weekdays must have data in both weeks."),
    sheet: () => sheetOf({ name: "player_trend-movers", from: trend.table, key: (row) => row.day, rows, columns: { day: (row) => isoDay(row.day), ...ofApp, players_peak: (row) => row.players_peak, peak_7d_mean: (row) => row.peak_7d_mean, players_gained_7d: (row) => row.players_gained_7d, peak_change_7d: (row) => row.peak_change_7d } }),
    body: (host) => put(host, barList(bars, scale)),
  });
}
const gainMark = (row) => delta(row.peak_change_7d, (share) => `${signedWhole(row.players_gained_7d)} (${signed(share)})`);

function sellersPanel() {
  const moves = panelData("moves");
  const week = newest(moves.rows, "week");
  const rows = moves.rows.filter((row) => row.week === week && known(row.rank)).sort((a, b) => a.rank - b.rank);
  return panel({
    title: "Top sellers", note: week === null ? null : `By revenue in the US, ${weekName(week)}.`, size: "third", asOf: moves.asOf, unit: "rank", method: moves.method, empty: moves.why,
    sheet: () => sellersSheet("chart", rows),
    body: (host) => put(host,
      el("ol", { class: "ranking" }, rows.slice(0, 10).map((row) => el("li", {}, el("span", { class: "rank" }, row.rank), el("span", { class: "grow" }, gameLink(row.app)), movementMark(row.status, row.movement)))),
      el("p", { class: "go" }, el("a", { href: "#/top-sellers" }, "Full chart and past weeks")),
    ),
  });
}

function arrivalsPanel() {
  const moves = panelData("moves");
  const week = newest(moves.rows, "week");
  const rows = moves.rows.filter((row) => row.week === week);
  const part = (title, status) => {
    const found = rows.filter((row) => row.status === status).sort((a, b) => (a.rank || a.previous_rank) - (b.rank || b.previous_rank));
    const items = found.slice(0, 6).map((row) => el("li", {}, el("span", { class: "rank" }, row.rank || row.previous_rank), el("span", { class: "grow" }, gameLink(row.app)), movementMark(row.status, row.movement)));
    return [el("h3", {}, title, el("span", { class: "count" }, found.length)), found.length ? el("ol", { class: "ranking" }, items) : el("p", { class: "quiet-text" }, "None this week."), found.length > 6 && el("p", { class: "quiet-text" }, `and ${found.length - 6} more`)];
  };
  return panel({
    title: "New, returning, dropped", note: `On the weekly US top sellers${week === null ? "" : `, ${weekName(week)}`}. Dropped items are listed by their rank in the week before.`, size: "third", asOf: moves.asOf, unit: "rank", method: moves.method, empty: moves.why,
    sheet: () => sellersSheet("new-returning-dropped", rows.filter((row) => ["new", "returned", "dropped"].includes(row.status))),
    body: (host) => put(host, part("New", "new"), part("Returning", "returned"), part("Dropped", "dropped")),
  });
}

function splitPanel() {
  const split = panelData("split");
  const week = newest(split.rows, "week");
  const rows = split.rows.filter((row) => row.week === week);
  const part = (chart, title, key) => {
    const found = ["paid", "free", "unknown"].map((price) => rows.find((row) => row.chart === chart && row.price === price)).filter((row) => row && known(row[key]));
    if (!found.length) return [];
    return [el("h3", {}, title), barList(found.map((row) => ({ name: { paid: "Paid", free: "Free to play", unknown: "Unknown" }[row.price], value: row[key], text: percent(row[key]), muted: row.price !== "paid" })), SHARES)];
  };
  const columns = ["chart", "price", "items", "items_share", "players", "players_share"];
  return panel({
    title: "Free and paid", note: week === null ? null : `${weekTitle(week)}. Unknown: not in the US store.`, size: "third", asOf: split.asOf, unit: "share", method: split.method, empty: split.why,
    sheet: () => sheetOf({ name: "price_split", from: split.table, key: (row) => row.week, rows: split.rows, columns: { week_start: (row) => isoDay(row.week), ...Object.fromEntries(columns.map((name) => [name, (row) => row[name]])) } }),
    body: (host) => put(host, ...part("top_sellers", "Top sellers, by items", "items_share"), ...part("most_played", "Most played, by games", "items_share"), ...part("most_played", "Most played, by players", "players_share")),
  });
}
