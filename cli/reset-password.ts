/** `headcount reset-password EMAIL`: a link with which that person chooses a new password, for who sits at the machine. */
import { call } from './call.ts';
import { type TargetOptions, targetOf } from './configuration/target.ts';

/** @throws HeadcountError NOT_FOUND, CONTROLLER_UNREACHABLE */
export async function resetPassword({
  email,
  write = (text) => void process.stdout.write(text),
  ...where
}: TargetOptions & { readonly email: string; write?(text: string): void }): Promise<number> {
  const target = await targetOf(where);
  const { token } = await call<{ token: string }>(target, 'POST', '/api/reset-links', { email });
  write(`${target.url.replace(/\/+$/, '')}/reset#token=${token}\n`);
  return 0;
}
