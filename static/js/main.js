/**
 * Puts the dispatcher's page together. It is the only module that knows all the others.
 */
import { Alarms } from "./alarms.js";
import { readConfig } from "./config.js";
import { Counters } from "./counters.js";
import { Datum } from "./datum.js";
import { Desk } from "./desk.js";
import { Details } from "./details.js";
import { exposeHook } from "./hook.js";
import { LANGUAGES, Strings, applyStrings, chooseLanguage, loadMessages } from "./i18n.js";
import { setUpHelp, setUpKeys } from "./keys.js";
import { SMALL_SCREEN, byId, setUpCopyButtons } from "./layout.js";
import { List } from "./list.js";
import { MapView } from "./mapview.js";
import { readPalette } from "./palette.js";
import { Pill } from "./pill.js";
import { setUpSearch } from "./search.js";
import { setUpCommands } from "./commands/open.js";
import { setUpReplay } from "./replay/open.js";
import { loadSettings } from "./settings.js";
import { Sheet } from "./sheet.js";
import { FeedSocket } from "./socket.js";
import { Subscription, WATCH_ALL_UP_TO } from "./subscribe.js";
import { setUpTheme } from "./theme.js";
import { setUpControls } from "./controls.js";
import { setUpAddress } from "./address.js";

/** How long the map has to rest before the server is asked for another part of the world, ms. */
const SUBSCRIBE_AFTER_MS = 400;

/** @typedef {import("./i18n.js").Language} Language */

const config = readConfig(document);
const settings = loadSettings();
const wanted = settings.language ?? config.language ?? navigator.language;
const [datum, messages] = await Promise.all([
  Datum.load(config.base_map?.coordinate_system ?? "wgs84"),
  loadMessages(chooseLanguage(wanted)),
]);
const desk = new Desk(
  config,
  settings,
  new Strings(chooseLanguage(wanted), messages),
  datum.project,
);
const details = byId("details");
const dock = byId("dock");
const root = document.documentElement;

// The map and its sources.
const view = new MapView(
  desk,
  datum,
  readPalette(root),
  {
    map: byId("map"),
    degrees: byId("degrees"),
    tooltip: byId("tooltip"),
    dock,
    details,
    top: byId("counters"),
  },
  { drawn: () => socket.drawn(), moved: () => subscribeSoon() },
);
const socket = new FeedSocket(config.feed, desk, { tick: takeTick, change: () => pill?.render() });
const subscription = new Subscription();
/** @type {number | undefined} */
let subscribeTimer;

function subscribeSoon() {
  clearTimeout(subscribeTimer);
  subscribeTimer = window.setTimeout(subscribe, SUBSCRIBE_AFTER_MS);
}

function subscribe() {
  if (desk.tick.value === null || !view.camera.placed) return;
  const asked = subscription.update(desk.total, view.box(), view.map.getZoom());
  desk.narrowed = subscription.narrowed;
  if (asked !== undefined) socket.watch(asked);
}

/** @param {import("./model.js").TickSummary} summary */
function takeTick(summary) {
  const first = desk.tick.value === null;
  desk.counts = summary.counts;
  pill.skipped(summary.conflated);
  list.freeze();
  desk.refresh();
  view.ticked();
  desk.tick.value = summary;
  if (first) desk.filtered.publish(undefined); // the numbers are known from now on
  if (!view.camera.placed) view.camera.fitFleet(false);
  if (first) revealSelected();
  byId("empty").hidden = desk.total > 0;
  if (first || subscription.narrowed !== desk.total > WATCH_ALL_UP_TO) subscribeSoon();
}

function revealSelected() {
  if (desk.selectedSlot < 0 || desk.replay.value) return;
  view.camera.reveal(desk.selectedSlot);
}

// The parts of the desk.
const pill = new Pill(desk, socket, {
  pill: byId("pill"),
  text: byId("pill-text"),
  banner: byId("banner"),
  bannerText: byId("banner-text"),
  retry: byId("banner-retry"),
  live: byId("live"),
});
const show = (/** @type {number} */ slot) => view.camera.reveal(slot);
const list = new List(
  desk,
  {
    list: byId("list"),
    space: byId("list-space"),
    empty: byId("list-empty"),
    note: byId("list-note"),
    title: byId("list-title"),
    sort: /** @type {HTMLSelectElement} */ (byId("sort")),
  },
  show,
);
new Counters(desk, byId("counters"), {
  chip: byId("filter-chip"),
  text: byId("filter-text"),
  clear: byId("filter-clear"),
});
const search = /** @type {HTMLInputElement} */ (byId("search"));
setUpSearch(desk, search, byId("search-clear"));
const panel = new Details(desk, details, {
  reachable: () => pill.state === "live" || pill.state === "degraded" || pill.state === "delayed",
  onCentre: (slot) => view.camera.centreOn(slot),
  onTrack: (slot, points) => view.addTrack(slot, points),
});
new Alarms(desk, byId("toasts"), (slot) => {
  desk.replay.value = null;
  view.camera.centreOn(slot);
});
const replay = setUpReplay(desk, view);
const openCommands = setUpCommands(desk);
setUpCopyButtons(document);
const toggleTheme = setUpTheme(desk, () => {
  view.setPalette(readPalette(root));
  panel.render();
});
const { toggleDock } = setUpControls(desk, view, { toggleTheme, toggleLanguage });

