// A value that components follow.
import { useEffect, useReducer } from "preact/hooks";

export function observable(value) {
  const followers = new Set();
  return {
    get: () => value,
    set(next) {
      value = next;
      for (const follow of [...followers]) follow();
    },
    subscribe(follow) {
      followers.add(follow);
      return () => followers.delete(follow);
    },
  };
}

export function useValue(source) {
  const [, again] = useReducer((count) => count + 1, 0);
  const value = source.get();
  useEffect(() => {
    if (source.get() !== value) again(); // it has changed since this was drawn
    return source.subscribe(again);
  }, [source]);
  return value;
}
