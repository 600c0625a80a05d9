/**
 * The live feed's connection as a state machine; pure: times come in, effects go out.
 *
 * It decides when to connect, when a connection counts as delayed or dead, how long to wait after
 * a failure (full jitter), what to acknowledge and what to ask for. socket.js carries the effects
 * out. The rules are those of docs/live-feed.md. Times are monotonic milliseconds.
 */

/**
 * @typedef {"connecting" | "live" | "delayed" | "reconnecting" | "offline" | "refused"} LinkState
 */

/**
 * @typedef {{kind: "open"} | {kind: "close", code: number, reason: string}
 *   | {kind: "send", message: Record<string, unknown>}} Effect
 */

/** The version of the contract that this client speaks. */
export const FEED_VERSION = 1;

/** First upper bound of the random wait after a failure, and the last. */
export const BACKOFF_FIRST_MS = 500;
export const BACKOFF_MAX_MS = 30_000;

/** A connection this old has proved itself: the next failure starts at the first bound again. */
export const STABLE_MS = 60_000;

/** Silence beyond the expected tick after which the viewer is told. */
export const DELAYED_AFTER_MS = 2_000;

/** Silence beyond the expected tick after which a half-open connection is given up. */
export const DEAD_AFTER_MS = 12_000;

/** How long a connection may take to be established and to say hello. */
export const HELLO_WITHIN_MS = 10_000;

/** Without a connection for this long, "reconnecting" would be a euphemism. */
export const OFFLINE_AFTER_MS = 30_000;

/** Every how many ticks a page in the background wants to hear. */
export const HIDDEN_EVERY = 10;

/** Close codes after which trying again would change nothing. */
export const FINAL_CODES = new Set([1009, 4001, 4002, 4003]);

/** What this client says when it gives a connection up. */
const CLOSE_NORMAL = 1000;
export const CLOSE_NOT_UNDERSTOOD = 3000;
export const CLOSE_SILENT = 3001;

export class Feed {
  #random;
  /** @type {"idle" | "opening" | "open" | "waiting" | "refused"} */
  #phase = "idle";
  #since = 0;
  #openedAt = 0;
  #lastMessageAt = 0;
  /** Since when silence counts: the last message, or later, when the page came to the front. */
  #listeningSince = 0;
  #retryAt = 0;
  #bound = BACKOFF_FIRST_MS;
  #networkUp = true;
  #hidden = false;
  /** @type {number | null} monotonic ms since which no tick has come over a good connection */
  #lostAt = null;
  #closeCode = 0;
  /** @type {number | null} */
  #unacknowledged = null;
  /** @type {{bbox: [number, number, number, number] | null, zoom?: number} | null} */
  #view = null;
  #intervalMs = 1000;
  #ticks = 0;

  /** @param {() => number} random uniform in [0, 1) */
  constructor(random = Math.random) {
    this.#random = random;
  }

  /** Begins. @param {number} now @returns {Effect[]} */
  start(now) {
    return this.#open(now);
  }

