/**
 * The page's nouns: vehicle states, flags, and the shapes that more than one module speaks of.
 */

/** The five states, in the order of their codes, of the counters and of the palette. */
export const STATES = /** @type {const} */ (["moving", "idle", "parked", "stale", "offline"]);

export const MOVING = 0;
export const IDLE = 1;
export const PARKED = 2;
export const STALE = 3;
export const OFFLINE = 4;

/** Bits of `flags`. */
export const FLAG_IGNITION_ON = 1;
export const FLAG_IGNITION_KNOWN = 2;
export const FLAG_ALARM = 4;

/** What stands in for a speed or course that the device did not state. */
export const UNKNOWN = -1;

/** @typedef {(typeof STATES)[number]} StateName */

/**
 * Page configuration, written into the page by the server.
 * @typedef {object} Config
 * @property {string} title
 * @property {string} feed address of the live feed
 * @property {string} api base address of REST
 * @property {BaseMap | null} base_map
 * @property {string} version
 * @property {"en" | "zh-CN" | null} language
 * @property {[number, number] | null} center latitude, longitude
 * @property {number | null} zoom
 * @property {string} devices host:port that trackers connect to, for the empty fleet's card
 */

/**
 * A raster tile layer.
 * @typedef {object} BaseMap
 * @property {string} url with {z}, {x}, {y} and perhaps {s}
 * @property {string} attribution HTML; only text and links of it are kept
 * @property {"wgs84" | "gcj02" | "bd09"} coordinate_system
 * @property {number} max_zoom
 * @property {boolean} tms
 * @property {string} subdomains
 */

/**
 * Something that happened once, from the feed.
 * @typedef {object} FeedEvent
 * @property {string} id
 * @property {string} event alarm, alarm_over, command; others are ignored
 * @property {string} vehicle id
 * @property {string} name of an alarm
 * @property {number} time_ms
 * @property {number | null} lat 1e-6 degree
 * @property {number | null} lon 1e-6 degree
 * @property {string} [command] id, for the event command; with it the next four
 * @property {string} [kind] @property {string} [state]
 * @property {string | null} [reply] @property {string | null} [detail]
 */

/**
 * What one tick said beside vehicles.
 * @typedef {object} TickSummary
 * @property {number} tick
 * @property {number} timeMs the server's clock when the message was built
 * @property {boolean} degraded
 * @property {number} conflated ticks skipped before this one
 * @property {number[]} counts vehicles per state, by our codes
 * @property {boolean} first of its connection: events that were told before it are not told again
 * @property {FeedEvent[]} events
 * @property {string[]} errors what the server said of messages of ours
 */
