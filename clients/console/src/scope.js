// Whose rows a list shows: everybody's to operators, one's own to users.
import { may, session } from "./api.js";

export const everybody = () => may("admin:read");
export const listOf = (kind, whose) => (everybody() && whose !== "me" ? `/admin/${kind}` : `/${kind}`);
export const isMine = (row) => Boolean(session.get().me) && row.user_id === session.get().me.id;
export const EVERY = () => (everybody() ? 5 : 0); // seconds: no stream tells operators of others' rows
