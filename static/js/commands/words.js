/**
 * What is said of commands; pure.
 */

/** @typedef {import("../i18n.js").Strings} Strings */
/** @typedef {import("./model.js").Command} Command */

/** A kind by name; one that this page does not know, by its own word. */
export function kindName(/** @type {string} */ kind, /** @type {Strings} */ strings) {
  const key = `command.kind.${kind}`;
  return strings.has(key) ? strings.t(key) : kind.replaceAll("_", " ");
}

/** What a kind does, in a sentence. @param {string} kind @param {Strings} strings */
export function kindMeans(kind, strings) {
  const key = `command.means.${kind}`;
  return strings.has(key) ? strings.t(key) : "";
}

/** What the device said, or else what the server says of it. */
export function outcomeWords(
  /** @type {string | null} */ reply,
  /** @type {string | null} */ detail,
) {
  return reply || detail || "";
}

/** Seconds as people say them, and exactly. @param {number} seconds @param {Strings} strings */
export function secondsWords(seconds, strings) {
  return seconds % 60 === 0 ? strings.duration(seconds * 1000) : strings.unit(seconds, "second");
}

/**
 * The kind and what it was sent with: "Interval · 30 sec".
 * @param {Command} command @param {Strings} strings
 */
export function commandTitle({ kind, parameters }, strings) {
  const name = kindName(kind, strings);
  const [value] = Object.values(parameters);
  if (value === undefined || value === "") return name;
  const text = kind === "interval" ? secondsWords(Number(value), strings) : `“${value}”`;
  return `${name} · ${text}`;
}
