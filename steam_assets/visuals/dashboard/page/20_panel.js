// The frame around everything that is shown: title, as-of, unit, method, its rows as a table and as CSV, or why it is empty.
const TABLE_ROWS = 366;
let nextId = 0;
const freshId = (stem) => `${stem}-${++nextId}`;

// spec: title, key (its name in a link, by default from the title), note (one line under it), asOf (seconds), unit, method, empty (why), sheet() => {name, columns, rows},
// chart (where the charts come from): offered as pictures; body(host): draws; tools: nodes beside the title; wide: spans all columns; level: 2 or 3.
function panel(spec) {
  const id = freshId("panel");
  const heading = el(`h${spec.level || 2}`, { id, class: "panel-title" }, spec.title);
  const key = spec.key || slug(spec.title);
  const section = el("section", { class: `panel ${spec.size || ""}`, "aria-labelledby": id, "data-panel": key });
  const tools = el("div", { class: "panel-tools" }, spec.tools || []);
  const head = el("header", { class: "panel-head" }, el("div", {}, heading, spec.note && el("p", { class: "note" }, spec.note)), tools);
  section.append(head);
  if (spec.empty) {
    section.append(emptyNote(spec.empty));
    section.append(footer(spec, null, section));
    return section;
  }
  const host = el("div", { class: "panel-body" });
  section.append(host);
  section.append(footer(spec, spec.sheet, section));
  whenSized(host, () => spec.body(host));
  return section;
}

function emptyNote(reason) {
  return el("div", { class: "empty" }, mark("∅", "empty-mark"), el("p", {}, el("strong", {}, "Nothing to show. "), prose(reason)));
}

function copyButton(address, what) {
  const button = el("button", { type: "button", class: "quiet", "data-link": "" }, "Copy link", what && hidden(` to ${what}`));
  button.addEventListener("click", () => copyLink(button, address()));
  return button;
}
function footer(spec, sheet, section) {
  const facts = [
    known(spec.asOf) ? `As of ${longTime(spec.asOf)}` : spec.empty ? null : "Collection time unknown",
    spec.unit ? `Unit: ${spec.unit}` : null,
    "Times in UTC",
  ].filter(Boolean);
  const foot = el("footer", { class: "panel-foot" }, el("p", { class: "facts" }, facts.join(" · ")));
  const actions = el("div", { class: "actions" });
  if (spec.method) actions.append(disclosure("Method", () => [el("p", { class: "method" }, prose(spec.method)), sheet && traceNote(sheet())], "method-note"));
  if (sheet) {
    if (!spec.plainTable) actions.append(disclosure("Table", () => sheetTable(sheet(), spec.title), "alt"));
    actions.append(
      el("button", { type: "button", class: "quiet", "data-csv": "", onclick: () => download(sheet()) }, "Download CSV", hidden(` of ${spec.title}`)),
      ...(spec.chart ? pictureButtons(spec, section) : []),
    );
  }
  actions.append(copyButton(() => linkTo(section.dataset.panel), spec.title));
  foot.append(actions);
  return foot;
}

// A native disclosure whose content is made when it is first opened.
function disclosure(title, make, className) {
  const details = el("details", { class: className }, el("summary", {}, title));
  details.addEventListener("toggle", () => {
    if (details.open && details.children.length === 1) put(details, make());
  });
  return details;
}

// Tables wider than the screen scroll in their own box, which the keyboard reaches only then.
const overflow = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const scrolls = target.scrollWidth > target.clientWidth || target.scrollHeight > target.clientHeight;
    if (scrolls) fill(target, { tabindex: "0", role: "region", "aria-label": target.querySelector("caption").textContent }, []);
    else for (const name of ["tabindex", "role", "aria-label"]) target.removeAttribute(name);
  }
});
function scroller(table) {
  const box = el("div", { class: "scroller" }, table);
  overflow.observe(box);
  return box;
}

// Columns that may go leave a table that is too wide for its box, the highest `drop` first and the last of those first.
function columnFitter(columns, cellsOf, note) {
  const order = columns.map((_, index) => index).filter((index) => columns[index].drop).sort((a, b) => columns[b].drop - columns[a].drop || b - a);
  let dropped = [];
  const show = (index, on) => cellsOf(index).forEach((cell) => { cell.hidden = !on; });
  return {
    fit(box) {
      dropped.forEach((index) => show(index, true));
      dropped = [];
      for (const index of order) {
        if (box.scrollWidth <= box.clientWidth) break;
        show(index, false);
        dropped.push(index);
      }
      note.hidden = !dropped.length;
      note.textContent = `Not shown at this width: ${dropped.map((index) => columns[index].title).join(", ")}. The CSV has all columns.`;
    },
    isDropped: (index) => dropped.includes(index),
  };
}

