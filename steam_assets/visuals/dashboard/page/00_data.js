// What the page was given: columns by table, each with its as-of and its method, or with the reason for being empty.
const GIVEN = JSON.parse(document.getElementById("data").textContent);
const APPS = GIVEN.apps;
const appIndex = new Map(APPS.id.map((id, index) => [id, index]));
const appName = (app) => APPS.name[app] || `App ${APPS.id[app]}`;

const madeOnce = new Map();
// {rows: [{column: value}], table (the insight or clean table), asOf, why, method}; rows are made once.
function panelData(name) {
  if (madeOnce.has(name)) return madeOnce.get(name);
  const given = GIVEN.panels[name];
  const columns = Object.entries(given.columns);
  const count = columns.length ? columns[0][1].length : 0;
  const rows = Array.from({ length: count }, (_, index) => Object.fromEntries(columns.map(([key, values]) => [key, values[index]])));
  const made = { rows, table: given.table, asOf: given.as_of, why: given.why, method: given.method, note: given.note };
  madeOnce.set(name, made);
  return made;
}
const groupBy = (rows, key) => {
  const groups = new Map();
  for (const row of rows) {
    if (!groups.has(row[key])) groups.set(row[key], []);
    groups.get(row[key]).push(row);
  }
  return groups;
};
const newest = (rows, key) => rows.reduce((best, row) => (best === null || row[key] > best ? row[key] : best), null);

// The daily players of an app over all days from the first to the last: null where it was off the chart or nothing is known.
const PLAYERS = GIVEN.players;
const DAILY = PLAYERS.series;
const playersAt = new Map(DAILY.app.map((app, position) => [app, position]));
const lastDay = DAILY.first + DAILY.days - 1;
const allDays = Array.from({ length: DAILY.days }, (_, index) => DAILY.first + index);
function series(app, metric) {
  const values = new Array(DAILY.days).fill(null);
  const position = playersAt.get(app);
  if (position === undefined) return values;
  DAILY[metric][position].forEach((value, index) => {
    if (value) values[DAILY.start[position] + index] = value;
  });
  return values;
}

// What the reader chose, in the browser's own storage; pages opened from disk may not be allowed to remember anything.
function stored(name, value) {
  try {
    if (value !== undefined) localStorage.setItem(`steam-market-${name}`, value);
    return localStorage.getItem(`steam-market-${name}`);
  } catch {
    return null;
  }
}
const watchlist = new Set((stored("watchlist") || "").split(",").filter(Boolean).map(Number));
function watch(app, on) {
  const id = APPS.id[app];
  if (on) watchlist.add(id);
  else watchlist.delete(id);
  stored("watchlist", [...watchlist].join(","));
}
const watched = (app) => watchlist.has(APPS.id[app]);

// The mean of seven days; null unless all seven are known, as weekdays differ too much to leave one out.
const weekOf = (values, index) => (index < 6 ? [] : values.slice(index - 6, index + 1).filter(known));
function weekMeans(values) {
  return values.map((_, index) => {
    const week = weekOf(values, index);
    return week.length === 7 ? week.reduce((sum, one) => sum + one, 0) / 7 : null;
  });
}
// The lowest and highest day of the seven that each mean is made of.
const weekBand = (values) =>
  values.map((_, index) => {
    const week = weekOf(values, index);
    return week.length === 7 ? [Math.min(...week), Math.max(...week)] : null;
  });
// A 7-day mean with its days as a band, or the days themselves.
const dailyLine = (name, values, line) => (line === "mean" ? { name, values: weekMeans(values), band: weekBand(values), days: values } : { name, values });

// Days with articles, all of the year: the headlines are those of the news table, which may hold the newest alone.
const MARKERS = GIVEN.markers;
const markersAt = new Map(MARKERS.app.map((app, position) => [app, position]));
const MARKER_KINDS = { patch: 1, update: 2, other: 4 };
function markersOf(app) {
  const position = markersAt.get(app);
  if (position === undefined) return [];
  const kinds = MARKERS.kinds[position];
  let day = 0;
  return MARKERS.days[position].map((step, index) => {
    day += step;
    return { day, kinds: Object.keys(MARKER_KINDS).filter((kind) => Number(kinds[index]) & MARKER_KINDS[kind]) };
  });
}
