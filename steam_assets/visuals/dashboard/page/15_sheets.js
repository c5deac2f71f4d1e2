// Data of a panel, as CSV and as the table beside it: one type per column, and of each row the table it comes from.
// Names are those of the lake's columns; here is what people read, and how the table on the page writes it.
const SHARE = (value) => percent(value);
const COLUMNS = {
  day: ["Day"], week_start: ["Week of (Tuesday)"], month: ["Month"], app_id: ["App ID", String], name: ["Name"],
  rank: ["Rank"], previous_rank: ["Rank, week before"], movement: ["Places gained"], rank_change_1d: ["Places gained, 1 day"], status: ["Status"], best_rank: ["Best rank"],
  players_now: ["Players at count"], players_peak: ["24-hour peak"], peak_7d_mean: ["7-day mean of peaks"], players_gained_7d: ["Players gained, 7 days"],
  peak_change_7d: ["7-day change of the mean", signed], peak_change_28d: ["28-day change of the mean", signed], peak_change_91d: ["91-day change of the mean", signed], peak_change_364d: ["364-day change of the mean", signed],
  days_on_chart: ["Days on chart"], streak_days: ["Days in a row"], streak_weeks: ["Weeks in a row"], weeks_on_chart: ["Weeks on chart, collected"],
  games: ["Games"], players_peak_sum: ["Sum of peaks"], peak_sum_7d_mean: ["7-day mean of the sum"], top10_share: ["Top-ten share", SHARE],
  chart: ["Chart"], price: ["Price class"], items: ["Items"], items_share: ["Share of items", SHARE], players: ["Players"], players_share: ["Share of players", SHARE],
  price_cents: ["Price, US cents"], discount_percent: ["Discount, %"], is_free: ["Free"], measure: ["Measure"], value: ["Value"],
  source: ["Source"], period: ["Period"], state: ["State"], why: ["Reason"], rows: ["Rows"], quarantined: ["Quarantined"],
  mean_daily_peak: ["Mean daily peak"], gain: ["Gain"], gain_share: ["Gain, %", signed], highest_peak: ["Highest peak"], days: ["Days collected"],
  title: ["Headline"], kind: ["Kind"], feed: ["Feed"], url: ["Address"], published_at: ["Published (UTC)"],
  peak_before: ["Peak before"], peak_after: ["Peak after"], change: ["Change", signed], market_change: ["Market change", signed], net_effect: ["Net effect", signed], days_before: ["Days before"], days_after: ["Days after"],
  positive: ["Positive"], negative: ["Negative"], positive_share: ["Positive share", SHARE], reviews: ["Reviews"], language: ["Language"], sample_share: ["Share of fetched reviews", SHARE], median_hours_at_review: ["Median hours played", decimal],
  flagged: ["Flagged"], negative_share: ["Negative share", SHARE], baseline_negative: ["Baseline negative"], baseline_share: ["Baseline share", SHARE], baseline_weeks: ["Baseline weeks"], volume_score: ["Volume score, σ", decimal], share_score: ["Share score, σ", decimal], excluded_by_steam: ["Excluded by Steam"], agreement: ["Agreement"],
  adjusted_score: ["Adjusted score", SHARE], wilson_lower: ["Lower bound (95 %)", SHARE], total_reviews: ["All reviews"], total_positive: ["All positive"], off_topic_included: ["Off-topic included"],
  term: ["Word"], negative_reviews: ["Negative reviews"], positive_reviews: ["Positive reviews"], score: ["Score, σ", decimal], hours_from: ["Hours played, from"],
  created_at: ["Written (UTC)"], recommends: ["Recommends"], votes_up: ["Helpful votes"], hours_at_review: ["Hours played", decimal], text: ["Text"],
  visits: ["Visits"], traffic_source: ["Channel"], country: ["Country number", String], country_code: ["Country code"], share: ["Share", SHARE],
  pages_per_visit: ["Pages per visit", decimal], seconds_on_site: ["Seconds on site"], bounce_rate: ["Bounce rate", SHARE], global_rank: ["Global rank"],
  other_country: ["Other country"], items_in_common: ["Items in common"], share_in_common: ["Share in common", SHARE], rank_correlation: ["Rank correlation", decimal], countries_charted: ["Countries charted"], best_elsewhere: ["Best rank elsewhere"],
  label: ["Tag, developer or publisher"], places: ["Top sellers"], places_share: ["Share of top sellers", SHARE], lowest_cents: ["Lowest price, US cents"], released_on: ["Released"], days_since_release: ["Days since release"], best_peak: ["Best peak"], share_of_best: ["Share of best peak", SHARE],
  hour: ["Hour (UTC)"], sampled_peak: ["Sampled peak"], peak_at: ["At (UTC)"], peak_excess: ["Estimated above samples"], steam_peak: ["Steam's 24-hour peak"], swing: ["Peak / mean", decimal], busiest_hour: ["Busiest hour (UTC)", decimal], audience_utc_offset: ["Offset from UTC, hours"], samples: ["Samples"], hours_known: ["Hours known"],
  mean_daily_players: ["Mean sum of daily peaks"], visits_per_player: ["Visits per peak player", decimal], days_collected: ["Days collected"], days_in_month: ["Days in month"],
};
const isTrue = (value) => (known(value) ? (value ? "true" : "false") : null);

