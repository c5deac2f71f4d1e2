// One unusual week of a game's reviews: languages, words, playtimes and quotes.
const unusualWeeks = new Set(panelData("unusual").rows.map((row) => `${row.app} ${row.week}`));
const isOpen = (app, week) => unusualWeeks.has(`${app} ${week}`);
const weekAddress = (app, week) => addressOf("reviews", "", { app: APPS.id[app], week: isoDay(week) });

function weekOfReviews(app, week) {
  const bomb = panelData("bombs").rows.find((row) => row.app === app && row.week === week);
  const lead = bomb ? [weekTitle(week), ": ", el("b", {}, whole(bomb.negative)), ` of ${plural(bomb.reviews, "review")} are negative (${percent(bomb.share, 0)})`, known(bomb.usual) ? `; in the previous ${plural(bomb.baseline_weeks, "week")} the median was ${whole(bomb.usual)}${known(bomb.usual_share) ? ` (${percent(bomb.usual_share, 0)})` : ""}` : "", bomb.by_steam === 1 ? `. Steam excluded ${whole(bomb.excluded)} reviews as off topic` : "", "."] : `${weekTitle(week)}: not collected.`;
  const links = el("p", { class: "controls" }, el("a", { class: "quiet", href: addressOf("reviews", "", { app: APPS.id[app] }) }, mark("←"), " All weeks of this game"), el("a", { class: "quiet", href: addressOf("games", "", { ids: APPS.id[app], from: isoDay(week - 28), to: isoDay(week + 34)}) }, "Players around this week"));
  const panels = isOpen(app, week) ? [termsPanel(app, week), languagesPanel(app, week), playtimesPanel(app, week), quotesPanel(app, week)] : [panel({ title: "Reviews of this week", size: "full", method: panelData("bombs").method, empty: "This page has reviews only for unusual weeks: the newest 40 such weeks of all games." })];
  return [pageHead(appName(app), lead), links, el("div", { class: "grid" }, panels)];
}

function termsPanel(app, week) {
  const terms = panelData("terms");
  const rows = terms.rows.filter((row) => row.app === app && row.week === week);
  const of = (count, all) => `${whole(count)} of ${whole(all)}`;
  const columns = [
    { key: "term", title: "Word", className: "name-cell", cell: (row) => bdi(row.term), sort: (row) => row.term },
    { key: "language", title: "Language", drop: 1, cell: (row) => languageName(row.language), sort: (row) => row.language },
    { key: "negative", title: "In negative reviews", num: true, cell: (row) => of(row.negative, row.negatives), sort: (row) => row.negative / row.negatives },
    { key: "positive", title: "In positive reviews", num: true, cell: (row) => of(row.positive, row.positives), sort: (row) => row.positive / row.positives },
    { key: "score", title: "Score, σ", num: true, drop: 1, cell: (row) => decimal(row.score, 1), sort: (row) => row.score },
  ];
  return panel({
    title: "Words of negative reviews", note: "Words that negative reviews have more often than positive ones in the same language.", size: "two-thirds", asOf: terms.asOf, unit: "reviews with the word", method: terms.method, plainTable: true,
    empty: terms.why || (rows.length ? null : "No word stands out: there are too few reviews of one kind in each language, or they use the same words."),
    sheet: () => sheetOf({ name: `review_words-${APPS.id[app]}-${isoDay(week)}`, from: terms.table, key: (row) => row.week, rows, columns: { week_start: (row) => isoDay(row.week), ...ofApp, term: (row) => row.term, language: (row) => row.language, negative: (row) => row.negative, negative_reviews: (row) => row.negatives, positive: (row) => row.positive, positive_reviews: (row) => row.positives, score: (row) => row.score } }),
    body: (host) => put(host, sortableTable({ columns, rows, caption: "Words of negative reviews", headColumn: 0, order: { key: "score", down: true } })),
  });
}

function playtimesPanel(app, week) {
  const playtimes = panelData("playtimes");
  const rows = playtimes.rows.filter((row) => row.app === app && row.week === week);
  const bounds = rows.map((row) => row.hours);
  const name = (hours) => {
    const next = bounds.find((one) => one > hours);
    return next === undefined ? `${whole(hours)} h or more` : hours ? `${whole(hours)} to ${whole(next)} h` : `under ${whole(next)} h`;
  };
  return panel({
    chart: "Steam (reviews)", title: "Hours played", note: "Playtime when the review was written. Each bar is labelled with its lower bound in hours.", size: "full", asOf: playtimes.asOf, unit: "reviews", method: playtimes.method, empty: playtimes.why || (rows.length ? null : "No review of this week has a playtime."),
    sheet: () => sheetOf({ name: `review_playtimes-${APPS.id[app]}-${isoDay(week)}`, from: playtimes.table, key: (row) => row.week, rows, columns: { week_start: (row) => isoDay(row.week), ...ofApp, hours_from: (row) => row.hours, positive: (row) => row.positive, negative: (row) => row.negative } }),
    body: (host) => columnChart(host, { label: `Reviews of ${appName(app)} by hours played, ${weekName(week)}`, days: bounds, name: (hours) => `${whole(hours)}+`, title: name, labelRoom: 46, series: [{ name: "Positive", values: rows.map((row) => row.positive) }, { name: "Negative", values: rows.map((row) => row.negative) }], integer: true, height: 220 }),
  });
}
