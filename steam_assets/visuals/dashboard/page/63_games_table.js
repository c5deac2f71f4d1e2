// The table of all games on the newest chart, and how players changed around updates.
const GAME_FILTERS = {
  free: ["Free", (row) => APPS.free[row.app] === 1], paid: ["Paid", (row) => APPS.free[row.app] === 0], discounted: ["Discounted", (row) => Boolean(APPS.discount[row.app])],
  new: ["New", (row) => ["new", "first_seen"].includes(row.status)], watched: ["Watchlist", (row) => watched(row.app)],
};
const EXCLUDING = { free: "paid", paid: "free" };
const shownFilters = (params) => (params.get("show") || "").split(",").filter((one) => Object.hasOwn(GAME_FILTERS, one));
const facetsOf = (params) => Object.keys(FACETS).filter((name) => params.get(name));
const fitsFilters = (params) => (row) => shownFilters(params).every((one) => GAME_FILTERS[one][1](row)) && facetsOf(params).every((name) => FACETS[name].of(row.app).includes(params.get(name)));

// Toggles, and a choice of tag, developer and publisher once the store's facts were collected.
function gameFilters(params, rows) {
  const on = shownFilters(params);
  const toggle = (one) => {
    const next = on.includes(one) ? on.filter((other) => other !== one) : [...on.filter((other) => other !== EXCLUDING[one]), one];
    goTo("games", currentRoute().params, { show: next.join(",") });
  };
  const chosen = on.length || facetsOf(params).length;
  return el("div", { class: "controls" },
    toggles("Show", Object.entries(GAME_FILTERS).map(([key, [title]]) => [key, title]), (one) => on.includes(one), toggle),
    Object.keys(FACETS).map((name) => facetChoice(name, params, rows)),
    chosen ? el("button", { type: "button", class: "quiet", id: "clear-filters", onclick: () => goTo("games", currentRoute().params, { show: null, ...Object.fromEntries(Object.keys(FACETS).map((name) => [name, null])) }) }, "Clear filters") : null);
}
function facetChoice(name, params, rows) {
  const counts = new Map();
  for (const row of rows) for (const value of FACETS[name].of(row.app)) counts.set(value, (counts.get(value) || 0) + 1);
  if (!counts.size) return null;
  const values = [...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]));
  const select = el("select", { id: `facet-${name}` }, el("option", { value: "" }, `Any ${FACETS[name].title.toLowerCase()}`), values.map(([value, count]) => el("option", { value }, `${value} (${count})`)));
  select.value = params.get(name) ?? "";
  select.addEventListener("change", () => goTo("games", currentRoute().params, { [name]: select.value }));
  return el("span", { class: "field" }, el("label", { for: `facet-${name}`, class: "sr" }, FACETS[name].title), select);
}

const whyNoGame = (filters) => (filters.length === 1 && filters[0] === "watched" ? "No game on this chart is on your watchlist; open a game and choose Watch." : "No game on this chart matches all filters.");
function allGamesPanel(params) {
  const trend = panelData("trend");
  const all = trend.rows.filter((row) => known(row.rank));
  const days = Math.min(28, DAILY.days);
  const rows = all.filter(fitsFilters(params)).map((row) => {
    const values = series(row.app, "peak");
    return { ...row, recent: values.slice(-days), highest: values[highestOf(values)] ?? null, effect: lastEffect(row.app) };
  });
  const columns = [
    { key: "rank", title: "#", num: true, low: true, className: "rank-cell", cell: (row) => row.rank, sort: (row) => row.rank },
    { key: "name", title: "Game", className: "name-cell", cell: (row) => [watched(row.app) && [mark("★ ", "fresh"), hidden("on the watchlist: ")], gameLink(row.app)], sort: (row) => appName(row.app).toLowerCase() },
    { key: "move", title: "1 day", drop: 1, cell: (row) => movementMark(row.status, row.rank_change), sort: (row) => row.rank_change, num: true },
    { key: "peak", title: "24-hour peak", num: true, cell: (row) => whole(row.players_peak), sort: (row) => row.players_peak },
    { key: "mean", title: "7-day mean", num: true, drop: 2, cell: (row) => whole(row.peak_7d_mean), sort: (row) => row.peak_7d_mean },
    { key: "change", title: "7 days", num: true, cell: (row) => delta(row.peak_change_7d), sort: (row) => row.peak_change_7d },
    { key: "month", title: "28 days", num: true, drop: 1, cell: (row) => delta(row.peak_change_28d), sort: (row) => row.peak_change_28d },
    { key: "spark", title: `Last ${plural(days, "day")}`, drop: 2, cell: (row) => sparkline(row.recent, `Peak over ${plural(row.recent.filter(known).length, "day")}, now ${whole(row.players_peak)}`) },
    { key: "highest", title: `Highest since ${isoDay(DAILY.first)}`, num: true, drop: 2, className: "tall", cell: (row) => whole(row.highest), sort: (row) => row.highest },
    { key: "effect", title: "Last measured update, net", num: true, drop: 2, cell: (row) => (row.effect ? el("a", { href: `#/games?ids=${APPS.id[row.app]}&at=${isoDay(row.effect.day)}&range=all`, "aria-label": `${signed(row.effect.net)} around the update of ${isoDay(row.effect.day)}` }, delta(row.effect.net)) : DASH), sort: (row) => row.effect?.net },
    { key: "price", title: "Price", drop: 1, cell: (row) => priceTag(row.app), sort: (row) => APPS.price[row.app] ?? 0, num: true },
    { key: "links", title: "Links", drop: 2, cell: (row) => outward(row.app) },
  ];
  const asked = params.get("sort") || "";
  const order = { key: asked.replace(/^-/, ""), down: asked.startsWith("-") };
  return panel({
    title: "Most played", note: all.length ? `Chart of ${isoDay(newest(all, "day"))}, ranked (#) by players at Steam's count, not by the 24-hour peak. Changes: of the 7-day mean.` : null, size: "full", asOf: trend.asOf, unit: "players", method: trend.method, plainTable: true,
    empty: trend.why || (all.length ? (rows.length ? null : whyNoGame([...shownFilters(params), ...facetsOf(params)])) : "The newest chart has no games."),
    sheet: () => sheetOf({ name: "player_trend", from: trend.table, key: (row) => row.day, rows, columns: { day: (row) => isoDay(row.day), rank: (row) => row.rank, ...ofApp, status: (row) => row.status, rank_change_1d: (row) => row.rank_change, ...Object.fromEntries(["players_now", "players_peak", "peak_7d_mean", ...CHANGES.map((one) => `peak_change_${one}d`), "players_gained_7d", "days_on_chart", "streak_days", "best_rank"].map((name) => [name, (row) => row[name]])) } }),
    body: (host) => put(host, sortableTable({
      columns, rows, caption: "Most played games", limit: 50, order: columns.some((one) => one.key === order.key && one.sort) ? order : { key: "rank", down: false },
      onOrder: ({ key, down }) => replaceAddress(addressOf("games", currentRoute().params, { sort: key === "rank" && !down ? null : `${down ? "-" : ""}${key}` })),
    })),
  });
}

