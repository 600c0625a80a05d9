/**
 * Copies what the page needs of other people's work from node_modules into static/vendor.
 *
 * Runs after `npm ci`, without network. Leaflet, gcoord and the Inter typeface are copied as they
 * are; the land outline is Natural Earth's (by way of world-atlas), turned from TopoJSON into
 * GeoJSON at three degrees of detail, the finest cut into cells so that a page loads only the coast
 * that it shows. `manifest.json` lists every file with its size and SHA-256. A second run gives the
 * same bytes.
 */
import { createHash } from "node:crypto";
import { cp, mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { feature } from "topojson-client";
import { LAND_CELL_DEG, clipToCells, compact, cutAtAntimeridian } from "./land_cells.mjs";

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const MODULES = path.join(ROOT, "node_modules");
const VENDOR = path.join(ROOT, "static", "vendor");

/** Files copied byte for byte: from node_modules, to static/vendor. */
const COPIES = [
  ["leaflet/dist/leaflet.js", "leaflet/leaflet.js"],
  ["leaflet/dist/leaflet.css", "leaflet/leaflet.css"],
  ["leaflet/dist/images", "leaflet/images"],
  ["gcoord/dist/gcoord.esm-browser.prod.js", "gcoord/gcoord.js"],
  ["@fontsource-variable/inter/files/inter-latin-wght-normal.woff2", "inter/inter-latin.woff2"],
  [
    "@fontsource-variable/inter/files/inter-latin-ext-wght-normal.woff2",
    "inter/inter-latin-ext.woff2",
  ],
];

/** Packages whose licence text travels with their files. */
const PACKAGES = ["leaflet", "gcoord", "@fontsource-variable/inter", "world-atlas"];

/** Decimals kept of the coordinates: finer than the survey behind each scale, no finer. */
const DECIMALS = { "110m": 2, "50m": 3, "10m": 4 };

/** @param {string} file path below node_modules */
async function readJson(file) {
  return JSON.parse(await readFile(path.join(MODULES, file), "utf8"));
}

/** @param {string} file path below static/vendor @param {unknown} value */
async function writeJson(file, value) {
  const target = path.join(VENDOR, file);
  await mkdir(path.dirname(target), { recursive: true });
  await writeFile(target, JSON.stringify(value));
}

/** All land of one scale as a list of polygons (each a list of rings of [lon, lat]). */
async function landPolygons(scale) {
  const topology = await readJson(`world-atlas/land-${scale}.json`);
  const land = feature(topology, topology.objects.land);
  const geometries =
    land.type === "FeatureCollection" ? land.features.map((f) => f.geometry) : [land.geometry];
  return cutAtAntimeridian(
    geometries.flatMap((g) => (g.type === "Polygon" ? [g.coordinates] : g.coordinates)),
  );
}

/** A GeoJSON feature of these polygons. */
function landFeature(polygons) {
  return {
    type: "Feature",
    properties: {},
    geometry: { type: "MultiPolygon", coordinates: polygons },
  };
}

async function writeLand() {
  for (const scale of ["110m", "50m"]) {
    const polygons = compact(await landPolygons(scale), DECIMALS[scale]);
    await writeJson(`land/${scale}.json`, landFeature(polygons));
  }
  const index = { cell_deg: LAND_CELL_DEG, coast: [], land: [] };
  for (const { name, polygons, solid } of clipToCells(await landPolygons("10m"), DECIMALS["10m"])) {
    if (solid) {
      index.land.push(name);
    } else {
      index.coast.push(name);
      await writeJson(`land/10m/${name}.json`, landFeature(polygons));
    }
  }
  await writeJson("land/10m/index.json", index);
}

async function writeLicences() {
  const texts = [];
  for (const name of PACKAGES) {
    const { version, license } = await readJson(`${name}/package.json`);
    const text = await readFile(path.join(MODULES, name, "LICENSE"), "utf8");
    texts.push(`${name} ${version} (${license})\n\n${text.trim()}\n`);
  }
  texts.push("Land outline: Natural Earth (naturalearthdata.com), public domain.\n");
  await writeFile(path.join(VENDOR, "LICENSES.txt"), texts.join(`\n${"-".repeat(72)}\n\n`));
}

/** @returns {Promise<string[]>} paths below the folder, with forward slashes, sorted */
async function listFiles(folder, prefix = "") {
  const files = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const name = prefix + entry.name;
    if (entry.isDirectory())
      files.push(...(await listFiles(path.join(folder, entry.name), `${name}/`)));
    else files.push(name);
  }
  return files.sort();
}

async function writeManifest() {
  const packages = {};
  for (const name of PACKAGES) packages[name] = (await readJson(`${name}/package.json`)).version;
  const files = {};
  let total = 0;
  for (const name of await listFiles(VENDOR)) {
    const bytes = await readFile(path.join(VENDOR, name));
    files[name] = { bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
    total += bytes.length;
  }
  await writeJson("manifest.json", { packages, files });
  console.log(`static/vendor: ${Object.keys(files).length} files, ${(total / 1e6).toFixed(1)} MB`);
}

await rm(VENDOR, { recursive: true, force: true });
for (const [from, to] of COPIES) {
  await cp(path.join(MODULES, from), path.join(VENDOR, to), { recursive: true });
}
await writeLand();
await writeLicences();
await writeManifest();
