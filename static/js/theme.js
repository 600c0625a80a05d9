/**
 * Light and dark: as the system says until the viewer chooses.
 */

/** @typedef {import("./desk.js").Desk} Desk */

const SYSTEM_DARK = window.matchMedia("(prefers-color-scheme: dark)");

/** The theme that is on the screen. @param {Desk} desk @returns {"light" | "dark"} */
export function effectiveTheme(desk) {
  return desk.theme.value ?? (SYSTEM_DARK.matches ? "dark" : "light");
}

/**
 * @param {Desk} desk
 * @param {() => void} onChange after the page has the new colours
 * @returns {() => void} changes to the other theme
 */
export function setUpTheme(desk, onChange) {
  const apply = () => {
    const theme = effectiveTheme(desk);
    document.documentElement.dataset.theme = theme;
    const colour = getComputedStyle(document.documentElement).getPropertyValue("--surface").trim();
    document.querySelector('meta[name="theme-color"]')?.setAttribute("content", colour);
    onChange();
  };
  desk.theme.bind(apply);
  SYSTEM_DARK.addEventListener("change", apply);
  return () => {
    desk.theme.value = effectiveTheme(desk) === "dark" ? "light" : "dark";
  };
}
