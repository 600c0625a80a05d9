/**
 * The colours that canvases draw with, read from the style sheet so that each is written down once.
 */

/**
 * @typedef {object} Palette
 * @property {string} name changes with the theme; part of cache keys
 * @property {string[]} states fill per state
 * @property {string} outline of a marker
 * @property {string} halo around the outline
 * @property {string} alarm @property {string} accent
 * @property {string} sea @property {string} land @property {string} coast
 * @property {string} grid @property {string} gridFine
 * @property {string} road @property {string} roadBright @property {string} casing
 * @property {string} font family of names on the map
 * @property {string} trail @property {string} text @property {string} textHalo
 */

/** @param {Element} element @returns {Palette} */
export function readPalette(element) {
  const style = getComputedStyle(element);
  const read = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
  return {
    name: read("--palette"),
    states: ["moving", "idle", "parked", "stale", "offline"].map((state) => read(`--${state}`)),
    outline: read("--marker-outline"),
    halo: read("--marker-halo"),
    alarm: read("--alarm"),
    accent: read("--accent"),
    sea: read("--sea"),
    land: read("--land"),
    coast: read("--coast"),
    grid: read("--grid"),
    gridFine: read("--grid-fine"),
    road: read("--road"),
    roadBright: read("--road-bright"),
    casing: read("--casing"),
    trail: read("--trail"),
    font: read("--font"),
    text: read("--map-text"),
    textHalo: read("--map-text-halo"),
  };
}
