// What the store says of games: makers, tags, release dates. Empty until its source was collected.
const storeFacts = new Map(panelData("store").rows.map((row) => [row.app, row]));
const storeTags = groupBy(panelData("tags").rows, "app");
const FACETS = {
  tag: { title: "Tag", of: (app) => (storeTags.get(app) || []).map((row) => row.tag) },
  developer: { title: "Developer", of: (app) => storeFacts.get(app)?.developers || [] },
  publisher: { title: "Publisher", of: (app) => storeFacts.get(app)?.publishers || [] },
};
