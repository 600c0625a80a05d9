/**
 * The connection pill, the banner, and what is announced of them: how true the picture is now.
 */

/** @typedef {import("./desk.js").Desk} Desk */
/** @typedef {import("./socket.js").FeedSocket} FeedSocket */

/** A lost connection that is back sooner than this needs no banner. */
const BANNER_AFTER_MS = 1200;

/** How long skipped ticks are mentioned, ms. */
const SKIPPED_SHOWN_MS = 8000;

/** While counting down, the pill is written this often, ms. */
const EVERY_MS = 250;

export class Pill {
  /** What the pill says, as data-state: a LinkState, or degraded. */
  state = "connecting";
  #skipped = 0;
  #skippedAt = -Infinity;
  #announced = "";

  /**
   * @param {Desk} desk @param {FeedSocket} socket
   * @param {{pill: HTMLElement, text: HTMLElement, banner: HTMLElement, bannerText: HTMLElement,
   *   retry: HTMLElement, live: HTMLElement}} elements
   */
  constructor(desk, socket, elements) {
    this.desk = desk;
    this.socket = socket;
    this.elements = elements;
    elements.pill.addEventListener("click", () => socket.retry());
    elements.retry.addEventListener("click", () => socket.retry());
    desk.strings.subscribe(() => this.render());
    window.setInterval(() => this.render(), EVERY_MS);
  }

  /** @param {number} count ticks that were skipped before this one */
  skipped(count) {
    if (count === 0) return;
    this.#skipped = count;
    this.#skippedAt = performance.now();
  }

  render() {
    const { desk, elements } = this;
    const status = this.socket.status();
    const degraded = status.state === "live" && desk.tick.value?.degraded === true;
    this.state = degraded ? "degraded" : status.state;
    const { pill, text } = elements;
    write(text, this.#text(status));
    if (pill.dataset.state !== this.state) pill.dataset.state = this.state;
    const title = this.#title(status);
    if (pill.title !== title) pill.title = title;
    const frozen =
      this.state === "reconnecting" || this.state === "offline" || this.state === "refused";
    desk.frozen.value = frozen;
    const root = document.documentElement;
    if (root.dataset.link !== this.state) root.dataset.link = this.state;
    const lostMs = status.lostAt === null ? 0 : performance.now() - status.lostAt;
    elements.banner.hidden = !frozen || (this.state !== "refused" && lostMs < BANNER_AFTER_MS);
    if (!elements.banner.hidden) write(elements.bannerText, this.#bannerText(status));
    this.#announce();
  }

  /** @param {ReturnType<FeedSocket["status"]>} status */
  #text(status) {
    const { desk } = this;
    const retry = status.retryInMs === null ? null : Math.ceil(status.retryInMs / 1000);
    switch (this.state) {
      case "live": {
        const recent = performance.now() - this.#skippedAt < SKIPPED_SHOWN_MS;
        return recent ? desk.t("link.skipped", { count: this.#skipped }) : desk.t("link.live");
      }
      case "delayed":
        return desk.t("link.delayed", {
          age: desk.strings.value.unit(Math.floor(status.silentMs / 1000), "second"),
        });
      case "reconnecting":
        return retry === null
          ? desk.t("link.reconnecting")
          : desk.t("link.reconnectingIn", { seconds: retry });
      case "offline":
        return status.lostAt === null
          ? desk.t("link.offline")
          : desk.t("link.offlineSince", {
              time: desk.strings.value.minute(this.#wallTime(status.lostAt)),
            });
      default:
        return desk.t(`link.${this.state}`);
    }
  }

  /** @param {ReturnType<FeedSocket["status"]>} status */
  #title(status) {
    const { desk, socket } = this;
    if (this.state === "live") return desk.t("link.live.means", { node: socket.node });
    if (this.state === "refused") return desk.t("link.refused.means", { code: status.closeCode });
    return desk.t(`link.${this.state}.means`);
  }

  /** @param {ReturnType<FeedSocket["status"]>} status */
  #bannerText(status) {
    const { desk } = this;
    if (this.state === "refused") return desk.t("link.refused.means", { code: status.closeCode });
    const time =
      status.lostAt === null ? "" : desk.strings.value.clock(this.#wallTime(status.lostAt));
    const lost = desk.t(status.ticks > 0 ? "banner.lost" : "banner.never", { time });
    if (status.retryInMs === null) return `${lost} ${desk.t("banner.trying")}`;
    return `${lost} ${desk.t("banner.next", { seconds: Math.ceil(status.retryInMs / 1000) })}`;
  }

  /** Changes of the connection are announced, seconds of a countdown are not. */
  #announce() {
    if (this.state === this.#announced || this.state === "connecting") return;
    const first = this.#announced === "" && this.state === "live";
    this.#announced = this.state;
    if (!first) this.elements.live.textContent = this.desk.t(`link.${this.state}.said`);
  }

  /** @param {number} monotonic ms @returns {number} Unix ms by the server's clock */
  #wallTime(monotonic) {
    return this.desk.clock.now(performance.now()) - (performance.now() - monotonic);
  }
}

/** @param {HTMLElement} element @param {string} text */
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
