// Events as they happen: everybody's for operators, else one's own. EventSource cannot send a token, so the stream is read
// by fetch.
import { freshToken, may, session } from "./api.js";
import { observable } from "./observable.js";

export const live = observable("off"); // off, on, again
const listeners = new Set();
let running = null;
const SILENCE = 45_000; // milliseconds: the API sends something every 15 seconds, so this connection is dead

export function onEvent(listen) {
  listeners.add(listen);
  return () => listeners.delete(listen);
}

session.subscribe(() => {
  const wanted = session.get().state === "in";
  if (wanted && !running) start();
  if (!wanted && running) {
    running.abort();
    running = null;
    live.set("off");
  }
});

async function start() {
  const control = new AbortController();
  running = control;
  let last = "";
  let again = false;
  for (let wait = 1; !control.signal.aborted; wait = Math.min(30, wait * 2)) {
    try {
      const headers = { Authorization: `Bearer ${await freshToken()}` };
      if (last) headers["Last-Event-ID"] = last;
      const path = may("admin:read") ? "/api/v1/admin/events/stream" : "/api/v1/events/stream";
      const response = await fetch(path, { headers, signal: control.signal, cache: "no-store" });
      if (response.status === 400) last = ""; // too old to go on from: pages read anew what they show
      if (response.ok) {
        if (again) tell("{\"type\": \"stream.again\"}");
        again = true;
        live.set("on");
        wait = 0.5;
        for await (const event of events(response.body)) {
          last = event.id || last;
          if (event.data) tell(event.data);
        }
      }
    } catch {
      // told by `live`; it is tried again
    }
    if (control.signal.aborted) return;
    live.set("again");
    await new Promise((done) => setTimeout(done, wait * 1000));
  }
}

function tell(data) {
  try {
    const event = JSON.parse(data);
    for (const listen of [...listeners]) listen(event);
  } catch {
    // not an event of this release
  }
}

export async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await heard(reader);
    if (done) return;
    const pieces = (rest + value).split("\n\n");
    rest = pieces.pop();
    for (const piece of pieces) {
      const fields = {};
      for (const line of piece.split("\n")) {
        const at = line.indexOf(": ");
        if (at > 0) fields[line.slice(0, at)] = line.slice(at + 2);
      }
      yield fields;
    }
  }
}

async function heard(reader) {
  const dead = setTimeout(() => reader.cancel(), SILENCE);
  try {
    return await reader.read();
  } finally {
    clearTimeout(dead);
  }
}
