// Games: find, compare up to four, and what is known of each.
const MOST_COMPARED = 4;
const METRICS = { peak: ["Peak", "players"], rank: ["Rank", "rank"], index: ["Indexed", "first day = 100"] };
const RANGES = { 30: "30 days", 90: "90 days", 365: "1 year", all: "All" };
let gameQuery = "";

function games(params) {
  const ids = (params.get("ids") || "").split(",").map(Number).filter((id) => appIndex.has(id));
  const picked = [...new Set(ids)].slice(0, MOST_COMPARED).map((id) => appIndex.get(id));
  const parts = [pageHead(picked.length === 1 ? appName(picked[0]) : picked.length ? "Compare games" : "Games", picked.length ? "Daily peak players with news and updates." : "Pick up to four games to compare, or open one from the table."), searchBox(picked, params)];
  const shown = el("div", { class: "grid" });
  if (picked.length) shown.append(trendPanel(picked, params), ...picked.map((app) => factsPanel(app, picked.length)), monthsPanel(picked), effectsPanel("full", picked), ...(picked.length === 1 ? [sentimentPanel(picked[0]), newsOfGame(picked[0])] : []));
  else shown.append(allGamesPanel());
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
  const input = el("input", { id: "game-search", type: "search", role: "combobox", autocomplete: "off", spellcheck: "false", "aria-expanded": "false", "aria-controls": "game-results", "aria-autocomplete": "list", placeholder: full ? "Four games are compared" : "Name or app id", disabled: full });
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
    const wanted = gameQuery.trim().toLowerCase();
    found = wanted ? matching(wanted).filter((app) => !picked.includes(app)) : [];
    const shown = found.slice(0, 8);
    list.replaceChildren(...shown.map((app, index) => el("li", { id: `result-${index}`, role: "option", "aria-selected": "false", onpointerdown: (event) => { event.preventDefault(); choose(app); } }, bdi(appName(app)), el("span", { class: "quiet-text" }, ` ${APPS.id[app]}`))));
    list.hidden = !shown.length;
    input.setAttribute("aria-expanded", shown.length ? "true" : "false");
    mark_(-1);
    if (wanted) announce(found.length ? `${plural(found.length, "game")} found` : "No game found");
    none.hidden = !wanted || found.length > 0;
  }
  const none = el("p", { class: "quiet-text", hidden: true }, "No game of that name is in the collected data. Only games that were on a chart are here.");
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
  const chips = picked.map((app, index) => el("li", {}, keyMark(index, "line"), bdi(appName(app)), el("button", { type: "button", "aria-label": `Remove ${appName(app)}`, onclick: () => { location.hash = gamesRoute(picked.filter((one) => one !== app), params); } }, "✕")));
  return el("div", { class: "finder" }, el("div", { class: "search" }, el("label", { for: "game-search" }, picked.length ? "Add a game" : "Find a game"), input, list, none), picked.length ? el("ul", { class: "chips", "aria-label": "Games compared" }, chips) : null);
}
function matching(wanted) {
  const scored = [];
  APPS.name.forEach((_, app) => {
    const name = appName(app).toLowerCase();
    const at = name.indexOf(wanted);
    if (String(APPS.id[app]) === wanted) scored.push([-1, app]);
    else if (at >= 0) scored.push([at === 0 ? 0 : name[at - 1] === " " ? 1 : 2, app]);
  });
  return scored.sort((a, b) => a[0] - b[0] || a[1] - b[1]).map(([, app]) => app);
}

