// Reviews: how players vote, game by game and week by week, and which weeks are unusual.
function reviews(params) {
  const app = appIndex.get(Number(params.get("app")));
  if (app === undefined) return [pageHead("Reviews", "Counts are Steam's own totals over all reviews. Languages and quotes come from the fetched reviews, which may be a sample."), lackedNote(lackedIds(params.get("app"))), el("div", { class: "grid" }, votesPanel(), languagesPanel(null), bombsPanel("full"), scoresPanel(), quotesPanel(null))];
  // An address may name any day of the week.
  const day = namedDay(params.get("week"));
  if (known(day)) return weekOfReviews(app, tuesdayOf(day));
  return [pageHead(appName(app), "Reviews of this game."), el("p", { class: "controls" }, el("a", { class: "quiet", href: "#/reviews" }, mark("←"), " All games"), el("a", { class: "quiet", href: `#/games?ids=${APPS.id[app]}` }, "Players of this game")), el("div", { class: "grid" }, sentimentPanel(app, "two-thirds"), languagesPanel(app), totalsPanel(app), bombsPanel("full", app), quotesPanel(app))];
}

function votesPanel() {
  const sentiment = panelData("sentiment");
  const weeks = weeklyVotes();
  return votesChart({ title: "Reviews per week", note: "All top sellers of each week together; which games those are changes from week to week.", size: "two-thirds", weeks, sentiment, label: "Reviews per week, positive and negative", empty: sentiment.why });
}
function sentimentPanel(app, size = "half") {
  const sentiment = panelData("sentiment");
  const weeks = sentiment.rows.filter((row) => row.app === app).map((row) => ({ ...row, all: row.positive + row.negative, share: row.positive + row.negative ? row.positive / (row.positive + row.negative) : null })).sort((a, b) => a.week - b.week);
  return votesChart({ title: "Reviews per week", note: "Steam's own count of the reviews written in the week.", size, weeks, sentiment, label: `Reviews per week of ${appName(app)}`, empty: sentiment.why || (weeks.length ? null : "This game was not among the top sellers of a collected week; reviews are collected for those only.") });
}
function votesChart({ title, note, size, weeks, sentiment, label, empty }) {
  const days = weeks.length ? everyWeek(weeks[0].week, weeks.at(-1).week) : [];
  const byWeek = new Map(weeks.map((one) => [one.week, one]));
  const of = (key) => days.map((day) => byWeek.get(day)?.[key] ?? null);
  return panel({
    chart: "Steam (sentiment)", title, note, size, asOf: sentiment.asOf, unit: "reviews, share", method: sentiment.method, empty,
    sheet: () => sheetOf({ name: "sentiment", from: sentiment.table, key: (row) => row.week, rows: weeks, columns: { week_start: (row) => isoDay(row.week), ...(known(weeks[0]?.app) ? ofApp : {}), positive: (row) => row.positive, negative: (row) => row.negative, positive_share: (row) => row.share } }),
    body: (host) => {
      const name = weekName;
      columnChart(host, { label, days, series: [{ name: "Positive", values: of("positive") }, { name: "Negative", values: of("negative") }], title: name, integer: true, height: 190 });
      if (days.length > 1) {
        put(host, el("h3", {}, "Positive share"));
        lineChart(host, { label: `${label}: positive share`, days, series: [{ name: "Positive share", values: of("share") }], format: percent, axis: axisPercent, ceiling: 1, height: 160, period: " (week of)" });
      }
    },
  });
}

