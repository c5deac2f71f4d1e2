// What the store says of games: makers, tags, release dates, ranks by country. Empty until it was collected.
const storeFacts = new Map(panelData("store").rows.map((row) => [row.app, row]));
const storeTags = groupBy(panelData("tags").rows, "app");
const FACETS = {
  tag: { title: "Tag", of: (app) => (storeTags.get(app) || []).map((row) => row.tag) },
  developer: { title: "Developer", of: (app) => APPS.developers[app] || [] },
  publisher: { title: "Publisher", of: (app) => APPS.publishers[app] || [] },
};
const facetLinks = (name, app, most = 3) => FACETS[name].of(app).slice(0, most).map((value, index) => [index ? ", " : "", el("a", { href: addressOf("games", "", { [name]: value }) }, bdi(value))]);

// Rows of a game's facts that the store knows; those that were not collected are named under them.
function storeRows(app) {
  const released = storeFacts.get(app)?.released;
  const rows = [["Developer", facetLinks("developer", app)], ["Publisher", facetLinks("publisher", app)], ["Released", known(released) ? date(released) : ""], ["Tags", facetLinks("tag", app, 5)]];
  return rows.filter(([, value]) => value.length !== 0);
}
// What a game's page has a place for, and the data that fills it.
const PLACES = { makers: "developer and publisher", store: "release date", tags: "tags", lifts: "players around sales", ranks: "rank by country", curve: "players through the day" };
function missingNote() {
  const why = (name) => (name === "makers" ? (APPS.developers.some((one) => one !== null) ? null : "The collected charts do not have them.") : panelData(name).why);
  const missing = Object.entries(PLACES).filter(([name]) => why(name));
  if (!missing.length) return null;
  return disclosure("Not collected yet", () => el("ul", { class: "gap-list" }, missing.map(([name, words]) => el("li", {}, el("b", {}, `${words[0].toUpperCase()}${words.slice(1)}: `), prose(why(name))))), "missing");
}

function ranksPanel(app) {
  const ranks = panelData("ranks");
  const rows = ranks.rows.filter((row) => row.app === app);
  if (ranks.why) return null;
  const week = newest(ranks.rows, "week");
  const columns = [
    { key: "country", title: "Country", className: "name-cell", cell: (row) => countryName({ code: row.country }), sort: (row) => countryName({ code: row.country }) },
    { key: "rank", title: "Rank", num: true, low: true, cell: (row) => whole(row.rank), sort: (row) => row.rank },
  ];
  return panel({
    title: "Rank by country", note: `Top sellers by revenue in each country, ${weekName(week)}.`, size: "half", asOf: ranks.asOf, unit: "rank", method: ranks.method, plainTable: true, empty: rows.length ? null : "Not among the hundred top sellers of any collected country.",
    sheet: () => sheetOf({ name: `country_sellers-${APPS.id[app]}`, from: ranks.table, key: (row) => row.week, rows, columns: { week_start: (row) => isoDay(row.week), ...ofApp, country_code: (row) => row.country, rank: (row) => row.rank } }),
    body: (host) => put(host, sortableTable({ columns, rows, caption: "Rank by country", headColumn: 0, limit: 10, order: { key: "rank", down: false } })),
  });
}