// The phone's sheets: one for the list, one for the selected vehicle.
const rested = () => view.degrees.update(view.map);
const dockSheet = new Sheet(
  dock,
  /** @type {HTMLElement} */ (dock.querySelector(".dock-head")),
  SMALL_SCREEN,
  rested,
);
const detailsSheet = new Sheet(
  details,
  /** @type {HTMLElement} */ (details.querySelector(".details-head")),
  SMALL_SCREEN,
  rested,
);
desk.selected.subscribe((id) => {
  root.classList.toggle("has-selection", id !== null);
  if (SMALL_SCREEN.matches) {
    dockSheet.set("peek");
    if (id !== null) detailsSheet.set("peek");
  }
  if (desk.selectedSlot >= 0) show(desk.selectedSlot);
  rested();
});
desk.dock.subscribe(rested);
search.addEventListener("focus", () => {
  if (!SMALL_SCREEN.matches) return;
  desk.select(null);
  dockSheet.set("full");
});

// Keys.
const openHelp = setUpHelp(desk, /** @type {HTMLDialogElement} */ (byId("help-dialog")), {
  open: byId("help"),
  close: byId("help-close"),
  enabled: /** @type {HTMLInputElement} */ (byId("keys-enabled")),
});
setUpKeys(
  desk,
  {
    "/": () => search.focus(),
    j: () => desk.walk(1),
    k: () => desk.walk(-1),
    f: () => desk.toggleFollow(),
    c: () => view.camera.fitFleet(),
    l: () => (desk.labels.value = !desk.labels.value),
    t: () => (desk.trails.value = !desk.trails.value),
    d: toggleTheme,
    b: toggleDock,
    m: openCommands,
    r: replay.start,
    "+": () => view.map.zoomIn(),
    "=": () => view.map.zoomIn(),
    "-": () => view.map.zoomOut(),
    "?": openHelp,
  },
  () => {
    if (desk.selected.value !== null) desk.select(null);
    else if (desk.filter.active) desk.clearFilter();
  },
);

// Words.
/** @param {Strings} strings */
function applyLanguage(strings) {
  root.lang = strings.language;
  applyStrings(document, strings);
  byId("language").textContent = strings.t("language.other");
  byId("menu-language").textContent = strings.t("language.other");
  view.attribute();
  view.degrees.update(view.map);
  renderClock();
}

async function toggleLanguage() {
  const next = LANGUAGES[(LANGUAGES.indexOf(desk.strings.value.language) + 1) % LANGUAGES.length];
  const strings = new Strings(next, await loadMessages(next));
  desk.save({ language: next });
  desk.order.setLanguage(next);
  desk.strings.value = strings;
  applyLanguage(strings);
  desk.refilter();
}

function renderClock() {
  const clock = /** @type {HTMLTimeElement} */ (byId("clock"));
  const now = desk.serverNow();
  clock.textContent = desk.clock.known ? desk.strings.value.clock(now) : "";
  clock.dateTime = new Date(now).toISOString();
  clock.title = desk.t("clock.means", { date: desk.strings.value.dateTime(now) });
}

/** Once a second, on the server's second. */
function everySecond() {
  if (!document.hidden) {
    renderClock();
    desk.second.publish(undefined);
    view.touch();
  }
  window.setTimeout(everySecond, 1000 - (Math.floor(desk.serverNow()) % 1000) + 5);
}

byId("empty-address").textContent = config.devices;
applyLanguage(desk.strings.value);
setUpAddress(desk, view);
if (!view.camera.placed && config.center) {
  view.goTo({ lat: config.center[0], lon: config.center[1], zoom: config.zoom ?? 12 });
}
exposeHook(desk, view, pill, replay.describe);
root.classList.remove("booting");
everySecond();
socket.start();
