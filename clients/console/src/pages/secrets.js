// Keys that come in and go out. A secret is in a field, in one request or answer, and in one dialog; it leaves them
// all when the dialog closes. It is never in an address, in storage or in a log.
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, get, post } from "../api.js";
import { html } from "../html.js";
import { go } from "../router.js";
import { T } from "../texts.js";
import { P } from "../texts_pages.js";
import { Field, act } from "../ui/dialog.js";
import { Failure } from "../ui/elements.js";
import { once } from "./account.js";

const K = P.secrets;
const LARGEST = 64 * 1024; // bytes of a keystore file

export async function importWallet(done) {
  const { items } = await get("/chains");
  const chains = items.map((one) => [one.name, one.name]);
  act({ title: K.import, says: K.importSays, stays: true, body: ({ close }) => html`<${Import} chains=${chains} close=${close} done=${done} />` });
}

const FIELDS = {
  private_key: [{ name: "private_key", label: K.privateKey, type: "password", help: K.privateKeyHelp }],
  mnemonic: [
    { name: "mnemonic", label: K.words, type: "lines", required: true, help: K.wordsHelp },
    { name: "derivation_path", label: K.path, required: false, help: K.pathHelp },
  ],
  keystore: [
    { name: "keystore", label: K.file, type: "file", accept: ".json,application/json", help: K.fileHelp },
    { name: "passphrase", label: K.passphrase, type: "password" },
  ],
};

function Import({ chains, close, done }) {
  const [kind, setKind] = useState("private_key");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(null);
  const form = useRef(null);
  useEffect(() => {
    const shown = form.current;
    return () => wipe(shown);
  }, []);
  const submit = async (event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      const { name, chain } = form.current.elements;
      const made = await post("/wallets/import", { name: name.value.trim(), chain: chain.value, ...(await given(kind, form.current.elements)) });
      wipe(form.current);
      close();
      if (done) done(made.wallet);
      else go(`wallets/${made.wallet.id}`);
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };
  const turn = (event) => {
    wipe(form.current);
    setError(null);
    setKind(event.target.value);
  };
  return html`<form ref=${form} onSubmit=${submit} method="dialog" autocomplete="off">
    <fieldset class="field"><legend>${K.kind}</legend>
      <div class="checks">${Object.keys(FIELDS).map((one) => html`<label><input type="radio" name="kind" value=${one} checked=${one === kind} onChange=${turn} /> ${K.kinds[one]}</label>`)}</div>
    </fieldset>
    ${FIELDS[kind].map((field) => html`<${Field} key=${field.name} field=${field} />`)}
    <${Field} field=${{ name: "name", label: P.wallets.name, value: K.name }} />
    <${Field} field=${{ name: "chain", label: P.wallets.chain, options: chains }} />
    <p class="notice">${K.warning}</p>
    <${Failure} error=${error} />
    <div class="buttons">
      <button type="button" onClick=${close}>${T.cancel}</button>
      <button type="submit" class="primary" disabled=${busy}>${K.importGo}</button>
    </div>
  </form>`;
}

async function given(kind, fields) {
  if (kind === "private_key") return { private_key: fields.private_key.value.trim() };
  if (kind === "keystore") return { keystore: await parsed(fields.keystore.files[0]), passphrase: fields.passphrase.value };
  const path = fields.derivation_path.value.trim();
  return { mnemonic: fields.mnemonic.value.trim().split(/\s+/).join(" ").toLowerCase(), ...(path ? { derivation_path: path } : {}) };
}

async function parsed(file) {
  try {
    if (file.size <= LARGEST) {
      const found = JSON.parse(await file.text());
      if (found && typeof found === "object" && !Array.isArray(found)) return found;
    }
  } catch {
    // told below
  }
  throw new ApiError(0, { message: K.fileWrong });
}

function wipe(form) {
  for (const field of form ? form.querySelectorAll("input[type=password], input[type=file], textarea") : []) field.value = "";
}

// The ways out, for the owner alone; the API asks for a fresh proof first.
export const exportFile = (wallet) => ({
  title: K.exportFile,
  says: K.exportFileSays,
  fields: [
    { name: "passphrase", label: K.newPassphrase, type: "password", help: K.newPassphraseHelp, autocomplete: "new-password", minlength: 8 },
    { name: "again", label: K.again, type: "password", autocomplete: "new-password" },
  ],
  run: async ({ passphrase, again }) => {
    if (passphrase !== again) throw new ApiError(0, { message: K.different });
    return shown((await post(`/wallets/${wallet.id}/export`, { format: "keystore", passphrase })).keystore);
  },
  done: (keystore) =>
    act({
      title: K.fileReady,
      says: K.fileReadySays,
      stays: true,
      body: ({ close }) => html`<div class="buttons"><button type="button" onClick=${close}>${T.close}</button>
        <button type="button" class="primary" onClick=${() => download(keystore, `${wallet.address}.json`)}>${K.download}</button></div>`,
    }),
});

export const exportKey = (wallet) => ({
  title: K.exportKey,
  says: K.exportKeySays,
  danger: true,
  run: async () => shown((await post(`/wallets/${wallet.id}/export`, { format: "private_key" })).private_key),
  done: (key) => once(K.privateKey, K.keyShown, key),
});

// A repeated request is answered without the secret.
function shown(secret) {
  if (secret) return secret;
  throw new ApiError(0, { message: K.lost });
}

function download(value, name) {
  const url = URL.createObjectURL(new Blob([JSON.stringify(value)], { type: "application/json" }));
  const leads = document.createElement("a");
  leads.href = url;
  leads.download = name;
  leads.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
