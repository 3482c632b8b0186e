"use strict";
// Swagger UI's dark theme is a class on the root element. Set before the page is drawn, so that nothing flashes.
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
follow();
dark.addEventListener("change", follow);

// Swagger UI resolves the references of what is opened, and first reads the whole document for it, each time: seconds. It
// gets only the part that is opened, and what that refers to.
function part(spec, path) {
  const found = { ...spec, paths: {}, webhooks: {}, components: {} };
  const taken = new Set();
  const take = (keys) => {
    const place = keys.join("\n");
    const value = keys.reduce((at, key) => at && at[key], spec);
    if (value === undefined || taken.has(place)) return;
    taken.add(place);
    const last = keys.length - 1;
    const into = keys.slice(0, last).reduce((at, key) => (at[key] ??= {}), found);
    into[keys[last]] = value;
    JSON.stringify(value, (_, text) => {
      if (typeof text === "string" && text.startsWith("#/components/")) take(text.split("/").slice(1, 4));
      return text;
    });
  };
  take(path[0] === "components" ? path.slice(0, 3) : path.slice(0, 2));
  return found;
}

const Parts = ({ fn: { resolveSubtree } }) => ({
  fn: { resolveSubtree: (spec, path, options) => resolveSubtree(part(spec, path), path, options) },
});

document.addEventListener("DOMContentLoaded", () => {
  window.SwaggerUIBundle({
    url: "/openapi.json",
    dom_id: "#reference",
    deepLinking: true,
    displayRequestDuration: true,
    filter: true,
    validatorUrl: null, // would ask a third party
    plugins: [Parts],
    persistAuthorization: false, // a credential stays in the page's memory
  });
});