const eventsOf = (app) => frame("news").rows.filter((row) => row.app === app).map((row) => ({ day: row.day, kind: row.kind === "other" ? "news" : "update", title: row.title, app }));
function trendPanel(picked, params) {
  const metric = METRICS[params.get("metric")] ? params.get("metric") : "peak";
  const range = RANGES[params.get("range")] ? params.get("range") : "90";
  const days = range === "all" ? allDays : allDays.slice(-Number(range));
  const from = allDays.length - days.length;
  const values = (app) => {
    const raw = series(app, metric === "rank" ? "rank" : "peak").slice(from);
    const base = raw.find(known);
    return metric === "index" ? raw.map((value) => (known(value) ? (value / base) * 100 : null)) : raw;
  };
  const lines = picked.map((app) => ({ name: appName(app), values: values(app) }));
  const anything = lines.some((one) => one.values.some(known));
  // With several games only updates are marked, or the marks would hide the lines.
  const markers = picked.flatMap((app) => eventsOf(app).filter((one) => picked.length === 1 || one.kind === "update").map((one) => ({ ...one, title: picked.length > 1 ? `${appName(app)}: ${one.title}` : one.title })));
  const choose = (key) => (value) => { location.hash = gamesRoute(picked, params, { [key]: value }); };
  return panel({
    title: { peak: "Peak players a day", rank: "Rank by players", index: "Peak players, indexed" }[metric], note: { peak: "Most players in the 24 hours before Steam's count.", rank: "Place among the most played; 1 is on top.", index: "Each game's first collected day of the range is 100." }[metric],
    size: "full", asOf: PLAYERS.as_of, unit: METRICS[metric][1], method: `${PLAYERS.method} ${frame("news").note || ""}`.trim(),
    empty: PLAYERS.why || (anything ? null : `None of these games was on the daily chart in this range.`),
    tools: [segmented("Measure", Object.entries(METRICS).map(([key, [title]]) => [key, title]), metric, choose("metric")), segmented("Range", Object.entries(RANGES), range, choose("range"))],
    sheet: () => ({ name: `players-${metric}`, columns: ["day", ...picked.map(appName)], rows: days.map((day, index) => [isoDay(day), ...lines.map((one) => one.values[index])]) }),
    body: (host) => lineChart(host, { label: `${METRICS[metric][0]} of ${picked.map(appName).join(", ")}`, days, series: lines, markers, inverted: metric === "rank", height: host.clientWidth < 560 ? 260 : 360, format: metric === "index" ? (value) => decimal(value, 1) : whole, axis: metric === "peak" ? compact : whole, at: params.has("at") ? dayOf(params.get("at")) : null }),
  });
}

function factsPanel(app, count) {
  const trend = frame("trend").rows.find((row) => row.app === app);
  const moves = frame("moves");
  const week = newest(moves.rows, "week");
  const seller = moves.rows.find((row) => row.app === app && row.week === week);
  const score = frame("scores").rows.find((row) => row.app === app && !row.off_topic);
  const values = series(app, "peak");
  const best = values.reduce((top, value, index) => (known(value) && (top < 0 || value > values[top]) ? index : top), -1);
  const month = values[values.length - 31];
  const today = values[values.length - 1];
  const facts = [
    [`Peak on ${shortDay(lastDay)}`, known(today) ? whole(today) : "off the chart"],
    ["Change in 7 days", trend ? delta(trend.peak_change_7d) : DASH],
    ["Change in 30 days", known(today) && known(month) ? delta(today / month - 1) : DASH],
    ["Rank", trend && known(trend.rank) ? [`${trend.rank} `, movementMark(trend.status, trend.rank_change)] : "off the chart"],
    ["Highest peak collected", best >= 0 ? `${whole(values[best])} on ${longDay(allDays[best])}` : DASH],
    ["Days on the chart", trend ? `${trend.days_on_chart}, ${trend.streak_days} in a row` : DASH],
    ["Top seller", seller && known(seller.rank) ? [`rank ${seller.rank} `, movementMark(seller.status, seller.movement), ` · ${plural(seller.streak, "week")} in a row`] : "not in the newest week"],
    ["Price in the US", priceTag(app)],
    ["Reviews", score ? [el("a", { href: `#/reviews?app=${APPS.id[app]}` }, `${percent(score.share)} of ${whole(score.total)}`), " positive"] : DASH],
    ["Adjusted score", score ? percent(score.adjusted) : DASH],
  ];
  const asOf = [PLAYERS.as_of, moves.asOf, frame("scores").asOf].filter(known);
  return panel({
    title: appName(app), note: `App ${APPS.id[app]} · ${APPS.type[app] || "type unknown"}${APPS.early[app] === 1 ? " · early access" : ""}`, size: count === 1 ? "third" : count === 3 ? "third" : "half", asOf: asOf.length ? Math.max(...asOf) : null, unit: "players, ranks, shares", plainTable: true,
    method: `Peaks: ${PLAYERS.method} Scores: ${frame("scores").method}`,
    sheet: () => ({ name: `facts-${APPS.id[app]}`, columns: ["fact", "value"], rows: facts.map(([name, value]) => [name, textOf(value)]) }),
    body: (host) => put(host, el("dl", { class: "facts-list" }, facts.map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]))),
  });
}
const textOf = (value) => el("span", {}, value).textContent.trim();

