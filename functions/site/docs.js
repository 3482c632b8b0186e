"use strict";
// Swagger UI's dark theme is a class on the root element. Set before the page is drawn, so that nothing flashes.
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
follow();
dark.addEventListener("change", follow);

document.addEventListener("DOMContentLoaded", () => {
  window.SwaggerUIBundle({
    url: "/openapi.json",
    dom_id: "#reference",
    deepLinking: true,
    displayRequestDuration: true,
    filter: true,
    validatorUrl: null, // would ask a third party
    persistAuthorization: false, // a credential stays in the page's memory
  });
});
