import assert from "node:assert/strict";
import { test } from "node:test";
import { LAND_CELL_DEG, clipToCells, compact, cutAtAntimeridian } from "../../tools/land_cells.mjs";

const square = (west, south, east, north) => [
  [west, south],
  [east, south],
  [east, north],
  [west, north],
  [west, south],
];

/** Even-odd test over all rings of all polygons. */
function contains(polygons, lon, lat) {
  let inside = false;
  for (const ring of polygons.flat()) {
    for (let i = 1; i < ring.length; i += 1) {
      const [[x1, y1], [x2, y2]] = [ring[i - 1], ring[i]];
      if (y1 > lat !== y2 > lat && lon < x1 + ((lat - y1) * (x2 - x1)) / (y2 - y1))
        inside = !inside;
    }
  }
  return inside;
}

test("cells hold what the polygons hold, lakes included", () => {
  const land = [
    [square(3, 3, 38, 27), square(12, 12, 18, 18)],
    [
      [
        [41, 1],
        [49, 2],
        [44, 9],
        [41, 1],
      ],
    ],
  ];
  const cells = [...clipToCells(land, 4)];
  const byName = new Map(cells.map((cell) => [cell.name, cell]));
  let checked = 0;
  for (let lon = 0.5; lon < 60; lon += 1) {
    for (let lat = 0.5; lat < 40; lat += 1) {
      const [column, row] = [lon + 180, lat + 90].map((v) => Math.floor(v / LAND_CELL_DEG));
      const name = `${column}_${row}`;
      const cell = byName.get(name);
      assert.equal(
        cell ? contains(cell.polygons, lon, lat) : false,
        contains(land, lon, lat),
        `${lon} ${lat}`,
      );
      checked += 1;
    }
  }
  assert.equal(checked, 60 * 40);
  assert.equal(byName.get("20_10")?.solid, true, "20° to 30° E, 10° to 20° N is all land");
  assert.equal(byName.get("19_10")?.solid, false, "the lake");
  assert.equal(byName.has("23_12"), false, "no land, no cell");
});

test("land across the antimeridian is cut there and on both sides afterwards", () => {
  const fiji = [
    [
      [179, -18],
      [-179, -18],
      [-179, -16],
      [179, -16],
      [179, -18],
    ],
  ];
  const cut = cutAtAntimeridian([fiji]);
  assert.equal(contains(cut, 179.5, -17), true);
  assert.equal(contains(cut, -179.5, -17), true);
  assert.equal(contains(cut, 0, -17), false, "no stripe around the world");
  assert.ok(cut.flat(2).every(([lon]) => lon >= -180 && lon <= 180));
});

test("a ring around the pole is closed along it", () => {
  const antarctica = [[]];
  for (let lon = -180; lon < 180; lon += 10) antarctica[0].push([lon, -70 + (lon % 20) / 10]);
  antarctica[0].push([-180, -70]);
  const cut = cutAtAntimeridian([antarctica]);
  for (const lon of [-175, -90, 0, 90, 175]) {
    assert.equal(contains(cut, lon, -80), true, `${lon}`);
    assert.equal(contains(cut, lon, -60), false, `${lon}`);
  }
});

test("rounding drops repeated points and rings that vanish", () => {
  const [kept, ...rest] = compact([[square(0, 0, 1, 1)], [square(5, 5, 5.0001, 5.0001)]], 2);
  assert.deepEqual(kept, [square(0, 0, 1, 1)]);
  assert.deepEqual(rest, []);
});
