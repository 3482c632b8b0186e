// A wallet's policy: what holds, and a draft that is tried on what was sent before it is asked for.
import { useRef, useState } from "preact/hooks";
import { call, may } from "../api.js";
import { toUnits, units } from "../format.js";
import { html } from "../html.js";
import { go, link } from "../router.js";
import { isMine } from "../scope.js";
import { P } from "../texts_pages.js";
import { Field, act, values } from "../ui/dialog.js";
import { Facts, Failure, Head, Hex, Id, Loading, Status, Time } from "../ui/elements.js";
import { useLoad } from "../ui/load.js";
import { coins } from "./actions.js";
import { Plain } from "./orders.js";

const W = P.wallets;
const addresses = (list) => list.map((one) => html`<div><${Hex} value=${one} /></div>`);
const nativeOf = (policy) => policy.limits.find((one) => one.asset === "native") || {};

export function Policy({ policy }) {
  const native = nativeOf(policy);
  const tokens = policy.limits.filter((one) => one.asset !== "native");
  const rows = [
    policy.paused && [P.status, html`<b class="bad">${W.paused}</b>`],
    native.max_per_transaction && [W.perTransaction, coins(native.max_per_transaction)],
    native.max_per_day && [W.perDay, coins(native.max_per_day)],
    policy.max_fee_per_day !== null && [W.feePerDay, coins(policy.max_fee_per_day)],
    policy.approval_above !== null && [W.above, coins(policy.approval_above)],
    policy.allowed_recipients && [W.recipientsShort, addresses(policy.allowed_recipients)],
    policy.allowed_contracts && [W.contractsShort, addresses(policy.allowed_contracts)],
    policy.allowed_selectors && [W.selectorsShort, policy.allowed_selectors.join(", ")],
    ...tokens.map((one) => [html`${W.tokenLimit} <${Hex} value=${one.asset} />`, `${one.max_per_transaction ?? "–"} · ${one.max_per_day ?? "–"}`]),
  ].filter(Boolean);
  return html`${rows.length ? html`<${Facts} rows=${rows} />` : html`<p class="soft">${W.policyNone}</p>`}
    ${policy.pending ? html`<p class="notice">${W.policyPending} <${Time} at=${policy.pending.holds_from} />.</p>` : null}`;
}

const coin = (base) => (base ? coins(base) : "");
const lines = (list) => (list || []).join("\n");

const fieldsOf = (policy) => [
  { name: "most", label: W.perTransaction, value: coin(nativeOf(policy).max_per_transaction), required: false, inputmode: "decimal" },
  { name: "day", label: W.perDay, value: coin(nativeOf(policy).max_per_day), required: false, inputmode: "decimal" },
  { name: "fees", label: W.feePerDay, value: coin(policy.max_fee_per_day), required: false, inputmode: "decimal" },
  { name: "above", label: W.above, value: coin(policy.approval_above), required: false, inputmode: "decimal" },
  { name: "recipients", label: W.recipients, type: "lines", value: lines(policy.allowed_recipients) },
  { name: "contracts", label: W.contracts, type: "lines", value: lines(policy.allowed_contracts) },
  { name: "selectors", label: W.selectors, type: "lines", value: lines(policy.allowed_selectors) },
  { name: "paused", label: W.paused, type: "flag", value: policy.paused },
];

// What PUT takes. An empty list of the form is no list: everything is allowed.
function drafted(policy, { most, day, fees, above, recipients, contracts, selectors, paused }) {
  const { wallet_id: id, pending, version, updated_at: at, ...rules } = policy;
  const base = (text) => (text ? toUnits(text, 18) || text : null);
  const list = (text) => (text.trim() ? text.split(/\s+/).filter(Boolean) : null);
  const others = rules.limits.filter((one) => one.asset !== "native");
  const native = { asset: "native", max_per_transaction: base(most), max_per_day: base(day) };
  return {
    ...rules,
    limits: most || day ? [native, ...others] : others,
    max_fee_per_day: base(fees),
    approval_above: base(above),
    allowed_recipients: list(recipients),
    allowed_contracts: list(contracts),
    allowed_selectors: list(selectors),
    paused,
  };
}

export function PolicyDraft({ id }) {
  const { data: policy, error } = useLoad(`/wallets/${id}/policy`);
  const { data: wallet } = useLoad(`/wallets/${id}`);
  if (error && !policy) return html`<${Failure} error=${error} />`;
  if (!policy || !wallet) return html`<${Loading} />`;
  return html`<${Draft} policy=${policy} wallet=${wallet} />`;
}

function Draft({ policy, wallet }) {
  const form = useRef(null);
  const fields = fieldsOf(policy);
  const [state, setState] = useState({ busy: false, result: null, error: null });
  const draft = () => drafted(policy, values(form.current, fields));
  const mine = isMine(wallet) && may("wallet:write");
  const attempt = async (event) => {
    event.preventDefault();
    setState({ busy: true, result: null, error: null });
    try {
      setState({ busy: false, result: await call("POST", `/wallets/${wallet.id}/policy/replay`, { body: draft() }), error: null });
    } catch (error) {
      setState({ busy: false, result: null, error });
    }
  };
  const ask = () => {
    const body = draft();
    act({
      title: W.policyEdit,
      says: W.policySays,
      run: () => call("PUT", `/wallets/${wallet.id}/policy`, { body, version: policy.version || undefined }),
      done: () => go(`wallets/${wallet.id}`),
    });
  };
  return html`<${Head} title=${W.draft} lead=${W.draftLead} crumb=${html`<a href=${link(`wallets/${wallet.id}`)}>${wallet.name}</a>`} />
    <div class="drafting">
      <form class="card draft" ref=${form} onSubmit=${attempt}>
        ${fields.map((field) => html`<${Field} key=${field.name} field=${field} />`)}
        <div class="buttons">
          <button type="submit" class=${mine ? "" : "primary"} disabled=${state.busy}>${W.policyTest}</button>
          ${mine ? html`<button type="button" class="primary" onClick=${ask}>${W.policyUse}</button>` : null}
        </div>
      </form>
      <section aria-live="polite"><h2>${W.replay}</h2>
        <${Failure} error=${state.error} />
        ${state.busy ? html`<${Loading} />` : state.result ? html`<${Replay} result=${state.result} />` : html`<p class="soft">${W.replayEmpty}</p>`}
      </section>
    </div>`;
}

function Replay({ result }) {
  const { checked, refused, for_approval: held, complete, items } = result;
  const why = (one) => (one.outcome === "approval" ? W.waits : `${W.rules[one.rule] || one.rule}${one.limit ? ` (${bound(one)})` : ""}`);
  return html`<p class=${refused || held ? "notice" : "notice good"} role="status">${W.replayed(checked, refused, held)}</p>
    ${complete ? null : html`<p class="soft small">${W.replayPart}</p>`}
    ${items.length ? html`<${Plain} label=${W.replay} columns=${[W.verdict, W.why, P.transactions.to, P.heads.id, P.created]}
      rows=${items.map((one) => [html`<${Status} value=${one.outcome === "approval" ? "held" : "refused"} />`, html`<span class="small">${why(one)}</span>`, html`<${Hex} value=${one.to} />`, html`<${Id} id=${one.transaction_id} />`, html`<${Time} at=${one.created_at} />`])} />` : null}`;
}

const bound = ({ limit, asset }) => (["native", "fees"].includes(asset) ? units(limit, 18) : limit);
