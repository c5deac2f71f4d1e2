// Top sellers: one week's chart, how it moved, and who left.
const SELLER_FILTERS = { all: "All", moved: "Moved", arrived: "New or returning", free: "Free" };
const BUMP_WEEKS = 12;
const BUMP_LINES = 4;

function sellersSheet(part, rows) {
  return sheetOf({
    name: `top_seller_moves-${part}`, from: panelData("moves").table, key: (row) => row.week, rows,
    columns: { week_start: (row) => isoDay(row.week), rank: (row) => row.rank, ...ofApp, status: (row) => row.status, previous_rank: (row) => row.previous_rank, movement: (row) => row.movement, streak_weeks: (row) => row.streak, weeks_on_chart: (row) => row.weeks_on_chart, best_rank: (row) => row.best_rank, price_cents: (row) => row.price, is_free: (row) => isTrue(row.free) },
  });
}

function sellers(params) {
  const moves = panelData("moves");
  const weeks = [...new Set(moves.rows.map((row) => row.week))].sort((a, b) => a - b);
  const day = namedDay(params.get("week"));
  const asked = known(day) ? tuesdayOf(day) : null;
  const week = weeks.includes(asked) ? asked : weeks[weeks.length - 1];
  const head = pageHead("Top sellers", "The items with the highest revenue in the US store, in-game sales included. Weeks run from Tuesday to Monday, UTC.");
  if (moves.why) return [head, el("div", { class: "grid" }, panel({ title: "Weekly chart", size: "full", empty: moves.why, method: moves.method }))];
  return [head, weekPicker(weeks, week, params), known(asked) && asked !== week && el("p", { class: "quiet-text", role: "note" }, `The ${weekName(asked)} was not collected; the newest week is shown.`), el("div", { class: "grid" }, chartOfWeek(week, weeks, params), bumpPanel(week, weeks), droppedPanel(week), staysPanel(week))];
}
function weekPicker(weeks, week, params) {
  const at = weeks.indexOf(week);
  const to = (index) => () => { goTo("top-sellers", params, { week: isoDay(weeks[index]) }); };
  const select = el("select", { id: "week" }, [...weeks].reverse().map((one) => el("option", { value: isoDay(one) }, `${isoDay(one)} to ${isoDay(one + 6)}`)));
  select.value = isoDay(week);
  select.addEventListener("change", () => { goTo("top-sellers", params, { week: select.value }); });
  return el("div", { class: "controls" },
    el("button", { type: "button", id: "week-before", class: "quiet", disabled: at === 0, onclick: at > 0 ? to(at - 1) : null }, mark("←"), " Earlier"),
    el("label", { for: "week", class: "sr" }, "Week"), select,
    el("button", { type: "button", id: "week-after", class: "quiet", disabled: at === weeks.length - 1, onclick: at < weeks.length - 1 ? to(at + 1) : null }, "Later ", mark("→")),
    weeks.length && week - 7 !== weeks[at - 1] ? el("span", { class: "quiet-text" }, at === 0 ? "First collected week." : "The week before was not collected.") : null);
}

function chartOfWeek(week, weeks, params) {
  const moves = panelData("moves");
  const filter = SELLER_FILTERS[params.get("show")] ? params.get("show") : "all";
  const all = moves.rows.filter((row) => row.week === week && known(row.rank)).sort((a, b) => a.rank - b.rank);
  const rows = all.filter({ all: () => true, moved: (row) => row.movement, arrived: (row) => ["new", "returned"].includes(row.status), free: (row) => row.free === 1 }[filter]);
  const history = everyWeek(weeks[0], week).slice(-BUMP_WEEKS);
  const past = new Map(moves.rows.map((row) => [`${row.app} ${row.week}`, row.rank]));
  const ranks = (app) => history.map((one) => past.get(`${app} ${one}`) ?? null);
  const columns = [
    { key: "rank", title: "#", num: true, low: true, className: "rank-cell", cell: (row) => row.rank, sort: (row) => row.rank },
    { key: "name", title: "Item", className: "name-cell", cell: (row) => [gameLink(row.app), APPS.type[row.app] && APPS.type[row.app] !== "game" ? el("span", { class: "tag" }, APPS.type[row.app]) : null], sort: (row) => appName(row.app).toLowerCase() },
    { key: "move", title: "Move", num: true, cell: (row) => movementMark(row.status, row.movement), sort: (row) => row.movement },
    { key: "last", title: "Week before", num: true, low: true, drop: 1, cell: (row) => row.previous_rank ?? DASH, sort: (row) => row.previous_rank },
    { key: "streak", title: "In a row", num: true, cell: (row) => [whole(row.streak), hidden(" weeks")], sort: (row) => row.streak },
    { key: "weeks", title: "Weeks collected", num: true, drop: 1, cell: (row) => row.weeks_on_chart, sort: (row) => row.weeks_on_chart },
    { key: "best", title: "Best rank", num: true, low: true, drop: 1, cell: (row) => row.best_rank, sort: (row) => row.best_rank },
    { key: "spark", title: `Last ${plural(history.length, "week")}`, drop: 1, cell: (row) => sparkline(ranks(row.app), `Rank over ${plural(ranks(row.app).filter(known).length, "week")}, now ${row.rank}`, { inverted: true }) },
    { key: "price", title: "Price", num: true, drop: 1, cell: (row) => (row.free === 1 ? el("span", { class: "tag" }, "Free") : known(row.price) ? dollars(row.price) : el("span", { class: "quiet-text" }, row.free === null ? "not in the US store" : "not for sale")), sort: (row) => row.price },
  ];
  return panel({
    title: weekTitle(week), note: "In a row: weeks, by Steam's own count. Weeks collected and best rank: in the last 104 weeks. Names and prices are as of collection.", size: "full", asOf: moves.asOf, unit: "rank, weeks", method: moves.method, plainTable: true,
    tools: [segmented("Show", Object.entries(SELLER_FILTERS), filter, (value) => { goTo("top-sellers", params, { show: value }); })],
    empty: rows.length ? null : all.length ? "No item of this week matches the filter." : "This week's chart was not collected; only the items that dropped off it are known.",
    sheet: () => sellersSheet(isoDay(week), all),
    body: (host) => put(host, sortableTable({ columns, rows, caption: `Top sellers, ${weekName(week)}`, limit: 50, order: { key: "rank", down: false } })),
  });
}

