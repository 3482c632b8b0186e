// The ways in: password with a second factor where there is one, and a wallet by SIWE.
import { useState } from "preact/hooks";
import { call, session, signIn } from "../api.js";
import { html } from "../html.js";
import { useValue } from "../observable.js";
import { link } from "../router.js";
import { T } from "../texts.js";
import { Failure } from "../ui/elements.js";
import { Field } from "../ui/dialog.js";
import { Gate } from "../ui/gate.js";
import { assertion } from "../ui/passkeys.js";
import { signedMessage } from "../ui/siwe.js";

const S = T.sign;

export function SignIn() {
  const { ended } = useValue(session);
  const [making, setMaking] = useState(false);
  const [second, setSecond] = useState(null); // { path, body, factors, passkey }
  const [error, setError] = useState(null);
  const [busy, setBusy] = useState(false);
  const enter = async (path, proof) => {
    setBusy(true);
    setError(null);
    let body = null;
    try {
      body = await proof; // of a wallet or a passkey, whose owner may decline
      await signIn(path, body);
    } catch (failure) {
      if (failure.code === "SECOND_FACTOR_REQUIRED") setSecond({ path, body, ...failure.data });
      else setError(failure);
    }
    setBusy(false);
  };
  const password = async (event) => {
    event.preventDefault();
    const form = event.target.elements;
    const body = { email: form.email.value.trim(), password: form.password.value };
    if (making) {
      setBusy(true);
      const failure = await call("POST", "/auth/register", { body, open: true }).then(() => null, (one) => one);
      setBusy(false);
      if (failure) return setError(failure);
    }
    return enter("/auth/login", body);
  };
  const wallet = () => enter("/auth/siwe/verify", signedMessage());
  const back = html`<button type="button" class="link" onClick=${() => { setError(null); setSecond(null); }}>${T.recover.toSignIn}</button>`;
  const other = html`${making ? S.haveOne : S.haveNone} <button type="button" class="link" onClick=${() => { setError(null); setMaking(!making); }}>${making ? S.in : S.up}</button>`;
  return html`<${Gate} title=${second ? S.second : making ? S.up : S.in} after=${second ? back : other}>
      ${ended ? html`<p class="notice" role="status">${S.ended}</p>` : null}
      ${second
        ? html`<${Second} second=${second} enter=${enter} busy=${busy} error=${error} />`
        : html`<form onSubmit=${password}>
            <${Field} field=${{ name: "email", label: S.email, type: "email", autocomplete: "username" }} />
            <${Field} field=${{ name: "password", label: S.password, type: "password", help: making ? S.newPassword : null, autocomplete: making ? "new-password" : "current-password" }} />
            <${Failure} error=${error} />
            <button type="submit" class="primary wide" disabled=${busy}>${making ? S.up : S.in}</button>
          </form>
          ${making ? null : html`<p class="forgotten"><a href=${link("reset")}>${S.forgotten}</a></p>`}
          <p class="or"><span>${S.or}</span></p>
          <button type="button" class="wide" disabled=${busy} onClick=${wallet}>${S.wallet}</button>`}
  <//>`;
}

function Second({ second, enter, busy, error }) {
  const submit = (event) => {
    event.preventDefault();
    enter(second.path, { ...second.body, otp: event.target.elements.code.value.trim() });
  };
  const passkey = () => enter(second.path, assertion(second.passkey).then((signed) => ({ ...second.body, passkey: signed })));
  const factors = second.factors || [];
  return html`<p class="soft">${S.secondLead}</p>
    <form onSubmit=${submit}>
      <${Field} field=${{ name: "code", label: S.code, help: S.codeHelp, autocomplete: "one-time-code", inputmode: "numeric" }} />
      <${Failure} error=${error} />
      <button type="submit" class="primary wide" disabled=${busy}>${S.in}</button>
    </form>
    ${factors.includes("passkey") && second.passkey ? html`<button type="button" class="wide" disabled=${busy} onClick=${passkey}>${S.passkey}</button>` : null}`;
}
