/** Lists, page by page or item by item; the first request is sent when the first page or item is taken. */

interface Page<T> {
  items: T[];
  next_cursor?: string | null;
}

/** `for await (const item of pages)` iterates over all pages; `page()` returns only the first, `pages()` iterates over pages. */
export class Pages<P extends Page<T>, T = P["items"][number]> implements AsyncIterable<T> {
  constructor(private readonly read: (cursor: string | undefined) => Promise<P>) {}

  /** The first page; its `next_cursor` is the cursor of the next page. */
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
