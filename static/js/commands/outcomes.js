/**
 * A note when a command that was sent from this page has come to its end: the dispatcher has gone
 * on to other vehicles by then.
 */
import { isOpen } from "./model.js";
import { kindName, outcomeWords } from "./words.js";

/** @typedef {import("../desk.js").Desk} Desk */
/** @typedef {import("../model.js").FeedEvent} FeedEvent */

/** How long a note stays, ms. */
const SHOWN_MS = 15_000;

/** Commands of this page that are watched; the oldest are forgotten. */
const MAX_WATCHED = 200;

export class Outcomes {
  /** Ids of commands sent from here. @type {Set<string>} */ #ours = new Set();

  /** @param {Desk} desk @param {HTMLElement} host */
  constructor(desk, host) {
    this.desk = desk;
    this.host = host;
    desk.tick.subscribe((tick) => {
      for (const event of tick?.events ?? []) if (event.event === "command") this.#take(event);
    });
  }

  /** A command was sent from here. @param {string} id */
  watch(id) {
    this.#ours.add(id);
    if (this.#ours.size > MAX_WATCHED) this.#ours.delete([...this.#ours][0]);
  }

  /** @param {FeedEvent} event */
  #take(event) {
    const id = event.command ?? "";
    if (!this.#ours.has(id) || isOpen(event.state ?? "")) return;
    this.#ours.delete(id);
    this.#show(event);
  }

  /** @param {FeedEvent} event */
  #show(event) {
    const { store, strings, t } = this.desk;
    const slot = store.slotOf(event.vehicle);
    const note = document.createElement("div");
    note.className = "toast toast-command";
    note.dataset.test = "command-toast";
    note.dataset.state = event.state;
    const text = document.createElement("p");
    const what = document.createElement("strong");
    what.textContent = `${kindName(event.kind ?? "", strings.value)} · ${t(`command.state.${event.state}`)}`;
    const who = document.createElement("span");
    const name = slot >= 0 ? store.names[slot] : event.vehicle;
    const words = outcomeWords(event.reply ?? null, event.detail ?? null);
    who.textContent = words ? `${name} · ${words}` : name;
    text.append(what, who);
    const close = document.createElement("button");
    close.type = "button";
    close.className = "toast-close";
    close.textContent = "×";
    close.setAttribute("aria-label", t("close"));
    close.addEventListener("click", () => note.remove());
    note.append(text, close);
    this.host.prepend(note);
    window.setTimeout(() => note.remove(), SHOWN_MS);
  }
}
