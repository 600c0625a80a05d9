/**
 * Keeps the address in step with the desk, and the desk with the address: a link shows what its
 * sender saw.
 */
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
    const hash = formatHash({
      map: view.camera.placed ? view.place() : null,
      query: desk.filter.query.trim(),
      states: [...desk.filter.states].sort(),
      vehicle: desk.selected.value,
    });
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
  };
  read();
  window.addEventListener("hashchange", read);
  view.map.on("moveend", writeSoon);
  desk.selected.subscribe(writeSoon);
  let filter = "";
  desk.filtered.subscribe(() => {
    const now = `${desk.filter.query}|${[...desk.filter.states]}`;
    if (now !== filter) writeSoon();
    filter = now;
  });
}
