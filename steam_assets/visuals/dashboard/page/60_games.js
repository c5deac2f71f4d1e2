// Games: find, compare up to ten, and what is known of each.
const MOST_COMPARED = 10;
// More lines than this are hard to distinguish in one chart; then each game gets its own.
const MOST_LINES = 4;
let gameQuery = "";

function games(params) {
  const ids = (params.get("ids") || "").split(",").map(Number).filter((id) => appIndex.has(id));
  const lacked = lackedIds(params.get("ids"));
  const picked = [...new Set(ids)].slice(0, MOST_COMPARED).map((id) => appIndex.get(id));
  const parts = [pageHead(picked.length === 1 ? appName(picked[0]) : picked.length ? "Compare games" : "Games", picked.length ? "Daily peaks with news and updates." : "Search for up to ten games to compare, or open one from the table."), searchBox(picked, params), lackedNote(lacked)];
  const shown = el("div", { class: "grid" });
  if (picked.length) put(shown, trendPanel(picked, params), ...picked.map((app) => factsPanel(app, picked.length)), monthsPanel(picked), effectsPanel("full", picked), ...(picked.length === 1 ? [pricePanel(picked[0], params), ranksPanel(picked[0]), curvePanel(picked[0]), sentimentPanel(picked[0]), newsOfGame(picked[0])] : []));
  else {
    parts.push(gameFilters(params, panelData("trend").rows.filter((row) => known(row.rank))));
    shown.append(allGamesPanel(params));
  }
  return [...parts, shown];
}
// What an address asks for and the page has no data of, such as a game that was on no chart.
const lackedIds = (text) => [...new Set((text || "").split(",").filter((id) => id.trim() && !appIndex.has(Number(id))))];
const lackedNote = (ids) => (ids.length ? el("p", { class: "quiet-text", role: "note" }, `This page has no data of ${ids.length === 1 ? "the app" : "the apps"} `, bdi(ids.join(", ")), ". It has the games that were on a chart in the last year.") : null);
const gamesAddress = (picked, params, changes = {}) => addressOf("games", params, { ids: picked.map((app) => APPS.id[app]).join(","), ...changes });

function searchBox(picked, params) {
  const list = el("ul", { class: "results", id: "game-results", role: "listbox", "aria-label": "Games found", hidden: true });
  const full = picked.length >= MOST_COMPARED;
  const input = el("input", { id: "game-search", type: "search", role: "combobox", autocomplete: "off", spellcheck: "false", "aria-expanded": "false", "aria-controls": "game-results", "aria-autocomplete": "list", placeholder: full ? "Ten games at most" : "Name, initials or app ID", disabled: full });
  input.value = gameQuery;
  let found = [];
  let at = -1;
  const choose = (app) => {
    gameQuery = "";
    location.hash = gamesAddress([...picked, app], params);
  };
  function mark_(index) {
    at = index;
    [...list.children].forEach((item, position) => item.setAttribute("aria-selected", position === at ? "true" : "false"));
    if (at >= 0) {
      input.setAttribute("aria-activedescendant", list.children[at].id);
      list.children[at].scrollIntoView({ block: "nearest" });
    } else input.removeAttribute("aria-activedescendant");
  }
  function search() {
    gameQuery = input.value;
    const wanted = gameQuery.trim();
    found = wanted ? matching(wanted).filter((app) => !picked.includes(app)) : [];
    const shown = found.slice(0, 8);
    list.replaceChildren(...shown.map((app, index) => el("li", { id: `result-${index}`, role: "option", "aria-selected": "false", onpointerdown: (event) => { event.preventDefault(); choose(app); } }, bdi(appName(app)), el("span", { class: "quiet-text" }, ` ${APPS.id[app]}`))));
    list.hidden = !shown.length;
    input.setAttribute("aria-expanded", shown.length ? "true" : "false");
    mark_(-1);
    if (wanted) announce(found.length ? `${plural(found.length, "game")} found` : "No game found");
    none.hidden = !wanted || found.length > 0;
  }
  const none = el("p", { class: "quiet-text", hidden: true }, "No game found. The data has the games that were on a chart.");
  input.addEventListener("input", search);
  input.addEventListener("blur", () => { list.hidden = true; input.setAttribute("aria-expanded", "false"); });
  input.addEventListener("keydown", (event) => {
    const count = list.children.length;
    if (event.key === "ArrowDown" && count) mark_((at + 1) % count);
    else if (event.key === "ArrowUp" && count) mark_((at - 1 + count) % count);
    else if (event.key === "Enter" && count) choose(found[Math.max(0, at)]);
    else if (event.key === "Escape") { input.value = ""; search(); }
    else return;
    event.preventDefault();
  });
  const chips = picked.map((app, index) => el("li", {}, picked.length <= MOST_LINES && keyMark(index, "line"), bdi(appName(app)), el("button", { type: "button", "aria-label": `Remove ${appName(app)}`, onclick: () => { location.hash = gamesAddress(picked.filter((one) => one !== app), params); } }, "✕")));
  return el("div", { class: "finder" }, el("div", { class: "search" }, el("label", { for: "game-search" }, picked.length ? "Add a game" : "Find a game"), input, list, none), picked.length ? el("ul", { class: "chips", "aria-label": "Games compared" }, chips) : null);
}
// Names without case, accents, marks and punctuation: "Baldur's Gate 3" is "baldurs gate 3".
const ROMAN = { ii: "2", iii: "3", iv: "4", v: "5", vi: "6", vii: "7", viii: "8", ix: "9", x: "10", xi: "11", xii: "12", xiii: "13", xiv: "14", xv: "15", xvi: "16" };
const folded = (text) => text.normalize("NFKD").replace(/[\p{M}'’‘`´™®©]/gu, "").toLowerCase().replace(/[^\p{L}\p{N}]+/gu, " ").trim();
const initials = (words) => words.map((word) => (/^\d+$/.test(word) ? word : [...word][0])).join("");
let searchIndex = null;
function namesFolded() {
  searchIndex ??= APPS.name.map((_, app) => {
    const words = folded(appName(app)).split(" ").filter(Boolean);
    const digits = words.map((word) => ROMAN[word] || word);
    return { words: [...words, ...digits], joined: [words.join(""), digits.join("")], short: [initials(words), initials(digits), initials(words.map((word) => (ROMAN[word] ? word : [...word][0])).flatMap((word) => (ROMAN[word] ? [...word] : [word])))] };
  });
  return searchIndex;
}
// 0 the best: the whole name, its beginning, initials ("cs2", "gta5"), every word begun in any order, any place in it.
function matching(wanted) {
  const asked = folded(wanted).split(" ").filter(Boolean);
  const joined = asked.join("");
  const scored = [];
  namesFolded().forEach(({ words, joined: whole_, short }, app) => {
    const name = appName(app).toLowerCase();
    const exact = name === wanted.toLowerCase() || String(APPS.id[app]) === wanted;
    const grade = exact ? 0 : !joined ? (name.includes(wanted.toLowerCase()) ? 4 : -1)
      : whole_.some((one) => one === joined) ? 0 : whole_.some((one) => one.startsWith(joined)) ? 1
      : joined.length > 1 && short.some((one) => one.startsWith(joined)) ? 2
      : asked.every((part) => words.some((word) => word.startsWith(part))) ? 3
      : joined.length > 2 && whole_.some((one) => one.includes(joined)) ? 4 : -1;
    if (grade >= 0) scored.push([grade, app]);
  });
  return scored.sort((a, b) => a[0] - b[0] || a[1] - b[1]).map(([, app]) => app);
}