// given: name, from (an insight or clean table, or one of each row), key(row) => first day of the partition, rows, and
// columns {name: (row) => value}. Each row ends with what `steam-assets trace` asks for.
function sheetOf(given) {
  const from = (row) => (typeof given.from === "function" ? given.from(row) : given.from);
  const trace = (row) => (from(row) ? [from(row), isoDay(given.key(row))] : [null, null]);
  return {
    name: given.name,
    columns: [...Object.keys(given.columns), "trace_table", "trace_partition"],
    rows: given.rows.map((row) => [...Object.values(given.columns).map((value) => value(row)), ...trace(row)]),
  };
}
// The columns that most sheets begin with.
const ofApp = { app_id: (row) => APPS.id[row.app], name: (row) => appName(row.app) };

// A spreadsheet would run these; a number starts with none of them and stays a number.
const FORMULA = /^[=+\-@\t\r\n\0＝＋－＠]/u;
function csvCell(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : "";
  const text = FORMULA.test(value.trimStart()) || FORMULA.test(value) ? `'${value}` : String(value);
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
const csvText = (sheet) =>
  [sheet.columns, ...sheet.rows].map((row) => row.map(csvCell).join(",")).join("\r\n") + "\r\n";
function saveAs(name, content) {
  const address = URL.createObjectURL(content);
  const link = el("a", { href: address, download: name, class: "sr" }, name);
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}
function download(sheet) {
  // Spreadsheets recognize UTF-8 by the byte order mark.
  saveAs(`${sheet.name}.csv`, new Blob(["\ufeff", csvText(sheet)], { type: "text/csv;charset=utf-8" }));
  announce(`Saved ${sheet.name}.csv: ${plural(sheet.rows.length, "row")}`);
}

function sheetTable(sheet, title) {
  const rows = sheet.rows.length > TABLE_ROWS ? sheet.rows.slice(-TABLE_ROWS) : sheet.rows;
  const caption =
    rows.length < sheet.rows.length
      ? `${title}: the last ${rows.length} of ${whole(sheet.rows.length)} rows; the CSV has all of them`
      : `${title}: ${plural(rows.length, "row")}`;
  const shown = sheet.columns.slice(0, -2).map((name, place) => ({ title: COLUMNS[name][0], write: COLUMNS[name][1], place, num: rows.some((row) => typeof row[place] === "number") }));
  const cell = (row) => ({ write, place, num }) => {
    const value = row[place];
    if (!num) return el("td", {}, bdi(known(value) ? value : DASH));
    return el("td", { class: "num" }, !known(value) ? DASH : write ? write(value) : Number.isInteger(value) ? whole(value) : axisNumber(value, value < 100 ? 2 : 0));
  };
  return scroller(
    el(
      "table",
      { class: "sheet" },
      el("caption", {}, caption),
      el("thead", {}, el("tr", {}, shown.map(({ title: heading, num }) => el("th", { scope: "col", class: num ? "num" : null }, heading)))),
      el("tbody", {}, rows.map((row) => el("tr", {}, shown.map(cell(row))))),
    ),
  );
}
// The command that leads from a panel's newest row to what it was computed from.
function traceNote(sheet) {
  const last = sheet.rows.filter((row) => row.at(-1)).reduce((best, row) => (!best || row.at(-1) > best.at(-1) ? row : best), null);
  return last && el("p", { class: "method" }, "Trace: ", el("code", {}, `steam-assets trace ${last.at(-2)} --partition ${last.at(-1)}`));
}
