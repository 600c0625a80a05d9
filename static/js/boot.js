/* Runs before the first paint, as a classic script: theme and language, so that the page does not
   flash in the wrong one. Everything else waits for main.js. */
(() => {
  const root = document.documentElement;
  const light = window.matchMedia("(prefers-color-scheme: light)").matches;
  root.dataset.theme = light ? "light" : "dark";
  try {
    const settings = JSON.parse(localStorage.getItem("tracker.settings") ?? "{}");
    if (settings.theme === "light" || settings.theme === "dark")
      root.dataset.theme = settings.theme;
    if (settings.language) root.lang = settings.language;
  } catch {
    // Storage may be forbidden: the defaults do.
  }
})();
