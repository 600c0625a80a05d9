/**
 * The way to the commands: the button, the key, the line in the panel of the selected vehicle, and
 * the notes of what became of the commands that were sent from this page. The dialog itself is
 * loaded with its first use.
 */
import { byId } from "../layout.js";
import { CommandApi } from "./api.js";
import { LatestLine } from "./latest.js";
import { Outcomes } from "./outcomes.js";

/**
 * @param {import("../desk.js").Desk} desk
 * @returns {() => void} opens the dialog for the selected vehicle
 */
export function setUpCommands(desk) {
  const api = new CommandApi(desk.config.api);
  const outcomes = new Outcomes(desk, api, byId("toasts"));
  /** @type {import("./dialog.js").CommandDialog | null} */
  let dialog = null;
  const open = async () => {
    if (desk.selected.value === null || desk.replay.value) return;
    const { CommandDialog } = await import("./dialog.js");
    dialog ??= new CommandDialog(desk, api, outcomes);
    if (desk.selected.value !== null) dialog.open(desk.selected.value);
  };
  new LatestLine(desk, api, byId("command-latest"), open);
  byId("command-start").addEventListener("click", open);
  return open;
}
