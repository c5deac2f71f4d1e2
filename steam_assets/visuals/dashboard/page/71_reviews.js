// Reviews: how players vote, game by game and week by week, and which weeks are out of the ordinary.
function reviews(params) {
  const app = appIndex.get(Number(params.get("app")));
  const head = pageHead(app === undefined ? "Reviews" : appName(app), app === undefined ? "Counts are Steam's own totals over all reviews, never a sample; languages and quotes come from the reviews that were fetched." : "Reviews of this game.");
  if (app === undefined) return [head, el("div", { class: "grid" }, votesPanel(), languagesPanel(null), bombsPanel("full"), scoresPanel(), quotesPanel(null))];
  return [head, el("p", { class: "controls" }, el("a", { class: "quiet", href: "#/reviews" }, mark("←"), " All games"), el("a", { class: "quiet", href: `#/games?ids=${APPS.id[app]}` }, "Players of this game")), el("div", { class: "grid" }, sentimentPanel(app, "two-thirds"), languagesPanel(app), totalsPanel(app), bombsPanel("half", app), quotesPanel(app))];
}

function votesPanel() {
  const sentiment = frame("sentiment");
  const weeks = weeklyVotes();
  return votesChart({ title: "Reviews a week", note: "All top sellers together.", size: "two-thirds", weeks, sentiment, label: "Reviews a week, positive and negative", empty: sentiment.why });
}
function sentimentPanel(app, size = "half") {
  const sentiment = frame("sentiment");
  const weeks = sentiment.rows.filter((row) => row.app === app).map((row) => ({ ...row, all: row.positive + row.negative, share: row.positive + row.negative ? row.positive / (row.positive + row.negative) : null })).sort((a, b) => a.week - b.week);
  return votesChart({ title: "Reviews a week", note: "Steam's own count of each week's reviews.", size, weeks, sentiment, label: `Reviews a week of ${appName(app)}`, empty: sentiment.why || (weeks.length ? null : "This game was not among the top sellers of a collected week; only those are asked about.") });
}
function votesChart({ title, note, size, weeks, sentiment, label, empty }) {
  const days = weeks.length ? Array.from({ length: (weeks[weeks.length - 1].week - weeks[0].week) / 7 + 1 }, (_, index) => weeks[0].week + 7 * index) : [];
  const byWeek = new Map(weeks.map((one) => [one.week, one]));
  const of = (key) => days.map((day) => byWeek.get(day)?.[key] ?? null);
  return panel({
    title, note, size, asOf: sentiment.asOf, unit: "reviews, share", method: sentiment.method, empty,
    sheet: () => ({ name: "reviews-by-week", columns: ["week_start", "positive", "negative", "positive_share"], rows: days.map((day, index) => [isoDay(day), of("positive")[index], of("negative")[index], of("share")[index]]) }),
    body: (host) => {
      const name = (day) => `week from ${longDay(day)}`;
      columnChart(host, { label, days, series: [{ name: "Positive", values: of("positive") }, { name: "Negative", values: of("negative") }], title: name, height: 190 });
      if (days.length > 1) {
        put(host, el("h3", {}, "Positive share"));
        lineChart(host, { label: `${label}: positive share`, days, series: [{ name: "Positive share", values: of("share") }], format: percent, axis: (value) => percent(value, 0), ceiling: 1, height: 150, period: ", week" });
      }
    },
  });
}

function languagesPanel(app) {
  const languages = frame("languages");
  const rows = languages.rows.filter((row) => app === null || row.app === app);
  const found = [...groupBy(rows, "language")].map(([language, ones]) => {
    const count = ones.reduce((sum, row) => sum + row.reviews, 0);
    return { language, count, positive: ones.reduce((sum, row) => sum + row.reviews * row.positive_share, 0) / count, hours: app === null ? null : ones[0].hours };
  }).sort((a, b) => b.count - a.count);
  const all = found.reduce((sum, one) => sum + one.count, 0);
  const cut = rows.some((row) => row.complete === 0);
  const week = newest(rows, "week");
  return panel({
    title: "Languages", note: week === null ? null : `Fetched reviews of the newest week, from ${longDay(week)}${cut ? "; some weeks were cut by the page budget, so this is a sample" : ""}.`, size: "third", asOf: languages.asOf, unit: "share of fetched reviews", method: languages.method,
    empty: languages.why || (found.length ? null : "No review of this game was fetched in its newest week."),
    sheet: () => ({ name: "review-languages", columns: ["language", "reviews", "share", "positive_share", "median_hours_at_review"], rows: found.map((one) => [one.language, one.count, one.count / all, one.positive, one.hours]) }),
    body: (host) => put(host, barList(found.slice(0, 10).map((one) => ({ name: bdi(languageName(one.language)), value: one.count / all, text: percent(one.count / all), extra: `${percent(one.positive, 0)} positive${known(one.hours) ? `, ${decimal(one.hours, 0)} h` : ""}` }))), found.length > 10 && el("p", { class: "quiet-text" }, `and ${found.length - 10} more languages`)),
  });
}
const LANGUAGES = { schinese: "Simplified Chinese", tchinese: "Traditional Chinese", koreana: "Korean", brazilian: "Portuguese (Brazil)", latam: "Spanish (Latin America)" };
const languageName = (name) => LANGUAGES[name] || name.charAt(0).toUpperCase() + name.slice(1);

