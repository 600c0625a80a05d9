/**
 * What the page asks of the server about commands. A refusal is thrown as `Refusal`, with the
 * server's own words.
 */

/** @typedef {import("./model.js").Command} Command */
/** @typedef {import("./model.js").CommandKind} CommandKind */
/** @typedef {{name: string, device: string}} VehicleRecord */

/** The server understood and said no, or could not be reached (status 0). */
export class Refusal extends Error {
  /** @param {string} message @param {number} status @param {string} code */
  constructor(message, status, code) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export class CommandApi {
  /** @param {string} base address of REST */
  constructor(base) {
    this.base = base;
  }

  /** Name and device of a vehicle. @param {string} id @returns {Promise<VehicleRecord>} */
  vehicle(id) {
    return this.#ask(`/vehicles/${encodeURIComponent(id)}`);
  }

  /** @param {string} vehicle id @returns {Promise<CommandKind[]>} */
  async kinds(vehicle) {
    return (await this.#ask(`/vehicles/${encodeURIComponent(vehicle)}/command-kinds`)).kinds;
  }

  /** Newest first. @param {string} vehicle id @param {number} limit @returns {Promise<Command[]>} */
  async latest(vehicle, limit) {
    const path = `/vehicles/${encodeURIComponent(vehicle)}/commands?limit=${limit}`;
    return (await this.#ask(path)).commands;
  }

  /**
   * The same `key` twice is one command: a request whose answer was lost can be made again.
   * @param {string} vehicle id @param {Record<string, unknown>} order @param {string} key
   * @returns {Promise<Command>}
   */
  send(vehicle, order, key) {
    return this.#ask(`/vehicles/${encodeURIComponent(vehicle)}/commands`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "Idempotency-Key": key },
      body: JSON.stringify(order),
    });
  }

  /** @param {string} id @returns {Promise<Command>} */
  command(id) {
    return this.#ask(`/commands/${encodeURIComponent(id)}`);
  }

  /** @param {string} id @returns {Promise<Command>} */
  cancel(id) {
    return this.#ask(`/commands/${encodeURIComponent(id)}`, { method: "DELETE" });
  }

  /** @param {string} path @param {RequestInit} [options] @returns {Promise<any>} */
  async #ask(path, options) {
    let response;
    try {
      response = await fetch(this.base + path, options);
    } catch {
      throw new Refusal("", 0, "unreachable");
    }
    const answer = await response.json().catch(() => null);
    if (response.ok) return answer;
    throw new Refusal(
      String(answer?.detail ?? answer?.title ?? response.status),
      response.status,
      String(answer?.code ?? ""),
    );
  }
}
