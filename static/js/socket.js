/**
 * Carries out what the feed's state machine decides: opens and closes the WebSocket, sends, waits,
 * and hands messages to the store.
 */
import { FeedError, applyTick, parseMessage, readHello } from "./decode.js";
import { FEED_VERSION, Feed } from "./feed.js";

/** @typedef {import("./feed.js").Effect} Effect */
/** @typedef {import("./model.js").TickSummary} TickSummary */

/** Close code that a browser reports when a connection was never made, or broke. */
const CLOSE_ABNORMAL = 1006;

export class FeedSocket {
  feed = new Feed();
  node = "";
  /** @type {WebSocket | null} */ #socket = null;
  /** @type {ReturnType<typeof readHello> | null} */ #hello = null;
  /** No tick has come on this connection. */
  #fresh = false;
  /** @type {number | undefined} */ #timer;

  /**
   * @param {string} address of the feed, relative to the page
   * @param {import("./desk.js").Desk} desk
   * @param {{tick: (summary: TickSummary) => void, change: () => void}} on `change`: the status may
   *   be another now
   */
  constructor(address, desk, on) {
    const url = new URL(address, location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    this.url = url.href;
    this.desk = desk;
    this.on = on;
  }

  start() {
    window.addEventListener("online", () => this.#run(this.feed.network(now(), true)));
    window.addEventListener("offline", () => this.#run(this.feed.network(now(), false)));
    document.addEventListener("visibilitychange", () => {
      this.#run(this.feed.visibility(now(), document.hidden));
    });
    // A page that leaves says goodbye; one that comes back from the browser's cache connects again.
    window.addEventListener("pagehide", () => this.#socket?.close());
    window.addEventListener("pageshow", (event) => {
      if (event.persisted) this.retry();
    });
    this.feed.visibility(now(), document.hidden);
    this.feed.network(now(), navigator.onLine);
    this.#run(this.feed.start(now()));
  }

  retry() {
    this.#run(this.feed.retry(now()));
  }

  /** The draw loop has drawn what came. */
  drawn() {
    this.#run(this.feed.drawn(), false);
  }

  /** @param {import("./subscribe.js").View} view */
  watch(view) {
    this.#run(this.feed.watch(view), false);
  }

  status() {
    return this.feed.status(now());
  }

  /** @param {Effect[]} effects @param {boolean} changed whether the status may be another now */
  #run(effects, changed = true) {
    for (const effect of effects) {
      if (effect.kind === "open") this.#open();
      else if (effect.kind === "close") this.#drop(effect.code, effect.reason);
      else if (this.#socket?.readyState === WebSocket.OPEN)
        this.#socket.send(JSON.stringify(effect.message));
    }
    clearTimeout(this.#timer);
    const deadline = this.feed.deadline();
    if (deadline !== null) {
      this.#timer = window.setTimeout(
        () => this.#run(this.feed.timer(now())),
        Math.max(0, deadline - now()) + 1,
      );
    }
    if (changed) this.on.change();
  }

  #open() {
    this.#drop(1000, "superseded");
    this.#hello = null;
    const socket = new WebSocket(this.url);
    this.#socket = socket;
    socket.addEventListener("message", (event) => {
      if (socket === this.#socket) this.#receive(String(event.data));
    });
    socket.addEventListener("close", (event) => {
      if (socket !== this.#socket) return;
      this.#socket = null;
      this.feed.closed(now(), event.code || CLOSE_ABNORMAL);
      this.#run([]);
    });
  }

  /** @param {number} code @param {string} reason */
  #drop(code, reason) {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close(code, reason);
  }

  /** @param {string} text */
  #receive(text) {
    const at = now();
    try {
      const message = parseMessage(text);
      if (message.type === "hello") this.#greet(message, at);
      else if (message.type === "tick") this.#tick(message, at);
    } catch (error) {
      if (!(error instanceof FeedError)) throw error;
      console.warn(`live feed: ${error.message}`);
      this.#run(this.feed.misunderstood(at));
    }
  }

  /** @param {import("./decode.js").Json} message @param {number} at */
  #greet(message, at) {
    const hello = readHello(message);
    if (hello.version !== FEED_VERSION) {
      this.#run(this.feed.incompatible(at));
      return;
    }
    this.#hello = hello;
    this.#fresh = true;
    this.node = hello.node;
    this.desk.clock.reset();
    this.desk.clock.sample(hello.timeMs, at);
    this.desk.store.forgetHandles();
    this.desk.store.intervalMs = hello.intervalMs;
    this.#run(this.feed.greeted(at, hello.intervalMs));
  }

  /** @param {import("./decode.js").Json} message @param {number} at */
  #tick(message, at) {
    if (!this.#hello) throw new FeedError("tick before hello");
    const applied = applyTick(message, this.#hello, this.desk.store);
    const summary = { ...applied, first: this.#fresh };
    this.#fresh = false;
    this.desk.clock.sample(summary.timeMs, at);
    for (const error of summary.errors) console.warn(`live feed: ${error}`);
    this.on.tick(summary);
    this.#run(this.feed.ticked(at, summary.tick));
  }
}

function now() {
  return performance.now();
}