function monthsPanel(picked) {
  const rows = picked.flatMap((app) => {
    const months = new Map();
    series(app, "peak").forEach((value, index) => {
      if (!known(value)) return;
      const month = isoDay(allDays[index]).slice(0, 7);
      if (!months.has(month)) months.set(month, []);
      months.get(month).push(value);
    });
    const made = [...months].map(([month, values]) => ({ app, month, days: values.length, mean: values.reduce((sum, value) => sum + value, 0) / values.length, peak: Math.max(...values) }));
    made.forEach((row, index) => { row.gain = index ? row.mean - made[index - 1].mean : null; row.share = index ? row.mean / made[index - 1].mean - 1 : null; });
    return made.reverse();
  });
  const columns = [
    { key: "month", title: "Month", cell: (row) => monthName(dayOf(`${row.month}-01`)), sort: (row) => row.month },
    ...(picked.length > 1 ? [{ key: "game", title: "Game", className: "name-cell", cell: (row) => bdi(appName(row.app)), sort: (row) => appName(row.app) }] : []),
    { key: "mean", title: "Mean daily peak", num: true, cell: (row) => whole(row.mean), sort: (row) => row.mean },
    { key: "gain", title: "Gain", num: true, className: "wide-only", cell: (row) => signedWhole(row.gain), sort: (row) => row.gain },
    { key: "share", title: "Gain, %", num: true, cell: (row) => delta(row.share), sort: (row) => row.share },
    { key: "peak", title: "Highest peak", num: true, cell: (row) => whole(row.peak), sort: (row) => row.peak },
    { key: "days", title: "Days", num: true, className: "wide-only", cell: (row) => whole(row.days), sort: (row) => row.days },
  ];
  return panel({
    title: "Month by month", size: picked.length === 1 ? "two-thirds" : "full", asOf: PLAYERS.as_of, unit: "players", method: "Mean and maximum over the month's collected daily peaks; gain is against the month before. Days: how many of the month were collected with the game on the chart.", plainTable: true,
    empty: PLAYERS.why || (rows.length ? null : "None of these games was on the daily chart."),
    sheet: () => ({ name: "players-by-month", columns: ["month", "app_id", "name", "mean_daily_peak", "gain", "gain_share", "highest_peak", "days"], rows: rows.map((row) => [row.month, APPS.id[row.app], appName(row.app), Math.round(row.mean), known(row.gain) ? Math.round(row.gain) : null, row.share, row.peak, row.days]) }),
    body: (host) => put(host, sortableTable({ columns, rows, caption: "Players by month", headColumn: 0, limit: 13 })),
  });
}

