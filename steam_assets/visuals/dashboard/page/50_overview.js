// Overview: how fresh everything is, the numbers of the day, who moved.
function overview() {
  return [
    pageHead("Steam market", "The most played games, the weekly US top sellers, their news and reviews, and visits to the store. All days and times are UTC."),
    freshnessStrip(),
    el("div", { class: "tiles" }, tiles()),
    el("div", { class: "grid" }, marketPanel(), moversPanel(), sellersPanel(), arrivalsPanel(), splitPanel(), effectsPanel("half"), bombsPanel("half"), gapsPanel()),
  ];
}

function pageHead(title, lead) {
  return el("header", { class: "page-head" }, el("h1", { tabindex: "-1", id: "page-title" }, title), el("p", { class: "lead" }, lead));
}

function freshnessStrip() {
  return el(
    "ul",
    { class: "strip", "aria-label": "How fresh each source is" },
    GIVEN.sources.map((source) => {
      const bad = source.periods.state.filter((state) => state !== "ok").length;
      const newestState = source.periods.state[source.periods.state.length - 1];
      const kind = source.as_of === null ? "none" : newestState !== "ok" ? "late" : bad ? "gaps" : "ok";
      const words = { none: ["∅", "nothing collected"], late: ["◷", "newest is missing"], gaps: ["✕", plural(bad, "gap")], ok: ["✓", "complete"] }[kind];
      return el("li", { class: kind }, el("span", { class: "strip-name" }, source.title), el("span", { class: "strip-time" }, source.as_of === null ? "never" : longTime(source.as_of)), el("span", { class: "strip-state" }, mark(words[0]), " ", words[1]));
    }),
  );
}

function tile(title, value, detail, asOf, extra) {
  return el("div", { class: "tile" }, el("h2", {}, title), el("p", { class: `big ${typeof value === "string" && value.length > 9 ? "words" : ""}` }, bdi(value)), el("p", { class: "detail" }, detail), extra, el("p", { class: "facts" }, known(asOf) ? `As of ${longTime(asOf)}` : "Nothing collected"));
}
function tiles() {
  return [marketTile(), mostPlayedTile(), sellerTile(), reviewsTile(), visitsTile()];
}
function marketTile() {
  const market = frame("market");
  const rows = market.rows;
  if (!rows.length) return tile("Players at their peaks", DASH, market.why, null);
  const last = rows[rows.length - 1];
  const before = rows.find((row) => row.day === last.day - 7);
  const recent = rows.filter((row) => row.day > last.day - 90);
  return tile("Players at their peaks", compact(last.players_peak_sum), [before ? [delta(last.players_peak_sum / before.players_peak_sum - 1), " in 7 days"] : "no day a week before", ""], market.asOf, sparkline(recent.map((row) => row.players_peak_sum), `Sum of peaks over the last ${plural(recent.length, "day")}`, { width: 200, height: 34, filled: true }));
}
function mostPlayedTile() {
  const trend = frame("trend");
  const first = trend.rows.find((row) => row.rank === 1);
  if (!first) return tile("Most played", DASH, trend.why || "No chart yet.", null);
  const runner = trend.rows.find((row) => row.rank === 2);
  return tile("Most played", appName(first.app), ["peak ", el("b", {}, whole(first.players_peak)), " players ", delta(first.peak_change_7d), runner ? [el("br"), "then ", bdi(appName(runner.app)), `, ${compact(runner.players_peak)}`] : null], trend.asOf);
}
function sellerTile() {
  const moves = frame("moves");
  const week = newest(moves.rows, "week");
  const first = moves.rows.find((row) => row.week === week && row.rank === 1);
  if (!first) return tile("Top seller of the week", DASH, moves.why || "No chart yet.", null);
  return tile("Top seller of the week", appName(first.app), [movementMark(first.status, first.movement), ` · ${plural(first.streak, "week")} in a row`, el("br"), `week from ${longDay(week)}`], moves.asOf);
}
function weeklyVotes() {
  return [...groupBy(frame("sentiment").rows, "week")].map(([week, rows]) => {
    const positive = rows.reduce((sum, row) => sum + row.positive, 0);
    const all = rows.reduce((sum, row) => sum + row.positive + row.negative, 0);
    return { week, positive, negative: all - positive, all, share: all ? positive / all : null };
  }).sort((a, b) => a.week - b.week);
}
function reviewsTile() {
  const sentiment = frame("sentiment");
  const weeks = weeklyVotes();
  if (!weeks.length) return tile("Positive reviews", DASH, sentiment.why, null);
  const last = weeks[weeks.length - 1];
  const before = weeks[weeks.length - 2];
  const change = before && known(before.share) && known(last.share) ? last.share - before.share : null;
  return tile("Positive reviews", percent(last.share), [known(change) ? [delta(change, points), " points in a week", el("br")] : null, `${whole(last.all)} reviews, week from ${shortDay(last.week)}`], sentiment.asOf, sparkline(weeks.slice(-26).map((one) => one.share), `Positive share over ${plural(Math.min(26, weeks.length), "week")}`, { width: 200, height: 34, filled: true }));
}
function visitsTile() {
  const visits = frame("visits");
  const last = visits.rows[visits.rows.length - 1];
  if (!last) return tile("Visits to the store", DASH, visits.why, null);
  const before = visits.rows[visits.rows.length - 2];
  return tile("Visits to the store", compact(last.visits), [before ? [delta(last.visits / before.visits - 1), ` against ${monthName(before.month)}`, el("br")] : null, `${monthName(last.month)}, ${last.kind === "official" ? "Similarweb's API" : "Similarweb's estimate"}`], visits.asOf);
}