function bombsPanel(size, app) {
  const bombs = frame("bombs");
  const rows = bombs.rows.filter((row) => (app === undefined ? row.flagged === 1 || row.by_steam === 1 : row.app === app)).sort((a, b) => b.week - a.week || (b.volume || 0) - (a.volume || 0));
  const small = size !== "full";
  const columns = [
    { key: "week", title: "Week from", cell: (row) => (small ? shortDay(row.week) : longDay(row.week)), sort: (row) => row.week, num: true, className: "left" },
    ...(app === undefined ? [{ key: "name", title: "Game", className: "name-cell", cell: (row) => el("a", { class: "game", href: `#/reviews?app=${APPS.id[row.app]}` }, bdi(appName(row.app))), sort: (row) => appName(row.app) }] : []),
    { key: "flag", title: "Verdict", cell: (row) => (row.flagged === 1 ? el("span", { class: "tag warn" }, mark("⚑"), " unusual") : row.flagged === 0 ? "usual" : el("span", { class: "quiet-text" }, "baseline too short")), sort: (row) => row.flagged },
    { key: "negative", title: "Negative", num: true, cell: (row) => [whole(row.negative), small ? null : el("span", { class: "quiet-text" }, ` usually ${whole(row.usual)}`)], sort: (row) => row.negative },
    { key: "share", title: "Share", num: true, cell: (row) => percent(row.share, 0), sort: (row) => row.share },
    { key: "volume", title: "Volume, σ", num: true, cell: (row) => decimal(row.volume, 1), sort: (row) => row.volume },
    ...(small && app === undefined ? [] : [
      { key: "sharescore", title: "Share, σ", num: true, cell: (row) => decimal(row.share_score, 1), sort: (row) => row.share_score },
      { key: "steam", title: "Left out by Steam", num: true, cell: (row) => (row.by_steam === 1 ? whole(row.excluded) : row.by_steam === 0 ? "none" : "not asked"), sort: (row) => row.excluded },
    ]),
  ];
  return panel({
    title: app === undefined ? "Unusual weeks" : "Against its own past", note: "Far more negative reviews than the game's last 12 weeks let expect. It tells that something happened, not what.", size, asOf: bombs.asOf, unit: "reviews, robust standard deviations (σ)", method: bombs.method, plainTable: true,
    empty: bombs.why || (rows.length ? null : app === undefined ? `No week of the ${plural(bombs.rows.length, "judged one")} is flagged, and Steam left out none.` : "No week of this game was judged."),
    sheet: () => ({ name: "unusual-review-weeks", columns: ["week_start", "app_id", "name", "flagged", "negative", "reviews", "negative_share", "baseline_negative", "baseline_share", "baseline_weeks", "volume_score", "share_score", "excluded_by_steam", "agreement"], rows: rows.map((row) => [isoDay(row.week), APPS.id[row.app], appName(row.app), row.flagged === null ? null : row.flagged === 1 ? "true" : "false", row.negative, row.reviews, row.share, row.usual, row.usual_share, row.baseline_weeks, row.volume, row.share_score, row.excluded, row.agreement]) }),
    body: (host) => put(host, sortableTable({ columns, rows, caption: "Unusual review weeks", limit: small ? 8 : 20 })),
  });
}

