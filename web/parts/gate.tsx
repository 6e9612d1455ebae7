/** Lets in who is logged in; leads everybody else to the login or the set-up. */
import { useQuery } from '@tanstack/react-query';
import { Navigate, Outlet, useLocation } from '@tanstack/react-router';
import { queries } from '../queries.ts';
import { Shell } from './shell.tsx';
import { Failed, Loading } from './states.tsx';

export function Gate() {
  const me = useQuery(queries.me());
  const { href } = useLocation();
  if (me.isPending) return <Loading what="the dashboard" />;
  if (!me.data)
    return (
      <main className="lonely">
        <Failed what="The dashboard could not be opened" error={me.error} retry={() => void me.refetch()} />
      </main>
    );
  if (me.data.setUpNeeded) return <Navigate to="/setup" />;
  if (!me.data.loggedIn) return <Navigate to="/login" search={href === '/' ? {} : { next: href }} />;
  return (
    <Shell me={me.data}>
      <Outlet />
    </Shell>
  );
}
