/** Lists, page by page or item by item; nothing is asked before something is taken from them. */

interface Page<T> {
  items: T[];
  next_cursor?: string | null;
}

/** `for await (const item of pages)` goes through all pages; `page()` is the first alone, `pages()` all of them. */
export class Pages<P extends Page<T>, T = P["items"][number]> implements AsyncIterable<T> {
  constructor(private readonly read: (cursor: string | undefined) => Promise<P>) {}

  /** The first page; its `next_cursor` leads to the next. */
  page(): Promise<P> {
    return this.read(undefined);
  }

  async *pages(): AsyncGenerator<P> {
    let cursor: string | undefined;
    do {
      const page = await this.read(cursor);
      yield page;
      cursor = page.next_cursor ?? undefined;
    } while (cursor !== undefined);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for await (const page of this.pages()) yield* page.items;
  }
}