  /** The server greeted. @param {number} now @param {number} intervalMs @returns {Effect[]} */
  greeted(now, intervalMs) {
    this.#phase = "open";
    this.#openedAt = now;
    this.#heard(now);
    this.#intervalMs = intervalMs;
    this.#unacknowledged = null;
    /** @type {Effect[]} */
    const effects = [];
    if (this.#view) effects.push({ kind: "send", message: { type: "view", ...this.#view } });
    if (this.#hidden) effects.push(this.#rate());
    return effects;
  }

  /** A tick was understood. @param {number} now @param {number} tick @returns {Effect[]} */
  ticked(now, tick) {
    this.#heard(now);
    this.#lostAt = null;
    this.#ticks += 1;
    this.#unacknowledged = tick;
    return this.#hidden ? this.drawn() : [];
  }

  /** Everything that came has been drawn: acknowledges it. @returns {Effect[]} */
  drawn() {
    if (this.#unacknowledged === null || this.#phase !== "open") return [];
    const tick = this.#unacknowledged;
    this.#unacknowledged = null;
    return [{ kind: "send", message: { type: "ack", tick } }];
  }

  /** The connection ended or never came to be. @param {number} now @param {number} code */
  closed(now, code) {
    if (this.#phase === "waiting" || this.#phase === "refused") return;
    this.#closeCode = code;
    this.#lostAt ??= this.#ticks > 0 ? this.#lastMessageAt : this.#since;
    this.#unacknowledged = null;
    if (FINAL_CODES.has(code)) {
      this.#phase = "refused";
      return;
    }
    if (this.#phase === "open" && now - this.#openedAt >= STABLE_MS) this.#bound = BACKOFF_FIRST_MS;
    this.#phase = "waiting";
    this.#retryAt = now + this.#random() * this.#bound;
    this.#bound = Math.min(BACKOFF_MAX_MS, this.#bound * 2);
  }

  /** What came cannot be understood: starts afresh, after the usual wait. @param {number} now */
  misunderstood(now) {
    return this.#giveUp(now, CLOSE_NOT_UNDERSTOOD, "not understood");
  }

  /** This page cannot speak with this server; a newer page could. @param {number} now */
  incompatible(now) {
    this.closed(now, CLOSE_NORMAL);
    this.#phase = "refused";
    return [/** @type {Effect} */ ({ kind: "close", code: CLOSE_NORMAL, reason: "version" })];
  }

  /** Something that was waited for is due. @param {number} now @returns {Effect[]} */
  timer(now) {
    if (this.#phase === "waiting" && now >= this.#retryAt) return this.#open(now);
    if (this.#phase === "opening" && now - this.#since >= HELLO_WITHIN_MS) {
      return this.#giveUp(now, CLOSE_SILENT, "no hello");
    }
    if (
      this.#phase === "open" &&
      now - this.#listeningSince >= this.#expectedMs() + DEAD_AFTER_MS
    ) {
      return this.#giveUp(now, CLOSE_SILENT, "silent");
    }
    return [];
  }

  /** When `timer` wants to be called next, or null. @returns {number | null} */
  deadline() {
    switch (this.#phase) {
      case "waiting":
        return this.#retryAt;
      case "opening":
        return this.#since + HELLO_WITHIN_MS;
      case "open":
        return this.#listeningSince + this.#expectedMs() + DEAD_AFTER_MS;
      default:
        return null;
    }
  }

  /**
   * The viewer asks, or the network or the tab came back.
   * @param {number} now
   * @returns {Effect[]}
   */
  retry(now) {
    if (this.#phase === "waiting" || this.#phase === "refused") return this.#open(now);
    return [];
  }

  /** What the browser says of the network. @param {number} now @param {boolean} up */
  network(now, up) {
    this.#networkUp = up;
    return up && this.#phase === "waiting" ? this.#open(now) : [];
  }

  /** The page went to the background or came back. @param {number} now @param {boolean} hidden */
  visibility(now, hidden) {
    if (hidden === this.#hidden) return [];
    this.#hidden = hidden;
    if (!hidden && this.#phase === "waiting") return this.#open(now);
    if (this.#phase !== "open") return [];
    this.#listeningSince = now;
    return [this.#rate(), ...(hidden ? this.drawn() : [])];
  }

  /**
   * Narrows what the server sends, now and after each reconnect; null widens it again.
   * @param {{bbox: [number, number, number, number] | null, zoom?: number} | null} view
   * @returns {Effect[]}
   */
  watch(view) {
    const before = this.#view;
    this.#view = view;
    if (this.#phase !== "open" || (view === null && before === null)) return [];
    return [{ kind: "send", message: { type: "view", ...(view ?? { bbox: null }) } }];
  }

  /**
   * What the viewer should be told.
   * @param {number} now
   */
  status(now) {
    return {
      state: this.#state(now),
      /** ms since the last message */
      silentMs: now - this.#lastMessageAt,
      /** ms until the next attempt, or null when none is planned or one is under way */
      retryInMs: this.#phase === "waiting" ? Math.max(0, this.#retryAt - now) : null,
      /** monotonic ms since which nothing has come, or null */
      lostAt: this.#lostAt,
      closeCode: this.#closeCode,
      /** ticks understood since the page was opened */
      ticks: this.#ticks,
    };
  }

  /** @param {number} now @returns {LinkState} */
  #state(now) {
    if (this.#phase === "refused") return "refused";
    if (this.#phase === "open" && this.#lostAt === null && this.#ticks > 0) {
      const late = now - this.#listeningSince >= this.#expectedMs() + DELAYED_AFTER_MS;
      return late ? "delayed" : "live";
    }
    if (this.#lostAt !== null) {
      return !this.#networkUp || now - this.#lostAt >= OFFLINE_AFTER_MS
        ? "offline"
        : "reconnecting";
    }
    return this.#networkUp ? "connecting" : "offline";
  }

  /** @param {number} now */
  #heard(now) {
    this.#lastMessageAt = now;
    this.#listeningSince = now;
  }

  #expectedMs() {
    return this.#intervalMs * (this.#hidden ? HIDDEN_EVERY : 1);
  }

  /** @returns {Effect} */
  #rate() {
    return { kind: "send", message: { type: "rate", every: this.#hidden ? HIDDEN_EVERY : 1 } };
  }

  /** @param {number} now @returns {Effect[]} */
  #open(now) {
    this.#phase = "opening";
    this.#since = now;
    return [{ kind: "open" }];
  }

  /** @param {number} now @param {number} code @param {string} reason @returns {Effect[]} */
  #giveUp(now, code, reason) {
    this.closed(now, code);
    return [{ kind: "close", code, reason }];
  }
}
