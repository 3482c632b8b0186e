// EIP-4361, by whatever wallet the browser has (EIP-1193).
import { call } from "../api.js";
import { T } from "../texts.js";

// `only`: the address that has to sign.
export async function signedMessage(only) {
  const provider = window.ethereum;
  if (!provider) throw new Error(T.sign.noWallet);
  const [address] = await provider.request({ method: "eth_requestAccounts" });
  if (only && address.toLowerCase() !== only.toLowerCase()) throw new Error(T.prove.otherAddress(only));
  const { nonce } = await call("POST", "/auth/siwe/nonce", { open: true });
  const { items } = await call("GET", "/chains", { open: true });
  const chain = items.find((one) => one.default) || items[0];
  const message = [
    `${location.host} wants you to sign in with your Ethereum account:`,
    address,
    "",
    T.sign.statement,
    "",
    `URI: ${location.origin}`,
    "Version: 1",
    `Chain ID: ${chain.chain_id}`,
    `Nonce: ${nonce}`,
    `Issued At: ${new Date().toISOString()}`,
  ].join("\n");
  const hex = `0x${[...new TextEncoder().encode(message)].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  return { message, signature: await provider.request({ method: "personal_sign", params: [hex, address] }) };
}
