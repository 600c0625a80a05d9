/**
 * The pointer over the map: which marker lies under it, the tooltip of that marker, and selecting
 * by click or tap. Markers move under a pointer at rest as well, so it is asked at every draw.
 */
import { Tooltip } from "./tooltip.js";

/** How far from a marker's centre a pointer still means it, px. */
const REACH_PX = { mouse: 14, touch: 24 };

export class Pointer {
  /** @type {{x: number, y: number} | null} */ #at = null;
  #type = "mouse";
  #over = false;

  /**
   * @param {L.Map} map @param {import("./desk.js").Desk} desk
   * @param {import("./layer.js").VehicleLayer} layer @param {HTMLElement} tooltip
   * @param {() => void} onMove
   */
  constructor(map, desk, layer, tooltip, onMove) {
    this.map = map;
    this.desk = desk;
    this.layer = layer;
    this.tooltip = new Tooltip(desk, tooltip);
    const container = map.getContainer();
    for (const name of /** @type {const} */ (["pointerdown", "pointermove"])) {
      container.addEventListener(name, (event) => (this.#type = event.pointerType), true);
    }
    map.on("mousemove", (event) => {
      // After a touch browsers report a mouse that nobody moved.
      this.#at = this.#type === "touch" ? null : event.containerPoint;
      onMove();
    });
    map.on("mouseout dragstart", () => {
      this.#at = null;
      onMove();
    });
    map.on("click", (event) => {
      if (desk.replay.value) return;
      const { x, y } = event.containerPoint;
      const slot = layer.hit(x, y, this.#type === "touch" ? REACH_PX.touch : REACH_PX.mouse);
      if (slot >= 0) desk.select(desk.store.ids[slot]);
    });
  }

  /** Called after each draw. */
  update() {
    const slot =
      this.#at && !this.desk.replay.value
        ? this.layer.hit(this.#at.x, this.#at.y, REACH_PX.mouse)
        : -1;
    // A row of the list that is pointed at keeps its marker lit.
    if (this.#at || this.#over) this.desk.hovered.value = slot;
    this.#over = slot >= 0;
    this.map.getContainer().classList.toggle("map-hit", this.#over);
    if (this.#over) this.tooltip.show(slot, this.layer.pointOf(slot), this.map.getSize().x);
    else this.tooltip.hide();
  }
}
