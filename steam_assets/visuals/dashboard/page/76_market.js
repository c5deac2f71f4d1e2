// Countries, prices, makers, releases and players through the day: one plain table per insight.
// period: of which the rows are, where they have no column for it.
const PERIODS = { day: (day) => `${isoDay(day)} (UTC)`, week: weekTitle };
function insightPanel({ name, title, note, period, unit, rows, columns, order, sheet, tools, none, limit = 12, size = "full" }) {
  const given = panelData(name);
  const shown = rows || given.rows;
  const shownPeriod = period && given.rows.length ? `${PERIODS[period](newest(given.rows, period))}. ` : "";
  return panel({
    title, note: `${shownPeriod}${note}`, size, asOf: given.asOf, unit, method: given.method, plainTable: true, tools,
    empty: given.why || (shown.length ? null : none || "No data."),
    sheet: () => sheetOf({ name: given.table.replace("insight_", ""), from: given.table, rows: shown, ...sheet }),
    body: (host) => put(host, sortableTable({ caption: title, rows: shown, columns, order, limit, headColumn: columns.findIndex((column) => column.className === "name-cell") })),
  });
}
const gameColumn = { key: "name", title: "Game", className: "name-cell", cell: (row) => gameLink(row.app), sort: (row) => appName(row.app).toLowerCase() };
const dayColumn = (title = "Day") => ({ key: "day", title, cell: (row) => date(row.day), sort: (row) => row.day });
const numbers = (key, title, write = whole, more = {}) => ({ key, title, num: true, cell: (row) => write(row[key]), sort: (row) => row[key], ...more });
const later = { drop: 1 };
// On a telephone alone.
const narrow = { drop: 0.5 };
const place = (code) => countryName({ code });

function market(params) {
  return [
    pageHead("Market", "Launches, prices and sales, market shares, countries, and players by hour."),
    el("div", { class: "grid" }, launchesPanel(), pricesPanel(), salesPanel(), labelsPanel(params), hitsPanel(), similarPanel(), daysPanel(), updateHoursPanel()),
  ];
}

const hitsPanel = () => insightPanel({
  name: "hits", title: "Regional hits", unit: "rank", none: "No item of the newest week is high in one country and off the chart in most others.",
  period: "week", note: "Items among the first 20 of a country that are off the chart in most other countries.",
  columns: [
    { key: "country", title: "Country", cell: (row) => place(row.country), sort: (row) => place(row.country) }, { ...gameColumn, title: "Item" },
    numbers("rank", "Rank there", whole, { low: true }), numbers("charted", "Countries charted"), numbers("best", "Best rank elsewhere", whole, later),
  ],
  sheet: { key: (row) => row.week, columns: { week_start: (row) => isoDay(row.week), country_code: (row) => row.country, ...ofApp, rank: (row) => row.rank, countries_charted: (row) => row.charted, best_elsewhere: (row) => row.best } },
  order: { key: "rank", down: false },
});
const similarPanel = () => insightPanel({
  name: "similar", title: "Similarity of country charts", unit: "share, correlation", period: "week", note: "Least similar first.",
  columns: [
    { key: "country", title: "Country", className: "name-cell", cell: (row) => place(row.country), sort: (row) => place(row.country) },
    { key: "other", title: "Other country", cell: (row) => place(row.other), sort: (row) => place(row.other) },
    numbers("common", "Items in common", whole, narrow), numbers("share", "Share in common", percent), numbers("correlation", "Rank correlation", decimal, narrow),
  ],
  sheet: { key: (row) => row.week, columns: { week_start: (row) => isoDay(row.week), country_code: (row) => row.country, other_country: (row) => row.other, items_in_common: (row) => row.common, share_in_common: (row) => row.share, rank_correlation: (row) => row.correlation } },
  order: { key: "share", down: false },
});

