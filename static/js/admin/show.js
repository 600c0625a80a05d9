/**
 * Turns what REST says of the devices into the elements of the page.
 */

/** @typedef {import("../i18n.js").Strings} Strings */

/**
 * @typedef {object} Stranger
 * @property {string} reason @property {string} transport @property {number} port
 * @property {string} address @property {string} first_time @property {string} last_time
 * @property {number} count @property {string | null} protocol @property {string[]} nearest
 * @property {string | null} mark @property {string} hex @property {string} text
 */
/**
 * @typedef {object} Waiting
 * @property {string} id @property {string} name @property {string} device
 * @property {string} protocol
 */
/** @typedef {{protocol: string, messages: number, damaged: Record<string, number>}} Counted */
/**
 * @typedef {object} Port
 * @property {string} address @property {string[] | null} protocols
 * @property {"refused" | "accepted" | "required"} tls @property {boolean} udp
 */

const BYTES_PER_LINE = 16;
const BYTES_PER_NARROW_LINE = 8;
const NARROW = globalThis.matchMedia?.("(max-width: 600px)");
const GUESSES = 3;
const MINUTE_MS = 60_000;
/** Reasons that call for somebody to do something here. */
const GRAVE = ["tls_not_configured", "not_allowed"];
/** Reasons that are most often a scanner's or a bad line's. */
const MILD = ["undecided", "unfinished"];

/** The element with a class in a copy of a template. @param {ParentNode} root @param {string} name */
function part(root, name) {
  return /** @type {HTMLElement} */ (root.querySelector(`.${name}`));
}

/** @param {string} id @returns {HTMLElement} */
function copy(id) {
  const template = /** @type {HTMLTemplateElement} */ (document.getElementById(id));
  return /** @type {HTMLElement} */ (
    /** @type {DocumentFragment} */ (template.content.cloneNode(true)).firstElementChild
  );
}

/**
 * Bytes as lines, in hex and beside it as text.
 * @param {string} hex @param {string} text @param {number} [size] bytes in a line
 */
export function lines(hex, text, size = BYTES_PER_LINE) {
  const bytes = hex.match(/../g) ?? [];
  const left = [];
  const right = [];
  for (let at = 0; at < bytes.length; at += size) {
    const line = bytes.slice(at, at + size);
    left.push(`${line.slice(0, 8).join(" ")}  ${line.slice(8).join(" ")}`.trimEnd());
    right.push(text.slice(at, at + size));
  }
  return { hex: left.join("\n"), text: right.join("\n") };
}

/** What it may have been. @param {Stranger} one @param {Strings} strings */
export function guess(one, strings) {
  if (one.protocol) return one.protocol;
  if (one.reason.startsWith("tls_")) return "";
  if (one.mark) return strings.t("admin.unknown.mark", { mark: one.mark });
  if (one.nearest.length === 0 || one.nearest.length > GUESSES) return "";
  return strings.t("admin.unknown.nearest", { names: one.nearest.join(", ") });
}

/**
 * How long ago, in whole minutes: the page is not written anew more often.
 * @param {string} time @param {Strings} strings @param {number} now Unix ms
 */
export function age(time, strings, now) {
  return strings.ago(Math.floor((now - Date.parse(time)) / MINUTE_MS) * MINUTE_MS);
}

/** @param {Stranger} one @param {Strings} strings @param {number} now Unix ms */
export function strangerItem(one, strings, now) {
  const item = copy("stranger");
  const tag = part(item, "tag");
  tag.textContent = strings.t(`admin.reason.${one.reason}`);
  tag.toggleAttribute("data-grave", GRAVE.includes(one.reason));
  tag.toggleAttribute("data-mild", MILD.includes(one.reason));
  part(item, "stranger-guess").textContent = guess(one, strings);
  part(item, "stranger-count").textContent =
    one.count > 1 ? strings.t("admin.unknown.times", { count: one.count }) : "";
  const size = NARROW?.matches ? BYTES_PER_NARROW_LINE : BYTES_PER_LINE;
  const shown = lines(one.hex, one.text, size);
  part(item, "stranger-hex").textContent = shown.hex;
  part(item, "stranger-text").textContent = shown.text;
  // An age is not broken over two lines.
  const [last, first] = [one.last_time, one.first_time].map((time) =>
    age(time, strings, now).replaceAll(" ", "\u00a0"),
  );
  part(item, "stranger-facts").textContent = strings.t("admin.unknown.facts", {
    transport: one.transport.toUpperCase(),
    address: one.address,
    port: String(one.port),
    bytes: strings.t("admin.unknown.bytes", { count: one.hex.length / 2 }),
    seen: strings.t(last !== first ? "admin.unknown.since" : "admin.unknown.once", { last, first }),
  });
  return item;
}

/** @param {Waiting} one @param {Strings} strings @param {(id: string) => Promise<void>} admit */
export function waitingItem(one, strings, admit) {
  const item = copy("waiting");
  part(item, "waiting-name").textContent = one.name;
  const device = one.device === one.name ? "" : ` · ${one.device}`;
  part(item, "waiting-facts").textContent = `${one.protocol}${device}`;
  const button = /** @type {HTMLButtonElement} */ (part(item, "admin-button"));
  button.textContent = strings.t("admin.pending.admit");
  button.dataset.test = `admit-${one.device}`;
  button.setAttribute("aria-label", `${strings.t("admin.pending.admit")}: ${one.name}`);
  button.addEventListener("click", async () => {
    button.disabled = true;
    await admit(one.id);
    button.disabled = false;
  });
  return item;
}

/** @param {Counted} one @param {Strings} strings */
export function damageRow(one, strings) {
  const row = document.createElement("tr");
  const cells = ["td", "td", "td"].map(() => row.appendChild(document.createElement("td")));
  cells[0].textContent = one.protocol;
  cells[1].textContent = strings.whole.format(one.messages);
  cells[1].className = "number";
  const kinds = Object.entries(one.damaged).sort((a, b) => b[1] - a[1]);
  const list = cells[2].appendChild(document.createElement("div"));
  list.className = kinds.length ? "damage-kinds" : "damage-clean";
  if (kinds.length === 0) list.textContent = strings.t("admin.damage.clean");
  for (const [kind, count] of kinds) {
    const item = list.appendChild(document.createElement("span"));
    const number = item.appendChild(document.createElement("b"));
    number.textContent = strings.whole.format(count);
    item.append(` ${kind.replaceAll("_", " ")}`);
  }
  return row;
}

/** @param {Port} one @param {Strings} strings @param {boolean} certified there can be TLS */
export function portItem(one, strings, certified) {
  const item = document.createElement("li");
  item.className = "port";
  item.appendChild(document.createElement("code")).textContent = one.address;
  const ways = [];
  if (one.tls !== "required") ways.push(strings.t("admin.ports.tcp"));
  if (one.udp) ways.push(strings.t("admin.ports.udp"));
  if (one.tls === "accepted" && certified) ways.push(strings.t("admin.ports.tls"));
  if (one.tls === "required") ways.push(strings.t("admin.ports.tls_required"));
  const names = one.protocols === null ? strings.t("admin.ports.all") : one.protocols.join(", ");
  item.appendChild(document.createElement("span")).textContent = `${names} · ${ways.join(", ")}`;
  return item;
}