function marketPanel() {
  const market = frame("market");
  const days = allDays.filter((day) => !market.rows.length || day >= market.rows[0].day);
  const byDay = new Map(market.rows.map((row) => [row.day, row]));
  return panel({
    title: "Players on the chart", note: `Sum of the daily peaks of the ${market.rows.length ? market.rows[market.rows.length - 1].games : ""} most played games. A break in a line: a day was not collected, or one of the seven of the mean.`, size: "two-thirds", asOf: market.asOf, unit: "players", method: market.method, empty: market.why,
    sheet: () => ({ name: "market-by-day", columns: ["day", "games", "players_peak_sum", "players_now", "top10_share"], rows: market.rows.map((row) => [isoDay(row.day), row.games, row.players_peak_sum, row.players_now, row.top10_share]) }),
    body: (host) => {
      const peaks = days.map((day) => byDay.get(day)?.players_peak_sum ?? null);
      put(host, el("dl", { class: "stats" }, [["7 days", 7], ["30 days", 30], ["90 days", 90], ["364 days", 364]].map(([title, back]) => [el("div", {}, el("dt", {}, title), el("dd", {}, changeSince(peaks, back)))])));
      lineChart(host, { label: "Players on the chart by day", days, series: [{ name: "Mean of 7 days", values: weekMeans(peaks) }, { name: "Sum of peaks on the day", values: peaks, faint: true }], height: host.clientWidth < 560 ? 250 : 380 });
    },
  });
}

// The mean of seven days; null where one of them was not collected, as weekdays differ too much to leave one out.
function weekMeans(values) {
  return values.map((value, index) => {
    const week = values.slice(Math.max(0, index - 6), index + 1).filter(known);
    return known(value) && week.length === 7 ? week.reduce((sum, one) => sum + one, 0) / week.length : null;
  });
}
function changeSince(values, back) {
  const [now, then] = [values[values.length - 1], values[values.length - 1 - back]];
  return known(now) && known(then) ? delta(now / then - 1) : el("span", { class: "quiet-text" }, "no such day");
}

function moversPanel() {
  const trend = frame("trend");
  const known7 = trend.rows.filter((row) => known(row.rank) && known(row.peak_change_7d));
  const sorted = [...known7].sort((a, b) => b.peak_change_7d - a.peak_change_7d);
  const risers = sorted.filter((row) => row.peak_change_7d > 0).slice(0, 5);
  const fallers = sorted.filter((row) => row.peak_change_7d < 0).slice(-5).reverse();
  const side = (title, rows) => [el("h3", {}, title), rows.length ? barList(rows.map((row) => ({ name: gameLink(row.app), value: row.peak_change_7d, text: delta(row.peak_change_7d), extra: compact(row.players_peak) }))) : el("p", { class: "quiet-text" }, "None.")];
  return panel({
    title: "Movers of the week", note: "Daily peak against seven days before.", size: "third", asOf: trend.asOf, unit: "change of the peak, players", method: trend.method,
    empty: trend.why || (known7.length ? null : "No game of the newest chart was also collected seven days before."),
    sheet: () => ({ name: "movers-7d", columns: ["app_id", "name", "players_peak", "peak_change_7d"], rows: sorted.map((row) => [APPS.id[row.app], appName(row.app), row.players_peak, row.peak_change_7d]) }),
    body: (host) => put(host, ...side("Rising", risers), ...side("Falling", fallers)),
  });
}

function sellersPanel() {
  const moves = frame("moves");
  const week = newest(moves.rows, "week");
  const rows = moves.rows.filter((row) => row.week === week && known(row.rank)).sort((a, b) => a.rank - b.rank);
  return panel({
    title: "Top sellers", note: week === null ? null : `By revenue in the US, week from ${longDay(week)}.`, size: "third", asOf: moves.asOf, unit: "rank", method: moves.method, empty: moves.why,
    sheet: () => sellersSheet(week),
    body: (host) => put(host, 
      el("ol", { class: "ranking" }, rows.slice(0, 10).map((row) => el("li", {}, el("span", { class: "rank" }, row.rank), el("span", { class: "grow" }, gameLink(row.app)), movementMark(row.status, row.movement)))),
      el("p", { class: "go" }, el("a", { href: "#/top-sellers" }, "The whole chart and past weeks")),
    ),
  });
}