const CHANGED = { sale_began: "Sale began", sale_ended: "Sale ended", raised: "Price raised", lowered: "Price lowered" };
const pricesPanel = () => insightPanel({
  name: "changes", title: "Price changes", unit: "US dollars", note: "The newest changes: sales, and prices that were raised or lowered. A game's own page has all its prices.", none: "No price changed on the collected days.",
  columns: [
    dayColumn(), gameColumn, { key: "change", title: "Change", cell: (row) => CHANGED[row.change] || row.change, sort: (row) => row.change }, numbers("price", "Price", dollars), numbers("before", "Before", dollars, later),
    numbers("discount", "Discount", (value) => `${value} %`, narrow), { key: "ends", title: "Ends", drop: 1, cell: (row) => (known(row.ends) ? longTime(row.ends) : DASH), sort: (row) => row.ends }, numbers("lowest", "Lowest known", dollars, later),
  ],
  sheet: { key: (row) => row.day, columns: { day: (row) => isoDay(row.day), ...ofApp, kind: (row) => row.change, price_cents: (row) => row.price, discount_percent: (row) => row.discount, lowest_cents: (row) => row.lowest } },
  order: { key: "day", down: true },
});
const salesPanel = () => insightPanel({
  name: "sales", title: "Players around a sale", unit: "players, share", note: "Median peaks of the seven days before and after a sale began, against the market.", none: "No sale began on the collected days.",
  columns: [dayColumn("Sale began"), gameColumn, numbers("discount", "Discount", (value) => `${value} %`, narrow), numbers("before", "Before", whole, later), numbers("after", "After", whole, later), { key: "change", title: "Change", num: true, drop: 1, cell: (row) => delta(row.change), sort: (row) => row.change }, { key: "net", title: "Net effect", num: true, cell: (row) => (row.few ? el("span", { class: "quiet-text" }, "too few days") : delta(row.net)), sort: (row) => row.net }],
  sheet: { key: (row) => row.day, columns: { day: (row) => isoDay(row.day), ...ofApp, discount_percent: (row) => row.discount, peak_before: (row) => row.before, peak_after: (row) => row.after, change: (row) => row.change, market_change: (row) => row.market, net_effect: (row) => row.net } },
  order: { key: "day", down: true },
});

const KINDS_OF_LABELS = { tag: "Tags", publisher: "Publishers", developer: "Developers" };
function labelsPanel(params) {
  const kind = KINDS_OF_LABELS[params.get("of")] ? params.get("of") : "tag";
  return insightPanel({
    name: "shares", title: "Market share by tag, developer and publisher", unit: "share", period: "week", note: "A game counts towards each of its tags, developers and publishers, so shares add up to more than 100 %. Those with the largest shares are listed: 60 by players, and 60 by top sellers.",
    tools: [segmented("Of", Object.entries(KINDS_OF_LABELS), kind, (value) => goTo("market", currentRoute().params, { of: value }))],
    rows: panelData("shares").rows.filter((row) => row.kind === kind),
    columns: [
      { key: "label", title: KINDS_OF_LABELS[kind].slice(0, -1), className: "name-cell", cell: (row) => (row.label === "unknown" ? "unknown" : el("a", { href: addressOf("games", "", { [kind]: row.label }) }, bdi(row.label))), sort: (row) => row.label.toLowerCase() },
      numbers("games", "Games"), numbers("players", "Players", whole, later), numbers("share", "Share of players", percent), numbers("places", "Top sellers"), numbers("places_share", "Share of top sellers", percent, later),
    ],
    sheet: { key: (row) => row.week, columns: { week_start: (row) => isoDay(row.week), kind: (row) => row.kind, label: (row) => row.label, games: (row) => row.games, players: (row) => row.players, players_share: (row) => row.share, places: (row) => row.places, places_share: (row) => row.places_share } },
    order: { key: "share", down: true },
  });
}
const launchesPanel = () => insightPanel({
  name: "launches", title: "Launches of the month", unit: "players, days", period: "day", note: "Games on the day's chart that were released in the 30 days before.", none: "No game on the newest day's chart was released in the 30 days before.",
  columns: [gameColumn, { key: "released", title: "Released", cell: (row) => date(row.released), sort: (row) => row.released }, numbers("days", "Days since release", whole, narrow), numbers("rank", "Rank", whole, { low: true }), numbers("peak", "24-hour peak"), numbers("best", "Best peak", whole, later), numbers("share", "% of its best peak", percent, narrow)],
  sheet: { key: (row) => row.day, columns: { day: (row) => isoDay(row.day), ...ofApp, released_on: (row) => isoDay(row.released), days_since_release: (row) => row.days, rank: (row) => row.rank, players_peak: (row) => row.peak, best_peak: (row) => row.best, share_of_best: (row) => row.share } },
  order: { key: "peak", down: true },
});

