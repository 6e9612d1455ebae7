/** One's own account: password, second factor, passkeys, and where one is logged in. */
import { useQuery } from '@tanstack/react-query';
import { peopleApi } from '../api-people.ts';
import { PageHead } from '../parts/page.tsx';
import { PasskeyCard } from '../parts/passkeys.tsx';
import { PasswordCard } from '../parts/password-form.tsx';
import { SecondFactorCard } from '../parts/second-factor.tsx';
import { SessionsCard } from '../parts/sessions.tsx';
import { Failed, Loading } from '../parts/states.tsx';
import { queries } from '../queries.ts';

export const accountKey = ['account'] as const;

export function AccountPage() {
  const me = useQuery(queries.me());
  const account = useQuery({
    queryKey: accountKey,
    queryFn: ({ signal }) => peopleApi.account(signal),
  });
  return (
    <>
      <PageHead title="Account" top />
      {me.data?.email && (
        <p className="quiet people-note">
          {me.data.name}, {me.data.email}
        </p>
      )}
      {account.isPending && <Loading what="your account" />}
      {account.isError && (
        <Failed
          what="Your account could not be loaded"
          error={account.error}
          retry={() => void account.refetch()}
        />
      )}
      {account.data && (
        <div className="people-cards">
          {account.data.hasPassword && <PasswordCard />}
          <SecondFactorCard account={account.data} />
          <PasskeyCard account={account.data} />
          <SessionsCard />
        </div>
      )}
    </>
  );
}
