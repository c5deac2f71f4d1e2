// A brush over all collected days: drag to choose a range of dates, move it, or change its ends.
const BRUSH_HEIGHT = 44;
const FEWEST_DAYS = 2;
const SETTLED = 600;

// spec: days (ascending, without holes), lines (values by day), from and to (indices), choose(from, to).
function brush(host, spec) {
  const width = Math.max(260, roomIn(host));
  const last = spec.days.length - 1;
  let [from, to] = [spec.from, spec.to];
  const x = (index) => (index / last) * width;
  const values = spec.lines.flat().filter(known);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const y = (value) => 4 + (1 - (value - low) / (high - low || 1)) * (BRUSH_HEIGHT - 8);
  const picture = svg("svg", { width, height: BRUSH_HEIGHT, viewBox: `0 0 ${width} ${BRUSH_HEIGHT}`, "aria-hidden": "true", focusable: "false" });
  spec.lines.forEach((line) => picture.append(svg("path", { d: linePath(line, x, y), class: "brush-line" })));
  const field = el("div", { class: "brush-window" });
  const ends = ["from", "to"].map((name) => el("button", { type: "button", id: `brush-${name}`, class: "brush-end", role: "slider", "aria-label": { from: "First day shown", to: "Last day shown" }[name], "aria-valuemin": "0", "aria-valuemax": String(last) }));
  const words = el("p", { class: "brush-words" });
  const track = el("div", { class: "brush" }, picture, field, ends);
  function draw() {
    field.style.left = `${x(from)}px`;
    field.style.width = `${Math.max(2, x(to) - x(from))}px`;
    [from, to].forEach((index, place) => {
      ends[place].style.left = `${x(index)}px`;
      fill(ends[place], { "aria-valuenow": String(index), "aria-valuetext": isoDay(spec.days[index]) }, []);
    });
    words.textContent = `${isoDay(spec.days[from])} to ${isoDay(spec.days[to])}, ${plural(to - from + 1, "day")}`;
  }
  const between = (index, least, most) => Math.max(least, Math.min(most, index));
  const moves = {
    from: (index) => { from = between(index, 0, to - FEWEST_DAYS + 1); },
    to: (index) => { to = between(index, from + FEWEST_DAYS - 1, last); },
    both: (index, start) => { const by = between(index - start.at, -start.from, last - start.to); [from, to] = [start.from + by, start.to + by]; },
    fresh: (index, start) => { [from, to] = index < start.at ? [index, start.at] : [start.at, index]; if (to - from + 1 < FEWEST_DAYS) [from, to] = from ? [from - 1, to] : [from, to + 1]; },
  };
  let drag = null;
  const indexAt = (event) => between(Math.round(((event.clientX - track.getBoundingClientRect().left) / width) * last), 0, last);
  track.addEventListener("pointerdown", (event) => {
    const at = indexAt(event);
    const near = ["from", "to"].find((name, place) => event.target === ends[place] || Math.abs(x([from, to][place]) - x(at)) < 8);
    const whole_ = from === 0 && to === last;
    drag = { kind: near || (at > from && at < to && !whole_ ? "both" : "fresh"), at, from, to };
    track.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  track.addEventListener("pointermove", (event) => {
    if (!drag) return;
    moves[drag.kind](indexAt(event), drag);
    draw();
  });
  track.addEventListener("pointerup", (event) => {
    if (!drag) return;
    const moved = from !== drag.from || to !== drag.to;
    drag = null;
    track.releasePointerCapture(event.pointerId);
    if (moved) spec.choose(from, to);
  });
  track.addEventListener("pointercancel", () => { if (drag) [from, to] = [drag.from, drag.to]; drag = null; draw(); });
  let waiting = 0;
  ends.forEach((end, place) => end.addEventListener("keydown", (event) => {
    const now = place ? to : from;
    const next = { ArrowLeft: now - 1, ArrowDown: now - 1, ArrowRight: now + 1, ArrowUp: now + 1, PageDown: now - 28, PageUp: now + 28, Home: 0, End: last }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    moves[place ? "to" : "from"](next);
    draw();
    clearTimeout(waiting);
    // The page is drawn anew once the key has rested.
    waiting = setTimeout(() => end.isConnected && spec.choose(from, to), SETTLED);
  }));
  draw();
  put(host, track, words);
}
