/**
 * Keeps the address in step with the desk, and the desk with the address: a link shows what its
 * sender saw.
 */
import { formatReplay, parseReplay } from "./replay/place.js";
import { formatHash, parseHash } from "./url.js";

/** Browsers refuse an address that changes too often. */
const WRITE_AFTER_MS = 500;

/**
 * @param {import("./desk.js").Desk} desk
 * @param {import("./mapview.js").MapView} view
 */
export function setUpAddress(desk, view) {
  /** @type {number | undefined} */
  let timer;
  const write = () => {
    const live = formatHash({
      map: view.camera.placed ? view.place() : null,
      query: desk.filter.query.trim(),
      states: [...desk.filter.states].sort(),
      vehicle: desk.selected.value,
    });
    const replay = formatReplay(desk.replay.value);
    const hash = replay === "" ? live : `${live === "" ? "#" : `${live}&`}${replay}`;
    const address = location.pathname + location.search + hash;
    if (hash !== location.hash) history.replaceState(history.state, "", address);
  };
  const writeSoon = () => {
    clearTimeout(timer);
    timer = window.setTimeout(write, WRITE_AFTER_MS);
  };
  const read = () => {
    const place = parseHash(location.hash);
    if (place.map) view.goTo(place.map);
    desk.filter.search(place.query);
    desk.filter.states = new Set(place.states);
    desk.refilter();
    if (place.vehicle !== desk.selected.value) desk.select(place.vehicle);
    const replay = parseReplay(location.hash);
    if (formatReplay(replay) !== formatReplay(desk.replay.value))
      desk.replay.value = replay && { ...replay, keepView: place.map !== null };
  };
  read();
  window.addEventListener("hashchange", read);
  view.map.on("moveend", writeSoon);
  desk.selected.subscribe(writeSoon);
  desk.replay.subscribe(writeSoon);
  let filter = "";
  desk.filtered.subscribe(() => {
    const now = `${desk.filter.query}|${[...desk.filter.states]}`;
    if (now !== filter) writeSoon();
    filter = now;
  });
}
