// What a page reads: again when something of it happens, and now and then where no event tells.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { get } from "../api.js";
import { onEvent } from "../stream.js";

export function useLoad(path, { watch, every, read } = {}) {
  const [state, setState] = useState({ path, data: null, error: null });
  const turn = useRef(0);
  const load = useCallback(async () => {
    if (!path) return;
    const mine = (turn.current += 1);
    try {
      const data = await (read || get)(path);
      if (mine === turn.current) setState({ path, data, error: null });
    } catch (error) {
      if (mine === turn.current) setState((before) => ({ path, data: before.path === path ? before.data : null, error }));
    }
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
      if (!watch(event)) return;
      clearTimeout(timer);
      timer = setTimeout(load, 200);
    });
    return () => {
      clearTimeout(timer);
      stop();
    };
  }, [load]);
  useEffect(() => {
    if (!every) return undefined;
    const timer = setInterval(() => document.visibilityState === "visible" && load(), every * 1000);
    return () => clearInterval(timer);
  }, [load, every]);
  const stale = state.path !== path;
  return { data: stale ? null : state.data, error: stale ? null : state.error, reload: load };
}

export const about = (...kinds) => (event) => kinds.some((kind) => String(event.type).startsWith(`${kind}.`));
