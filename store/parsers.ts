/** How both databases hand over numbers, by the type's oid: PostgreSQL sends 64-bit and decimal ones as text. */
export const parsers: Readonly<Record<number, (text: string) => unknown>> = {
  20: Number,
  1700: Number,
};