const cellClass = (column) => [column.num ? "num" : "", column.className || ""].join(" ").trim() || null;
// columns: {key, title, num, cell(row) => node or text, sort(row) => value, drop (may go where it is narrow)};
// onOrder({key, down}): keeps the order in the address, else the history entry does.
function sortableTable(spec) {
  const { columns, rows, caption } = spec;
  const kept = keptOf(caption);
  let order = (!spec.onOrder && kept.order) || spec.order || null;
  const body = el("tbody");
  const heads = columns.map((column) => {
    const head = el("th", { scope: "col", class: cellClass(column) });
    if (!column.sort) head.append(column.title);
    else head.append(el("button", { type: "button", class: "sorter", onclick: () => sortBy(column) }, column.title, mark("", "sort-mark")));
    return head;
  });
  function sortBy(column) {
    const down = order && order.key === column.key ? !order.down : Boolean(column.num && !column.low);
    order = { key: column.key, down };
    if (spec.onOrder) spec.onOrder(order);
    else keep(caption, { order });
    draw();
    announce(`Sorted by ${column.title}, ${down ? "descending" : "ascending"}`);
  }
  function sorted() {
    const column = order && columns.find((one) => one.key === order.key);
    if (!column) return rows;
    const way = order.down ? -1 : 1;
    return [...rows].sort((one, other) => {
      const [a, b] = [column.sort(one), column.sort(other)];
      if (!known(a) || !known(b)) return known(a) ? -1 : known(b) ? 1 : 0;
      return (a < b ? -1 : a > b ? 1 : 0) * way;
    });
  }
  const more = el("button", { type: "button", class: "more" });
  let shown = (!kept.all && spec.limit) || rows.length;
  more.addEventListener("click", () => {
    shown = rows.length;
    keep(caption, { all: true });
    draw();
  });
  function draw() {
    columns.forEach((column, index) => {
      const on = order && order.key === column.key;
      heads[index].setAttribute("aria-sort", on ? (order.down ? "descending" : "ascending") : "none");
      if (!column.sort) heads[index].removeAttribute("aria-sort");
      const sign = heads[index].querySelector(".sort-mark");
      if (sign) sign.textContent = on ? (order.down ? " ↓" : " ↑") : "";
    });
    const picked = sorted().slice(0, shown);
    body.replaceChildren(
      ...picked.map((row) =>
        el("tr", {}, columns.map((column, index) =>
          el(index === (spec.headColumn ?? 1) ? "th" : "td", { scope: index === (spec.headColumn ?? 1) ? "row" : null, class: cellClass(column), hidden: fitter.isDropped(index) }, column.cell(row)),
        )),
      ),
    );
    more.hidden = shown >= rows.length;
    more.textContent = `Show all ${whole(rows.length)}`;
  }
  const note = el("p", { class: "quiet-text", hidden: true });
  const fitter = columnFitter(columns, (index) => [heads[index], ...[...body.children].map((row) => row.children[index])], note);
  draw();
  const table = el("table", { class: "list" }, el("caption", { class: "sr" }, caption), el("thead", {}, el("tr", {}, heads)), body);
  const box = scroller(table);
  // Where the box is as wide as before, so are the columns that fit it.
  let width = 0;
  new ResizeObserver(() => {
    if (box.clientWidth === width) return;
    width = box.clientWidth;
    fitter.fit(box);
  }).observe(box);
  return el("div", {}, box, more, note);
}

// The width inside of an element's padding.
function roomIn(host) {
  const style = getComputedStyle(host);
  return Math.floor(host.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight));
}

// The id of what had the focus before the view was drawn anew, until a panel has drawn it again.
let awaitedFocus = "";
function restoreFocus(host) {
  const again = awaitedFocus && host.querySelector(`#${CSS.escape(awaitedFocus)}`);
  if (!again) return;
  awaitedFocus = "";
  again.focus({ preventScroll: true });
}
// Draws once the element has a width, and again whenever that width changes.
const watcher = new ResizeObserver((entries) => {
  for (const entry of entries) {
    const redraw = drawings.get(entry.target);
    const width = Math.round(entry.contentRect.width);
    if (redraw && width > 0 && width !== redraw.width) {
      redraw.width = width;
      redraw();
    }
  }
});
const drawings = new WeakMap();
function whenSized(host, draw) {
  const redraw = () => {
    host.replaceChildren();
    draw();
    restoreFocus(host);
  };
  drawings.set(host, redraw);
  watcher.observe(host);
}

// A set of buttons of which one is pressed.
function segmented(label, choices, chosen, onChoice) {
  return el(
    "div",
    { class: "segmented", role: "group", "aria-label": label },
    choices.map(([value, title]) =>
      el("button", { type: "button", id: `seg-${label}-${value}`.replaceAll(/[^\w-]/g, "_"), "aria-pressed": value === chosen ? "true" : "false", onclick: () => onChoice(value) }, title),
    ),
  );
}
// A set of buttons each of which is on or off.
function toggles(label, choices, isOn, onChoice) {
  return el(
    "div",
    { class: "toggles", role: "group", "aria-label": label },
    choices.map(([value, title]) =>
      el("button", { type: "button", class: "toggle", id: `toggle-${label}-${value}`.replaceAll(/[^\w-]/g, "_"), "aria-pressed": isOn(value) ? "true" : "false", onclick: () => onChoice(value) }, title),
    ),
  );
}
