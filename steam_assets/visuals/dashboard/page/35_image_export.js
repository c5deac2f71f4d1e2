// A panel's charts as a file: SVG, or PNG drawn from it, with title, legend and source.
const DRAWN = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-linejoin", "stroke-linecap", "opacity", "font-size", "font-family", "text-anchor"];
const PNG_SCALE = 2;
// Characters that a name may have and XML may not.
const NOT_XML = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

// A copy that looks the same without the page's style.
function frozen(picture) {
  const copy = picture.cloneNode(true);
  const [nodes, copies] = [picture, copy].map((one) => [one, ...one.querySelectorAll("*")]);
  nodes.forEach((node, index) => {
    const style = getComputedStyle(node);
    for (const name of DRAWN) copies[index].setAttribute(name, style.getPropertyValue(name));
  });
  copy.querySelectorAll(".cursor").forEach((cursor) => cursor.remove());
  for (const node of [copy, ...copy.querySelectorAll("*")]) node.removeAttribute("class");
  return copy;
}

function pictureOf(section, title, source) {
  const plots = [...section.querySelectorAll(".plot > svg")];
  const width = Math.max(...plots.map((plot) => Number(plot.getAttribute("width")))) + 32;
  const style = getComputedStyle(section);
  const line = (text, x, y, size, weight) => svg("text", { x, y, fill: style.color, "font-size": size, "font-family": style.fontFamily, "font-weight": weight }, text);
  const whole_ = svg("svg", { xmlns: SVG, width, role: "img" }, svg("title", {}, title), svg("rect", { width: "100%", height: "100%", fill: style.backgroundColor }), line(title, 16, 28, 16, 600));
  let y = 40;
  for (const plot of plots) {
    const keys = [...plot.closest(".panel-body").querySelectorAll(".legend li")].filter(() => plot === plots[0]);
    for (const key of keys) {
      const sign = frozen(key.querySelector("svg"));
      fill(sign, { x: 16, y: y + 4 }, []);
      whole_.append(sign, line(key.textContent, 50, y + 14, 13, 400));
      y += 20;
    }
    const name = plot.closest(".multiples > div")?.querySelector("h3");
    if (name) whole_.append(line(name.textContent, 16, (y += 16), 13, 600));
    const copy = frozen(plot);
    fill(copy, { x: 16, y }, []);
    whole_.append(copy);
    y += Number(plot.getAttribute("height")) + 8;
  }
  const notes = [...section.querySelectorAll(".axis-note")].map((note) => note.textContent);
  for (const text of [...notes, source]) whole_.append(line(text, 16, (y += 16), 12, 400));
  fill(whole_, { height: y + 14, viewBox: `0 0 ${width} ${y + 14}` }, []);
  return { text: new XMLSerializer().serializeToString(whole_).replace(NOT_XML, ""), width, height: y + 14 };
}

async function savePicture(section, kind, name, title, source) {
  const { text, width, height } = pictureOf(section, title, source);
  if (kind === "svg") return saveAs(`${name}.svg`, new Blob([text], { type: "image/svg+xml" }));
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await image.decode();
  const canvas = el("canvas", { width: width * PNG_SCALE, height: height * PNG_SCALE });
  const pen = canvas.getContext("2d");
  pen.scale(PNG_SCALE, PNG_SCALE);
  pen.drawImage(image, 0, 0, width, height);
  return saveAs(`${name}.png`, await new Promise((done) => canvas.toBlob(done, "image/png")));
}

// The buttons of a panel with charts; spec.sheet names the files.
function pictureButtons(spec, section) {
  const asOf = known(spec.asOf) ? `, as of ${longTime(spec.asOf)}` : "";
  const origin = GIVEN.synthetic ? "Synthetic data" : "Source";
  return ["svg", "png"].map((kind) =>
    el("button", { type: "button", class: "quiet", [`data-${kind}`]: "", onclick: () => savePicture(section, kind, spec.sheet().name, spec.title, `${origin}: ${spec.chart}${asOf} · ${spec.unit} · steam_assets`) }, kind.toUpperCase(), hidden(` picture of ${spec.title}`)),
  );
}
