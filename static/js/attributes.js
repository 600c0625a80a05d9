/**
 * Attributes that devices report, in words: names from the language file where it has them, units
 * from the end of the name (odometer_m, battery_percent, fuel_l).
 */

/** @typedef {import("./i18n.js").Strings} Strings */

/**
 * Endings of names and how to write their values: Intl's unit, digits, and what to divide by.
 * @type {[string, string, number, number][]}
 */
const UNITS = [
  ["_kmh", "kilometer-per-hour", 0, 1],
  ["_km", "kilometer", 1, 1],
  ["_percent", "percent", 0, 1],
  ["_celsius", "celsius", 1, 1],
  ["_ms", "millisecond", 0, 1],
  ["_deg", "degree", 0, 1],
  ["_ml", "milliliter", 0, 1],
  ["_kg", "kilogram", 0, 1],
  ["_l", "liter", 1, 1],
  ["_g", "gram", 0, 1],
];

/**
 * Units that Intl has no name for, written the same in every language.
 * @type {[string, string, number, number][]}
 */
const SYMBOLS = [
  ["_mv", "V", 2, 1000],
  ["_ma", "mA", 0, 1],
  ["_dbm", "dBm", 0, 1],
  ["_rpm", "rpm", 0, 1],
  ["_kpa", "kPa", 0, 1],
  ["_hz", "Hz", 0, 1],
  ["_v", "V", 2, 1],
  ["_c", "°C", 1, 1],
];

/** Metres above this are written as kilometres. */
const KILOMETRES_FROM_M = 10_000;

/** @param {string} name @param {Strings} strings */
export function attributeName(name, strings) {
  const base = stem(name);
  return strings.has(`attribute.${base}`) ? strings.t(`attribute.${base}`) : asWords(base);
}

/** @param {string} name as the feed gives it @param {Strings} strings */
export function alarmName(name, strings) {
  return strings.has(`alarm.${name}`) ? strings.t(`alarm.${name}`) : asWords(name);
}

/** @param {string} name with underscores */
function asWords(name) {
  const words = name.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** A name without its unit. @param {string} name */
function stem(name) {
  const endings = [...UNITS, ...SYMBOLS].map(([ending]) => ending).concat("_m", "_s");
  const ending = endings.filter((e) => name.endsWith(e)).sort((a, b) => b.length - a.length)[0];
  return ending ? name.slice(0, -ending.length) : name;
}

/** @param {string} name @param {unknown} value @param {Strings} strings @returns {string} */
export function attributeValue(name, value, strings) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "boolean") return strings.t(value ? "yes" : "no");
  if (typeof value === "number") return numberValue(name, value, strings);
  if (Array.isArray(value))
    return value.map((item) => attributeValue(name, item, strings)).join(", ");
  if (typeof value !== "object") return String(value);
  return Object.entries(value)
    .map(([key, item]) => `${key} ${attributeValue(key, item, strings)}`)
    .join(" ");
}

/** @param {string} name @param {number} value @param {Strings} strings */
function numberValue(name, value, strings) {
  return formatNumber(name, value, strings).replace(/^-/, "\u2212");
}

/** @param {string} name @param {number} value @param {Strings} strings */
function formatNumber(name, value, strings) {
  for (const [ending, unit, digits, divisor] of UNITS) {
    if (name.endsWith(ending)) return strings.unit(value / divisor, unit, digits);
  }
  for (const [ending, symbol, digits, divisor] of SYMBOLS) {
    if (!name.endsWith(ending)) continue;
    const format = new Intl.NumberFormat(strings.language, { maximumFractionDigits: digits });
    return `${format.format(value / divisor)}\u00a0${symbol}`;
  }
  if (name.endsWith("_m")) {
    return value >= KILOMETRES_FROM_M
      ? strings.unit(value / 1000, "kilometer", 1)
      : strings.unit(value, "meter");
  }
  if (name.endsWith("_s")) return strings.duration(value * 1000);
  return new Intl.NumberFormat(strings.language, { maximumFractionDigits: 3 }).format(value);
}
