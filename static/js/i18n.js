/**
 * The page's words in the viewer's language, and numbers and times written as that language does.
 */
import { assetUrl } from "./config.js";

export const LANGUAGES = /** @type {const} */ (["en", "zh-CN"]);

/** @typedef {(typeof LANGUAGES)[number]} Language */
/** @typedef {Record<string, string>} Messages */

/** The language to begin with. @param {string | null | undefined} wanted @returns {Language} */
export function chooseLanguage(wanted) {
  return /^zh\b/i.test(wanted ?? "") ? "zh-CN" : "en";
}

/** @param {Language} language @returns {Promise<Messages>} */
export async function loadMessages(language) {
  const response = await fetch(assetUrl(`i18n/${language}.json`));
  if (!response.ok) throw new Error(`i18n/${language}.json: ${response.status}`);
  return response.json();
}

export class Strings {
  /** @param {Language} language @param {Messages} messages */
  constructor(language, messages) {
    this.language = language;
    this.messages = messages;
    this.plural = new Intl.PluralRules(language);
    this.whole = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });
    /** @type {Map<string, Intl.NumberFormat>} */
    this.units = new Map();
    this.relative = new Intl.RelativeTimeFormat(language, { style: "narrow", numeric: "always" });
    const clock = /** @type {const} */ ({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
    this.clockFormat = new Intl.DateTimeFormat(language, { ...clock, second: "2-digit" });
    this.minuteFormat = new Intl.DateTimeFormat(language, clock);
    this.dateFormat = new Intl.DateTimeFormat(language, {
      dateStyle: "medium",
      timeStyle: "medium",
    });
    this.dayFormat = new Intl.DateTimeFormat(language, { dateStyle: "medium" });
  }

  /** True when there is a text of this name. @param {string} key */
  has(key) {
    return Object.hasOwn(this.messages, key);
  }

  /**
   * A text with its {places} filled. With a `count`, the plural form that suits it is taken.
   * @param {string} key @param {Record<string, string | number>} [values]
   */
  t(key, values = {}) {
    const form =
      typeof values.count === "number" ? `${key}_${this.plural.select(values.count)}` : key;
    const text = this.messages[form] ?? this.messages[`${key}_other`] ?? this.messages[key] ?? key;
    return text.replace(/\{(\w+)\}/g, (whole, name) => {
      const value = values[name];
      if (value === undefined) return whole;
      return typeof value === "number" ? this.whole.format(value) : value;
    });
  }

  /**
   * A number with a unit that Intl knows, in its short form.
   * @param {number} value @param {string} unit @param {number} [digits] after the point
   */
  unit(value, unit, digits = 0) {
    const key = `${unit}/${digits}`;
    let format = this.units.get(key);
    if (!format) {
      format = new Intl.NumberFormat(this.language, {
        style: "unit",
        unit,
        unitDisplay: "short",
        maximumFractionDigits: digits,
      });
      this.units.set(key, format);
    }
    return format.format(value);
  }

  /** Time of day with seconds. @param {number} ms Unix */
  clock(ms) {
    return this.clockFormat.format(ms);
  }

  /** Time of day with minutes. @param {number} ms Unix */
  minute(ms) {
    return this.minuteFormat.format(ms);
  }

  /** The date. @param {number} ms Unix */
  day(ms) {
    return this.dayFormat.format(ms);
  }

  /** @param {number} ms Unix */
  dateTime(ms) {
    return this.dateFormat.format(ms);
  }

  /** How long: "40 sec", "12 min", "3 hr 20 min", "5 days". @param {number} ms */
  duration(ms) {
    const seconds = Math.max(0, Math.floor(ms / 1000));
    if (seconds < 60) return this.unit(seconds, "second");
    const minutes = Math.floor(seconds / 60);
    if (minutes < 60) return this.unit(minutes, "minute");
    const hours = Math.floor(minutes / 60);
    if (hours >= 24) return this.unit(Math.floor(hours / 24), "day");
    const rest = minutes % 60;
    const text = this.unit(hours, "hour");
    return rest === 0 ? text : `${text} ${this.unit(rest, "minute")}`;
  }

  /** How long ago: "now", "12s ago", "3h ago". @param {number} ms */
  ago(ms) {
    const seconds = Math.floor(ms / 1000);
    if (seconds < 2) return this.t("time.now");
    if (seconds < 60) return this.relative.format(-seconds, "second");
    if (seconds < 3600) return this.relative.format(-Math.floor(seconds / 60), "minute");
    if (seconds < 86_400) return this.relative.format(-Math.floor(seconds / 3600), "hour");
    return this.relative.format(-Math.floor(seconds / 86_400), "day");
  }
}

/**
 * Writes the texts into the elements that ask for them: data-i18n for content, data-i18n-label for
 * name and tooltip, data-i18n-placeholder.
 * @param {ParentNode} root @param {Strings} strings
 */
export function applyStrings(root, strings) {
  for (const element of /** @type {NodeListOf<HTMLElement>} */ (
    root.querySelectorAll("[data-i18n]")
  )) {
    element.textContent = strings.t(element.dataset.i18n ?? "");
  }
  for (const element of /** @type {NodeListOf<HTMLElement>} */ (
    root.querySelectorAll("[data-i18n-label]")
  )) {
    const text = strings.t(element.dataset.i18nLabel ?? "");
    element.setAttribute("aria-label", text);
    if (element instanceof HTMLButtonElement) element.title = text;
  }
  for (const element of /** @type {NodeListOf<HTMLInputElement>} */ (
    root.querySelectorAll("[data-i18n-placeholder]")
  )) {
    element.placeholder = strings.t(element.dataset.i18nPlaceholder ?? "");
  }
}
