// Event lanes under a chart over time: what happened to each game, day by day, on the same scale.
// Kinds of articles: what they are called, their sign in text, and how they are drawn.
const EVENTS = { patch: ["Patch notes", "◆"], update: ["Announcement", "◇"], other: ["Press", "○"] };
const SALE = ["Sale", "▬"];
const LANE_HEIGHT = 26;
const lanesHeight = (lanes) => (lanes?.length ? lanes.length * LANE_HEIGHT + 6 : 0);

function eventShape(kind, x, y) {
  if (kind === "other") return shape("circle", x, y, 3.2, { class: "event-mark other" });
  return shape("diamond", x, y, 4.2, { class: `event-mark ${kind}` });
}
// A mark that stands for one article is a link to it; one that stands for several opens their list.
function eventMark(mark_, x, y, pick) {
  const [only] = mark_.articles;
  const address = mark_.articles.length === 1 ? webAddress(only.url) : null;
  const words = mark_.articles.map((one) => one.title).join("\n");
  const content = [svg("title", {}, `${isoDay(mark_.day)}: ${EVENTS[mark_.kind][0]}\n${words}`), svg("circle", { cx: x, cy: y, r: 6, class: "event-target" }), eventShape(mark_.kind, x, y)];
  if (address) return svg("a", { href: address, target: "_blank", rel: "noopener noreferrer", tabindex: "-1", class: "event" }, content);
  return svg("g", { class: "event", onclick: () => pick(mark_.day) }, content);
}
// lanes: [{name, index, marks: [{day, kind, articles: [{title, url}]}], sales: [{day, last, text}]}], with place(day)
// => x, and pick(day) for a mark that is not a link.
function drawLanes(picture, lanes, { left, right, top, first, last, place, pick, named }) {
  const inside = (day) => day >= first && day <= last;
  lanes.forEach((lane, position) => {
    const y = top + position * LANE_HEIGHT;
    picture.append(svg("rect", { x: left, y, width: right - left, height: LANE_HEIGHT - 3, class: "lane" }));
    if (named) picture.append(shape(SHAPES[lane.index % 4], left - 14, y + 11, 4.4, { class: `dot s${lane.index % 4}` }));
    for (const sale of lane.sales) {
      if (sale.last < first || sale.day > last) continue;
      const [start, end] = [place(Math.max(sale.day, first)), place(Math.min(sale.last, last))];
      picture.append(svg("rect", { x: start - 1, y: y + LANE_HEIGHT - 8, width: Math.max(3, end - start + 2), height: 4, class: "event-mark sale" }, svg("title", {}, sale.text)));
    }
    for (const kind of ["other", "update", "patch"]) {
      for (const one of lane.marks) if (one.kind === kind && inside(one.day)) picture.append(eventMark(one, place(one.day), y + (kind === "other" ? 15 : 7), pick));
    }
  });
}
// What the box at the cursor says of a day.
function laneRows(lanes, day) {
  const labelled = (lane, title) => (lanes.length > 1 ? `${lane.name}: ${title}` : title);
  return lanes.flatMap((lane) => [
    ...lane.marks.filter((one) => one.day === day).slice(0, 3).map((one) => ({ name: labelled(lane, one.articles[0].title), index: -1, sign: EVENTS[one.kind][1], kind: one.kind, text: EVENTS[one.kind][0].toLowerCase() })),
    ...lane.sales.filter((one) => day >= one.day && day <= one.last).map((one) => ({ name: labelled(lane, one.text), index: -1, sign: SALE[1], kind: "sale", text: SALE[0].toLowerCase() })),
  ]);
}
function lanesKey(lanes) {
  const kinds = Object.keys(EVENTS).filter((kind) => lanes.some((lane) => lane.marks.some((one) => one.kind === kind)));
  const parts = kinds.map((kind) => [mark(EVENTS[kind][1], kind), ` ${EVENTS[kind][0].toLowerCase()}  `]);
  if (lanes.some((lane) => lane.sales.length)) parts.push([mark(SALE[1], "sale"), " sale  "]);
  return el("p", { class: "event-key" }, parts);
}
