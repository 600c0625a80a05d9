/**
 * Reads the configuration that the server wrote into the page and fills in what it left out.
 */

/** @typedef {import("./model.js").Config} Config */

/** @type {Config} */
const DEFAULTS = {
  title: "Tracker",
  feed: "/api/v1/live",
  api: "/api/v1",
  base_map: null,
  version: "",
  language: null,
  center: null,
  zoom: null,
  devices: "",
};

const BASE_MAP_DEFAULTS = {
  attribution: "",
  coordinate_system: /** @type {const} */ ("wgs84"),
  max_zoom: 19,
  tms: false,
  subdomains: "abc",
};

/** The port that trackers connect to unless the configuration says otherwise. */
const DEVICE_PORT = "9501";

/** Addresses at which a server listens on all its interfaces. */
const ANY_HOST = ["", "0.0.0.0", "[::]", "*"];

/**
 * @param {Document} page
 * @returns {Config}
 */
export function readConfig(page) {
  const text = page.getElementById("config")?.textContent ?? "{}";
  const given = /** @type {Partial<Config>} */ (JSON.parse(text));
  return {
    ...DEFAULTS,
    ...given,
    devices: deviceAddress(given.devices ?? "", page.location?.hostname || "localhost"),
    base_map: given.base_map ? { ...BASE_MAP_DEFAULTS, ...given.base_map } : null,
  };
}

/**
 * Where a tracker can reach the server: what the server says, or the page's own host where it
 * listens everywhere.
 * @param {string} listens host:port @param {string} pageHost
 */
export function deviceAddress(listens, pageHost) {
  const [, host, port] = /^(.*):(\d+)$/.exec(listens) ?? ["", listens, DEVICE_PORT];
  return `${ANY_HOST.includes(host) ? pageHost : host}:${port}`;
}

/**
 * Address of a file beside the scripts, wherever the page is mounted.
 * @param {string} path relative to static/
 */
export function assetUrl(path) {
  return new URL(`../${path}`, import.meta.url).href;
}
