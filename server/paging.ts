/** A list by name in pages: `limit` at a time, from `after` on. The header `Link` leads to the next one, as RFC 8288 has it. */
import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';

export const pageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(500).optional().openapi({ description: 'Absent: all at once.' }),
  after: z.string().max(100).optional().openapi({ description: 'The last name of the page before.' }),
});

/** @param all by name */
export function onePage<T extends { readonly name: string }>(
  c: Context,
  all: readonly T[],
  { limit, after }: z.infer<typeof pageQuery>,
): readonly T[] {
  // The database may sort by other rules than these; they count only where the one before has been removed.
  const found = all.findIndex(({ name }) => name === after) + 1;
  const from = after === undefined ? 0 : found || all.filter(({ name }) => name < after).length;
  const page = all.slice(from, limit === undefined ? undefined : from + limit);
  const last = page.at(-1);
  if (limit !== undefined && last && from + page.length < all.length) {
    const query = new URLSearchParams({ limit: String(limit), after: last.name });
    c.header('link', `<?${query}>; rel="next"`);
  }
  return page;
}
