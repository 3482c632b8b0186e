// The pages that mails lead to: a new password, and the proof of an address. The token comes behind the address's #,
// which no server sees; it leaves the address and the browser's history as soon as it is read.
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { call, session, signOut } from "../api.js";
import { html } from "../html.js";
import { useValue } from "../observable.js";
import { link, route, taken } from "../router.js";
import { T } from "../texts.js";
import { Field } from "../ui/dialog.js";
import { Failure } from "../ui/elements.js";
import { Gate } from "../ui/gate.js";

const R = T.recover;
const toSignIn = () => html`<a href=${link("")}>${R.toSignIn}</a>`;

export const Reset = () => html`<${WithToken} page=${NewPassword} without=${Forgotten} />`;
export const Confirm = () => html`<${WithToken} page=${Address} without=${Forgotten} />`;

function WithToken({ page: Page, without: Without }) {
  const { path } = useValue(route);
  const token = useRef("");
  const links = useRef(0);
  if (path[1]) {
    token.current = path[1];
    links.current += 1;
  }
  useLayoutEffect(() => {
    if (path[1]) taken(); // before anybody sees the page
  }, [path[1]]);
  return token.current ? html`<${Page} key=${links.current} token=${token} />` : html`<${Without} />`;
}

// Sends the form once at a time, and shows what went wrong.
function useForm(send) {
  const [state, setState] = useState({ busy: false, error: null, done: null });
  const submit = async (event) => {
    event.preventDefault();
    const fields = event.target.elements;
    setState({ busy: true, error: null, done: null });
    try {
      setState({ busy: false, error: null, done: await send(fields) });
    } catch (error) {
      setState({ busy: false, error, done: null });
    }
  };
  return { ...state, submit };
}

function Forgotten() {
  const { busy, error, done, submit } = useForm(async (fields) => {
    const email = fields.email.value.trim();
    await call("POST", "/auth/password/reset-request", { body: { email }, open: true });
    return email;
  });
  if (done) return html`<${Gate} title=${R.sentTitle} after=${toSignIn()}><p role="status">${R.sent(done)}</p><p class="soft small">${R.sentHelp}</p><//>`;
  return html`<${Gate} title=${R.forgotten} after=${toSignIn()}>
    <p class="says">${R.forgottenSays}</p>
    <form onSubmit=${submit}>
      <${Field} field=${{ name: "email", label: T.sign.email, type: "email", autocomplete: "username" }} />
      <${Failure} error=${error} />
      <button type="submit" class="primary wide" disabled=${busy}>${R.send}</button>
    </form>
  <//>`;
}

function NewPassword({ token }) {
  const { busy, error, done, submit } = useForm(async ({ password }) => {
    const user = await call("POST", "/auth/password/reset", { body: { token: token.current, password: password.value }, open: true });
    return over(user, token);
  });
  if (done) return html`<${Done} title=${R.changed} says=${R.changedSays(done.email)} />`;
  return html`<${Gate} title=${R.choose} after=${html`<a href=${link("reset")} onClick=${() => { token.current = ""; }}>${R.again}</a>`}>
    <p class="says">${R.chooseSays}</p>
    <form onSubmit=${submit}>
      <${Field} field=${{ name: "password", label: R.newPassword, type: "password", help: T.sign.newPassword, autocomplete: "new-password" }} />
      <${Failure} error=${error} />
      <button type="submit" class="primary wide" disabled=${busy}>${R.set}</button>
    </form>
  <//>`;
}

function Address({ token }) {
  const { busy, error, done, submit } = useForm(async ({ password }) => {
    const user = await call("POST", "/auth/email/verify", { body: { token: token.current, password: password.value }, open: true });
    return over(user, token);
  });
  if (done) return html`<${Done} title=${R.confirmed} says=${R.confirmedSays(done.email)} />`;
  return html`<${Gate} title=${R.confirm} after=${html`<a href=${link("reset")}>${T.sign.forgotten}</a>`}>
    <p class="says">${R.confirmSays}</p>
    <form onSubmit=${submit}>
      <${Field} field=${{ name: "password", label: T.sign.password, type: "password", autocomplete: "current-password" }} />
      <${Failure} error=${error} />
      <button type="submit" class="primary wide" disabled=${busy}>${R.confirmGo}</button>
    </form>
  <//>`;
}

// The account's earlier sign-ins have ended: also the one of this page, if it is of this account.
async function over(user, token) {
  token.current = "used";
  const { me } = session.get();
  if (me && me.id === user.id) await signOut();
  return user;
}

const Done = ({ title, says }) =>
  html`<${Gate} title=${title}><p role="status">${says}</p><p><a class="button wide" href=${link("")}>${T.sign.in}</a></p><//>`;
