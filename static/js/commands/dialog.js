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

/** @typedef {import("../desk.js").Desk} Desk */
/** @typedef {import("./model.js").Command} Command */

/**
 * What the page says better than the server, whose words are for programs; by code.
 * @type {Record<string, string>}
 */
const OWN_WORDS = {
  unreachable: "command.problem.unreachable",
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
    desk.tick.subscribe((tick) => this.#ticked(tick?.events ?? []));
    desk.second.subscribe(() => this.render());
    desk.strings.subscribe(() => this.dialog.open && void this.#load());
  }

  /** @param {string} vehicle id */
  open(vehicle) {
    if (vehicle !== this.#vehicle) {
      this.form.clear();
      this.#commands = [];
      this.#record = null;
    }
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
    const vehicle = this.#vehicle;
    const commands = await this.api.latest(vehicle, SHOWN);
    if (vehicle !== this.#vehicle) return;
    this.#commands = commands;
    this.history.render(commands);
    this.render();
  }

  /** @param {import("../model.js").FeedEvent[]} events */
  #ticked(events) {
    const ours = events.some((e) => e.event === "command" && e.vehicle === this.#vehicle);
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
    byId("command-problem").textContent = own ? this.desk.t(own) : error.message;
    this.form.refused(error.code);
  }

  render() {
    if (!this.dialog.open) return;
    const { desk } = this;
    const { store } = desk;
    const slot = this.#slot;
    const send = /** @type {HTMLButtonElement} */ (byId("command-send"));
    const kind = this.form.chosen;
    send.disabled = this.#sending || kind === null || "problem" in this.form.read();
    send.classList.toggle("command-send-danger", kind?.dangerous === true);
    byId("command-none").hidden = this.#commands.length > 0;
    this.#renderWho();
    const waiting = this.#commands.filter(({ state }) => isOpen(state)).length;
    const away = slot >= 0 && STATES[store.columns.state[slot]] === "offline";
    byId("command-when").textContent = desk.t(
      away ? "command.when.away" : waiting > 0 ? "command.when.after" : "command.when.now",
    );
  }

  /** Which vehicle it is, and what is known of its speed. */
  #renderWho() {
    const { desk } = this;
    const { store, strings } = desk;
    const slot = this.#slot;
    if (slot < 0) {
      byId("command-vehicle").textContent = this.#record?.name ?? "";
      byId("command-line").textContent = desk.t(
        desk.narrowed ? "details.outOfView" : "details.gone",
      );
      byId("command-danger-text").textContent = desk.t("command.dangerUnseen");
      return;
    }
    const c = store.columns;
    const age = strings.value.ago(desk.serverNow() - c.fixMs[slot]);
    const known = c.speed[slot] !== UNKNOWN;
    const speed = known
      ? strings.value.unit(Math.round(c.speed[slot] / 10), "kilometer-per-hour")
      : desk.t("command.speedUnknown");
    byId("command-vehicle").textContent = store.names[slot] || store.devices[slot];
    byId("command-line").textContent =
      `${desk.t(`state.${STATES[c.state[slot]]}`)} · ${speed} · ${age}`;
    byId("command-danger-text").textContent = desk.t("command.danger", { speed, age });
  }
}

/** Names an order, so that handing it over twice makes one command of it. */
function newKey() {
  // randomUUID is there in secure contexts only; this is no secret.
  const words = crypto.getRandomValues(new Uint32Array(4));
  return [...words].map((word) => word.toString(16).padStart(8, "0")).join("");
}
