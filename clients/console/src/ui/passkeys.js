// Passkeys as the browser's own JSON.
const options = (given) => given.publicKey || given;

export async function assertion(given) {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options(given));
  return (await navigator.credentials.get({ publicKey })).toJSON();
}

export async function registration(given) {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options(given));
  return (await navigator.credentials.create({ publicKey })).toJSON();
}
