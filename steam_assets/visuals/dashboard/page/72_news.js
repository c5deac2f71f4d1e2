// News: what was published about which game, with a link to that day on its player chart.
const KINDS = { all: "All", update: "Updates", patch: "Patch notes", other: "Press" };
const NEWS_STEP = 40;

function news(params) {
  const given = panelData("news");
  const kind = KINDS[params.get("kind")] ? params.get("kind") : "all";
  const app = appIndex.get(Number(params.get("app")));
  const route = (changes) => goTo("news", currentRoute().params, changes);
  const apps = [...new Set(given.rows.map((row) => row.app))].sort((a, b) => appName(a).localeCompare(appName(b)));
  const select = el("select", { id: "news-app" }, el("option", { value: "" }, "All games"), apps.map((one) => el("option", { value: APPS.id[one] }, appName(one))));
  select.value = app === undefined ? "" : String(APPS.id[app]);
  select.addEventListener("change", () => route({ app: select.value }));
  const search = el("input", { id: "news-search", type: "search", placeholder: "Words in the headline", autocomplete: "off" });
  search.value = params.get("q") ?? "";
  const place = el("div", { class: "grid" });
  const fitting = () => given.rows.filter((row) => (kind === "all" || row.kind === kind || (kind === "update" && row.kind === "patch")) && (app === undefined || row.app === app) && folded(row.title).includes(folded(search.value)));
  const draw = () => place.replaceChildren(newsPanel(fitting(), given));
  search.addEventListener("input", () => { replaceAddress(addressOf("news", currentRoute().params, { q: search.value })); draw(); announce(`${plural(fitting().length, "article")} found`); });
  draw();
  return [
    pageHead("News", "Articles about the weekly top sellers: developers' announcements and press coverage."),
    lackedNote(lackedIds(params.get("app"))),
    el("div", { class: "controls" }, el("span", { class: "field" }, el("label", { for: "news-search" }, "Search"), search), el("span", { class: "field" }, el("label", { for: "news-app" }, "Game"), select), segmented("Kind", Object.entries(KINDS), kind, (value) => route({ kind: value === "all" ? "" : value }))),
    place,
  ];
}

function newsPanel(rows, given) {
  return panel({
    title: plural(rows.length, "article"), note: given.note, size: "full", asOf: given.asOf, unit: "articles", method: given.method, plainTable: true,
    empty: given.why || (rows.length ? null : "No article matches the filter."),
    sheet: () => newsSheet(rows),
    body: (host) => put(host, newsList(rows)),
  });
}
const newsSheet = (rows) => sheetOf({ name: "news_markers", from: panelData("news").table, key: (row) => tuesdayOf(row.day), rows, columns: { published_at: (row) => isoTime(row.moment), ...ofApp, kind: (row) => row.kind, title: (row) => row.title, feed: (row) => row.feed, url: (row) => row.url } });

function newsList(rows, ofGame) {
  const list = el("div", { class: "news" });
  const more = el("button", { type: "button", class: "more" });
  let shown = 0;
  let day = null;
  let part = null;
  function extend() {
    for (const row of rows.slice(shown, shown + NEWS_STEP)) {
      if (row.day !== day) {
        day = row.day;
        part = el("ul");
        list.append(el("h3", {}, isoDay(day)), part);
      }
      part.append(newsItem(row, ofGame));
    }
    shown = Math.min(rows.length, shown + NEWS_STEP);
    more.hidden = shown >= rows.length;
    more.textContent = `Show more (${whole(rows.length - shown)} remaining)`;
  }
  more.addEventListener("click", extend);
  extend();
  return el("div", {}, list, more);
}
function newsItem(row, ofGame) {
  const kinds = { patch: ["◆", "Patch notes"], update: ["◇", "Announcement"], other: ["○", "Press"] }[row.kind];
  return el("li", {},
    el("span", { class: `kind ${row.kind}` }, mark(kinds[0]), ` ${kinds[1]}`),
    el("span", { class: "headline" }, row.url ? webLink(row.title, row.url) : bdi(row.title)),
    el("span", { class: "quiet-text" }, ofGame ? null : [gameLink(row.app), " · "], bdi(row.feed || "feed without a name"), ` · ${longTime(row.moment).slice(-9)} · `, el("a", { href: `#/games?ids=${APPS.id[row.app]}&at=${isoDay(row.day)}&range=all` }, "show on chart", hidden(` of ${appName(row.app)}`))));
}
function newsOfGame(app) {
  const given = panelData("news");
  const rows = given.rows.filter((row) => row.app === app);
  return panel({
    title: "News of this game", size: "half", asOf: given.asOf, unit: "articles", method: given.method, plainTable: true, note: given.note,
    empty: given.why || (rows.length ? null : markersOf(app).length ? "The headlines about this game are older than those in this page; its chart marks their days." : "No article about this game was collected; news is collected for the weekly top sellers."),
    sheet: () => newsSheet(rows),
    body: (host) => put(host, newsList(rows.slice(0, 6), true), rows.length > 6 && el("p", { class: "go" }, el("a", { href: `#/news?app=${APPS.id[app]}` }, `All ${whole(rows.length)} headlines`))),
  });
}
