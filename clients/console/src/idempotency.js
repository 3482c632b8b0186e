// Keys of POSTs. One whose outcome nobody knows keeps its key: who does the same again sends it again, and it takes
// effect once.
const pending = new Map(); // key by the digest of path and body, which may hold a secret

export async function withKey(path, body, send) {
  const request = await digest(`${path}\n${JSON.stringify(body)}`);
  const key = pending.get(request) || crypto.randomUUID();
  pending.set(request, key);
  try {
    const answer = await send(key);
    pending.delete(request);
    return answer;
  } catch (error) {
    if (refused(error.status)) pending.delete(request);
    throw error;
  }
}

// 401 and 429 come before the key is looked at: an attempt before them may have taken effect.
const refused = (status) => status >= 400 && status < 500 && status !== 401 && status !== 429;

async function digest(text) {
  const found = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return String.fromCharCode(...new Uint8Array(found));
}
