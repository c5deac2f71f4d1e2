// Traffic: visits to the store's site, whence they came, and how they go with the players.
const countryNames = new Intl.DisplayNames(["en"], { type: "region" });
function countryName(row) {
  try {
    return row.code ? countryNames.of(row.code) : `Country ${row.country}`;
  } catch {
    return row.code;
  }
}

function traffic() {
  return [pageHead("Traffic", "Visits to store.steampowered.com, as Similarweb estimates them, month by month."), el("div", { class: "grid" }, visitsPanel(), waysPanel(), engagementPanel(), countriesPanel(), ratioPanel())];
}

function visitsPanel() {
  const visits = frame("visits");
  const days = visits.rows.map((row) => row.month);
  return panel({
    title: "Visits a month", size: "two-thirds", asOf: visits.asOf, unit: "visits", method: visits.method, empty: visits.why,
    sheet: () => ({ name: "visits", columns: ["month", "visits", "kind"], rows: visits.rows.map((row) => [isoDay(row.month), row.visits, row.kind]) }),
    body: (host) => columnChart(host, { label: "Visits to the store by month", days, series: [{ name: "Visits", values: visits.rows.map((row) => row.visits) }], name: monthName }),
  });
}

function sharesPanel(spec) {
  const given = frame(spec.frame);
  const months = [...new Set(given.rows.map((row) => row.month))].sort((a, b) => a - b);
  const month = months[months.length - 1];
  const before = new Map(given.rows.filter((row) => row.month === months[months.length - 2]).map((row) => [spec.key(row), row.share]));
  const rows = given.rows.filter((row) => row.month === month).sort((a, b) => b.share - a.share);
  return panel({
    title: spec.title, note: month === undefined ? null : `${monthName(month)}${spec.note}`, size: spec.size, asOf: given.asOf, unit: "share of visits", method: given.method, empty: given.why,
    sheet: () => ({ name: spec.frame, columns: ["month", spec.column, "share"], rows: given.rows.map((row) => [isoDay(row.month), spec.key(row), row.share]) }),
    body: (host) => put(host, barList(rows.map((row) => {
      const was = before.get(spec.key(row));
      return { name: bdi(spec.name(row)), value: row.share, text: percent(row.share), extra: known(was) ? `${points(row.share - was)} points` : null };
    }))),
  });
}
const waysPanel = () => sharesPanel({ frame: "ways", title: "Where visits come from", note: ", all ways with those typed in directly.", column: "traffic_source", size: "third", key: (row) => row.way, name: (row) => row.way });
const countriesPanel = () => sharesPanel({ frame: "countries", title: "Countries", note: ", the five with most visits; the rest is not told.", column: "country", size: "third", key: (row) => row.code || String(row.country), name: countryName });

function engagementPanel() {
  const engagement = frame("engagement");
  const minutes = (seconds) => (known(seconds) ? `${Math.floor(seconds / 60)}:${two(Math.round(seconds % 60))}` : DASH);
  const columns = [
    { key: "month", title: "Month", cell: (row) => monthName(row.month), sort: (row) => row.month },
    { key: "pages", title: "Pages a visit", num: true, cell: (row) => decimal(row.pages, 2), sort: (row) => row.pages },
    { key: "time", title: "Time, min:s", num: true, cell: (row) => minutes(row.seconds), sort: (row) => row.seconds },
    { key: "bounce", title: "Bounce", num: true, cell: (row) => percent(row.bounce), sort: (row) => row.bounce },
    { key: "rank", title: "World rank", num: true, className: "wide-only", cell: (row) => (known(row.global_rank) ? whole(row.global_rank) : "not told"), sort: (row) => row.global_rank },
  ];
  return panel({
    title: "How they used the site", note: "Bounce: the share of visits that saw one page. A subdomain has no rank.", size: "two-thirds", asOf: engagement.asOf, unit: "pages, minutes, share", method: engagement.method, plainTable: true, empty: engagement.why,
    sheet: () => ({ name: "engagement", columns: ["month", "visits", "pages_per_visit", "seconds_on_site", "bounce_rate", "global_rank"], rows: engagement.rows.map((row) => [isoDay(row.month), row.visits, row.pages, row.seconds, row.bounce, row.global_rank]) }),
    body: (host) => put(host, sortableTable({ columns, rows: [...engagement.rows].reverse(), caption: "Engagement by month", headColumn: 0 })),
  });
}

function ratioPanel() {
  const ratio = frame("ratio");
  const columns = [
    { key: "month", title: "Month", cell: (row) => monthName(row.month), sort: (row) => row.month },
    { key: "visits", title: "Visits", num: true, cell: (row) => whole(row.visits), sort: (row) => row.visits },
    { key: "players", title: "Mean daily players", num: true, cell: (row) => whole(row.players), sort: (row) => row.players },
    { key: "ratio", title: "Visits a player", num: true, cell: (row) => decimal(row.ratio, 2), sort: (row) => row.ratio },
    { key: "days", title: "Days collected", num: true, cell: (row) => `${row.collected} of ${row.days}`, sort: (row) => row.collected / row.days },
  ];
  const measured = ratio.rows.filter((row) => known(row.ratio));
  return panel({
    title: "Visits against players", note: "Visits of a month beside the mean sum of the chart's daily peaks.", size: "full", asOf: ratio.asOf, unit: "visits, players", method: ratio.method, plainTable: true, empty: ratio.why,
    sheet: () => ({ name: "visits-against-players", columns: ["month", "visits", "mean_daily_players", "visits_per_player", "days_collected", "days_in_month"], rows: ratio.rows.map((row) => [isoDay(row.month), row.visits, row.players, row.ratio, row.collected, row.days]) }),
    body: (host) => {
      if (measured.length > 2) columnChart(host, { label: "Visits a player by month", days: measured.map((row) => row.month), series: [{ name: "Visits a player", values: measured.map((row) => row.ratio) }], name: monthName, height: 180, format: (value) => decimal(value, 2), axis: (value) => decimal(value, 0) });
      put(host, sortableTable({ columns, rows: [...ratio.rows].reverse(), caption: "Visits against players", headColumn: 0 }));
    },
  });
}
