// Traffic: visits to the store's site, where they come from, and how they compare with the players.
const countryNames = new Intl.DisplayNames(["en"], { type: "region" });
function countryName(row) {
  try {
    return row.code ? countryNames.of(row.code) : `Country ${row.country}`;
  } catch {
    return row.code;
  }
}

function traffic() {
  return [pageHead("Traffic", "Monthly visits to store.steampowered.com, as estimated by Similarweb."), el("div", { class: "grid" }, visitsPanel(), waysPanel(), engagementPanel(), countriesPanel(), ratioPanel())];
}

function visitsPanel() {
  const visits = panelData("visits");
  const days = visits.rows.length ? everyMonth(visits.rows[0].month, visits.rows.at(-1).month) : [];
  const byMonth = new Map(visits.rows.map((row) => [row.month, row.visits]));
  return panel({
    chart: "Similarweb (visits)", title: "Visits per month", size: "two-thirds", asOf: visits.asOf, unit: "visits", method: visits.method, empty: visits.why,
    sheet: () => sheetOf({ name: "visits", from: visits.table, key: (row) => row.month, rows: visits.rows, columns: { month: (row) => isoDay(row.month), visits: (row) => row.visits, kind: (row) => row.kind } }),
    body: (host) => columnChart(host, { label: "Visits to the store by month", days, series: [{ name: "Visits", values: days.map((month) => byMonth.get(month) ?? null) }], name: monthName, integer: true }),
  });
}

function sharesPanel(spec) {
  const given = panelData(spec.data);
  const month = newest(given.rows, "month");
  const before = new Map(given.rows.filter((row) => month !== null && row.month === monthBefore(month)).map((row) => [spec.key(row), row.share]));
  const rows = given.rows.filter((row) => row.month === month).sort((a, b) => b.share - a.share);
  return panel({
    title: spec.title, note: month === null ? null : `${monthName(month)}${spec.note}${before.size ? ` Points: against ${monthName(monthBefore(month))}.` : ""}`, size: spec.size, asOf: given.asOf, unit: "share of visits", method: given.method, empty: given.why,
    sheet: () => sheetOf({ name: given.table, from: given.table, key: (row) => row.month, rows: given.rows, columns: { month: (row) => isoDay(row.month), ...spec.columns, share: (row) => row.share } }),
    body: (host) => put(host, barList(rows.map((row) => {
      const was = before.get(spec.key(row));
      return { name: bdi(spec.name(row)), value: row.share, text: percent(row.share), extra: known(was) ? `${points(row.share - was)} points` : null };
    }), SHARES)),
  });
}
const waysPanel = () => sharesPanel({ data: "ways", title: "Traffic channels", note: ". Direct: typed in or bookmarked.", columns: { traffic_source: (row) => row.way }, size: "third", key: (row) => row.way, name: (row) => row.way });
const countriesPanel = () => sharesPanel({ data: "countries", title: "Countries", note: ", the five with the most visits; other countries are not published.", columns: { country: (row) => row.country, country_code: (row) => row.code }, size: "third", key: (row) => row.code || String(row.country), name: countryName });

function engagementPanel() {
  const engagement = panelData("engagement");
  const minutes = (seconds) => (known(seconds) ? `${Math.floor(Math.round(seconds) / 60)}:${two(Math.round(seconds) % 60)}` : DASH);
  const columns = [
    { key: "month", title: "Month", cell: (row) => el("span", { class: "date" }, monthName(row.month)), sort: (row) => row.month },
    { key: "pages", title: "Pages per visit", num: true, cell: (row) => decimal(row.pages, 2), sort: (row) => row.pages },
    { key: "time", title: "Time on site, min:s", num: true, drop: 1, cell: (row) => minutes(row.seconds), sort: (row) => row.seconds },
    { key: "bounce", title: "Bounce rate", num: true, cell: (row) => percent(row.bounce), sort: (row) => row.bounce },
    { key: "rank", title: "Global rank", num: true, drop: 1, cell: (row) => (known(row.global_rank) ? whole(row.global_rank) : "not published"), sort: (row) => row.global_rank },
  ];
  return panel({
    title: "Engagement", note: "Bounce rate: share of visits with one page view. Similarweb does not rank subdomains.", size: "two-thirds", asOf: engagement.asOf, unit: "pages, minutes, share", method: engagement.method, plainTable: true, empty: engagement.why,
    sheet: () => sheetOf({ name: "engagement", from: engagement.table, key: (row) => row.month, rows: engagement.rows, columns: { month: (row) => isoDay(row.month), visits: (row) => row.visits, pages_per_visit: (row) => row.pages, seconds_on_site: (row) => row.seconds, bounce_rate: (row) => row.bounce, global_rank: (row) => row.global_rank } }),
    body: (host) => put(host, sortableTable({ columns, rows: [...engagement.rows].reverse(), caption: "Engagement by month", headColumn: 0 })),
  });
}

function ratioPanel() {
  const ratio = panelData("ratio");
  const columns = [
    { key: "month", title: "Month", cell: (row) => el("span", { class: "date" }, monthName(row.month)), sort: (row) => row.month },
    { key: "visits", title: "Visits", num: true, cell: (row) => whole(row.visits), sort: (row) => row.visits },
    { key: "players", title: "Mean sum of daily peaks", num: true, drop: 1, cell: (row) => whole(row.players), sort: (row) => row.players },
    { key: "ratio", title: "Visits per peak player", num: true, cell: (row) => decimal(row.ratio, 2), sort: (row) => row.ratio },
    { key: "days", title: "Days collected", num: true, drop: 2, cell: (row) => `${row.collected} of ${row.days}`, sort: (row) => row.collected / row.days },
  ];
  const measured = ratio.rows.filter((row) => known(row.ratio));
  const byMonth = new Map(measured.map((row) => [row.month, row.ratio]));
  return panel({
    chart: measured.length > 2 ? "Similarweb and Steam (traffic_vs_players)" : null, title: "Visits and players", note: "Visits per peak player: the month's visits, divided by the mean of the chart's sum of daily peaks over the collected days. The sum counts a person once for each game.", size: "full", asOf: ratio.asOf, unit: "visits, players", method: ratio.method, plainTable: true, empty: ratio.why,
    sheet: () => sheetOf({ name: "traffic_vs_players", from: ratio.table, key: (row) => row.month, rows: ratio.rows, columns: { month: (row) => isoDay(row.month), visits: (row) => row.visits, mean_daily_players: (row) => row.players, visits_per_player: (row) => row.ratio, days_collected: (row) => row.collected, days_in_month: (row) => row.days } }),
    body: (host) => {
      const months = measured.length > 2 ? everyMonth(measured[0].month, measured.at(-1).month) : [];
      if (months.length) columnChart(host, { label: "Visits per peak player by month", days: months, series: [{ name: "Visits per peak player", values: months.map((month) => byMonth.get(month) ?? null) }], name: monthName, height: 180, format: (value) => decimal(value, 2), axis: axisNumber });
      put(host, sortableTable({ columns, rows: [...ratio.rows].reverse(), caption: "Visits and players", headColumn: 0 }));
    },
  });
}
