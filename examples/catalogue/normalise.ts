/**
 * Names as people write them, made comparable. Three forms of one name:
 *
 *   tidy      what is shown: NFC, no control or zero-width characters, single spaces
 *   sort key  what lists are ordered by: compatibility forms and case folded, a leading article moved to the end
 *   match key what duplicates are found by: besides that, no diacritics, no punctuation, no "feat." or "(Remastered)"
 *
 * NFKC is kept for the keys only: it would turn a title's "²" into "2" for the eye as well. Only the combining marks that
 * Latin, Greek and Cyrillic use are dropped; dropping all of \p{M} would take the vowels out of Devanagari or Thai.
 */
const zeroWidth = /[\u200b-\u200d\u2060\ufeff\u00ad]/gu;
const control = /\p{Cc}/gu;
const marks = /[\u0300-\u036f]/gu;
const quotes = /['"`´‘’‚‛“”„‟′″«»‹›]/gu;
const article = /^(the|a|an|der|die|das|le|la|les|el|los|las) (.+)$/u;
const guests = /[([]?\b(feat|ft|featuring)\b\.? .*$/u;
const version =
  /[([][^)\]]*\b(remaster(ed)?|remastering|re-?issue|bonus track|album version|original mix)\b[^)\]]*[)\]]/gu;

/** Letters that no Unicode decomposition takes apart. */
const plain: Readonly<Record<string, string>> = {
  ø: 'o',
  ł: 'l',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  æ: 'ae',
  œ: 'oe',
  ı: 'i',
};

export function tidy(name: string): string {
  return name.normalize('NFC').replace(zeroWidth, '').replace(control, ' ').replace(/\s+/gu, ' ').trim();
}

export function sortKey(name: string): string {
  const folded = fold(tidy(name)).replace(quotes, '').replace(/\s+/gu, ' ').trim();
  const [, first, rest] = article.exec(folded) ?? [];
  return first && rest ? `${rest}, ${first}` : folded;
}

/** Empty only when the name is; a name of nothing but punctuation ("!!!") stays itself. */
export function matchKey(name: string): string {
  const folded = fold(tidy(name));
  const bare = folded
    .replace(version, ' ')
    .replace(guests, ' ')
    .normalize('NFD')
    .replace(marks, '')
    .replace(/[øłđðþæœı]/gu, (letter) => plain[letter] ?? letter)
    .replace(quotes, '')
    .replace(/&/gu, ' and ')
    .replace(/[^\p{L}\p{N}\p{M}]+/gu, ' ')
    .trim()
    .normalize('NFC');
  return bare === '' ? folded : bare;
}

/** Upper then lower case folds what lower case alone leaves apart: "ß" and "SS", both sigmas. */
function fold(name: string): string {
  return name.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFKC');
}