function scoresPanel() {
  const scores = frame("scores");
  const sentiment = frame("sentiment");
  const weeks = [...new Set(sentiment.rows.map((row) => row.week))].sort((a, b) => a - b).slice(-26);
  const byApp = groupBy(sentiment.rows, "app");
  const last = weeks[weeks.length - 1];
  const flagged = new Set(frame("bombs").rows.filter((row) => row.flagged === 1 && row.week === last).map((row) => row.app));
  const rows = scores.rows.filter((row) => !row.off_topic).map((row) => {
    const ones = byApp.get(row.app) || [];
    const week = ones.find((one) => one.week === last);
    const shares = new Map(ones.map((one) => [one.week, one.positive + one.negative ? one.positive / (one.positive + one.negative) : null]));
    return { ...row, week_reviews: week ? week.positive + week.negative : null, week_share: week ? shares.get(last) : null, change: week ? week.change : null, shares: weeks.map((one) => shares.get(one) ?? null) };
  });
  const columns = [
    { key: "name", title: "Game", className: "name-cell", cell: (row) => [el("a", { class: "game", href: `#/reviews?app=${APPS.id[row.app]}` }, bdi(appName(row.app))), flagged.has(row.app) ? el("span", { class: "tag warn" }, mark("⚑"), " unusual week") : null], sort: (row) => appName(row.app).toLowerCase() },
    { key: "adjusted", title: "Adjusted score", num: true, cell: (row) => el("b", {}, percent(row.adjusted)), sort: (row) => row.adjusted },
    { key: "share", title: "Positive", num: true, cell: (row) => percent(row.share), sort: (row) => row.share },
    { key: "total", title: "Reviews", num: true, className: "wide-only", cell: (row) => whole(row.total), sort: (row) => row.total },
    { key: "grade", title: "Steam says", className: "wide-only", cell: (row) => bdi(row.grade || DASH), sort: (row) => row.share },
    { key: "week_reviews", title: "This week", num: true, className: "wide-only", cell: (row) => whole(row.week_reviews), sort: (row) => row.week_reviews },
    { key: "week_share", title: "Positive, week", num: true, cell: (row) => percent(row.week_share), sort: (row) => row.week_share },
    { key: "change", title: "Points", num: true, className: "wide-only", cell: (row) => delta(row.change, points), sort: (row) => row.change },
    { key: "spark", title: "26 weeks", className: "wide-only", cell: (row) => sparkline(row.shares, `Positive share over ${plural(row.shares.filter(known).length, "week")}, now ${percent(row.week_share)}`) },
  ];
  return panel({
    title: "Scores", note: "The adjusted score trusts few reviews less. Reviews Steam marks as off topic are left out.", size: "full", asOf: scores.asOf, unit: "share, reviews", method: scores.method, plainTable: true, empty: scores.why || (rows.length ? null : "No score without off-topic reviews was collected."),
    sheet: () => ({ name: "review-scores", columns: ["app_id", "name", "adjusted_score", "positive_share", "wilson_lower", "total_reviews", "total_positive", "week_reviews", "week_positive_share"], rows: rows.map((row) => [APPS.id[row.app], appName(row.app), row.adjusted, row.share, row.wilson, row.total, row.positive, row.week_reviews, row.week_share]) }),
    body: (host) => put(host, sortableTable({ columns, rows, caption: "Review scores", headColumn: 0, limit: 30, order: { key: "adjusted", down: true } })),
  });
}

function totalsPanel(app) {
  const scores = frame("scores");
  const rows = scores.rows.filter((row) => row.app === app);
  const columns = [
    { key: "kind", title: "Counted", cell: (row) => (row.off_topic ? "with off-topic reviews" : "as Steam shows it") },
    { key: "total", title: "Reviews", num: true, cell: (row) => whole(row.total) },
    { key: "share", title: "Positive", num: true, cell: (row) => percent(row.share) },
    { key: "adjusted", title: "Adjusted", num: true, cell: (row) => percent(row.adjusted) },
    { key: "wilson", title: "At least (95 %)", num: true, cell: (row) => percent(row.wilson) },
  ];
  return panel({
    title: "Over its life", note: rows.length ? `Up to the week from ${longDay(newest(rows, "week"))}. Steam: ${rows[0].grade || "no grade"}.` : null, size: "half", asOf: scores.asOf, unit: "reviews, share", method: scores.method, plainTable: true, empty: scores.why || (rows.length ? null : "No totals of this game were collected."),
    sheet: () => ({ name: `review-totals-${APPS.id[app]}`, columns: ["off_topic_included", "total_reviews", "positive_share", "adjusted_score", "wilson_lower"], rows: rows.map((row) => [row.off_topic ? "true" : "false", row.total, row.share, row.adjusted, row.wilson]) }),
    body: (host) => put(host, sortableTable({ columns, rows, caption: "Totals", headColumn: 0 })),
  });
}

function quotesPanel(app) {
  const quotes = frame("quotes");
  const rows = quotes.rows.filter((row) => app === null || row.app === app).sort((a, b) => b.votes - a.votes);
  return panel({
    title: "In players' words", note: "The week's fetched reviews that most readers found helpful, cut at 280 characters.", size: "full", asOf: quotes.asOf, unit: "votes of readers", method: quotes.method, plainTable: true, empty: quotes.why || (rows.length ? null : "No review of this game was fetched in its newest week."),
    sheet: () => ({ name: "reviews", columns: ["app_id", "name", "created_at", "recommends", "language", "votes_up", "hours_at_review", "text"], rows: rows.map((row) => [APPS.id[row.app], appName(row.app), isoTime(row.created), row.up === 1 ? "true" : "false", row.language, row.votes, row.hours, row.text]) }),
    body: (host) => put(host, el("ul", { class: "quotes" }, rows.slice(0, app === null ? 9 : 30).map((row) => el("li", {}, el("p", { class: "quote-head" }, el("span", { class: `verdict ${row.up ? "up" : "down"}` }, mark(row.up ? "＋" : "－"), row.up ? " Recommends" : " Does not recommend"), app === null && el("a", { class: "game", href: `#/reviews?app=${APPS.id[row.app]}` }, bdi(appName(row.app)))), el("blockquote", { dir: "auto" }, row.text || "(no words)"), el("p", { class: "quiet-text" }, `${longDay(Math.floor(row.created / 86400))} · ${languageName(row.language || "unknown")}${known(row.hours) ? ` · ${decimal(row.hours, 0)} h played` : ""} · ${plural(row.votes, "vote")}`))))),
  });
}
