/**
 * /admin/devices: asks REST every few seconds and shows what has changed.
 */
import { readConfig } from "../config.js";
import { Strings, applyStrings, chooseLanguage, loadMessages } from "../i18n.js";
import { loadSettings, saveSettings } from "../settings.js";
import { Refused, ask, keepToken } from "./rest.js";
import { damageRow, portItem, strangerItem, waitingItem } from "./show.js";

const EVERY_MS = 5_000;
const PENDING_MOST = 200;

const config = readConfig(document);
const settings = loadSettings();
let strings = await inLanguage(
  chooseLanguage(settings.language ?? config.language ?? navigator.language),
);
/** What is on the screen, so that nothing is touched that has not changed. */
let shown = "";
let asking = false;
/** What is being asked for may be older than what was done since. */
let stale = false;
/** A token was typed in, and has not been taken yet. */
let tried = false;

/** @param {import("../i18n.js").Language} language */
async function inLanguage(language) {
  return new Strings(language, await loadMessages(language));
}

/** @param {string} id */
function element(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/** Writes the words of the page. */
function speak() {
  document.documentElement.lang = strings.language;
  document.title = `${strings.t("admin.title")} · ${config.title}`;
  applyStrings(document, strings);
  element("language").textContent = strings.t("language.other");
  document.documentElement.classList.remove("booting");
  shown = "";
}

/** @param {string} id @param {HTMLElement[]} items @param {string} [none] */
function fill(id, items, none) {
  element(id).replaceChildren(...items);
  if (none) element(none).hidden = items.length > 0;
}

/** @param {string} text */
function complain(text) {
  element("error").textContent = text;
  element("error").hidden = text === "";
}

/** Ask for everything, and show it if it has changed. */
async function refresh() {
  if (asking) {
    stale = true;
    return;
  }
  asking = true;
  try {
    const api = config.api;
    const [overview, unknown, pending] = await Promise.all([
      ask(`${api}/devices`),
      ask(`${api}/devices/unknown`),
      ask(`${api}/vehicles?state=pending&limit=${PENDING_MOST}`),
    ]);
    complain("");
    tried = false;
    if (!stale) show(overview, unknown, pending);
  } catch (error) {
    if (!stale) fail(error);
  } finally {
    asking = false;
  }
  if (!stale) return;
  stale = false;
  await refresh();
}

/** @param {unknown} error */
function fail(error) {
  if (!(error instanceof Refused)) {
    complain(strings.t("admin.away"));
    return;
  }
  if (error.status !== 401) {
    complain(error.message);
    return;
  }
  if (tried) complain(strings.t("admin.token.wrong"));
  const form = element("token-form");
  const asked = !form.hidden;
  element("columns").hidden = true;
  form.hidden = false;
  if (!asked) element("token").focus();
}

/** @param {any} overview @param {any} unknown @param {any} pending */
function show(overview, unknown, pending) {
  const now = Date.now();
  element("token-form").hidden = true;
  element("columns").hidden = false;
  element("fresh").textContent = strings.t("admin.fresh", { time: strings.clock(now) });
  const minute = Math.floor(now / 60_000); // ages are words that change by the minute
  const state = JSON.stringify([overview, unknown, pending, minute]);
  if (state === shown || document.getSelection()?.isCollapsed === false) return;
  shown = state;
  fill(
    "unknown",
    unknown.unknown.map((/** @type {any} */ one) => strangerItem(one, strings, now)),
    "unknown-none",
  );
  element("unknown-count").textContent = unknown.unknown.length || "";
  element("clear").hidden = unknown.unknown.length === 0;
  element("forgotten").hidden = unknown.forgotten === 0;
  element("forgotten").textContent = strings.t("admin.unknown.forgotten", { count: unknown.forgotten });
  fill(
    "pending",
    pending.vehicles.map((/** @type {any} */ one) => waitingItem(one, strings, admit)),
    "pending-none",
  );
  element("pending-count").textContent = pending.total || "";
  const counted = overview.protocols;
  fill(
    "damage-rows",
    counted.map((/** @type {any} */ one) => damageRow(one, strings)),
    "damage-none",
  );
  element("damage").hidden = counted.length === 0;
  fill(
    "ports",
    overview.ports.map((/** @type {any} */ one) => portItem(one, strings, overview.tls)),
  );
}

/** Does something and shows what came of it. @param {Promise<unknown>} done */
async function act(done) {
  const refused = await done.then(
    () => null,
    (error) => error,
  );
  await refresh();
  if (refused) fail(refused);
}

/** @param {string} id */
function admit(id) {
  const path = `${config.api}/vehicles/${encodeURIComponent(id)}`;
  return act(ask(path, "PATCH", { status: "active" }));
}

element("clear").addEventListener("click", () => {
  void act(ask(`${config.api}/devices/unknown`, "DELETE"));
});

element("token-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const field = /** @type {HTMLInputElement} */ (element("token"));
  keepToken(field.value);
  tried = true;
  field.value = "";
  await refresh();
});

element("theme").addEventListener("click", () => {
  const root = document.documentElement;
  settings.theme = root.dataset.theme === "light" ? "dark" : "light";
  root.dataset.theme = settings.theme;
  saveSettings(settings);
});

element("language").addEventListener("click", async () => {
  settings.language = strings.language === "en" ? "zh-CN" : "en";
  saveSettings(settings);
  strings = await inLanguage(settings.language);
  speak();
  await refresh();
});

/** Nobody looks, or the token is waited for: nothing is asked. */
function poll() {
  if (!document.hidden && element("token-form").hidden) refresh();
}

document.addEventListener("visibilitychange", poll);
setInterval(poll, EVERY_MS);

speak();
refresh();
