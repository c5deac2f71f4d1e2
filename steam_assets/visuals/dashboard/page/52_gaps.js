// What was collected: each source's periods, and the gaps among them.
const MOST_GAPS = 12;
const NEXT_PERIOD = { daily: (day) => day + 1, weekly: (day) => day + 7, monthly: monthAfter };
const sourceOf = new Map(GIVEN.sources.map((source) => [source.name, source]));
const titleOf = (name) => sourceOf.get(name)?.title || name;
// A reason may name its own period, in the command that collects it.
const commonReason = (row) => (row.why || "").replaceAll(isoDay(row.period), "");
const reasonOf = (run) => run.why.replace(`--to ${isoDay(run.period)}`, `--to ${isoDay(run.last)}`);

// Consecutive periods of a source with the same state and reason are one run, from `period` to `last`; the newest first.
function gapRuns(rows) {
  const runs = [];
  for (const row of rows) {
    const run = runs.at(-1);
    const alike = run && run.source === row.source && run.state === row.state && commonReason(run) === commonReason(row);
    if (alike && NEXT_PERIOD[sourceOf.get(row.source)?.cadence]?.(run.last) === row.period) {
      run.last = row.period;
      run.periods += 1;
    } else runs.push({ ...row, last: row.period, periods: 1 });
  }
  return runs.sort((a, b) => b.last - a.last);
}

function gapsPanel() {
  const periods = panelData("periods");
  const runs = gapRuns(periods.rows.filter((row) => row.state !== "ok"));
  const columns = ["state", "why", "rows", "quarantined"];
  return panel({
    title: "Collected periods", note: `Each cell is one day, one week (from Tuesday) or one month. Gaps are shown as gaps; missing values are never filled in.${known(periods.asOf) ? ` What became due after ${longTime(periods.asOf)} is not judged yet.` : ""}`, size: "full", asOf: periods.asOf, unit: "periods", method: periods.method, empty: periods.why,
    // A gap has nothing to trace; a collected period is traced from its source's first table.
    sheet: () => sheetOf({ name: "freshness", from: (row) => (row.state === "ok" ? sourceOf.get(row.source)?.table : null), key: (row) => row.period, rows: periods.rows, columns: { source: (row) => row.source, period: (row) => isoDay(row.period), ...Object.fromEntries(columns.map((name) => [name, (row) => row[name]])) } }),
    body: (host) => {
      const present = new Set(periods.rows.map((row) => row.state));
      put(host, el("ul", { class: "legend cells" }, Object.entries(STATES).filter(([state]) => present.has(state)).map(([state, [words, sign]]) => el("li", { class: state }, mark(sign, "cell-key"), words))));
      const first = Math.min(...periods.rows.map((row) => row.period));
      const last = Math.max(...periods.rows.map((row) => row.period));
      for (const source of GIVEN.sources) {
        const rows = periods.rows.filter((row) => row.source === source.name);
        if (!rows.length) continue;
        const place = el("div");
        const there = `${rows.filter((row) => row.state === "ok").length} of ${plural(rows.length, { daily: "day", weekly: "week", monthly: "month" }[source.cadence])}`;
        const total = (key) => rows.reduce((sum, row) => sum + row[key], 0);
        const counts = [there, plural(total("rows"), "row"), `${total("quarantined") ? whole(total("quarantined")) : "none"} quarantined`];
        put(host, el("div", { class: "calendar-row" }, el("h3", {}, source.title, el("span", { class: "count" }, counts.join(" · "))), place));
        calendar(place, rows, source.cadence, source.title, first, last);
      }
      if (runs.length) put(host, el("h3", {}, "Gaps"), el("ul", { class: "gap-list" }, runs.slice(0, MOST_GAPS).map((run) => el("li", {}, el("b", {}, `${titleOf(run.source)}, ${isoDay(run.period)}${run.last > run.period ? ` to ${isoDay(run.last)}` : ""}: `), `${stateOf(run.state)[0].toLowerCase()}${run.why ? `: ${reasonOf(run)}` : ""}`))));
      const older = runs.slice(MOST_GAPS).reduce((sum, run) => sum + run.periods, 0);
      if (older) put(host, el("p", { class: "quiet-text" }, `and ${plural(older, "older period")}, which the table lists.`));
    },
  });
}
