/** The client. What it does beyond the generated operations stands here: signing in and out, waiting. */

import { Api, type Body } from "./calls.js";
import { Resources } from "./resources.js";
import type { components } from "./schema.js";
import { RETRIES, type Retries, type Tokens, Transport } from "./transport.js";
import { Waits } from "./waiting.js";

export interface ClientOptions {
  /** Where the product is, such as https://wallet.example.com */
  baseUrl: string;
  /** Of a program. Never in a browser: whoever opens the page could read it. */
  apiKey?: string;
  /** Of a person, as `signIn` gives them; they are renewed by themselves. */
  token?: string;
  refreshToken?: string;
  /** Hears of each new pair; the old refresh token is worthless from then on, so keep the new one. */
  onTokens?: (tokens: Tokens) => void | Promise<void>;
  /** Milliseconds for a whole call, with its repetitions; each call may have its own. */
  timeoutMs?: number;
  /** How often and how long; `{ attempts: 1 }` repeats nothing. */
  retries?: Partial<Retries>;
  /** Another fetch, for proxies or tests. */
  fetch?: (request: Request) => Promise<Response>;
}

export class WalletClient extends Resources {
  readonly wait: Waits;
  readonly transport: Transport;

  constructor(options: ClientOptions) {
    const transport = new Transport({
      baseUrl: options.baseUrl.replace(/\/+$/, ""),
      credentials: { apiKey: options.apiKey, token: options.token, refreshToken: options.refreshToken },
      timeoutMs: options.timeoutMs ?? 60_000,
      retries: { ...RETRIES, ...options.retries },
      fetch: options.fetch ?? ((request) => fetch(request)),
      onTokens: options.onTokens,
    });
    super(new Api(transport));
    this.transport = transport;
    this.wait = new Waits(this);
  }

  /** openapi-fetch with the same credentials and repetitions: `http.GET("/api/v1/orders/{order_id}", …)`. */
  get http(): Api["http"] {
    return this.api.http;
  }

  /** Register, and sign in. */
  async signUp(email: string, password: string): Promise<components["schemas"]["User"]> {
    const user = await this.auth.register({ email, password });
    await this.signIn(email, password);
    return user;
  }

  /** From now on, call as this person; `otp` or `passkey` where a second factor is asked for. */
  async signIn(
    email: string,
    password: string,
    secondFactor: Omit<Body<"login_user">, "email" | "password"> = {},
  ): Promise<Tokens> {
    const tokens = await this.auth.login({ email, password, ...secondFactor });
    await this.transport.replace(tokens);
    return tokens;
  }

  /** End the sign-in, here and there. */
  async signOut(): Promise<void> {
    await this.auth.logout();
    this.transport.credentials.token = undefined;
    this.transport.credentials.refreshToken = undefined;
  }
}
