/**
 * What is said of a replayed vehicle; pure.
 */
/** @typedef {import("../i18n.js").Strings} Strings */
/** @typedef {import("./series.js").Sample} Sample */

/** At its marker and under the pointer. @param {Sample} sample @param {Strings} strings */
export function speedWords(sample, strings) {
  if (sample.state === "loading") return "…";
  if (sample.state !== "on") return strings.t("replay.noData");
  if (Number.isNaN(sample.speed)) return "–";
  return strings.unit(Math.round(sample.speed), "kilometer-per-hour");
}

/**
 * Beside the clock: how far loading is, the speed, or until when nothing is known.
 * @param {import("./session.js").Track | null} track @param {Sample | null} sample
 * @param {Strings} strings
 */
export function noteWords(track, sample, strings) {
  if (!track || !sample) return "";
  const { state, blocks, loadedBlocks, series } = track;
  if (state === "failed") return strings.t("replay.failed", { reason: track.error });
  if (state === "loading" && blocks.length === 0) return strings.t("replay.asking");
  if (state === "loading")
    return strings.t("replay.loading", { share: Math.floor((100 * loadedBlocks) / blocks.length) });
  if (series.size === 0) return strings.t("replay.empty");
  if (sample.state === "on" || Number.isNaN(sample.untilMs)) return speedWords(sample, strings);
  return strings.t("replay.noDataUntil", { time: strings.clock(sample.untilMs) });
}
