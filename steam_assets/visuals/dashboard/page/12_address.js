// The address after #: a view and what was chosen in it, so that a link shows the same. Defaults are left out.
// Of one visit alone: the day that a link points at, and the panel that it scrolls to.
const OF_ONE_VISIT = ["at", "panel"];

// The address of a view with some choices changed; an empty choice is left out.
function addressOf(view, params, changes = {}) {
  const next = new URLSearchParams(params);
  for (const name of OF_ONE_VISIT) next.delete(name);
  for (const [name, value] of Object.entries(changes)) {
    if (known(value) && value !== "") next.set(name, value);
    else next.delete(name);
  }
  const query = [...next].map(([name, value]) => `${name}=${encodeURIComponent(value).replaceAll("%2C", ",")}`).join("&");
  return `#/${view}${query ? `?${query}` : ""}`;
}
const goTo = (view, params, changes) => { location.hash = addressOf(view, params, changes); };
// Changes the address of what is shown already, without another entry in the browser's history.
const replaceAddress = (address) => history.replaceState(history.state, "", address);
function currentRoute() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  return { view: Object.hasOwn(VIEWS, path) ? path : "overview", params: new URLSearchParams(query || "") };
}

const slug = (title) => folded(title).replaceAll(" ", "-");
function linkTo(key) {
  const { view, params } = currentRoute();
  return `${location.href.split("#")[0]}${addressOf(view, params, { panel: key })}`;
}
async function copyLink(button, address) {
  try {
    await navigator.clipboard.writeText(address);
    announce("Link copied");
    button.firstChild.textContent = "Link copied";
  } catch {
    announce("The browser does not allow copying; copy the address from its address bar");
    location.hash = address.slice(address.indexOf("#"));
  }
}
// The panel of a copied link, ready to take the focus.
function linkedPanel(key) {
  const section = key && [...document.querySelectorAll(".panel")].find((one) => one.dataset.panel === key);
  if (!section) return null;
  section.querySelector(".panel-title").setAttribute("tabindex", "-1");
  return section;
}
const topOf = (section) => section.getBoundingClientRect().top + window.scrollY - parseFloat(getComputedStyle(document.documentElement).scrollPaddingTop);
