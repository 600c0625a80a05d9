/**
 * Commands to devices as the dialog needs them; pure.
 *
 * The shapes are those of docs/commands.md: what a device can be asked, what was asked of it, and
 * how far each of these has come.
 */

/** Kinds in the order of their tiles: the harmless ones first, the dangerous ones last. */
export const KINDS = /** @type {const} */ ([
  "locate",
  "interval",
  "text",
  "reboot",
  "custom",
  "engine_restore",
  "engine_cut",
]);

/** States from which a command still goes on. */
const OPEN = new Set(["queued", "held", "sent"]);

/** How many of the last characters of a device's identity have to be typed to confirm. */
const CONFIRM_CHARACTERS = 4;

/** The code of a refusal: how fast the vehicle is nobody knows. Also the word that answers it. */
export const SPEED_UNKNOWN = "speed_unknown";

/** Intervals offered with one press, seconds. */
export const INTERVALS_S = [10, 30, 60, 300, 900];

/**
 * What a device can be asked.
 * @typedef {object} CommandKind
 * @property {string} kind
 * @property {boolean} supported
 * @property {boolean} dangerous
 * @property {Parameter[]} parameters
 * @property {string | null} [reason] why it is not supported
 */

/**
 * @typedef {object} Parameter
 * @property {string} name
 * @property {string} type integer or string
 * @property {number} [minimum] @property {number} [maximum]
 * @property {number} [max_length]
 */

/**
 * What was asked, and how far it has come.
 * @typedef {object} Command
 * @property {string} id @property {string} vehicle @property {string} kind
 * @property {Record<string, unknown>} parameters
 * @property {string} state
 * @property {string} created_time RFC 3339
 * @property {string | null} expires_time @property {string | null} sent_time
 * @property {string | null} ended_time
 * @property {string | null} reply @property {string | null} detail
 * @property {{time: string, state: string, detail: string | null, node: string}[]} transitions
 */

/** @param {string} state */
export function isOpen(state) {
  return OPEN.has(state);
}

/**
 * How a command stands, in one word more than REST has: one that waits because the vehicle is too
 * fast is held. @param {Command} command
 */
export function standing({ state, transitions }) {
  return state === "queued" && transitions.at(-1)?.state === "held" ? "held" : state;
}

/** What has left cannot be taken back. @param {Command} command */
export function canCancel({ state, transitions }) {
  return state === "queued" && !transitions.some((step) => step.state === "sent");
}

/**
 * A dangerous command as it is sent. @param {string} kind @param {Record<string, unknown>} parameters
 * @param {string} device its identity, which was confirmed
 * @param {boolean} said that the vehicle stands, though its speed is not known
 * @returns {Record<string, unknown>}
 */
export function dangerousOrder(kind, parameters, device, said) {
  const word = said ? { [SPEED_UNKNOWN]: true } : {};
  return { kind, parameters, confirm: device, ...word };
}

/** Kinds in the order of the tiles; those that are not known here at the end. @param {CommandKind[]} kinds */
export function inOrder(kinds) {
  const place = (/** @type {CommandKind} */ { kind }) => {
    const at = KINDS.indexOf(/** @type {any} */ (kind));
    return at < 0 ? KINDS.length : at;
  };
  return [...kinds].sort((a, b) => place(a) - place(b));
}

/** The end of a device's identity, which is typed to confirm. @param {string} device */
export function confirmTail(device) {
  return device.slice(-CONFIRM_CHARACTERS);
}

/** @param {string} typed @param {string} device */
export function isConfirmed(typed, device) {
  return device !== "" && typed.trim().toLowerCase() === confirmTail(device).toLowerCase();
}

/**
 * Reads one field of the form.
 * @param {Parameter} parameter @param {string} text as typed
 * @returns {{value: number | string} | {problem: string, values: Record<string, number>}} the name
 *   of a text that says what is wrong
 */
export function readParameter(parameter, text) {
  if (parameter.type === "integer") return readInteger(parameter, text);
  const most = parameter.max_length ?? Infinity;
  if (text.trim() === "") return { problem: "command.problem.empty", values: {} };
  if (text.length > most) return { problem: "command.problem.long", values: { most } };
  return { value: text };
}

/** @param {Parameter} parameter @param {string} text */
function readInteger({ minimum = 1, maximum = Number.MAX_SAFE_INTEGER }, text) {
  const value = Number(text.trim());
  if (!/^\d+$/.test(text.trim()) || value < minimum || value > maximum) {
    return { problem: "command.problem.number", values: { least: minimum, most: maximum } };
  }
  return { value };
}
