// A new wallet: its recovery words are shown once, asked for, and then gone.
import { useRef, useState } from "preact/hooks";
import { get, post } from "../api.js";
import { html } from "../html.js";
import { go } from "../router.js";
import { T } from "../texts.js";
import { P } from "../texts_pages.js";
import { act } from "../ui/dialog.js";

const W = P.wallets;

export async function makeWallet(done, { says = W.makeSays, on = null } = {}) {
  const { items } = await get("/chains");
  act({
    title: W.make,
    says,
    fields: [
      { name: "name", label: W.name, value: W.main },
      { name: "chain", label: W.chain, options: items.filter((one) => !on || one.name === on).map((one) => [one.name, one.name]) },
    ],
    run: (values) => post("/wallets", { ...values, type: "hd" }),
    done: (made) => showWords(made.mnemonic, () => (done ? done(made.wallet) : go(`wallets/${made.wallet.id}`))),
  });
}

// Goes on with one's wallets (of a chain); somebody who has none makes one first.
export async function withWallets(goOn, on = null) {
  const wallets = (await get(`/wallets?limit=100${on ? `&chain=${on}` : ""}`)).items;
  if (wallets.length) return goOn(wallets);
  return makeWallet(() => withWallets(goOn, on), { says: W.noneSays(on), on });
}

function showWords(mnemonic, done) {
  const Body = mnemonic ? Words : Lost;
  const words = mnemonic ? mnemonic.split(" ") : [];
  const body = ({ close }) => html`<${Body} words=${words} close=${() => { close(); done(); }} />`;
  return act({ title: W.wordsTitle, says: mnemonic ? W.wordsSays : "", stays: true, body });
}

// A repeated request is answered without the words.
const Lost = ({ close }) =>
  html`<p class="notice" role="alert">${W.wordsLost}</p><div class="buttons"><button type="button" class="primary" onClick=${close}>${W.wordsNext}</button></div>`;

function Words({ words, close }) {
  const [asking, setAsking] = useState(false);
  const [wrong, setWrong] = useState(false);
  const chosen = useRef(picked(words.length));
  const check = (event) => {
    event.preventDefault();
    const form = event.target.elements;
    if (chosen.current.every((at) => form[`word-${at}`].value.trim().toLowerCase() === words[at])) close();
    else setWrong(true);
  };
  if (!asking) {
    return html`<ol class="words">${words.map((word) => html`<li>${word}</li>`)}</ol>
      <div class="buttons"><button type="button" class="primary" onClick=${() => setAsking(true)}>${W.wordsDone}</button></div>`;
  }
  return html`<form onSubmit=${check}>
    <p>${W.wordsAsk}</p>
    ${chosen.current.map((at) => html`<div class="field"><label for=${`word-${at}`}>${W.wordsCheck(at + 1)}</label>
      <input id=${`word-${at}`} name=${`word-${at}`} autocomplete="off" spellcheck=${false} autocapitalize="none" required /></div>`)}
    ${wrong ? html`<div class="failure" role="alert">${W.wordsWrong}</div>` : null}
    <div class="buttons">
      <button type="button" onClick=${() => { setAsking(false); setWrong(false); }}>${T.back}</button>
      <button type="submit" class="primary">${W.wordsNext}</button>
    </div>
  </form>`;
}

function picked(length) {
  const [first, second] = crypto.getRandomValues(new Uint32Array(2));
  const low = first % length;
  return [low, (low + 1 + (second % (length - 1))) % length].sort((a, b) => a - b);
}
