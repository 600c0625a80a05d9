/**
 * A note when a command that was sent from this page has come to its end: the dispatcher has gone
 * on to other vehicles by then.
 */
import { isOpen } from "./model.js";
import { kindName, outcomeWords } from "./words.js";

/** @typedef {import("../desk.js").Desk} Desk */
/** @typedef {import("./api.js").CommandApi} CommandApi */
/** @typedef {import("../model.js").FeedEvent} FeedEvent */

/** How long a note stays, ms. */
const SHOWN_MS = 15_000;

/** Commands of this page that are watched; the oldest are forgotten. */
const MAX_WATCHED = 200;

/** Ends remembered: one can come before the answer that says which command it is the end of. */
const MAX_ENDED = 100;

export class Outcomes {
  /** Ids of commands sent from here. @type {Set<string>} */ #ours = new Set();
  /** Ends of commands, sent by whomever, newest last. @type {Map<string, FeedEvent>} */
  #ended = new Map();

  /** @param {Desk} desk @param {CommandApi} api @param {HTMLElement} host */
  constructor(desk, api, host) {
    this.desk = desk;
    this.api = api;
    this.host = host;
    desk.tick.subscribe((tick) => {
      for (const event of tick?.events ?? []) if (event.event === "command") this.#take(event);
      if (tick?.first) for (const id of this.#ours) void this.#ask(id);
    });
  }

  /** Its end may have been told while there was no connection. @param {string} id */
  async #ask(id) {
    const command = await this.api.command(id).catch(() => null);
    if (!command) return;
    const { vehicle, kind, state, reply, detail } = command;
    const event = { id, event: "command", command: id, vehicle, kind, state, reply, detail };
    this.#take({ ...event, name: "", time_ms: 0, lat: null, lon: null });
  }

  /** A command was sent from here. @param {string} id */
  watch(id) {
    const ended = this.#ended.get(id);
    if (ended) {
      this.#ended.delete(id);
      this.#show(ended);
      return;
    }
    this.#ours.add(id);
    if (this.#ours.size > MAX_WATCHED) this.#ours.delete([...this.#ours][0]);
  }

  /** @param {FeedEvent} event */
  #take(event) {
    const id = event.command ?? "";
    if (isOpen(event.state ?? "")) return;
    if (this.#ours.delete(id)) {
      this.#show(event);
      return;
    }
    this.#ended.set(id, event);
    if (this.#ended.size > MAX_ENDED) this.#ended.delete([...this.#ended.keys()][0]);
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
