/** The client, with everything beyond the generated operations: signing in and out, waiting. */

import { Api, type Body } from "./calls.js";
import { Resources } from "./resources.js";
import type { components } from "./schema.js";
import { RETRIES, type Retries, type Tokens, Transport } from "./transport.js";
import { Waits } from "./waiting.js";

export interface ClientOptions {
  /** The product's address, such as https://wallet.example.com */
  baseUrl: string;
  /** The API key of a program. Never use one in a browser, where every visitor could read it. */
  apiKey?: string;
  /** The tokens of a user, as returned by `signIn`; the client renews them automatically. */
  token?: string;
  refreshToken?: string;
  /** Called with each new pair. The old refresh token is then invalid, so store the new one. */
  onTokens?: (tokens: Tokens) => void | Promise<void>;
  /** Milliseconds for a whole call, including its repetitions; each call may have its own. */
  timeoutMs?: number;
  /** The number of attempts and their pauses; `{ attempts: 1 }` repeats nothing. */
  retries?: Partial<Retries>;
  /** A replacement for `fetch`, for proxies or tests. */
  fetch?: (request: Request) => Promise<Response>;
}

export class WalletClient extends Resources {
  readonly wait: Waits;
  readonly transport: Transport;

  constructor(options: ClientOptions) {
    const transport = new Transport({
      baseUrl: options.baseUrl.replace(/\/+$/, "").replace(/\/api\/v1$/, ""), // all routes begin with /api/v1
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

  /** openapi-fetch with the same credentials and retries: `http.GET("/api/v1/orders/{order_id}", …)`. */
  get http(): Api["http"] {
    return this.api.http;
  }

  /** Register and sign in. */
  async signUp(email: string, password: string): Promise<components["schemas"]["User"]> {
    const user = await this.auth.register({ email, password });
    await this.signIn(email, password);
    return user;
  }

  /** Sign in, and make later calls as this user; pass `otp` or `passkey` if a second factor is required. */
  async signIn(
    email: string,
    password: string,
    secondFactor: Omit<Body<"login_user">, "email" | "password"> = {},
  ): Promise<Tokens> {
    const tokens = await this.auth.login({ email, password, ...secondFactor });
    await this.transport.replace(tokens);
    return tokens;
  }

  /** End the sign-in on the server, and remove the tokens here, even if the server refuses or does not answer. */
  async signOut(): Promise<void> {
    try {
      await this.auth.logout();
    } finally {
      this.transport.credentials.token = undefined;
      this.transport.credentials.refreshToken = undefined;
    }
  }
}
