/** The path below which the controller is reached, as its page says; empty where there is none. */
export const prefix: string =
  typeof document === 'undefined'
    ? ''
    : (document.querySelector<HTMLMetaElement>('meta[name="headcount-path"]')?.content ?? '');
