// What a page reads: again when something of it happens, and now and then where no event tells.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { get } from "../api.js";
import { live, onEvent } from "../stream.js";

const PAUSE = 1000; // milliseconds between two readings for events: many may come at once
const RARELY = 30_000; // between two readings while the stream tells what happens
const INSTEAD = 15; // seconds between two readings while there is no stream, where there is no other pause

export function useLoad(path, { watch, every, read } = {}) {
  const [state, setState] = useState({ path, data: null, error: null });
  const turn = useRef(0);
  const at = useRef(0);
  const reading = useRef(false);
  const load = useCallback(async () => {
    if (!path) return;
    const mine = (turn.current += 1);
    at.current = Date.now();
    reading.current = true;
    try {
      const data = await (read || get)(path);
      if (mine === turn.current) setState({ path, data, error: null });
    } catch (error) {
      if (mine === turn.current) setState((before) => ({ path, data: before.path === path ? before.data : null, error }));
    }
    if (mine === turn.current) reading.current = false;
  }, [path]);
  useEffect(() => {
    load();
    return () => {
      turn.current += 1;
    };
  }, [load]);
  useEffect(() => {
    if (!watch) return undefined;
    let timer = 0;
    const stop = onEvent((event) => {
      if (timer || !(watch(event) || event.type === "stream.again")) return;
      const after = () => {
        timer = reading.current ? setTimeout(after, PAUSE) : 0; // what is being read may be older than the event
        if (!timer) load();
      };
      timer = setTimeout(after, Math.max(200, PAUSE - (Date.now() - at.current)));
    });
    return () => {
      clearTimeout(timer);
      stop();
    };
  }, [load]);
  useEffect(() => {
    if (!every && !watch) return undefined;
    const told = () => watch && live.get() === "on" && (!every || Date.now() - at.current < RARELY);
    const timer = setInterval(() => document.visibilityState === "visible" && !reading.current && !told() && load(), (every || INSTEAD) * 1000);
    return () => clearInterval(timer);
  }, [load, every]);
  const stale = state.path !== path;
  return { data: stale ? null : state.data, error: stale ? null : state.error, reload: load };
}

// What happens to one thing. Operators are told of a commit by the first thing that it changed, so all of its kind counts.
export const concerns = (id, ...kinds) => (event) => event.subject === id || about(...kinds)(event);
export const about = (...kinds) => (event) => kinds.some((kind) => String(event.type).startsWith(`${kind}.`));
