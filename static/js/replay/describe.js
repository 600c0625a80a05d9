/**
 * A replay as tests see it: `trackerPage.replay()` of docs/page.md.
 */
import { Datum } from "../datum.js";

/** @param {import("./session.js").Session} session @param {L.Map} map */
export function describe(session, map) {
  const at = session.now();
  const { playing, rate } = session.playhead;
  return {
    at,
    from: session.from,
    to: session.to,
    playing,
    rate,
    active: session.active.value?.id ?? null,
    vehicles: session.tracks.map((track) => describeTrack(track, at, map)),
  };
}

/** @param {import("./session.js").Track} track @param {number} at Unix ms @param {L.Map} map */
function describeTrack(track, at, map) {
  const sample = track.series.at(at);
  const frame = map.getContainer().getBoundingClientRect();
  const known = (/** @type {number} */ value) => (Number.isNaN(value) ? null : value);
  const isSomewhere = !Number.isNaN(sample.x);
  const point = isSomewhere ? map.latLngToContainerPoint(Datum.latLngOf(sample.x, sample.y)) : null;
  return {
    id: track.id,
    name: track.name,
    load: track.state,
    points: track.series.size,
    state: sample.state,
    lat: known(sample.lat),
    lon: known(sample.lon),
    speedKmh: known(sample.speed),
    courseDeg: known(sample.course),
    x: point ? frame.left + point.x : null,
    y: point ? frame.top + point.y : null,
  };
}
