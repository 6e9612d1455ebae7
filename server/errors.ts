/** What the command line needs of the list of errors: it may import this folder, and not decide itself. */
export { type ErrorCode, errorCodes, HeadcountError } from '../decide/errors.ts';
export { nearest, unknownName } from '../decide/options.ts';