function languagesPanel(app, chosenWeek) {
  const languages = panelData("languages");
  const week = chosenWeek ?? newest(languages.rows, "week");
  const rows = languages.rows.filter((row) => row.week === week && (app === null || row.app === app));
  const found = [...groupBy(rows, "language")].map(([language, ones]) => {
    const count = ones.reduce((sum, row) => sum + row.reviews, 0);
    return { language, count, positive: ones.reduce((sum, row) => sum + row.reviews * row.positive_share, 0) / count, hours: app === null ? null : ones[0].hours };
  }).sort((a, b) => b.count - a.count);
  const all = found.reduce((sum, one) => sum + one.count, 0);
  const cut = rows.some((row) => row.complete === 0);
  return panel({
    title: "Languages", note: week === null ? null : `Fetched reviews, ${weekName(week)}${cut ? `; a sample, as the page budget was reached${app === null ? " for some games" : ""}` : ""}.`, size: "third", asOf: languages.asOf, unit: "share of fetched reviews", method: languages.method,
    empty: languages.why || (found.length ? null : chosenWeek === undefined ? `No review of this game was fetched in the ${weekName(week)}.` : "No review of this week was fetched."),
    sheet: () => sheetOf({ name: "review_languages", from: languages.table, key: () => week, rows: found, columns: { week_start: () => isoDay(week), ...(app === null ? {} : { app_id: () => APPS.id[app], name: () => appName(app) }), language: (row) => row.language, reviews: (row) => row.count, sample_share: (row) => row.count / all, positive_share: (row) => row.positive, ...(app === null ? {} : { median_hours_at_review: (row) => row.hours }) } }),
    body: (host) => put(host, barList(found.slice(0, 10).map((one) => ({ name: bdi(languageName(one.language)), value: one.count / all, text: percent(one.count / all), extra: `${percent(one.positive, 0)} positive${known(one.hours) ? `, median ${decimal(one.hours, 0)} h played` : ""}` })), SHARES), found.length > 10 && el("p", { class: "quiet-text" }, `and ${found.length - 10} more languages`)),
  });
}
const LANGUAGES = { schinese: "Simplified Chinese", tchinese: "Traditional Chinese", koreana: "Korean", brazilian: "Portuguese (Brazil)", latam: "Spanish (Latin America)" };
const languageName = (name) => LANGUAGES[name] || name.charAt(0).toUpperCase() + name.slice(1);

function bombsPanel(size, app) {
  const bombs = panelData("bombs");
  const rows = bombs.rows.filter((row) => (app === undefined ? row.flagged === 1 || row.by_steam === 1 : row.app === app)).sort((a, b) => b.week - a.week || (b.volume || 0) - (a.volume || 0));
  const small = size !== "full";
  const columns = [
    { key: "week", title: "Week of", cell: (row) => (isOpen(row.app, row.week) ? el("a", { href: weekAddress(row.app, row.week), "aria-label": `Open the week of ${isoDay(row.week)} of ${appName(row.app)}` }, isoDay(row.week)) : isoDay(row.week)), sort: (row) => row.week, num: true, className: "left" },
    ...(app === undefined ? [{ key: "name", title: "Game", className: "name-cell", cell: (row) => el("a", { class: "game", href: `#/reviews?app=${APPS.id[row.app]}` }, bdi(appName(row.app))), sort: (row) => appName(row.app) }] : []),
    { key: "flag", title: "Verdict", drop: app === undefined ? 1 : null, cell: (row) => (row.flagged === 1 ? el("span", { class: "tag warn" }, mark("⚑"), " unusual") : row.flagged === 0 ? "usual" : el("span", { class: "quiet-text" }, "too few weeks")), sort: (row) => row.flagged },
    { key: "negative", title: "Negative", num: true, cell: (row) => whole(row.negative), sort: (row) => row.negative },
    ...(small ? [] : [{ key: "usual", title: "Median before", num: true, drop: 1, cell: (row) => whole(row.usual), sort: (row) => row.usual }]),
    { key: "share", title: "Negative share", num: true, drop: 1, cell: (row) => percent(row.share, 0), sort: (row) => row.share },
    ...(small ? [] : [
      { key: "volume", title: "Volume, σ", num: true, drop: 1, cell: (row) => decimal(row.volume, 1), sort: (row) => row.volume },
      { key: "sharescore", title: "Share, σ", num: true, drop: 1, cell: (row) => decimal(row.share_score, 1), sort: (row) => row.share_score },
      { key: "steam", title: "Excluded by Steam", num: true, drop: 1, cell: (row) => (row.by_steam === 1 ? whole(row.excluded) : row.by_steam === 0 ? "none" : "not collected"), sort: (row) => row.excluded },
    ]),
  ];
  return panel({
    title: app === undefined ? "Unusual weeks" : "Weeks against the previous 12", note: `Unusual: far more negative reviews than in the previous 12 weeks. It shows that something happened, not what.${app === undefined ? "" : " Of older weeks, only the unusual ones are listed."}${rows.some((row) => isOpen(row.app, row.week)) ? " Open a linked week for its languages, words, playtimes and quotes." : ""}`, size, asOf: bombs.asOf, unit: "reviews, robust standard deviations (σ)", method: bombs.method, plainTable: true,
    empty: bombs.why || (rows.length ? null : app === undefined ? "No week is flagged as unusual, and Steam excluded no reviews." : "No reviews of this game were counted in the last 12 weeks."),
    sheet: () => sheetOf({ name: "review_bombs", from: bombs.table, key: (row) => row.week, rows, columns: { week_start: (row) => isoDay(row.week), ...ofApp, flagged: (row) => isTrue(row.flagged), negative: (row) => row.negative, reviews: (row) => row.reviews, negative_share: (row) => row.share, baseline_negative: (row) => row.usual, baseline_share: (row) => row.usual_share, baseline_weeks: (row) => row.baseline_weeks, volume_score: (row) => row.volume, share_score: (row) => row.share_score, excluded_by_steam: (row) => row.excluded, agreement: (row) => row.agreement } }),
    body: (host) => put(host, sortableTable({ columns, rows, caption: "Unusual review weeks", limit: small ? 8 : 20 })),
  });
}

