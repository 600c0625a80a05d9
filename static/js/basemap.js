/**
 * The street map, where one is configured, and what is shown where none is or its tiles do not
 * come.
 */

/** @typedef {import("./model.js").BaseMap} BaseMap */
/** @typedef {"none" | "loading" | "shown" | "failed"} BaseMapState */

/** Tiles that fail before one has come, after which the outline is shown for good. */
const FAILURES = 4;

export class BaseMapLayer {
  /** @type {BaseMapState} */ state = "none";
  #loaded = 0;
  #failed = 0;

  /**
   * @param {L.Map} map @param {BaseMap | null} config
   * @param {(state: BaseMapState) => void} onChange
   */
  constructor(map, config, onChange) {
    this.onChange = onChange;
    if (!config) return;
    this.state = "loading";
    const layer = new L.TileLayer(config.url, {
      maxNativeZoom: config.max_zoom,
      maxZoom: map.getMaxZoom(),
      tms: config.tms,
      subdomains: config.subdomains,
      attribution: safeAttribution(config.attribution),
      className: "base-tiles",
    });
    layer.on("tileload", () => this.#count(true));
    layer.on("tileerror", () => this.#count(false));
    layer.addTo(map);
  }

  /** @param {boolean} success */
  #count(success) {
    if (success) this.#loaded += 1;
    else this.#failed += 1;
    // A few missing tiles are gaps; none at all is a map that cannot be reached.
    if (success && this.state !== "shown") this.#change("shown");
    else if (this.#loaded === 0 && this.#failed >= FAILURES && this.state === "loading")
      this.#change("failed");
  }

  /** @param {BaseMapState} state */
  #change(state) {
    this.state = state;
    this.onChange(state);
  }
}

/**
 * Keeps the text and the web links of an attribution, which comes from a configuration file, and
 * nothing else of its HTML.
 * @param {string} html
 */
export function safeAttribution(html) {
  const parsed = new DOMParser().parseFromString(html, "text/html");
  const clean = document.createElement("span");
  const copy = (/** @type {Node} */ from, /** @type {Node} */ to) => {
    for (const node of from.childNodes) {
      if (node.nodeType === Node.TEXT_NODE)
        to.appendChild(document.createTextNode(node.textContent ?? ""));
      if (!(node instanceof HTMLElement)) continue;
      const link = node instanceof HTMLAnchorElement && /^https?:$/.test(node.protocol);
      const made = link ? document.createElement("a") : document.createElement("span");
      if (link && made instanceof HTMLAnchorElement) {
        made.href = node.href;
        made.rel = "noopener";
        made.target = "_blank";
      }
      copy(node, made);
      to.appendChild(made);
    }
  };
  copy(parsed.body, clean);
  return clean.innerHTML;
}
