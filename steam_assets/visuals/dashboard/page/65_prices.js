// Prices in the US over the collected days, and the sales among them.
const PRICES = GIVEN.prices;
const priceRuns = new Map();
(PRICES.app || []).forEach((app, index) => {
  if (!priceRuns.has(app)) priceRuns.set(app, []);
  priceRuns.get(app).push({ day: PRICES.day[index], days: PRICES.days[index], last: PRICES.day[index] + PRICES.days[index] - 1, price: PRICES.price[index], discount: PRICES.discount[index], table: PRICES.store[index] ? "store_prices" : "most_played" });
});
// A few days without a chart do not end a sale that goes on after them at the same price.
const SALE_GAP = 7;
function salesOf(app) {
  const sales = [];
  let earlier = null;
  for (const run of priceRuns.get(app) || []) {
    const before = earlier?.discount ? sales.at(-1) : null;
    earlier = run;
    if (!run.discount) continue;
    if (before && before.price === run.price && before.discount === run.discount && run.day - before.last - 1 <= SALE_GAP) {
      before.last = run.last;
      before.days += run.days;
    } else sales.push({ ...run });
  }
  return sales.map((sale) => ({ ...sale, app, text: `${sale.discount} % off, ${dollars(sale.price)}, ${isoDay(sale.day)} to ${isoDay(sale.last)}` }));
}
const pricedDays = (app) => (priceRuns.get(app) || []).flatMap((run) => Array.from({ length: run.days }, (_, index) => ({ ...run, app, day: run.day + index })));
function dailyPrices(app) {
  const values = new Array(DAILY.days).fill(null);
  for (const { day, price } of pricedDays(app)) if (day >= DAILY.first && day <= lastDay) values[day - DAILY.first] = price;
  return values;
}

function pricePanel(app, params) {
  const { from, to } = chosenDays(params);
  const days = allDays.slice(from, to + 1);
  const values = dailyPrices(app);
  if (APPS.free[app] === 1 && !values.some(known)) return null;
  const shown = values.slice(from, to + 1);
  const sales = salesOf(app);
  const lifts = panelData("lifts");
  const liftOf = (sale) => lifts.rows.find((row) => row.app === app && row.day === sale.day);
  const columns = [
    { key: "from", title: "From", cell: (row) => date(row.day), sort: (row) => row.day },
    { key: "to", title: "To", drop: 2, cell: (row) => date(row.last), sort: (row) => row.last },
    { key: "discount", title: "Discount", num: true, cell: (row) => `${row.discount} %`, sort: (row) => row.discount },
    { key: "price", title: "Price", num: true, cell: (row) => dollars(row.price), sort: (row) => row.price },
    { key: "days", title: "Days collected", num: true, drop: 1, cell: (row) => whole(row.days), sort: (row) => row.days },
    ...(lifts.rows.length ? [{ key: "lift", title: "Players, net of the market", num: true, cell: (row) => delta(liftOf(row)?.net), sort: (row) => liftOf(row)?.net }] : []),
  ];
  return panel({
    chart: `Steam (${[...new Set((priceRuns.get(app) || []).map((run) => run.table))].join(", ")})`, key: "price", title: "Price and sales", note: "US store, on the collected days; in the range of the chart above.", size: "full", asOf: PLAYERS.as_of, unit: "US dollars", method: `Price: the store's final price in the US when the day was collected, from the store's own prices, else from the daily chart. Sale: consecutive collected days with the same discount; up to ${SALE_GAP} days without data do not end it.${lifts.method ? ` Players, net of the market: ${lifts.method}` : ""}`,
    empty: PLAYERS.why || (values.some(known) ? null : "No price of this game was collected; prices come with the daily chart of the most played games and with the store's facts."),
    sheet: () => sheetOf({ name: `prices-${APPS.id[app]}`, from: (row) => row.table, key: (row) => row.day, rows: pricedDays(app), columns: { day: (row) => isoDay(row.day), ...ofApp, price_cents: (row) => row.price, discount_percent: (row) => row.discount } }),
    body: (host) => {
      if (shown.some(known)) lineChart(host, { label: `Price of ${appName(app)}`, days, series: [{ name: "Price", values: shown }], format: dollars, axis: (value, digits, fixed) => `$${axisNumber(value / 100, digits, fixed)}`, floor: true, steps: true, height: 150, lanes: [{ name: appName(app), index: 0, marks: [], sales }] });
      else put(host, el("p", { class: "quiet-text" }, "No price was collected in this range."));
      if (sales.length) put(host, el("h3", {}, "Sales"), sortableTable({ columns, rows: [...sales].reverse(), caption: "Sales", headColumn: 0, limit: 8 }));
      else put(host, el("p", { class: "quiet-text" }, "No sale on any collected day."));
    },
  });
}
