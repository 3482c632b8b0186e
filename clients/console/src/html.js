// Markup by tagged templates: no compiler, and what a page shows of others is always text.
import { Component, h, render } from "preact";
import htm from "htm";

export const html = htm.bind(h);
export { Component, render };