function effectsPanel(size, picked) {
  const effects = panelData("effects");
  const given = effects.rows.filter((row) => !picked || picked.includes(row.app));
  const rows = picked ? [...given].sort((a, b) => b.day - a.day) : given.filter((row) => known(row.net)).sort((a, b) => b.day - a.day || Math.abs(b.net) - Math.abs(a.net)).slice(0, 40).sort((a, b) => Math.abs(b.net) - Math.abs(a.net)).slice(0, 8);
  const columns = [
    { key: "day", title: "Day", cell: (row) => el("a", { href: `#/games?ids=${APPS.id[row.app]}&at=${isoDay(row.day)}&range=all` }, isoDay(row.day)), sort: (row) => row.day, num: true, className: "left" },
    ...(picked && picked.length === 1 ? [] : [{ key: "game", title: "Game", className: "name-cell", cell: (row) => gameLink(row.app), sort: (row) => appName(row.app) }]),
    ...(picked ? [{ key: "title", title: "Update", className: "wrap", drop: picked.length > 1 ? 1 : null, cell: (row) => [row.title === null ? el("span", { class: "quiet-text" }, "headline not in this page") : bdi(row.title), row.updates > 1 ? ` and ${row.updates - 1} more` : "", row.patch ? [" ", el("span", { class: "tag" }, "patch notes")] : null] }] : []),
    { key: "change", title: "Players", num: true, drop: 1, cell: (row) => signed(row.change), sort: (row) => row.change },
    { key: "market", title: "Market", num: true, drop: 1, cell: (row) => signed(row.market), sort: (row) => row.market },
    { key: "net", title: "Net of the market", num: true, cell: (row) => (row.few ? el("span", { class: "quiet-text" }, "too few days") : delta(row.net)), sort: (row) => row.net },
  ];
  const values = ["peak_before:before", "peak_after:after", "change", "market_change:market", "net_effect:net", "days_before", "days_after"];
  return panel({
    title: "Players around updates", note: `${picked ? "" : "The largest net effects of the newest 40 updates. "}Median daily peak of the 7 days after an update against the 7 days before, net of what all other charted games did.`, size, asOf: effects.asOf, unit: "change in players", method: effects.method, plainTable: true,
    empty: effects.why || (rows.length ? null : picked ? "No update of these games was collected." : "No update has enough collected days on both sides yet."),
    sheet: () => sheetOf({ name: "update_effect", from: effects.table, key: (row) => tuesdayOf(row.day), rows: given, columns: { day: (row) => isoDay(row.day), ...ofApp, title: (row) => row.title, ...Object.fromEntries(values.map((pair) => pair.split(":")).map(([name, key]) => [name, (row) => row[key || name]])) } }),
    body: (host) => put(host, sortableTable({ columns, rows, caption: "Players around updates", limit: 20 })),
  });
}
