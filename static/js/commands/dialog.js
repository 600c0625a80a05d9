/**
 * The dialog in which a dispatcher asks something of a device and sees what came of it. It belongs
 * to the vehicle for which it was opened, whatever is selected meanwhile.
 */
import { byId } from "../layout.js";
import { STATES, UNKNOWN } from "../model.js";
import { Refusal } from "./api.js";
import { CommandForm } from "./form.js";
import { History } from "./history.js";
import { isOpen } from "./model.js";
import { kindName } from "./words.js";

/** @typedef {import("../desk.js").Desk} Desk */
/** @typedef {import("./model.js").Command} Command */

/**
 * What the page says better than the server, whose words are for programs; by code.
 * @type {Record<string, string>}
 */
const OWN_WORDS = {
  unreachable: "command.problem.unreachable",
  too_fast: "command.problem.tooFast",
  speed_unknown: "command.problem.speedUnknown",
};

/** Commands shown. */
const SHOWN = 20;

export class CommandDialog {
  /** @type {string} */ #vehicle = "";
  /** @type {Command[]} */ #commands = [];
  /** What REST says of the vehicle: it may be out of view, or have no position yet. */
  /** @type {import("./api.js").VehicleRecord | null} */ #record = null;
  #sending = false;
  /** Counts questions: an answer that a later one has overtaken is dropped. */
  #asked = 0;
  /** Of the order in hand: the same for each attempt to hand it over. */
  #key = "";

