// Which view is shown, the tabs, and the choice of light or dark.
const VIEWS = { overview: ["Overview", overview], games: ["Games", games], "top-sellers": ["Top sellers", sellers], market: ["Market", market], reviews: ["Reviews", reviews], news: ["News", news], traffic: ["Traffic", traffic] };
let shownView = null;

// What a visit to a view leaves in its history entry: the order of its tables, and where it was scrolled to.
const keptOf = (name) => history.state?.tables?.[name] || {};
const remember = (more) => history.replaceState({ ...history.state, ...more }, "");
const keep = (name, more) => remember({ tables: { ...history.state?.tables, [name]: { ...keptOf(name), ...more } } });
let settling = null;
let scrolled = 0;
const SETTLED_MS = 2000;
function settled() {
  settling?.disconnect();
  settling = null;
}
// where() => y, asked again while the page settles.
function scrollBack(where) {
  settled();
  clearTimeout(scrolled);
  // Panels draw once they have a width, so the page grows for a moment.
  const own = new ResizeObserver(() => window.scrollTo(0, where()));
  settling = own;
  own.observe(document.getElementById("main"));
  window.scrollTo(0, where());
  setTimeout(() => { if (settling === own) settled(); }, SETTLED_MS);
}
function noteScroll() {
  // A page that is still too short stops the way back early: that is not where the reader was.
  if (settling) return;
  clearTimeout(scrolled);
  scrolled = setTimeout(() => remember({ y: window.scrollY }), 120);
}

function show() {
  const { view, params } = currentRoute();
  const main = document.getElementById("main");
  const focused = document.activeElement && document.activeElement !== document.body ? document.activeElement.id : "";
  const [title, make] = VIEWS[view];
  const y = window.scrollY;
  const heading = document.getElementById("page-title")?.textContent;
  main.replaceChildren(...make(params).flat().filter(Boolean));
  document.title = `${title} · Steam market`;
  for (const link of document.querySelectorAll("#tabs a")) {
    if (link.dataset.view === view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  // A filter stays where it is; another page begins at its top.
  const same = shownView === view && heading === document.getElementById("page-title").textContent;
  const linked = linkedPanel(params.get("panel"));
  scrollBack(() => history.state?.y ?? (linked ? topOf(linked) : same ? y : 0));
  const keep = focused && document.getElementById(focused);
  awaitedFocus = keep ? "" : focused;
  if (keep) keep.focus({ preventScroll: true });
  else if (linked) linked.querySelector(".panel-title").focus({ preventScroll: true });
  else if (shownView !== null) document.getElementById("page-title").focus({ preventScroll: true });
  shownView = view;
}

function theme(choice) {
  const root = document.documentElement;
  if (choice) root.dataset.theme = choice;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const button = document.getElementById("theme");
  button.textContent = dark ? "Light" : "Dark";
  button.setAttribute("aria-label", `Switch to ${dark ? "light" : "dark"} colours`);
  return dark;
}

document.getElementById("tabs").addEventListener("keydown", (event) => {
  const links = [...document.querySelectorAll("#tabs a")];
  const at = links.indexOf(document.activeElement);
  const next = { ArrowRight: (at + 1) % links.length, ArrowLeft: (at - 1 + links.length) % links.length, Home: 0, End: links.length - 1 }[event.key];
  if (at < 0 || next === undefined) return;
  event.preventDefault();
  links[next].focus();
});
document.getElementById("skip").addEventListener("click", (event) => {
  // The address after # belongs to the views.
  event.preventDefault();
  document.getElementById("main").focus();
});
document.getElementById("theme").addEventListener("click", () => {
  const next = theme() ? "light" : "dark";
  stored("theme", next);
  theme(next);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => theme());
history.scrollRestoration = "manual";
window.addEventListener("scroll", noteScroll, { passive: true });
// A link may be followed before the last scroll was noted.
document.addEventListener("click", () => remember({ y: window.scrollY }), { capture: true });
for (const intent of ["wheel", "touchstart", "pointerdown", "keydown"]) window.addEventListener(intent, settled, { passive: true });
window.addEventListener("hashchange", show);
const kept = stored("theme");
theme(kept === "dark" || kept === "light" ? kept : null);
show();
document.documentElement.dataset.ready = "true";