function scoresPanel() {
  const scores = panelData("scores");
  const sentiment = panelData("sentiment");
  const last = newest(sentiment.rows, "week");
  const weeks = last === null ? [] : everyWeek(Math.min(...sentiment.rows.map((row) => row.week)), last).slice(-26);
  const byApp = groupBy(sentiment.rows, "app");
  const flagged = new Set(panelData("bombs").rows.filter((row) => row.flagged === 1 && row.week === last).map((row) => row.app));
  const rows = scores.rows.filter((row) => !row.off_topic).map((row) => {
    const ones = byApp.get(row.app) || [];
    const week = ones.find((one) => one.week === last);
    const shares = new Map(ones.map((one) => [one.week, one.positive + one.negative ? one.positive / (one.positive + one.negative) : null]));
    return { ...row, week_reviews: week ? week.positive + week.negative : null, week_share: week ? shares.get(last) : null, change: week ? week.change : null, shares: weeks.map((one) => shares.get(one) ?? null) };
  });
  const columns = [
    { key: "name", title: "Game", className: "name-cell", cell: (row) => [el("a", { class: "game", href: `#/reviews?app=${APPS.id[row.app]}` }, bdi(appName(row.app))), flagged.has(row.app) ? el("span", { class: "tag warn" }, mark("⚑"), " unusual week") : null], sort: (row) => appName(row.app).toLowerCase() },
    { key: "adjusted", title: "Adjusted score", num: true, cell: (row) => el("b", {}, percent(row.adjusted)), sort: (row) => row.adjusted },
    { key: "share", title: "Positive", num: true, drop: 1, cell: (row) => percent(row.share), sort: (row) => row.share },
    { key: "total", title: "Reviews", num: true, drop: 1, cell: (row) => whole(row.total), sort: (row) => row.total },
    { key: "grade", title: "Steam's rating", drop: 1, cell: (row) => bdi(row.grade || DASH), sort: (row) => row.share },
    { key: "week_reviews", title: "Reviews, week", num: true, drop: 1, cell: (row) => whole(row.week_reviews), sort: (row) => row.week_reviews },
    { key: "week_share", title: "Positive, week", num: true, drop: 1, cell: (row) => percent(row.week_share), sort: (row) => row.week_share },
    { key: "change", title: "Change, points", num: true, drop: 1, cell: (row) => delta(row.change, points), sort: (row) => row.change },
    { key: "spark", title: `Last ${plural(weeks.length, "week")}`, drop: 1, cell: (row) => sparkline(row.shares, `Positive share over ${plural(row.shares.filter(known).length, "week")}, now ${percent(row.week_share)}`) },
  ];
  return panel({
    title: "Scores", note: `The adjusted score is pulled towards 50 % when there are few reviews. Reviews that Steam marks as off topic are excluded.${last === null ? "" : ` Columns of the week: ${weekName(last)}.`}`, size: "full", asOf: scores.asOf, unit: "share, reviews", method: scores.method, plainTable: true, empty: scores.why || (rows.length ? null : "No score that excludes off-topic reviews was collected."),
    sheet: () => sheetOf({ name: "review_scores", from: scores.table, key: (row) => row.week, rows, columns: { week_start: (row) => isoDay(row.week), ...ofApp, adjusted_score: (row) => row.adjusted, positive_share: (row) => row.share, wilson_lower: (row) => row.wilson, total_reviews: (row) => row.total, total_positive: (row) => row.positive } }),
    body: (host) => put(host, sortableTable({ columns, rows, caption: "Review scores", headColumn: 0, limit: 30, order: { key: "adjusted", down: true } })),
  });
}

