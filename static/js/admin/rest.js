/**
 * The administrator's questions to REST. A token that was typed in lives as long as the tab.
 */

const KEY = "tracker.token";

/** REST said no, and this is what it said. */
export class Refused extends Error {
  /** @param {number} status @param {string} detail */
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/** @param {string} token */
export function keepToken(token) {
  try {
    sessionStorage.setItem(KEY, token);
  } catch {
    // Storage may be forbidden: the token is then asked for again.
  }
}

/** @returns {string | null} */
function keptToken() {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}

/**
 * The JSON that an address answers with. Rejects with Refused, or with a TypeError when nobody
 * answers.
 * @param {string} path @param {"GET" | "PATCH" | "DELETE"} [method] @param {unknown} [body]
 * @returns {Promise<any>}
 */
export async function ask(path, method = "GET", body = undefined) {
  const token = keptToken();
  const response = await fetch(path, {
    method,
    cache: "no-store",
    headers: {
      ...(token === null ? {} : { Authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { "Content-Type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (response.ok) return response.json();
  const problem = await response.json().catch(() => ({}));
  throw new Refused(response.status, problem.detail ?? response.statusText);
}
