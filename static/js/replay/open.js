/**
 * The way into playback: the button, the key and the address. The rest of it is loaded with the
 * first replay.
 */
import { byId } from "../layout.js";

/**
 * @param {import("../desk.js").Desk} desk @param {import("../mapview.js").MapView} view
 * @returns {{start: () => void, describe: () => object | null}} start: replay the selected vehicle;
 *   describe: for tests, null while live
 */
export function setUpReplay(desk, view) {
  /** @type {import("./replay.js").Replay | null} */
  let replay = null;
  const start = () => {
    const id = desk.selected.value;
    if (id === null || desk.replay.value !== null) return;
    desk.replay.value = { vehicles: [id], from: null, to: null, at: null };
  };
  desk.replay.subscribe(async (place) => {
    if (!replay && place) {
      const { Replay } = await import("./replay.js");
      replay ??= new Replay(desk, view);
    }
    replay?.show(desk.replay.value);
  });
  byId("replay-start").addEventListener("click", start);
  return { start, describe: () => replay?.describe() ?? null };
}