function arrivalsPanel() {
  const moves = frame("moves");
  const week = newest(moves.rows, "week");
  const rows = moves.rows.filter((row) => row.week === week);
  const part = (title, status) => {
    const found = rows.filter((row) => row.status === status).sort((a, b) => (a.rank || a.previous_rank) - (b.rank || b.previous_rank));
    const items = found.slice(0, 6).map((row) => el("li", {}, el("span", { class: "rank" }, row.rank || row.previous_rank), el("span", { class: "grow" }, gameLink(row.app)), movementMark(row.status, row.movement)));
    return [el("h3", {}, title, el("span", { class: "count" }, found.length)), found.length ? el("ol", { class: "ranking" }, items) : el("p", { class: "quiet-text" }, "None this week."), found.length > 6 && el("p", { class: "quiet-text" }, `and ${found.length - 6} more`)];
  };
  return panel({
    title: "Came and went", note: "On the week's top sellers; dropped items with their rank of the week before.", size: "third", asOf: moves.asOf, unit: "rank", method: moves.method, empty: moves.why,
    sheet: () => ({ name: `came-and-went-${isoDay(week)}`, columns: ["week_start", "app_id", "name", "status", "rank", "previous_rank"], rows: rows.filter((row) => ["new", "returned", "dropped"].includes(row.status)).map((row) => [isoDay(week), APPS.id[row.app], appName(row.app), row.status, row.rank, row.previous_rank]) }),
    body: (host) => put(host, part("New", "new"), part("Returned", "returned"), part("Dropped", "dropped")),
  });
}

function splitPanel() {
  const split = frame("split");
  const week = newest(split.rows, "week");
  const rows = split.rows.filter((row) => row.week === week);
  const part = (chart, title, key) => {
    const found = ["paid", "free", "unknown"].map((price) => rows.find((row) => row.chart === chart && row.price === price)).filter((row) => row && known(row[key]));
    if (!found.length) return [];
    return [el("h3", {}, title), barList(found.map((row) => ({ name: { paid: "Paid", free: "Free to play", unknown: "Unknown" }[row.price], value: row[key], text: percent(row[key]), muted: row.price !== "paid" })), { top: 1 })];
  };
  return panel({
    title: "Free and paid", note: week === null ? null : `Week from ${longDay(week)}. Unknown: hidden from the US store.`, size: "third", asOf: split.asOf, unit: "share", method: split.method, empty: split.why,
    sheet: () => ({ name: "free-and-paid", columns: ["week_start", "chart", "price", "items", "items_share", "players", "players_share"], rows: split.rows.map((row) => [isoDay(row.week), row.chart, row.price, row.items, row.items_share, row.players, row.players_share]) }),
    body: (host) => put(host, ...part("top_sellers", "Top sellers, by items", "items_share"), ...part("most_played", "Most played, by games", "items_share"), ...part("most_played", "Most played, by players", "players_share")),
  });
}

function gapsPanel() {
  const periods = frame("periods");
  const bad = periods.rows.filter((row) => row.state !== "ok");
  return panel({
    title: "What was collected", note: "A cell a period: a day, a week from Tuesday, or a month. Nothing is filled in where nothing was collected.", size: "full", asOf: GIVEN.as_of, unit: "periods", method: periods.method, empty: periods.why,
    sheet: () => ({ name: "periods", columns: ["source", "period", "state", "why", "rows", "quarantined"], rows: periods.rows.map((row) => [row.source, isoDay(row.period), row.state, row.why, row.rows, row.quarantined]) }),
    body: (host) => {
      const present = new Set(periods.rows.map((row) => row.state));
      put(host, el("ul", { class: "legend cells" }, Object.entries(STATES).filter(([state]) => present.has(state)).map(([state, [words, sign]]) => el("li", { class: state }, mark(sign, "cell-key"), words))));
      const first = Math.min(...periods.rows.map((row) => row.period));
      const last = Math.max(...periods.rows.map((row) => row.period));
      for (const source of GIVEN.sources) {
        const rows = periods.rows.filter((row) => row.source === source.name);
        if (!rows.length) continue;
        const place = el("div");
        const there = `${rows.filter((row) => row.state === "ok").length} of ${plural(rows.length, { daily: "day", weekly: "week", monthly: "month" }[source.cadence])}`;
        const total = (key) => rows.reduce((sum, row) => sum + row[key], 0);
        const counts = [there, plural(total("rows"), "row"), total("quarantined") ? `${whole(total("quarantined"))} unusable, in quarantine` : "nothing in quarantine"];
        put(host, el("div", { class: "calendar-row" }, el("h3", {}, source.title, el("span", { class: "count" }, counts.join(" · "))), place));
        calendar(place, rows, source.cadence, source.title, first, last);
      }
      if (bad.length) put(host, el("h3", {}, "Gaps"), el("ul", { class: "gap-list" }, bad.slice(-12).reverse().map((row) => el("li", {}, el("b", {}, `${GIVEN.sources.find((one) => one.name === row.source)?.title || row.source}, ${longDay(row.period)}: `), `${stateOf(row.state)[0].toLowerCase()}. `, row.why || ""))));
      if (bad.length > 12) put(host, el("p", { class: "quiet-text" }, `and ${bad.length - 12} older; the table has all.`));
    },
  });
}