function allGamesPanel() {
  const trend = frame("trend");
  const rows = trend.rows.filter((row) => known(row.rank));
  const recent = (app) => series(app, "peak").slice(-30);
  const columns = [
    { key: "rank", title: "#", num: true, low: true, className: "rank-cell", cell: (row) => row.rank, sort: (row) => row.rank },
    { key: "name", title: "Game", className: "name-cell", cell: (row) => gameLink(row.app), sort: (row) => appName(row.app).toLowerCase() },
    { key: "move", title: "1 day", className: "wide-only", cell: (row) => movementMark(row.status, row.rank_change), sort: (row) => row.rank_change, num: true },
    { key: "now", title: "At count", num: true, className: "wide-only", cell: (row) => whole(row.players_now), sort: (row) => row.players_now },
    { key: "peak", title: "Peak", num: true, cell: (row) => whole(row.players_peak), sort: (row) => row.players_peak },
    { key: "change", title: "7 days", num: true, cell: (row) => delta(row.peak_change_7d), sort: (row) => row.peak_change_7d },
    { key: "spark", title: "30 days", className: "wide-only", cell: (row) => sparkline(recent(row.app), `Peak over 30 days, now ${whole(row.players_peak)}`) },
    { key: "streak", title: "Days in a row", num: true, className: "wide-only", cell: (row) => whole(row.streak_days), sort: (row) => row.streak_days },
    { key: "best", title: "Best", num: true, low: true, className: "wide-only", cell: (row) => row.best_rank, sort: (row) => row.best_rank },
    { key: "price", title: "Price", className: "wide-only", cell: (row) => priceTag(row.app), sort: (row) => APPS.price[row.app] ?? 0, num: true },
  ];
  return panel({
    title: "Most played", note: rows.length ? `Chart of ${longDay(newest(rows, "day"))}.` : null, size: "full", asOf: trend.asOf, unit: "players", method: trend.method, plainTable: true, empty: trend.why || (rows.length ? null : "The newest chart has no games."),
    sheet: () => ({ name: "most-played", columns: ["rank", "app_id", "name", "players_now", "players_peak", "peak_change_7d", "rank_change_1d", "streak_days", "best_rank"], rows: rows.map((row) => [row.rank, APPS.id[row.app], appName(row.app), row.players_now, row.players_peak, row.peak_change_7d, row.rank_change, row.streak_days, row.best_rank]) }),
    body: (host) => put(host, sortableTable({ columns, rows, caption: "Most played games", limit: 50, order: { key: "rank", down: false } })),
  });
}

function effectsPanel(size, picked) {
  const effects = frame("effects");
  const told = effects.rows.filter((row) => !picked || picked.includes(row.app));
  const rows = picked ? [...told].sort((a, b) => b.day - a.day) : told.filter((row) => known(row.net)).sort((a, b) => b.day - a.day || Math.abs(b.net) - Math.abs(a.net)).slice(0, 40).sort((a, b) => Math.abs(b.net) - Math.abs(a.net)).slice(0, 8);
  const columns = [
    { key: "day", title: "Day", cell: (row) => (picked ? el("a", { href: `#/games?ids=${APPS.id[row.app]}&at=${isoDay(row.day)}` }, longDay(row.day)) : shortDay(row.day)), sort: (row) => row.day, num: true, className: "left" },
    ...(picked && picked.length === 1 ? [] : [{ key: "game", title: "Game", className: "name-cell", cell: (row) => gameLink(row.app), sort: (row) => appName(row.app) }]),
    ...(picked ? [{ key: "title", title: "Update", className: "wrap", cell: (row) => [bdi(row.title), row.updates > 1 ? ` and ${row.updates - 1} more` : "", row.patch ? el("span", { class: "tag" }, "patch notes") : null] }] : []),
    { key: "change", title: "Players", num: true, className: picked ? "wide-only" : "", cell: (row) => signed(row.change), sort: (row) => row.change },
    { key: "market", title: "Market", num: true, className: picked ? "wide-only" : "", cell: (row) => signed(row.market), sort: (row) => row.market },
    { key: "net", title: "Net", num: true, cell: (row) => (row.few ? el("span", { class: "quiet-text" }, "too few days") : delta(row.net)), sort: (row) => row.net },
  ];
  return panel({
    title: "Players around updates", note: "Median peak of the seven days after an update against the seven before; net of what all other charted games did.", size, asOf: effects.asOf, unit: "change of players", method: effects.method, plainTable: true,
    empty: effects.why || (rows.length ? null : picked ? "No update of these games was collected." : "No update has enough collected days on both sides yet."),
    sheet: () => ({ name: "update-effect", columns: ["day", "app_id", "name", "title", "peak_before", "peak_after", "change", "market_change", "net_effect", "days_before", "days_after"], rows: told.map((row) => [isoDay(row.day), APPS.id[row.app], appName(row.app), row.title, row.before, row.after, row.change, row.market, row.net, row.days_before, row.days_after]) }),
    body: (host) => put(host, sortableTable({ columns, rows, caption: "Players around updates", limit: 20 })),
  });
}