function bumpPanel(week, weeks) {
  const moves = panelData("moves");
  const history = weeks.filter((one) => one <= week).slice(-26);
  const top = moves.rows.filter((row) => row.week === week && known(row.rank)).sort((a, b) => a.rank - b.rank).slice(0, BUMP_LINES);
  const days = history.length ? everyWeek(history[0], history.at(-1)) : [];
  const past = new Map(moves.rows.map((row) => [`${row.app} ${row.week}`, row.rank]));
  const lines = top.map((row) => ({ name: appName(row.app), values: days.map((day) => past.get(`${row.app} ${day}`) ?? null) }));
  return panel({
    chart: "Steam (top_seller_moves)", title: "Rank history of the top four", note: "Rank by week. A break in a line: off the chart, or a week that was not collected.", size: "full", asOf: moves.asOf, unit: "rank", method: moves.method, empty: history.length < 2 ? "A line needs two collected weeks." : null,
    sheet: () => sellersSheet("top-four", moves.rows.filter((row) => days.includes(row.week) && known(row.rank) && top.some((one) => one.app === row.app))),
    body: (host) => lineChart(host, { label: "Weekly rank of the top four sellers", days, series: lines, inverted: true, axis: axisNumber, format: (value) => `rank ${value}`, period: " (week of)" }),
  });
}

function droppedPanel(week) {
  const moves = panelData("moves");
  const rows = moves.rows.filter((row) => row.week === week && row.status === "dropped").sort((a, b) => a.previous_rank - b.previous_rank);
  return panel({
    title: "Dropped", note: "On the chart in the week before, not on this one. Weeks collected and best rank: in the last 104 weeks.", size: "half", asOf: moves.asOf, unit: "rank in the week before", method: moves.method, plainTable: true, empty: rows.length ? null : "No item dropped off the chart, or the week before was not collected.",
    sheet: () => sellersSheet(`dropped-${isoDay(week)}`, rows),
    body: (host) => put(host, sortableTable({ caption: "Dropped", rows, limit: 12, headColumn: 1, columns: [
      { key: "was", title: "Rank before", num: true, low: true, className: "rank-cell", cell: (row) => row.previous_rank, sort: (row) => row.previous_rank },
      { key: "name", title: "Item", className: "name-cell", cell: (row) => gameLink(row.app), sort: (row) => appName(row.app) },
      { key: "weeks", title: "Weeks collected", num: true, drop: 1, cell: (row) => row.weeks_on_chart, sort: (row) => row.weeks_on_chart },
      { key: "best", title: "Best rank", num: true, low: true, drop: 1, cell: (row) => row.best_rank, sort: (row) => row.best_rank },
    ] })),
  });
}

function staysPanel(week) {
  const moves = panelData("moves");
  const rows = moves.rows.filter((row) => row.week === week && known(row.streak) && known(row.rank)).sort((a, b) => b.streak - a.streak).slice(0, 12);
  return panel({
    title: "Longest streaks", note: "Consecutive weeks on the chart. The longest fills the bar.", size: "half", asOf: moves.asOf, unit: "weeks", method: moves.method, plainTable: true, empty: rows.length ? null : "Steam published no streaks for this week.",
    sheet: () => sellersSheet(`streaks-${isoDay(week)}`, rows),
    body: (host) => put(host, barList(rows.map((row) => ({ name: gameLink(row.app), value: row.streak, text: whole(row.streak), extra: `rank ${row.rank}` })), fromZero(rows.map((row) => ({ value: row.streak })), (value) => plural(value, "week")))),
  });
}
