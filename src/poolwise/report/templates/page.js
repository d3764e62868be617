"use strict";
// Replaces each drawn figure by the same figure drawn live: sized to its place, readable under the pointer.
(() => {
  const specs = JSON.parse(document.getElementById("specs").textContent);
  const places = [...document.querySelectorAll("[data-figure]")];
  const LEFT = 56, RIGHT = 66, LEAST = 200;
  let widths = [];

  // Every view, rule and word that reaches to the right edge is given in pixels: move them with the edge.
  const resized = (part, from, to) => {
    if (Array.isArray(part)) return part.map((item) => resized(item, from, to));
    if (part === null || typeof part !== "object") return part;
    const copy = {};
    for (const [key, value] of Object.entries(part)) {
      if (key === "datasets" || key === "values") copy[key] = value;
      else if (key === "width" && value === from) copy[key] = to;
      else if ((key === "x" || key === "x2") && value && value.value === from) copy[key] = { value: to };
      else if (key === "tickCount" && part.title !== undefined && "labels" in part) copy[key] = Math.max(4, Math.round(to / 70));
      else copy[key] = resized(value, from, to);
    }
    return copy;
  };
  const firstWidth = (spec) => (spec.hconcat ? spec.hconcat[0] : spec).vconcat[0].width;

  const draw = async (place, width) => {
    const spec = specs[Number(place.dataset.figure)];
    const columns = spec.hconcat ? spec.hconcat.length : 1;
    const inner = Math.max(LEAST, Math.floor(width / columns) - LEFT - RIGHT);
    const live = document.createElement("div");
    const fitted = resized(spec, firstWidth(spec), inner);
    await vegaEmbed(live, fitted, { renderer: "svg", actions: false, tooltip: { theme: "custom" } });
    place.replaceChildren(live);
  };
  const drawAll = () => {
    const now = places.map((place) => place.clientWidth);
    places.forEach((place, i) => {
      if (now[i] && now[i] !== widths[i]) draw(place, now[i]).catch((error) => console.error(error));
    });
    widths = now;
  };

  let timer = 0;
  addEventListener("resize", () => {
    clearTimeout(timer);
    timer = setTimeout(() => { if (!matchMedia("print").matches) drawAll(); }, 200);
  });
  drawAll();
})();
