/**
 * The newest command of the selected vehicle, as a line in its panel while it is under way and for
 * a while after: who opens the panel sees at once that something was asked, and what came of it.
 */
import { isOpen, standing } from "./model.js";
import { commandTitle, outcomeWords } from "./words.js";

/** @typedef {import("../desk.js").Desk} Desk */
/** @typedef {import("./model.js").Command} Command */

/** How long after its end a command is still news, ms. */
const NEWS_MS = 600_000;

export class LatestLine {
  /** @type {Command | null} */ #command = null;
  /** Counts questions: an answer that a later one has overtaken is dropped. */
  #asked = 0;

  /**
   * @param {Desk} desk @param {import("./api.js").CommandApi} api
   * @param {HTMLElement} line @param {() => void} onOpen
   */
  constructor(desk, api, line, onOpen) {
    this.desk = desk;
    this.api = api;
    this.line = line;
    line.addEventListener("click", onOpen);
    desk.selected.subscribe(() => {
      this.#command = null;
      this.render();
      void this.#load();
    });
    desk.tick.subscribe((tick) => {
      const ours = (/** @type {import("../model.js").FeedEvent} */ { event, vehicle }) =>
        event === "command" && vehicle === desk.selected.value;
      if (tick?.first || tick?.events.some(ours)) void this.#load();
    });
    desk.second.subscribe(() => this.render());
    desk.strings.subscribe(() => this.render());
  }

  async #load() {
    const id = this.desk.selected.value;
    const turn = (this.#asked += 1);
    if (id === null) return;
    try {
      const [command] = await this.api.latest(id, 1);
      if (turn !== this.#asked) return;
      this.#command = command ?? null;
    } catch {
      return; // the line stays away, or as it was; the pill tells of the connection
    }
    this.render();
  }

  render() {
    const { desk, line } = this;
    const command = this.#command;
    const endedMs = Date.parse(command?.ended_time ?? "");
    const old = !Number.isNaN(endedMs) && desk.serverNow() - endedMs > NEWS_MS;
    line.hidden = command === null || old;
    if (command === null || old) return;
    const strings = desk.strings.value;
    const stands = standing(command);
    line.dataset.state = stands;
    const sinceMs = Date.parse(command.ended_time ?? command.sent_time ?? command.created_time);
    const state = strings.t(`command.state.${stands}`);
    const words = isOpen(command.state) ? "" : outcomeWords(command.reply, command.detail);
    const [title, rest] = /** @type {HTMLElement[]} */ ([...line.querySelectorAll("span")]);
    title.textContent = commandTitle(command, strings);
    rest.textContent = [state, words, strings.ago(desk.serverNow() - sinceMs)]
      .filter(Boolean)
      .join(" · ");
  }
}
