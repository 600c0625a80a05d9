/**
 * What a viewer chose, kept in this browser: theme, language, labels, trails, sort order, keys.
 */

/** @typedef {import("./order.js").SortKey} SortKey */

/**
 * @typedef {object} Settings
 * @property {"light" | "dark" | null} theme null: as the system says
 * @property {"en" | "zh-CN" | null} language null: as the server or the browser says
 * @property {boolean} labels @property {boolean} trails
 * @property {boolean} keys single-key shortcuts
 * @property {boolean} dock the list is open
 * @property {SortKey} sort
 */

const KEY = "tracker.settings";

/** @type {Settings} */
const DEFAULTS = {
  theme: null,
  language: null,
  labels: true,
  trails: true,
  keys: true,
  dock: true,
  sort: "name",
};

/** @returns {Settings} */
export function loadSettings() {
  try {
    return { ...DEFAULTS, ...JSON.parse(localStorage.getItem(KEY) ?? "{}") };
  } catch {
    return { ...DEFAULTS };
  }
}

/** @param {Settings} settings */
export function saveSettings(settings) {
  try {
    localStorage.setItem(KEY, JSON.stringify(settings));
  } catch {
    // Storage may be full or forbidden: the choice then lasts as long as the page.
  }
}
