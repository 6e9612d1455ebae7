/** Numbers as a person reads them. Written by hand, since a locale's own way would differ between machines. */

/** 1240 -> "1,240"; 1240.56 -> "1,240.6". */
export function number(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const [whole = '', part] = String(Math.abs(value) >= 1e15 ? value : rounded(value)).split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ',');
  return part === undefined ? grouped : `${grouped}.${part}`;
}

/** 0.0123 -> "12 ms"; 18.4 -> "18 s"; 600 -> "10 min"; 7500 -> "2 h 5 min". */
export function duration(seconds: number): string {
  if (seconds < 0) return `-${duration(-seconds)}`;
  if (seconds > 0 && seconds < 0.9995) return `${number(Math.round(seconds * 10_000) / 10)} ms`;
  if (seconds < 9.95) return `${number(Math.round(seconds * 10) / 10)} s`;
  if (seconds < 119.5) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  return minutes % 60
    ? `${number(Math.floor(minutes / 60))} h ${minutes % 60} min`
    : `${number(minutes / 60)} h`;
}

function rounded(value: number): number {
  return Math.abs(value) < 100 ? Math.round(value * 100) / 100 : Math.round(value);
}
