// Step-up: what is refused without a fresh proof is asked again after one.
import { call, onProof, post, proven, session, signIn } from "../api.js";
import { html } from "../html.js";
import { T } from "../texts.js";
import { observable, useValue } from "../observable.js";
import { useEffect, useRef, useState } from "preact/hooks";
import { Failure } from "./elements.js";
import { Field, modal } from "./dialog.js";
import { assertion } from "./passkeys.js";

const asked = observable(null);
onProof((kind) => new Promise((answer) => asked.set({ kind, answer })));

export function Prove() {
  const question = useValue(asked);
  return question ? html`<${Ask} question=${question} />` : null;
}

function Ask({ question }) {
  const dialog = useRef(null);
  const [error, setError] = useState(null);
  useEffect(() => modal(dialog.current), []);
  const end = (done) => {
    asked.set(null);
    question.answer(done);
  };
  const attempt = async (work) => {
    try {
      await work();
      end(true);
    } catch (failure) {
      setError(failure);
    }
  };
  const again = question.kind === "sign_in";
  const submit = (event) => {
    event.preventDefault();
    const value = event.target.elements.proof.value;
    attempt(async () => {
      if (again) await signIn("/auth/login", { email: session.get().me.email, password: value });
      else proven(await call("POST", "/auth/totp/verify", { body: { code: value.trim() }, proven: true }));
    });
  };
  const passkey = () =>
    attempt(async () => {
      const { options } = await post("/auth/passkeys/challenge");
      proven(await post("/auth/passkeys/verify", { credential: await assertion(options) }, { proven: true }));
    });
  const field = again
    ? { name: "proof", label: T.sign.password, type: "password", autocomplete: "current-password" }
    : { name: "proof", label: T.sign.code, help: T.sign.codeHelp, autocomplete: "one-time-code" };
  return html`<dialog ref=${dialog} aria-labelledby="prove-title" onCancel=${(event) => { event.preventDefault(); end(false); }}>
    <h2 id="prove-title">${T.prove.title}</h2>
    <p class="says">${T.prove.says}</p>
    <form onSubmit=${submit}>
      <${Field} field=${field} />
      <${Failure} error=${error} />
      <div class="buttons">
        <button type="button" onClick=${() => end(false)}>${T.cancel}</button>
        ${again ? null : html`<button type="button" onClick=${passkey}>${T.sign.passkey}</button>`}
        <button type="submit" class="primary">${T.prove.go}</button>
      </div>
    </form>
  </dialog>`;
}