function totalsPanel(app) {
  const scores = panelData("scores");
  const rows = scores.rows.filter((row) => row.app === app);
  const columns = [
    { key: "kind", title: "Counted", cell: (row) => (row.off_topic ? "Off-topic reviews included" : "As Steam shows it") },
    { key: "total", title: "Reviews", num: true, cell: (row) => whole(row.total) },
    { key: "share", title: "Positive", num: true, cell: (row) => percent(row.share) },
    { key: "adjusted", title: "Adjusted", num: true, cell: (row) => percent(row.adjusted) },
    { key: "wilson", title: "Lower bound (95 %)", num: true, cell: (row) => percent(row.wilson) },
  ];
  return panel({
    title: "Lifetime totals", note: rows.length ? `To the end of the ${weekName(newest(rows, "week"))}. Steam's rating: ${rows[0].grade || "none"}.` : null, size: "full", asOf: scores.asOf, unit: "reviews, share", method: scores.method, plainTable: true, empty: scores.why || (rows.length ? null : "No totals of this game were collected."),
    sheet: () => sheetOf({ name: `review_scores-${APPS.id[app]}`, from: scores.table, key: (row) => row.week, rows, columns: { week_start: (row) => isoDay(row.week), ...ofApp, off_topic_included: (row) => isTrue(row.off_topic), total_reviews: (row) => row.total, total_positive: (row) => row.positive, positive_share: (row) => row.share, adjusted_score: (row) => row.adjusted, wilson_lower: (row) => row.wilson } }),
    body: (host) => put(host, sortableTable({ columns, rows, caption: "Lifetime totals", headColumn: 0 })),
  });
}

function quotesPanel(app, week) {
  const quotes = panelData("quotes");
  const rows = quotes.rows.filter((row) => (week === undefined ? row.newest : row.week === week) && (app === null || row.app === app)).sort((a, b) => (week === undefined ? 0 : a.up - b.up) || b.votes - a.votes);
  const shown = week ?? newest(quotes.rows.filter((row) => row.newest), "week");
  const ofWeek = shown === null ? "the newest week" : `the ${weekName(shown)}`;
  return panel({
    title: "Most helpful reviews", note: `The fetched reviews of ${ofWeek} with the most helpful votes${week === undefined ? "" : ", negative ones first"}, cut to 280 characters.`, size: "full", asOf: quotes.asOf, unit: "helpful votes", method: quotes.method, plainTable: true, empty: quotes.why || (rows.length ? null : `No review of this game was fetched in ${ofWeek}.`),
    sheet: () => sheetOf({ name: "reviews", from: quotes.table, key: (row) => row.week, rows, columns: { created_at: (row) => isoTime(row.created), ...ofApp, recommends: (row) => isTrue(row.up), language: (row) => row.language, votes_up: (row) => row.votes, hours_at_review: (row) => row.hours, text: (row) => row.text } }),
    body: (host) => put(host, el("ul", { class: "quotes" }, rows.slice(0, app === null ? 9 : 30).map((row) => el("li", {}, el("p", { class: "quote-head" }, el("span", { class: `verdict ${row.up ? "up" : "down"}` }, mark(row.up ? "+" : "−"), row.up ? " Recommends" : " Does not recommend"), app === null && el("a", { class: "game", href: `#/reviews?app=${APPS.id[row.app]}` }, bdi(appName(row.app)))), el("blockquote", { dir: "auto" }, row.text || "(no text)"), el("p", { class: "quiet-text" }, `${isoDay(Math.floor(row.created / 86400))} · ${languageName(row.language || "unknown")}${known(row.hours) ? ` · ${decimal(row.hours, 0)} h played` : ""} · ${plural(row.votes, "helpful vote")}`))))),
  });
}
