// Making elements, writing numbers and times, CSV and downloads. Text reaches the page as text nodes and nothing else.
const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value === true) node.setAttribute(key, "");
    else node.setAttribute(key, String(value));
  }
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return node;
}
const el = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);
const put = (host, ...children) => fill(host, {}, children);
const bdi = (text, className) => el("bdi", { class: className || null }, text);
const hidden = (text) => el("span", { class: "sr" }, text);
// A text in which names of columns and commands stand between backticks.
const prose = (text) => text.split("`").map((part, index) => (index % 2 ? el("code", {}, part) : part));
// A date stays on one line.
const date = (day) => el("span", { class: "date" }, isoDay(day));
// Marks that only repeat in shape what the words beside them say.
const mark = (sign, className) => el("span", { class: className || null, "aria-hidden": "true" }, sign);

const DAY = 86400000;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DASH = "–";
const two = (n) => String(n).padStart(2, "0");
// Days are whole numbers since 1970-01-01, times are seconds since then; both UTC.
const dateOf = (day) => new Date(day * DAY);
const isoDay = (day) => dateOf(day).toISOString().slice(0, 10);
const dayOf = (iso) => Math.round(Date.parse(`${iso.slice(0, 10)}T00:00:00Z`) / DAY);
// The day that an address names; null if there is no such day.
const namedDay = (text) => (/^\d{4}-\d\d-\d\d$/.test(text ?? "") && !Number.isNaN(Date.parse(text)) ? dayOf(text) : null);
const shortDay = (day) => `${dateOf(day).getUTCDate()} ${MONTHS[dateOf(day).getUTCMonth()]}`;
const monthName = (day) => `${MONTHS[dateOf(day).getUTCMonth()]} ${dateOf(day).getUTCFullYear()}`;
// Every day, week or month from the first to the last, also those that were not collected.
const everyNth = (first, last, step) => Array.from({ length: (last - first) / step + 1 }, (_, index) => first + step * index);
const everyDay = (first, last) => everyNth(first, last, 1);
const everyWeek = (first, last) => everyNth(first, last, 7);
const monthAfter = (day) => Date.UTC(dateOf(day).getUTCFullYear(), dateOf(day).getUTCMonth() + 1, 1) / DAY;
function everyMonth(first, last) {
  const months = [];
  for (let month = first; month <= last; month = monthAfter(month)) months.push(month);
  return months;
}
const weekName = (day) => `week of ${isoDay(day)} (Tuesday)`;
const weekTitle = (day) => weekName(day).replace("w", "W");
const tuesdayOf = (day) => day - ((dateOf(day).getUTCDay() + 5) % 7);
const longTime = (seconds) => {
  const date = new Date(seconds * 1000);
  return `${isoDay(Math.floor(seconds / 86400))} ${two(date.getUTCHours())}:${two(date.getUTCMinutes())} UTC`;
};
const isoTime = (seconds) => new Date(seconds * 1000).toISOString().replace(".000Z", "Z");

const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const compacted = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });
// How an axis writes a value: with at most so many decimals, or exactly so many (fixed).
const axisCompact = (value, digits) => new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: digits }).format(value);
const axisNumber = (value, digits, fixed) => new Intl.NumberFormat("en-US", { maximumFractionDigits: digits, minimumFractionDigits: fixed ? digits : 0 }).format(value);
const axisPercent = (value, digits, fixed) => `${axisNumber(value * 100, digits, fixed)} %`;
const known = (value) => value !== null && value !== undefined && !Number.isNaN(value);
const minus = (text) => text.replace("-", "−");
const whole = (value) => (known(value) ? minus(grouped.format(value)) : DASH);
const compact = (value) => (known(value) ? compacted.format(value) : DASH);
const decimal = (value, digits = 2) => (known(value) ? minus(value.toFixed(digits)) : DASH);
const percent = (share, digits = 1) => (known(share) ? `${(share * 100).toFixed(digits)} %` : DASH);
// The sign of what is shown, not of what was rounded away.
const direction = (value, digits) => Math.sign(Number(value.toFixed(digits)));
const signOf = (value) => (value > 0 ? "+" : value < 0 ? "−" : "±");
const signed = (share, digits = 1) =>
  known(share) ? `${signOf(direction(share * 100, digits))}${Math.abs(share * 100).toFixed(digits)} %` : DASH;
const points = (share) => (known(share) ? `${signOf(direction(share * 100, 1))}${Math.abs(share * 100).toFixed(1)}` : DASH);
const signedWhole = (value) =>
  known(value) ? `${signOf(direction(value, 0))}${grouped.format(Math.abs(value))}` : DASH;
const dollars = (cents) => (known(cents) ? `$${(cents / 100).toFixed(2)}` : DASH);
const plural = (count, one, many) => `${whole(count)} ${count === 1 ? one : many || `${one}s`}`;

// A change as sign, arrow and number, so that its direction does not hang on its colour.
function delta(share, write = signed) {
  if (!known(share)) return el("span", { class: "delta flat" }, DASH);
  const kind = ["down", "flat", "up"][direction(share * 100, 1) + 1];
  const sign = { up: "▲", down: "▼", flat: "■" }[kind];
  return el("span", { class: `delta ${kind}` }, mark(sign), " ", write(share));
}

function announce(text) {
  document.getElementById("live").textContent = text;
}

// Only web addresses become links; whatever else stands where an address should is shown as the text it is.
function webAddress(text) {
  try {
    const { protocol, href } = new URL(text);
    return protocol === "https:" || protocol === "http:" ? href : null;
  } catch {
    return null;
  }
}
function webLink(text, address) {
  const href = webAddress(address);
  return href === null ? bdi(text) : el("a", { href, target: "_blank", rel: "noopener noreferrer" }, bdi(text));
}
