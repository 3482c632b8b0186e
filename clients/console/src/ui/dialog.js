// One dialog at a time: it says what will happen, asks for what is needed, and shows what went wrong.
import { useEffect, useRef, useState } from "preact/hooks";
import { session } from "../api.js";
import { html } from "../html.js";
import { observable, useValue } from "../observable.js";
import { T } from "../texts.js";
import { Failure } from "./elements.js";

const shown = observable(null);
let count = 0;

// fields: { name, label, help, type, options, value, required }; run(values) may throw an ApiError
export function act(action) {
  count += 1;
  shown.set({ ...action, key: count });
}

// For a button whose dialog needs something first: where reading that fails, the dialog says so.
export const begin = (work) => async () => {
  try {
    await work();
  } catch (error) {
    const body = ({ close }) => html`<${Failure} error=${error} /><div class="buttons"><button type="button" class="primary" onClick=${close}>${T.close}</button></div>`;
    act({ title: T.notBegun, body });
  }
};

export const dismiss = () => shown.set(null);
session.subscribe(() => session.get().state === "out" && dismiss()); // the next person does not confirm what this one began

// Shows a dialog over the page; what it answers gives the focus back, which nothing behind an open dialog takes.
export function modal(dialog) {
  const before = document.activeElement;
  dialog.showModal();
  return () => {
    dialog.close();
    if (before && before.focus) before.focus();
  };
}

export function Dialog() {
  const action = useValue(shown);
  return action ? html`<${Open} key=${action.key} action=${action} />` : null;
}

function Open({ action }) {
  const dialog = useRef(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(null);
  useEffect(() => modal(dialog.current), []);
  const close = () => {
    if (shown.get() === action) dismiss();
    if (action.closed) action.closed();
  };
  const submit = async (event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      const answer = await action.run(values(event.target, action.fields || []));
      if (shown.get() === action) dismiss();
      if (action.done) action.done(answer);
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };
  const Body = action.body;
  return html`<dialog ref=${dialog} aria-labelledby="dialog-title" onCancel=${(event) => { event.preventDefault(); if (!action.stays) close(); }}>
    <h2 id="dialog-title">${action.title}</h2>
    ${action.says ? html`<p class="says">${action.says}</p>` : null}
    ${Body
      ? html`<${Body} close=${close} />`
      : html`<form onSubmit=${submit} method="dialog">
          ${(action.fields || []).map((field) => html`<${Field} key=${field.name} field=${field} />`)}
          <${Failure} error=${error} />
          <div class="buttons">
            <button type="button" onClick=${close}>${T.cancel}</button>
            <button type="submit" class=${action.danger ? "danger" : "primary"} disabled=${busy}>${action.go || action.title}</button>
          </div>
        </form>`}
  </dialog>`;
}

export function values(form, fields) {
  const found = {};
  for (const { name, type, options } of fields) {
    const input = form.elements.namedItem(name);
    if (type === "checks") found[name] = options.map(([value]) => value).filter((value) => form.elements.namedItem(`${name}:${value}`).checked);
    else if (type === "flag") found[name] = input.checked;
    else found[name] = type === "password" ? input.value : input.value.trim();
  }
  return found;
}

export function Field({ field }) {
  const { name, label, help, type = "text", options, value, required = type !== "lines", autocomplete = "off", inputmode, accept, minlength } = field;
  const id = `field-${name}`;
  const described = help ? `${id}-help` : undefined;
  const common = { id, name, required, "aria-describedby": described };
  let input = html`<input ...${common} type=${type} defaultValue=${value || ""} autocomplete=${autocomplete} inputmode=${inputmode} accept=${accept} minlength=${minlength} spellcheck=${false} />`;
  if (type === "checks") {
    return html`<fieldset class="field"><legend>${label}</legend>
      <div class="checks">${options.map(([key, text]) => html`<label><input type="checkbox" name=${`${name}:${key}`} defaultChecked=${(value || []).includes(key)} /> ${text}</label>`)}</div>
    </fieldset>`;
  }
  if (type === "flag") {
    return html`<div class="field"><label class="flag"><input id=${id} name=${name} type="checkbox" defaultChecked=${Boolean(value)} /> ${label}</label></div>`;
  }
  if (type === "lines") input = html`<textarea ...${common} rows="3" defaultValue=${value || ""} autocomplete="off" autocapitalize="none" spellcheck=${false} />`;
  if (options) {
    input = html`<select ...${common}>${options.map(([key, text]) => html`<option value=${key} selected=${key === value}>${text}</option>`)}</select>`;
  }
  return html`<div class="field"><label for=${id}>${label}</label>${input}${help ? html`<p id=${described} class="soft small">${help}</p>` : null}</div>`;
}

export function Action({ action, primary, ...more }) {
  return html`<button type="button" class=${primary ? "primary" : action.danger ? "quiet danger" : "quiet"} onClick=${(event) => { event.stopPropagation(); act(action); }} ...${more}>${action.label || action.title}</button>`;
}
