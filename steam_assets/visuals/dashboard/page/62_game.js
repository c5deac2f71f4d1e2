// What is known of one game: facts, months, prices.
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
  const change = (days) => [`${days}-day change of the mean`, trend && known(trend[`peak_change_${days}d`]) ? delta(trend[`peak_change_${days}d`]) : DASH];
  const facts = [
    [["24-hour peak, ", date(lastDay)], known(values.at(-1)) ? whole(values.at(-1)) : "off the chart"],
    ["7-day mean of peaks", trend ? whole(trend.peak_7d_mean) : DASH],
    ...CHANGES.map(change),
    ["Rank by players at Steam's count", trend && known(trend.rank) ? [`${trend.rank} `, movementMark(trend.status, trend.rank_change)] : "off the chart"],
    [["Highest peak since ", date(DAILY.first)], best >= 0 ? [`${whole(values[best])} on `, date(allDays[best])] : DASH],
    ["Days on the chart", trend ? `${trend.days_on_chart}, ${trend.streak_days} in a row` : DASH],
    ["Net effect of the last measured update", effect ? [delta(effect.net), " (", date(effect.day), ")"] : DASH],
    ["Weekly top sellers", seller && known(seller.rank) ? [`rank ${seller.rank} `, movementMark(seller.status, seller.movement), ` · ${plural(seller.streak, "week")} in a row`] : "not in the newest week"],
    ["Price in the US", priceTag(app)],
    ["Reviews", score ? [el("a", { href: `#/reviews?app=${APPS.id[app]}` }, `${percent(score.share)} of ${whole(score.total)}`), " positive"] : DASH],
    ["Adjusted score", score ? percent(score.adjusted) : DASH],
    ...storeRows(app),
    ["Links", outward(app)],
  ];
  const asOf = [PLAYERS.as_of, moves.asOf, panelData("scores").asOf].filter(known);
  return panel({
    title: appName(app), note: `App ${APPS.id[app]} · ${APPS.type[app] || "type unknown"}${APPS.early[app] === 1 ? " · early access" : ""}`, tools: [watchButton(app)], size: count === 2 || count === 4 ? "half" : "third", asOf: asOf.length ? Math.max(...asOf) : null, unit: "players, ranks, shares", plainTable: true,
    method: `Peaks: ${PLAYERS.method} Changes: ${panelData("trend").method} Scores: ${panelData("scores").method}`,
    sheet: () => factsSheet(app, { trend, seller, score, effect, best: best >= 0 ? { day: allDays[best], peak: values[best] } : null }),
    body: (host) => put(host, el("dl", { class: "facts-list" }, facts.map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)])), count === 1 && missingNote()),
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
    return [...months.values()];
  }).sort((a, b) => b.month - a.month);
  const columns = [
    { key: "month", title: "Month", cell: (row) => el("span", { class: "date" }, monthName(row.month)), sort: (row) => row.month },
    ...(picked.length > 1 ? [{ key: "game", title: "Game", className: "name-cell", cell: (row) => bdi(appName(row.app)), sort: (row) => appName(row.app) }] : []),
    { key: "mean", title: "Mean daily peak", num: true, cell: (row) => whole(row.mean), sort: (row) => row.mean },
    { key: "gain", title: "Gain", num: true, drop: 1, cell: (row) => signedWhole(row.gain), sort: (row) => row.gain },
    { key: "share", title: "Gain, %", num: true, drop: picked.length > 1 ? 0.5 : null, cell: (row) => delta(row.share), sort: (row) => row.share },
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
