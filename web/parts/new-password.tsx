/** A field for a new password, which says how much is missing. */
import { PasswordInput } from '@mantine/core';

export const shortestPassword = 12;

interface NewPasswordProps {
  readonly label?: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
}

export function NewPassword({ label = 'New password', value, onChange }: NewPasswordProps) {
  const missing = shortestPassword - value.length;
  return (
    <PasswordInput
      label={label}
      description={`At least ${shortestPassword} characters.`}
      autoComplete="new-password"
      required
      value={value}
      error={value.length > 0 && missing > 0 ? `${missing} more to go.` : undefined}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}