// Players through the day.
const zone = (hours) => (known(hours) ? `UTC${hours < 0 ? "−" : "+"}${Math.abs(hours)}` : DASH);
const clockOf = (hours) => (known(hours) ? `${two(Math.floor(hours) % 24)}:${two(Math.floor((hours % 1) * 60))}` : DASH);
const daysPanel = () => insightPanel({
  name: "days", title: "Daily peaks and audience time zone", unit: "players, hours (UTC)", period: "day", note: "From samples. Time zone: the UTC offset at which the busiest hour is 20:00 local time.", limit: 20,
  columns: [gameColumn, numbers("peak", "Sampled peak"), { key: "at", title: "At (UTC)", cell: (row) => longTime(row.at).slice(11, 16), sort: (row) => row.at % 86400 }, numbers("excess", "Estimated above samples", whole, later), numbers("steam", "Steam's 24-hour peak", whole, later), numbers("swing", "Peak / mean", decimal, later), { key: "busiest", title: "Busiest hour", num: true, cell: (row) => clockOf(row.busiest), sort: (row) => row.busiest }, { key: "zone", title: "Time zone", num: true, drop: 0.5, cell: (row) => zone(row.zone), sort: (row) => row.zone }, numbers("samples", "Samples", whole, later)],
  sheet: { key: (row) => row.day, columns: { day: (row) => isoDay(row.day), ...ofApp, sampled_peak: (row) => row.peak, peak_at: (row) => isoTime(row.at), peak_excess: (row) => row.excess, steam_peak: (row) => row.steam, swing: (row) => row.swing, busiest_hour: (row) => row.busiest, audience_utc_offset: (row) => row.zone, samples: (row) => row.samples } },
  order: { key: "peak", down: true },
});
const updateHoursPanel = () => insightPanel({
  name: "update_hours", title: "The hours after an update", unit: "players, share", note: "Mean players of the 24 hours after an update, against the same hours of the week before.", none: "No update has enough samples both in the 24 hours after it and in the same hours a week earlier.",
  columns: [{ key: "moment", title: "Published", cell: (row) => longTime(row.moment), sort: (row) => row.moment }, gameColumn, { key: "title", title: "Headline", drop: 1, cell: (row) => bdi(row.title), sort: (row) => row.title }, numbers("hours", "Hours known", whole, narrow), { key: "change", title: "Change", num: true, drop: 1, cell: (row) => delta(row.change), sort: (row) => row.change }, { key: "net", title: "Net effect", num: true, cell: (row) => delta(row.net), sort: (row) => row.net }],
  sheet: { key: (row) => row.week, columns: { published_at: (row) => isoTime(row.moment), ...ofApp, title: (row) => row.title, hours_known: (row) => row.hours, change: (row) => row.change, market_change: (row) => row.market, net_effect: (row) => row.net } },
  order: { key: "moment", down: true },
});
function curvePanel(app) {
  const curve = panelData("curve");
  const rows = curve.rows.filter((row) => row.app === app);
  if (curve.why) return null;
  const day = isoDay(newest(curve.rows, "day"));
  return panel({
    title: "Players through the day", note: `${day}, by hour (UTC). Hours without a sample are left out.`, size: "half", asOf: curve.asOf, unit: "players", method: curve.method, empty: rows.length ? null : `Not sampled on ${day}: the game was not on that day's chart and is not in STEAM_WATCHLIST.`,
    sheet: () => sheetOf({ name: `player_hours-${APPS.id[app]}`, from: curve.table, key: (row) => row.day, rows, columns: { day: (row) => isoDay(row.day), ...ofApp, hour: (row) => row.hour, players: (row) => row.players } }),
    body: (host) => put(host, barList(rows.map((row) => ({ name: `${two(row.hour)}:00`, value: row.players, text: whole(row.players) })), fromZero(rows.map((row) => ({ value: row.players })), whole))),
  });
}
