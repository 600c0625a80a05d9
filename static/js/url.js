/**
 * The part of the desk that lives in the address: map view, search, states, selected vehicle; pure.
 * #map=13.5/22.54/114.06&q=truck&state=moving,idle&vehicle=4zq0p8d1xk3ma
 */
import { STATES } from "./model.js";

/**
 * @typedef {object} Place
 * @property {{zoom: number, lat: number, lon: number} | null} map
 * @property {string} query
 * @property {number[]} states codes
 * @property {string | null} vehicle id
 */

/** Decimals of a degree that matter at a zoom. @param {number} zoom */
function decimals(zoom) {
  return Math.max(2, Math.min(6, Math.ceil(zoom / 3)));
}

/** @param {string} hash with or without # @returns {Place} */
export function parseHash(hash) {
  const parameters = new URLSearchParams(hash.replace(/^#/, ""));
  const states = (parameters.get("state") ?? "")
    .split(",")
    .map((name) => STATES.indexOf(/** @type {any} */ (name)))
    .filter((code) => code >= 0);
  return {
    map: parseMap(parameters.get("map")),
    query: parameters.get("q") ?? "",
    states,
    vehicle: parameters.get("vehicle") || null,
  };
}

/** @param {string | null} text */
function parseMap(text) {
  const parts = (text ?? "").split("/").map((part) => (part === "" ? NaN : Number(part)));
  const [zoom, lat, lon] = parts;
  if (parts.length !== 3 || parts.some((part) => !Number.isFinite(part))) return null;
  if (zoom < 0 || zoom > 24 || Math.abs(lat) > 90 || Math.abs(lon) > 540) return null;
  return { zoom, lat, lon };
}

/** @param {Place} place @returns {string} with #, or "" when there is nothing to say */
export function formatHash({ map, query, states, vehicle }) {
  const parts = [];
  if (map) {
    const digits = decimals(map.zoom);
    const zoom = Number(map.zoom.toFixed(2));
    parts.push(`map=${zoom}/${map.lat.toFixed(digits)}/${map.lon.toFixed(digits)}`);
  }
  if (query !== "") parts.push(`q=${encodeURIComponent(query)}`);
  if (states.length > 0) parts.push(`state=${states.map((code) => STATES[code]).join(",")}`);
  if (vehicle) parts.push(`vehicle=${encodeURIComponent(vehicle)}`);
  return parts.length > 0 ? `#${parts.join("&")}` : "";
}
