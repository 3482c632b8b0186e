// The console: one page, drawn from its address and from what the API answers.
import "uplot/dist/uPlot.min.css";
import "./console.css";
import { resume, session } from "./api.js";
import { Component, html, render } from "./html.js";
import { useValue } from "./observable.js";
import { Account } from "./pages/account.js";
import { Audit, Reconciliation, User, Users } from "./pages/administer.js";
import { Claim, Claims } from "./pages/claims.js";
import { Contract, Contracts } from "./pages/contracts.js";
import { DeadLetters, Lanes, Nodes } from "./pages/operate.js";
import { Market, Order, Orders } from "./pages/orders.js";
import { Overview } from "./pages/overview.js";
import { PolicyDraft } from "./pages/policy.js";
import { Confirm, Reset } from "./pages/recover.js";
import { SignIn } from "./pages/sign_in.js";
import { Start } from "./pages/start.js";
import { Supplies, Supply } from "./pages/supplies.js";
import { Approvals, Transaction, Transactions } from "./pages/transactions.js";
import { Wallet, Wallets } from "./pages/wallets.js";
import { Webhook, Webhooks } from "./pages/webhooks.js";
import { route } from "./router.js";
import "./stream.js";
import { T } from "./texts.js";
import { Dialog } from "./ui/dialog.js";
import { Empty, Failure, Head, Loading } from "./ui/elements.js";
import { Prove } from "./ui/prove.js";
import { Shell, Trouble, home } from "./ui/shell.js";

const Settlements = () => html`<${Claims} settlements=${true} />`;
const PAGES = {
  start: Start,
  overview: Overview,
  orders: Orders,
  market: Market,
  claims: Claims,
  settlements: Settlements,
  supplies: Supplies,
  transactions: Transactions,
  approvals: Approvals,
  wallets: Wallets,
  contracts: Contracts,
  webhooks: Webhooks,
  lanes: Lanes,
  "dead-letters": DeadLetters,
  nodes: Nodes,
  users: Users,
  audit: Audit,
  reconciliation: Reconciliation,
  account: Account,
};
// An address may name anything, such as constructor.
const own = (pages, name) => (Object.hasOwn(pages, name) ? pages[name] : null);
const DETAILS = { orders: Order, claims: Claim, supplies: Supply, transactions: Transaction, wallets: Wallet, policy: PolicyDraft, contracts: Contract, users: User, webhooks: Webhook };

// An answer of another release may lack what a page draws: that page says so, the others go on.
class Drawn extends Component {
  componentDidCatch(error) {
    console.error(error);
    this.setState({ failed: true });
  }
  render({ children }, { failed }) {
    return failed ? html`<${Head} title=${T.console} /><${Failure} error=${{ message: T.errors.unknown }} again=${() => location.reload()} />` : children;
  }
}

const ID = /^[\w-]+$/; // nothing else becomes a part of a path of the API, such as ../

function Page() {
  const { path } = useValue(route);
  const name = path[0] || home();
  const Found = path[1] ? ID.test(path[1]) && own(DETAILS, name) : own(PAGES, name);
  if (!Found) return html`<${Head} title=${T.empty.title} /><${Empty} title=${name} text=${T.errors.NOT_FOUND} />`;
  const key = `${name}/${path[1] || ""}`;
  return html`<${Drawn} key=${key}><${Found} id=${path[1]} /><//>`;
}

// Pages that mails lead to; whoever is signed in sees them, too.
const OUTSIDE = { reset: Reset, confirm: Confirm };

function App() {
  const { state } = useValue(session);
  const { path } = useValue(route);
  const Outside = own(OUTSIDE, path[0]);
  if (state === "starting") return html`<main class="gate"><${Loading} /><${Trouble} /></main>`;
  if (Outside) return html`<${Outside} key=${path[0]} />`;
  return html`${state === "out" ? html`<${SignIn} />` : html`<${Shell}><${Page} /><//>`}<${Dialog} /><${Prove} />`;
}

render(html`<${App} />`, document.getElementById("console"));
resume();
