/**
 * Between WGS-84 and the datum of the base map.
 *
 * Tiles of some map services in China are shifted (GCJ-02, BD-09). Positions are stored and sent in
 * WGS-84 alone; only what is drawn over such tiles is shifted, and what is read off them shifted
 * back. gcoord is loaded when a shifted base map is configured and not before.
 */
import { assetUrl } from "./config.js";
import { latOf, lonOf, worldX, worldY } from "./geo.js";

/** @typedef {"wgs84" | "gcj02" | "bd09"} DatumName */

export class Datum {
  /** @type {((lon: number, lat: number) => [number, number]) | null} */ #toMap = null;
  /** @type {((lon: number, lat: number) => [number, number]) | null} */ #fromMap = null;

  /** @param {DatumName} name @returns {Promise<Datum>} */
  static async load(name) {
    const datum = new Datum();
    if (name === "wgs84") return datum;
    const module = await import(assetUrl("vendor/gcoord/gcoord.js"));
    const gcoord = /** @type {typeof import("gcoord").default} */ (module.default);
    const system = name === "gcj02" ? gcoord.GCJ02 : gcoord.BD09;
    datum.#toMap = (lon, lat) => gcoord.transform([lon, lat], gcoord.WGS84, system);
    datum.#fromMap = (lon, lat) => gcoord.transform([lon, lat], system, gcoord.WGS84);
    return datum;
  }

  /** WGS-84 degrees to world coordinates of the map. */
  project = (
    /** @type {number} */ lat,
    /** @type {number} */ lon,
    /** @type {Float64Array} */ out,
  ) => {
    const [x, y] = this.#toMap ? this.#toMap(lon, lat) : [lon, lat];
    out[0] = worldX(x);
    out[1] = worldY(y);
  };

  /** WGS-84 to the map's latitude and longitude. @param {number} lat @param {number} lon degrees */
  toMap(lat, lon) {
    const [x, y] = this.#toMap ? this.#toMap(lon, lat) : [lon, lat];
    return L.latLng(y, x);
  }

  /** The map's latitude and longitude to WGS-84. @param {L.LatLng} point */
  fromMap(point) {
    const [lon, lat] = this.#fromMap ? this.#fromMap(point.lng, point.lat) : [point.lng, point.lat];
    return { lat, lon };
  }

  /** World coordinates to the map's latitude and longitude. @param {number} x @param {number} y */
  static latLngOf(x, y) {
    return L.latLng(latOf(y), lonOf(x));
  }
}
