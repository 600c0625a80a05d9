/**
 * The part of the address that opens a replay, and ranges of time as people choose them; pure.
 * #replay=4zq0p8d1xk3ma&from=2026-03-01T08:00:00Z&to=2026-03-01T18:00:00Z&at=2026-03-01T09:12:40Z
 */

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Vehicles that one replay can show: as many colours can be told apart. */
export const MAX_VEHICLES = 8;

/** Longest range, ms: a week is a thousand blocks. */
export const MAX_RANGE_MS = 7 * DAY_MS;

/** Shortest range, ms. */
export const MIN_RANGE_MS = 60_000;

/**
 * @typedef {object} ReplayPlace
 * @property {string[]} vehicles ids; the first is the one that the list is of
 * @property {number | null} from @property {number | null} to @property {number | null} at Unix ms
 * @property {boolean} [keepView] the address says where the map looks
 */

/** @typedef {"hour" | "today" | "yesterday"} Preset */

/** @param {string} hash with or without # @returns {ReplayPlace | null} */
export function parseReplay(hash) {
  const parameters = new URLSearchParams(hash.replace(/^#/, ""));
  const ids = (parameters.get("replay") ?? "").split(",").filter((id) => /^[\w-]{1,64}$/.test(id));
  if (ids.length === 0) return null;
  const time = (/** @type {string} */ name) => {
    const ms = Date.parse(parameters.get(name) ?? "");
    return Number.isNaN(ms) ? null : ms;
  };
  const [from, to, at] = ["from", "to", "at"].map(time);
  const whole = from !== null && to !== null && from < to && to - from <= MAX_RANGE_MS;
  return {
    vehicles: [...new Set(ids)].slice(0, MAX_VEHICLES),
    from: whole ? from : null,
    to: whole ? to : null,
    at,
  };
}

/** @param {ReplayPlace | null} place @returns {string} without # and &, or "" */
export function formatReplay(place) {
  if (!place) return "";
  const parts = [`replay=${place.vehicles.join(",")}`];
  for (const name of /** @type {const} */ (["from", "to", "at"])) {
    const ms = place[name];
    if (ms !== null) parts.push(`${name}=${isoSeconds(ms)}`);
  }
  return parts.join("&");
}

/** RFC 3339 in UTC, whole seconds. @param {number} ms Unix */
export function isoSeconds(ms) {
  return `${new Date(Math.round(ms / 1000) * 1000).toISOString().slice(0, 19)}Z`;
}

/** @param {Preset} preset @param {number} now Unix ms @returns {{from: number, to: number}} */
export function presetRange(preset, now) {
  if (preset === "hour") return { from: now - HOUR_MS, to: now };
  const today = startOfDay(now, 0);
  if (preset === "today") return { from: today, to: now };
  return { from: startOfDay(now, -1), to: today };
}

/**
 * What to show of a vehicle unless told: the last hour where it reports now, else the day of its
 * last position.
 * @param {number | null} lastMs time of its newest position @param {number} now Unix ms
 */
export function usualRange(lastMs, now) {
  if (lastMs === null || now - lastMs < HOUR_MS) return presetRange("hour", now);
  return { from: startOfDay(lastMs, 0), to: Math.min(now, startOfDay(lastMs, 1)) };
}

/** Midnight in the viewer's time zone. @param {number} ms @param {number} days later */
function startOfDay(ms, days) {
  const date = new Date(ms);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() + days).getTime();
}

/** What a datetime-local field holds. @param {number} ms Unix */
export function toLocalField(ms) {
  const date = new Date(ms);
  const two = (/** @type {number} */ value) => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day}T${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** @param {string} text of a datetime-local field @returns {number | null} Unix ms */
export function fromLocalField(text) {
  const ms = new Date(text).getTime();
  return text === "" || Number.isNaN(ms) ? null : ms;
}

/** Swaps and shortens until it can be asked for. @param {number} from @param {number} to Unix ms */
export function sound(from, to) {
  const [first, last] = from <= to ? [from, to] : [to, from];
  return { from: Math.max(first, last - MAX_RANGE_MS), to: Math.max(last, first + MIN_RANGE_MS) };
}
