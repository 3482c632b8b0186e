/** Wait for a state of a resource: poll it repeatedly, always in its newest version. */

import type { Answer, ReadOptions } from "./calls.js";
import { EndedOtherwise, WaitTimeout } from "./errors.js";
import type { Resources } from "./resources.js";
import { sleep, within } from "./transport.js";

export interface WaitOptions {
  /** Milliseconds after which WaitTimeout is thrown: by default an hour for what must be final, otherwise five minutes. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

const FIRST_MS = 200;
const LONGEST_MS = 2000;
const LONG_MS = 300_000;
/** Networks take a quarter of an hour and more until a block is final. */
const FINAL_MS = 3_600_000;

interface HasStatus {
  id: string;
  status: string;
  reason?: string | null;
  error?: unknown;
}

/** `wallet.wait`: each method returns the resource once it has the expected state. Throws EndedOtherwise or WaitTimeout. */
export class Waits {
  constructor(private readonly wallet: Resources) {}

  /** Wait until orders can reserve from the supply. */
  supplyActive(id: string, options: WaitOptions = {}): Promise<Answer<"get_supply">> {
    const still = ["pending", "paused", "exhausted"];
    return until("supply", (read) => this.wallet.supplies.get(id, read), reached<Answer<"get_supply">>("active", still), options);
  }

  /** Wait until the order is paid and the payment is final. */
  orderCompleted(id: string, options: WaitOptions = {}): Promise<Answer<"get_order">> {
    const still = ["open", "claimed", "processing"];
    const completed = reached<Answer<"get_order">>("completed", still);
    return until("order", (read) => this.wallet.orders.get(id, read), completed, options, FINAL_MS);
  }

  /** Wait until the claim's payment is final. */
  claimProcessed(id: string, options: WaitOptions = {}): Promise<Answer<"get_claim">> {
    const still = ["claimed", "processing"];
    const processed = reached<Answer<"get_claim">>("processed", still);
    return until("claim", (read) => this.wallet.claims.get(id, read), processed, options, FINAL_MS);
  }

  /** Wait until the transaction succeeded at its chain's depth; only a deep reorganisation can still undo it. */
  transactionConfirmed(id: string, options: WaitOptions = {}): Promise<Answer<"get_transaction">> {
    return until("transaction", (read) => this.wallet.transactions.get(id, read), confirmed, options);
  }

  /** Wait until the transaction is final. */
  transactionFinal(id: string, options: WaitOptions = {}): Promise<Answer<"get_transaction">> {
    const final = (seen: Answer<"get_transaction">) => confirmed(seen) && seen.finalized;
    return until("transaction", (read) => this.wallet.transactions.get(id, read), final, options, FINAL_MS);
  }

  /** Wait until the contract's code is on chain. */
  contractDeployed(id: string, options: WaitOptions = {}): Promise<Answer<"get_contract">> {
    const done = reached<Answer<"get_contract">>("deployed", ["deploying"]);
    return until("contract", (read) => this.wallet.contracts.get(id, read), done, options);
  }
}

const confirmed = reached<Answer<"get_transaction">>("confirmed", ["queued", "submitted", "mined"]);

function reached<T extends HasStatus>(wanted: string, still: string[]): (seen: T) => boolean {
  return (seen) => {
    if (seen.status === wanted) return true;
    if (still.includes(seen.status)) return false;
    const why = seen.reason ?? (seen.error ? JSON.stringify(seen.error) : "");
    throw new EndedOtherwise(`${seen.id} is ${seen.status}${why ? `: ${why}` : ""}`, seen);
  };
}

async function until<T>(
  what: string,
  look: (options: ReadOptions) => Promise<T>,
  done: (seen: T) => boolean,
  { timeoutMs, signal }: WaitOptions,
  usual = LONG_MS,
): Promise<T> {
  const limit = timeoutMs ?? usual;
  const end = Date.now() + limit;
  const last: { seen?: T; over?: AbortSignal } = {};
  const poll = async (over: AbortSignal): Promise<T> => {
    last.over = over;
    for (let pause = FIRST_MS; ; pause = Math.min(pause * 1.5, LONGEST_MS)) {
      const seen = await look({ fresh: true, signal: over });
      if (done(seen)) return seen;
      last.seen = seen;
      await sleep(pause, over);
    }
  };
  try {
    return await within(end, signal, poll);
  } catch (error) {
    if (signal?.aborted || !last.over?.aborted) throw error;
    throw new WaitTimeout(`the ${what} did not reach the expected state within ${limit} ms`, last.seen);
  }
}
