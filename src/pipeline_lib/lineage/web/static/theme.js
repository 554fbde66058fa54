// Inside Airflow, whose reader chose light or dark there, follow that choice; elsewhere the system's.
"use strict";
try {
  const chosen = window.self === window.top ? null : window.localStorage.getItem("theme");
  if (chosen === "dark" || chosen === "light") {
    document.documentElement.dataset.theme = chosen;
  }
} catch {
  // Storage may be closed to frames: the system's choice stays.
}
