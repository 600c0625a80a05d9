/**
 * Text folded for search; pure. Full-width letters and digits equal half-width ones (粤Ｂ１２３ finds
 * 粤B123), case and accents do not matter, nor do the dots, dashes and spaces people put in plates.
 */

const MARKS = /\p{Mn}/gu;
const SEPARATORS = /[\s·・.\-_/]+/gu;

/** @param {string} text */
function foldLetters(text) {
  return text.normalize("NFKC").toLowerCase().normalize("NFD").replace(MARKS, "").normalize("NFC");
}

/**
 * What a vehicle is found by: its name, and what identifies it.
 * @typedef {{name: string, identities: string}} Haystack
 */

/** Words shorter than this are looked for in names alone: every number has a 1 in it. */
const IDENTITY_MIN = 3;

/** @param {string} name @param {string[]} identities @returns {Haystack} */
export function foldHaystack(name, ...identities) {
  return { name: joined(name), identities: identities.map(joined).join("\n") };
}

/** @param {string} text */
function joined(text) {
  return foldLetters(text).replace(SEPARATORS, "");
}

/** The words of a query, all of which must be found. @param {string} query */
export function foldQuery(query) {
  return foldLetters(query)
    .split(/\s+/u)
    .map((word) => word.replace(SEPARATORS, ""))
    .filter((word) => word !== "");
}

/** @param {Haystack} haystack @param {string[]} words */
export function matches({ name, identities }, words) {
  return words.every(
    (word) => name.includes(word) || (word.length >= IDENTITY_MIN && identities.includes(word)),
  );
}
