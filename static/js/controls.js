/**
 * The map's buttons, the phone's menu, the list's open and close, and the two switches of the bar.
 */
import { byId } from "./layout.js";

/** @typedef {import("./desk.js").Desk} Desk */

/**
 * @param {Desk} desk @param {import("./mapview.js").MapView} view
 * @param {{toggleTheme: () => void, toggleLanguage: () => void}} actions
 */
export function setUpControls(desk, view, { toggleTheme, toggleLanguage }) {
  byId("zoom-in").addEventListener("click", () => view.map.zoomIn());
  byId("zoom-out").addEventListener("click", () => view.map.zoomOut());
  byId("fit").addEventListener("click", () => view.camera.fitFleet());
  byId("theme").addEventListener("click", toggleTheme);
  byId("language").addEventListener("click", toggleLanguage);
  for (const name of /** @type {const} */ (["labels", "trails"])) {
    const button = byId(name);
    button.addEventListener("click", () => {
      desk[name].value = !desk[name].value;
    });
    desk[name].bind((on) => {
      button.setAttribute("aria-pressed", String(on));
      document.documentElement.classList.toggle(`${name}-on`, on);
    });
  }
  setUpMenu(byId("more"), byId("more-menu"));
  byId("resume").addEventListener("click", () => {
    desk.follow.value = "on";
  });
  desk.follow.bind((follow) => {
    byId("resume").hidden = follow !== "paused";
  });
  return { toggleDock: setUpDock(desk) };
}

/** @param {HTMLElement} button @param {HTMLElement} menu */
function setUpMenu(button, menu) {
  const open = (/** @type {boolean} */ isOpen) => {
    menu.hidden = !isOpen;
    button.setAttribute("aria-expanded", String(isOpen));
  };
  button.addEventListener("click", () => open(menu.hidden === true));
  document.addEventListener("pointerdown", (event) => {
    const inside =
      event.target instanceof Node &&
      (menu.contains(event.target) || button.contains(event.target));
    if (!inside) open(false);
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    open(false);
    button.focus();
    event.stopPropagation();
  });
  for (const item of /** @type {NodeListOf<HTMLElement>} */ (
    menu.querySelectorAll("[data-forwards]")
  )) {
    item.addEventListener("click", () => byId(item.dataset.forwards ?? "").click());
  }
}

/** @param {Desk} desk @returns {() => void} opens or closes the list */
function setUpDock(desk) {
  const toggle = () => {
    desk.dock.value = !desk.dock.value;
  };
  byId("dock-close").addEventListener("click", toggle);
  byId("dock-open").addEventListener("click", toggle);
  desk.dock.bind((open) => {
    document.documentElement.classList.toggle("dock-closed", !open);
    byId("dock-open").hidden = open;
  });
  return toggle;
}