  /**
   * @param {Desk} desk @param {import("./api.js").CommandApi} api
   * @param {import("./outcomes.js").Outcomes} outcomes
   */
  constructor(desk, api, outcomes) {
    this.desk = desk;
    this.api = api;
    this.outcomes = outcomes;
    this.dialog = /** @type {HTMLDialogElement} */ (byId("command-dialog"));
    this.form = new CommandForm(desk, () => this.#edited());
    this.history = new History(desk, byId("command-list"), (id) => void this.#cancel(id));
    byId("command-close").addEventListener("click", () => this.dialog.close());
    this.dialog.addEventListener("click", (event) => {
      if (event.target === this.dialog) this.dialog.close();
    });
    byId("command-form").addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#send();
    });
    desk.tick.subscribe((tick) => tick && this.#ticked(tick));
    desk.second.subscribe(() => {
      this.render();
      if (this.dialog.open) this.history.renderAges();
    });
    desk.strings.subscribe(() => this.dialog.open && void this.#load());
  }

  /** @param {string} vehicle id */
  open(vehicle) {
    if (vehicle !== this.#vehicle) {
      this.form.clear();
      this.#commands = [];
      this.#record = null;
    } else if (!this.dialog.open) this.form.begin();
    this.#vehicle = vehicle;
    this.#key = newKey();
    if (!this.dialog.open) this.dialog.showModal();
    this.render();
    this.history.render(this.#commands);
    void this.#load();
  }

  get #slot() {
    return this.desk.store.slotOf(this.#vehicle);
  }

  async #load() {
    const vehicle = this.#vehicle;
    try {
      const [kinds, record] = await Promise.all([
        this.api.kinds(vehicle),
        this.api.vehicle(vehicle),
        this.#refresh(),
      ]);
      if (vehicle !== this.#vehicle) return;
      this.#record = record;
      this.form.show(kinds, record.device);
      this.render();
    } catch (error) {
      this.#complain(error);
    }
  }

  async #refresh() {
    const turn = (this.#asked += 1);
    const commands = await this.api.latest(this.#vehicle, SHOWN);
    if (turn !== this.#asked) return;
    this.#commands = commands;
    this.history.render(commands);
    this.render();
  }

  /** @param {import("../model.js").TickSummary} tick */
  #ticked({ events, first }) {
    const ours = first || events.some((e) => e.event === "command" && e.vehicle === this.#vehicle);
    if (this.dialog.open && ours) this.#refresh().catch((error) => this.#complain(error));
  }

  /** Another order than the one that failed: not to be taken for it. */
  #edited() {
    this.#key = newKey();
    byId("command-problem").textContent = "";
    this.render();
  }

  async #send() {
    if (this.#sending) return;
    const got = this.form.read();
    if ("problem" in got) {
      byId("command-problem").textContent = this.desk.t(got.problem, got.values);
      return;
    }
    this.#sending = true;
    this.render();
    try {
      const command = await this.api.send(this.#vehicle, got.order, this.#key);
      this.outcomes.watch(command.id);
      this.form.reset();
      this.#edited();
      await this.#refresh();
    } catch (error) {
      this.#complain(error);
    } finally {
      this.#sending = false;
      this.render();
    }
  }

  /** @param {string} id */
  async #cancel(id) {
    try {
      await this.api.cancel(id);
    } catch (error) {
      this.#complain(error);
    }
    await this.#refresh().catch((error) => this.#complain(error));
  }

  /** @param {unknown} error */
  #complain(error) {
    if (!(error instanceof Refusal)) throw error;
    const own = OWN_WORDS[error.code];
    byId("command-problem").textContent = own
      ? this.desk.t(own, { detail: error.message })
      : error.message;
    this.form.refused(error.code);
  }

  render() {
    if (!this.dialog.open) return;
    const { desk } = this;
    const { store, strings } = desk;
    const slot = this.#slot;
    const send = /** @type {HTMLButtonElement} */ (byId("command-send"));
    const kind = this.form.chosen;
    send.disabled = this.#sending || kind === null || "problem" in this.form.read();
    send.classList.toggle("command-send-danger", kind?.dangerous === true);
    // What cannot be undone is named on the button itself.
    const name = kind?.dangerous ? kindName(kind.kind, strings.value) : desk.t("command.send");
    if (send.textContent !== name) send.textContent = name;
    byId("command-none").hidden = this.#commands.length > 0;
    this.#renderWho();
    const waiting = this.#commands.filter(({ state }) => isOpen(state)).length;
    const state = slot >= 0 ? STATES[store.columns.state[slot]] : "";
    const when = state === "offline" ? "away" : waiting > 0 ? "after" : "now";
    // Of a vehicle that moves an engine cut is not promised at once.
    const silent = kind?.kind === "engine_cut" && state === "moving";
    byId("command-when").textContent = silent ? "" : desk.t(`command.when.${when}`);
  }

  /** How fast the vehicle was, and how long ago, in words; null where the page does not know it. */
  #pace() {
    const { store, strings, t } = this.desk;
    const slot = this.#slot;
    if (slot < 0) return null;
    const { fixMs, speed } = store.columns;
    const known = speed[slot] !== UNKNOWN;
    return {
      speed: known
        ? strings.value.unit(Math.round(speed[slot] / 10), "kilometer-per-hour")
        : t("command.speedUnknown"),
      age: strings.value.ago(this.desk.serverNow() - fixMs[slot]),
    };
  }

  /** Which vehicle it is, and what is known of its speed. */
  #renderWho() {
    const { desk } = this;
    const { store } = desk;
    const slot = this.#slot;
    const pace = this.#pace();
    if (pace === null) {
      byId("command-vehicle").textContent = this.#record?.name ?? "";
      byId("command-line").textContent = desk.t(
        desk.narrowed ? "details.outOfView" : "details.gone",
      );
      byId("command-danger-text").textContent = desk.t("command.dangerUnseen");
      return;
    }
    const state = desk.t(`state.${STATES[store.columns.state[slot]]}`);
    byId("command-vehicle").textContent = store.names[slot] || store.devices[slot];
    byId("command-line").textContent = `${state} · ${pace.speed} · ${pace.age}`;
    byId("command-danger-text").textContent = desk.t("command.danger", pace);
  }
}

/** Names an order, so that handing it over twice makes one command of it. */
function newKey() {
  // randomUUID is there in secure contexts only; this is no secret.
  const words = crypto.getRandomValues(new Uint32Array(4));
  return [...words].map((word) => word.toString(16).padStart(8, "0")).join("");
}
