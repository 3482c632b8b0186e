// Step-up: what is refused without a fresh proof is asked again after one.
import { call, onProof, proven, session, signIn } from "../api.js";
import { html } from "../html.js";
import { T } from "../texts.js";
import { observable, useValue } from "../observable.js";
import { useEffect, useRef, useState } from "preact/hooks";
import { Failure } from "./elements.js";
import { Field, modal } from "./dialog.js";
import { assertion } from "./passkeys.js";
import { signedMessage } from "./siwe.js";

const asked = observable(null);
session.subscribe(() => session.get().state === "out" && answered(false));
onProof((kind) => new Promise((answer) => asked.set({ kind, answer })));

function answered(done) {
  const question = asked.get();
  asked.set(null);
  if (question) question.answer(done);
}

export function Prove() {
  const question = useValue(asked);
  return question ? html`<${Ask} question=${question} />` : null;
}

function Ask({ question }) {
  const dialog = useRef(null);
  const [error, setError] = useState(null);
  useEffect(() => modal(dialog.current), []);
  const attempt = async (work) => {
    try {
      await work();
      answered(true);
    } catch (failure) {
      setError(failure);
    }
  };
  const again = question.kind === "sign_in";
  const { email, address } = session.get().me;
  const byWallet = again && !email; // has no password
  const submit = (event) => {
    event.preventDefault();
    const value = event.target.elements.proof.value;
    attempt(async () => {
      if (again) await signIn("/auth/login", { email, password: value });
      else proven(await call("POST", "/auth/totp/verify", { body: { code: value.trim() }, proven: true }));
    });
  };
  const passkey = () =>
    attempt(async () => {
      const { options } = await call("POST", "/auth/passkeys/challenge", { body: {} });
      proven(await call("POST", "/auth/passkeys/verify", { body: { credential: await assertion(options) }, proven: true }));
    });
  const wallet = () => attempt(async () => signIn("/auth/siwe/verify", await signedMessage(address)));
  const field = again
    ? { name: "proof", label: T.sign.password, type: "password", autocomplete: "current-password" }
    : { name: "proof", label: T.sign.code, help: T.sign.codeHelp, autocomplete: "one-time-code" };
  return html`<dialog ref=${dialog} aria-labelledby="prove-title" onCancel=${(event) => { event.preventDefault(); answered(false); }}>
    <h2 id="prove-title">${T.prove.title}</h2>
    <p class="says">${T.prove.says}</p>
    <form onSubmit=${submit}>
      ${byWallet ? null : html`<${Field} field=${field} />`}
      <${Failure} error=${error} />
      <div class="buttons">
        <button type="button" onClick=${() => answered(false)}>${T.cancel}</button>
        ${again ? null : html`<button type="button" onClick=${passkey}>${T.sign.passkey}</button>`}
        ${byWallet
          ? html`<button type="button" class="primary" onClick=${wallet}>${T.prove.byWallet}</button>`
          : html`<button type="submit" class="primary">${T.prove.go}</button>`}
      </div>
    </form>
  </dialog>`;
}
